// The round-trip contract in C, freestanding. abi.h declares the host functions of the signature set; SET1 to SETn
// and, where the host allocates in the guest, MALLOC are defined.
#include "abi.h"

#define LENGTH(array) (sizeof(array) / sizeof *(array))
#define MUST(condition) if (!(condition)) __builtin_trap()
#define TEXT(literal) packed(literal, sizeof(literal) - 1)

typedef uint64_t text; // length << 32 | address

enum { SINGLE = 1, ARRAY = 2 };
enum { DATA = 1, ARRAYS = 2, PACKET = 3 };
enum { INT32 = 4, INT64 = 5, UINT32 = 8, UINT64 = 9, STRING = 12, CSTRING = 13, BYTES = 14, KINDS = 15 };

static uint32_t address_of(const void *pointer) { return (uint32_t)(uintptr_t)pointer; }
static text packed(const void *pointer, uint32_t length) { return (text)length << 32 | address_of(pointer); }
static uint8_t *bytes_of(text t) { return (uint8_t *)(uintptr_t)(uint32_t)t; }
static uint32_t length_of(text t) { return (uint32_t)(t >> 32); }

// ------------------------------------------------------------------------------------------------- transcript

static uint8_t line[16384];
static uint32_t end;

static void say(text t) { gadgetLog(2, t); }

static void add(text t) {
  for (uint32_t i = 0; i < length_of(t); i++) line[end++] = bytes_of(t)[i];
}

static void tell(text what, text value) {
  end = 0;
  add(what), add(TEXT(": ")), add(value);
  say(packed(line, end));
}

static void count(text what, uint64_t number) {
  char digits[20];
  uint32_t at = sizeof digits;
  do digits[--at] = '0' + number % 10;
  while (number /= 10);
  tell(what, packed(digits + at, sizeof digits - at));
}

static void answer(text what, int yes) { tell(what, yes ? TEXT("yes") : TEXT("no")); }

// ------------------------------------------------------------------------------------- what the host hands over

static uint8_t memory[2 << 20]; // the buffer for it; where the host calls malloc, the heap

#ifdef MALLOC

// Blocks lie one after the other, and the last one that is left goes first: nothing else happens here.
static uint32_t used;

__attribute__((export_name("malloc"))) uint8_t *allocate(uint32_t size) {
  if (size > sizeof memory - used) return 0;
  uint8_t *block = memory + used;
  used += size;
  return block;
}

static void release(text t) {
  if (!t) return;
  used -= length_of(t);
  MUST(bytes_of(t) == memory + used);
}

static uint64_t get_scalar(uint32_t field, uint32_t data, uint32_t kind) { return fieldGet(field, data, kind); }
static text get_text(uint32_t field, uint32_t data, uint32_t kind) { return fieldGet(field, data, kind); }

#else

static void release(text t) { (void)t; }

static uint64_t get_scalar(uint32_t field, uint32_t data, uint32_t kind) {
#ifdef SET6
  uint32_t error = 0;
  uint64_t value = fieldGetScalar(field, data, kind, address_of(&error));
  MUST(!error);
  return value;
#else
  return fieldGetScalar(field, data, kind);
#endif
}

// A buffer that is exactly full is enough, one byte less is not.
static text get_text(uint32_t field, uint32_t data, uint32_t kind) {
  uint32_t length = fieldGetBuffer(field, data, kind, packed(memory, sizeof memory));
  MUST(fieldGetBuffer(field, data, kind, packed(memory, length)) == length);
  MUST(!length || fieldGetBuffer(field, data, kind, packed(memory, length - 1)) == -1u);
  return packed(memory, length);
}

// The host does not tell lengths: zeros before, and the first of them after.
static text cleared(uint32_t capacity) {
  for (uint32_t i = 0; i < capacity; i++) memory[i] = 0;
  return packed(memory, capacity);
}

#endif

static text cut(const void *pointer, uint32_t capacity) {
  uint32_t length = 0;
  while (length < capacity && ((const char *)pointer)[length]) length++;
  return packed(pointer, length);
}

// fieldSet gives 0, and before sig-6 the field's handle, which is not 1 here: the source "in" came first.
static void set(uint32_t field, uint32_t data, uint32_t kind, uint64_t value) {
  MUST(fieldSet(field, data, kind, value) != 1);
}

// ---------------------------------------------------------------------------------------------- copying events

static const char *const names[KINDS] = {"",       "Bool",   "Int8",   "Int16",   "Int32",   "Int64",  "Uint8",  "Uint16",
                                         "Uint32", "Uint64", "Float32", "Float64", "String", "CString", "Bytes"};

static uint32_t in, out, rows, rows_out, calls_n, calls_text, lists_n;
static uint32_t from_in[KINDS], to_out[KINDS], from_rows[KINDS], to_rows[KINDS];

static void copy(const uint32_t *get, const uint32_t *put, uint32_t from, uint32_t to) {
  for (uint32_t kind = 1; kind < KINDS; kind++) {
    if (kind < STRING) {
      set(put[kind], to, kind, get_scalar(get[kind], from, kind));
      continue;
    }
    uint32_t access = kind == BYTES ? BYTES : STRING; // CString is not a kind of access
    text value = get_text(get[kind], from, access);
    set(put[kind], to, access, value);
    release(value);
  }
}

static void copy_event(uint32_t data) {
  uint32_t packet = dataSourceNewPacketSingle(out);
  copy(from_in, to_out, data, packet);
  MUST(!dataSourceEmitAndRelease(out, packet));
}

static void copy_rows(uint32_t data) {
  uint32_t packet = dataSourceNewPacketArray(rows_out), length = dataArrayLen(data);
  for (uint32_t index = 0; index < length; index++) {
    uint32_t row = dataArrayNew(packet);
    copy(from_rows, to_rows, dataArrayGet(data, index), row);
    MUST(!dataArrayAppend(packet, row));
  }
  MUST(!dataSourceEmitAndRelease(rows_out, packet));
}

// ----------------------------------------------------------------------------------------------- gadgetInit

__attribute__((export_name("gadgetAPIVersion"))) uint64_t api_version(void) { return 1; }

static void subscribe(uint32_t source, uint32_t type, int32_t priority, uint64_t callback) {
  MUST(!dataSourceSubscribe(source, type, priority, callback));
}

#define LISTS_PACKET (1ull << 63 | 23) // the number of a callback has 64 bits

static void find_sources(void) {
  in = getDataSource(TEXT("in"));
  out = newDataSource(TEXT("out"), SINGLE);
  rows = getDataSource(TEXT("rows"));
  rows_out = newDataSource(TEXT("rows_out"), ARRAY);
  for (uint32_t kind = 1; kind < KINDS; kind++) {
    text name = cut(names[kind], 8);
    from_in[kind] = dataSourceGetField(in, name);
    to_out[kind] = dataSourceAddField(out, name, kind);
    from_rows[kind] = dataSourceGetField(rows, name);
    to_rows[kind] = dataSourceAddField(rows_out, name, kind);
  }
  uint32_t calls = getDataSource(TEXT("calls")), lists = getDataSource(TEXT("lists"));
  calls_n = dataSourceGetField(calls, TEXT("n"));
  calls_text = dataSourceGetField(calls, TEXT("text"));
  lists_n = dataSourceGetField(lists, TEXT("n"));
  subscribe(in, DATA, 0, 1);
  subscribe(rows, ARRAYS, 0, 2);
  subscribe(calls, DATA, 10, 11);
  subscribe(calls, PACKET, -10, 12);
  subscribe(calls, DATA, 0, 13);
  subscribe(lists, DATA, 0, 21);
  subscribe(lists, ARRAYS, 10, 22);
  subscribe(lists, PACKET, -10, LISTS_PACKET);
}

#ifdef SET3
static void hide(void) {
  uint32_t hidden = newDataSource(TEXT("hidden"), SINGLE);
  answer(TEXT("referenced"), dataSourceIsReferenced(hidden) == 1);
  MUST(!dataSourceUnreference(hidden));
  answer(TEXT("referenced"), dataSourceIsReferenced(hidden) == 1);
  answer(TEXT("hidden source"), getDataSource(TEXT("hidden")));
  MUST(!fieldAddTag(to_out[STRING], TEXT("round:trip")));
}
#endif

__attribute__((export_name("gadgetInit"))) uint32_t init(void) {
  find_sources();
  say(TEXT("init"));
  answer(TEXT("missing source"), getDataSource(TEXT("nowhere")));
  answer(TEXT("missing field"), dataSourceGetField(in, TEXT("nothing")));
  answer(TEXT("second field"), dataSourceAddField(out, TEXT("Bool"), 1));
#ifdef SET2
  answer(TEXT("config set"), !setConfig(TEXT("round.trip"), TEXT("värde"), STRING));
#endif
#ifdef SET3
  hide();
#endif
#ifdef SET7
  answer(TEXT("discard 2"), shouldDiscardMntnsID(2));
#endif
  return 0;
}

// ----------------------------------------------------------------------------------------------- gadgetStart

static void emit_own(void) {
  static const uint64_t scalars[] = {1,          -128,       -32768, INT32_MIN, INT64_MIN, 0xff, 0xffff,
                                     0xffffffff, UINT64_MAX, 0x3fc00000 /* 1.5 */, 1ull << 63 /* -0.0 */};
  uint32_t packet = dataSourceNewPacketSingle(out);
  for (uint32_t i = 0; i < LENGTH(scalars); i++) set(to_out[i + 1], packet, i + 1, scalars[i]);
  set(to_out[STRING], packet, STRING, TEXT("own \0 ä€😀"));
  set(to_out[CSTRING], packet, STRING, TEXT("of C"));
  set(to_out[BYTES], packet, BYTES, TEXT("\x00\xff\x00"));
  MUST(!dataSourceEmitAndRelease(out, packet));
  MUST(!dataSourceRelease(out, dataSourceNewPacketSingle(out)));
}

static void emit_rows(void) {
  uint32_t packet = dataSourceNewPacketArray(rows_out);
  for (uint32_t number = 1; number <= 2; number++) {
    uint32_t row = dataArrayNew(packet);
    set(to_rows[INT32], row, INT32, number);
    MUST(!dataArrayAppend(packet, row));
  }
  MUST(!dataArrayRelease(packet, dataArrayNew(packet)));
  count(TEXT("rows made"), dataArrayLen(packet));
  MUST(!dataSourceEmitAndRelease(rows_out, packet));
}

#ifdef SET2
static void tell_param(text key) {
#ifdef MALLOC
  text value = getParamValue(key);
  MUST(value);
  tell(key, value);
  release(value);
#else
  MUST(!getParamValue(key, cleared(4096)));
  tell(key, cut(memory, 4096));
#endif
}

static void params(void) {
  tell_param(TEXT("text"));
  tell_param(TEXT("long"));
#ifdef MALLOC
  answer(TEXT("missing parameter"), getParamValue(TEXT("nothing")) != 0);
#else
  answer(TEXT("missing parameter"), !getParamValue(TEXT("nothing"), cleared(4096)));
#endif
}
#endif

#ifdef SET3
static void look_up(text what, uint32_t map, uint32_t key) {
  uint64_t value;
  if (mapLookup(map, packed(&key, sizeof key), packed(&value, sizeof value))) answer(what, 0);
  else count(what, value);
}

static int update(uint32_t map, uint32_t key, uint64_t value, uint64_t flags) {
  return !mapUpdate(map, packed(&key, sizeof key), packed(&value, sizeof value), flags);
}

static int delete(uint32_t map, uint32_t key) { return !mapDelete(map, packed(&key, sizeof key)); }

static void maps(void) {
  enum { HASH = 1, ANY = 0, NO_EXIST = 1, EXIST = 2 };
  uint32_t numbers = getMap(TEXT("numbers"));
  look_up(TEXT("value 1"), numbers, 1);
  answer(TEXT("update 2"), update(numbers, 2, 22, ANY));
  answer(TEXT("create 2"), update(numbers, 2, 23, NO_EXIST));
  answer(TEXT("replace 9"), update(numbers, 9, 9, EXIST));
  answer(TEXT("delete 1"), delete(numbers, 1));
  answer(TEXT("delete 1"), delete(numbers, 1));
  look_up(TEXT("value 1"), numbers, 1);
  answer(TEXT("missing map"), getMap(TEXT("nothing")));
  uint32_t made = newMap(TEXT("made"), HASH, 4, 8, 4);
  MUST(update(made, 3, 33, ANY));
  look_up(TEXT("made 3"), made, 3);
  answer(TEXT("map released"), !mapRelease(made));
}
#endif

#ifdef SET4
static void syscall(text what, uint32_t number) {
#ifdef MALLOC
  text name = getSyscallName(number);
  tell(what, name);
  release(name);
#else
  MUST(!getSyscallName(number, cleared(64)));
  tell(what, cut(memory, 64));
#endif
}

static void declaration(void) {
  static struct {
    char name[32];
    uint8_t count;
    struct {
      char name[32];
      uint32_t flags;
    } params[6];
  } read;
  _Static_assert(sizeof read == 252, "the layout of the ABI");
  MUST(!getSyscallDeclaration(TEXT("read"), packed(&read, sizeof read)));
  tell(TEXT("declared"), cut(read.name, 32));
  count(TEXT("parameters"), read.count);
  for (uint32_t i = 0; i < read.count; i++)
    tell(read.params[i].flags & 1 ? TEXT("pointer") : TEXT("value"), cut(read.params[i].name, 32));
  answer(TEXT("missing declaration"), !getSyscallDeclaration(TEXT("nothing"), packed(&read, sizeof read)));
}

static void record(uint32_t reader, text what) {
#ifdef MALLOC
  static text sample;
  uint32_t result = perfReaderRead(reader, address_of(&sample));
#else
  text sample = packed(memory, 12);
  uint32_t result = perfReaderRead(reader, sample);
#endif
  if (result) {
    MUST(result == 2); // drained
    answer(what, 0);
  } else {
    tell(what, sample);
    release(sample);
  }
}

static void perf(void) {
  uint32_t reader = newPerfReader(getMap(TEXT("events")), 4096, 1);
  MUST(!perfReaderPause(reader));
  record(reader, TEXT("record"));
  record(reader, TEXT("record"));
  record(reader, TEXT("third record"));
  MUST(!perfReaderResume(reader));
  answer(TEXT("reader closed"), !perfReaderClose(reader));
}

static void machine(void) {
  answer(TEXT("handle released"), !releaseHandle(getMap(TEXT("numbers"))));
  syscall(TEXT("syscall 0"), 0);
  syscall(TEXT("syscall 4095"), 4095);
  declaration();
  answer(TEXT("symbol round_trip"), kallsymsSymbolExists(TEXT("round_trip")));
  answer(TEXT("symbol nothing"), kallsymsSymbolExists(TEXT("nothing")));
  perf();
}
#endif

#ifdef SET2
__attribute__((export_name("gadgetPreStart"))) uint32_t pre_start(void) {
  say(TEXT("pre-start"));
  return 0;
}
#endif

__attribute__((export_name("gadgetStart"))) uint32_t start(void) {
  static const char levels[][8] = {"level 0", "level 1", "level 2", "level 3", "level 4"};
  say(TEXT("start"));
  for (uint32_t level = 0; level < LENGTH(levels); level++) gadgetLog(level, packed(levels[level], 7));
  say(0);
  say(TEXT("ä€😀"));
  emit_own();
  emit_rows();
#ifdef SET2
  params();
#endif
#ifdef SET3
  maps();
#endif
#ifdef SET4
  machine();
#endif
#ifdef SET5
  count(TEXT("id of openat"), getSyscallID(TEXT("openat")));
  answer(TEXT("id of nothing"), (int32_t)getSyscallID(TEXT("nothing")) >= 0);
#endif
#ifdef SET7
  answer(TEXT("discard 1"), shouldDiscardMntnsID(1));
  answer(TEXT("discard 2"), shouldDiscardMntnsID(2));
#endif
#ifdef SET8
  answer(TEXT("debug wanted"), gadgetShouldLog(3));
  answer(TEXT("trace wanted"), gadgetShouldLog(4));
#endif
  return 0;
}

// ------------------------------------------------------------------------------------------------- callbacks

static void middle(uint32_t data) {
  uint64_t n = get_scalar(calls_n, data, UINT64);
  count(TEXT("middle"), n);
  set(calls_n, data, UINT64, n + 1);
#ifdef SET6
  uint32_t error = 0;
  fieldGetScalar(calls_text, data, UINT32, address_of(&error));
  answer(TEXT("wrong width"), !error);
#endif
}

static void element(uint32_t data) {
  uint64_t n = get_scalar(lists_n, data, UINT64);
  count(TEXT("element"), n);
  set(lists_n, data, UINT64, n + 1);
}

static void array(uint32_t data) {
  count(TEXT("array of"), dataArrayLen(data));
  uint32_t row = dataArrayNew(data);
  set(lists_n, row, UINT64, 99);
  MUST(!dataArrayAppend(data, row));
}

__attribute__((export_name("dataSourceCallback"))) void callback(uint64_t id, uint32_t source, uint32_t data) {
  switch (id) {
  case 1: return copy_event(data);
  case 2: return copy_rows(data);
  case 11: return count(TEXT("data"), get_scalar(calls_n, data, UINT64));
  case 12: return count(TEXT("packet"), get_scalar(calls_n, data, UINT64));
  case 13: return middle(data);
  case 21: return element(data);
  case 22: return array(data);
  case LISTS_PACKET: return count(TEXT("packet of"), dataArrayLen(data));
  default: __builtin_trap();
  }
}

// ------------------------------------------------------------------------------------------------ gadgetStop

__attribute__((export_name("gadgetStop"))) uint32_t stop(void) {
  say(TEXT("stop"));
  uint32_t packet = dataSourceNewPacketSingle(out);
  set(to_out[INT64], packet, INT64, -1);
  MUST(!dataSourceEmitAndRelease(out, packet));
#ifdef MALLOC
  MUST(!used); // all that the host allocated was freed
#endif
  return 0;
}

#ifdef SET6
__attribute__((export_name("gadgetPostStop"))) uint32_t post_stop(void) {
  say(TEXT("post-stop"));
  return 0;
}
#endif
