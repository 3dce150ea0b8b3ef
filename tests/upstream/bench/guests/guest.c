// The benchmark's guest in C, freestanding. README.md says what every guest does.
#include <stdint.h>

#define IMPORT(name) __attribute__((import_module("ig"), import_name(#name)))
#define EXPORT(name) __attribute__((export_name(#name)))

IMPORT(getDataSource) uint32_t getDataSource(uint64_t name);
IMPORT(dataSourceGetField) uint32_t dataSourceGetField(uint32_t source, uint64_t name);
IMPORT(dataSourceSubscribe)
uint32_t dataSourceSubscribe(uint32_t source, uint32_t type, uint32_t priority, uint64_t callback);
IMPORT(getParamValue) uint32_t getParamValue(uint64_t key, uint64_t destination);
IMPORT(fieldGetScalar) uint64_t fieldGetScalar(uint32_t field, uint32_t data, uint32_t kind, uint32_t *error);
IMPORT(fieldGetBuffer) int32_t fieldGetBuffer(uint32_t field, uint32_t data, uint32_t kind, uint64_t destination);
IMPORT(fieldSet) uint32_t fieldSet(uint32_t field, uint32_t data, uint32_t kind, uint64_t value);

enum { DATA = 1, UINT32 = 8, STRING = 12, LONGEST = 4096 };

static uint32_t pid, text, calls;
static char buffer[LONGEST + 1];

static uint64_t packed(const void *pointer, uint32_t length) {
  return (uint64_t)length << 32 | (uint32_t)(uintptr_t)pointer;
}

EXPORT(gadgetAPIVersion) uint64_t gadgetAPIVersion(void) { return 1; }

EXPORT(gadgetInit) int32_t gadgetInit(void) {
  uint32_t source = getDataSource(packed("events", 6));
  pid = dataSourceGetField(source, packed("pid", 3));
  text = dataSourceGetField(source, packed("text", 4));
  char digits[8] = {0};
  if (!source || !pid || !text || getParamValue(packed("calls", 5), packed(digits, sizeof digits - 1))) return 1;
  for (char *digit = digits; *digit; digit++) calls = calls * 10 + (*digit - '0');
  return dataSourceSubscribe(source, DATA, 0, 0);
}

EXPORT(dataSourceCallback) void dataSourceCallback(uint64_t callback, uint32_t source, uint32_t data) {
  uint32_t error = 0, left = calls;
  for (; left >= 3; left -= 3) {
    uint64_t number = fieldGetScalar(pid, data, UINT32, &error);
    int32_t length = fieldGetBuffer(text, data, STRING, packed(buffer, LONGEST));
    if (error || length < 1) __builtin_trap();
    buffer[length] = '0' + number % 10;
    if (fieldSet(text, data, STRING, packed(buffer + 1, length))) __builtin_trap();
  }
  for (; left; left--) fieldGetScalar(pid, data, UINT32, &error);
  if (error) __builtin_trap();
}
