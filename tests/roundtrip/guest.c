// The round-trip contract in C, freestanding: every event of "in" is copied field by field to a new packet of
// "out", every array of "rows" to "rows_out". abi.h is derived from the ABI table by the test.
#include "abi.h"

static const char *const names[] = {0,        "Bool",   "Int8",    "Int16",   "Int32",  "Int64",   "Uint8", "Uint16",
                                    "Uint32", "Uint64", "Float32", "Float64", "String", "CString", "Bytes"};
enum { FIRST = 1, FIRST_BUFFER = 12, STRING = 12, BYTES = 14, LAST = 14 };

static uint32_t in, out, rows, rows_out;
static uint32_t from_in[LAST + 1], to_out[LAST + 1], from_rows[LAST + 1], to_rows[LAST + 1];
static uint8_t buffer[2 << 20];

static uint64_t packed(const void *address, uint32_t length) {
  return (uint64_t)length << 32 | (uint32_t)(uintptr_t)address;
}

static uint64_t string(const char *text) {
  uint32_t length = 0;
  while (text[length]) length++;
  return packed(text, length);
}

static void copy(const uint32_t *get, const uint32_t *set, uint32_t from, uint32_t to) {
  for (uint32_t kind = FIRST; kind <= LAST; kind++) {
    uint32_t access = kind, error = 0;
    uint64_t value;
    if (kind < FIRST_BUFFER) {
      value = fieldGetScalar(get[kind], from, kind, (uint32_t)(uintptr_t)&error);
      if (error) __builtin_trap();
    } else {
      access = kind == BYTES ? BYTES : STRING; // CString is not a kind of access
      int32_t length = (int32_t)fieldGetBuffer(get[kind], from, access, packed(buffer, sizeof buffer));
      if (length < 0) __builtin_trap();
      // A buffer that is exactly full is enough, one byte less is not.
      if ((int32_t)fieldGetBuffer(get[kind], from, access, packed(buffer, length)) != length) __builtin_trap();
      if (length > 0 && (int32_t)fieldGetBuffer(get[kind], from, access, packed(buffer, length - 1)) != -1)
        __builtin_trap();
      value = packed(buffer, length);
    }
    if (fieldSet(set[kind], to, access, value)) __builtin_trap();
  }
}

__attribute__((export_name("gadgetAPIVersion"))) uint64_t api_version(void) { return 1; }

__attribute__((export_name("gadgetInit"))) uint32_t init(void) {
  in = getDataSource(string("in"));
  out = newDataSource(string("out"), 1);
  rows = getDataSource(string("rows"));
  rows_out = newDataSource(string("rows_out"), 2);
  for (uint32_t kind = FIRST; kind <= LAST; kind++) {
    from_in[kind] = dataSourceGetField(in, string(names[kind]));
    to_out[kind] = dataSourceAddField(out, string(names[kind]), kind);
    from_rows[kind] = dataSourceGetField(rows, string(names[kind]));
    to_rows[kind] = dataSourceAddField(rows_out, string(names[kind]), kind);
  }
  return dataSourceSubscribe(in, 1, 0, 1) | dataSourceSubscribe(rows, 2, 0, 2);
}

__attribute__((export_name("dataSourceCallback"))) void callback(uint64_t id, uint32_t source, uint32_t data) {
  if (id == 1) {
    uint32_t packet = dataSourceNewPacketSingle(out);
    copy(from_in, to_out, data, packet);
    if (dataSourceEmitAndRelease(out, packet)) __builtin_trap();
    return;
  }
  uint32_t packet = dataSourceNewPacketArray(rows_out), count = dataArrayLen(data);
  for (uint32_t index = 0; index < count; index++) {
    uint32_t row = dataArrayNew(packet);
    copy(from_rows, to_rows, dataArrayGet(data, index), row);
    if (dataArrayAppend(packet, row)) __builtin_trap();
  }
  if (dataSourceEmitAndRelease(rows_out, packet)) __builtin_trap();
}
