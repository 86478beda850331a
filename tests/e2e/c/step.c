/* A step in C, with nothing of an SDK: it speaks the contract through the canonical ABI, and has the C library's ways to
 * end. It reads the column `id`, writes nothing, and misbehaves as MISBEHAVE has it at the row 3. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct { const char *text; uint32_t length; } String;
typedef struct { const void *items; uint32_t length; } List;

#define EXPORT(name) __attribute__((export_name(name)))
#define STEP(name) EXPORT("stillbox:step/guest@0.1.0#" name)
#define STRING(text) { text, sizeof(text) - 1 }

enum { TRANSFORM = 1, INTEGER = 1 };

typedef struct { String name, version, summary; uint8_t kind; String parameters; } Manifest;
typedef struct { String name; uint8_t data_type, nullable, optional; } Field;

/* Results are tagged, 0 for a good one, and as aligned as an error, which has a number of 64 bits. */
typedef struct { _Alignas(8) uint8_t is_error; _Alignas(8) List inputs; List outputs; } Bound;
typedef struct {
  _Alignas(8) uint8_t is_error;
  _Alignas(8) uint32_t rows;
  List columns;
  struct { uint8_t is_some; List list; } origins;
  List rejections;
} Processed;
typedef struct { _Alignas(8) uint8_t is_error; _Alignas(8) uint8_t is_some; uint8_t rest[64]; } Finished;

/* The first two words of the values: for numbers the list of them. */
typedef struct { String name; struct { uint8_t is_some; List bits; } validity; uint8_t data_type; List values; List more; } Column;

static volatile int zero = 0;

EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t size) {
  (void)old_size;
  (void)align;
  return size == 0 ? (void *)8 : realloc(old, size);
}

STEP("manifest") const Manifest *step_manifest(void) {
  static const Manifest manifest = { STRING("in-c"), STRING("0.1.0"), STRING("Misbehaves in C."), TRANSFORM,
                                     STRING("{\"type\": \"object\"}") };
  return &manifest;
}

STEP("bind") const Bound *step_bind(const char *parameters, uint32_t length) {
  static const Field id = { STRING("id"), INTEGER, 0, 0 };
  static const Bound bound = { 0, { &id, 1 }, { 0, 0 } };
  (void)parameters;
  (void)length;
  return &bound;
}

STEP("process") const Processed *step_process(uint32_t rows, const Column *columns, uint32_t count) {
  static Processed processed;
  const int64_t *ids = columns[0].values.items;
  (void)count;
  for (uint32_t row = 0; row < rows; row++) {
    if (ids[row] == 3) {
      MISBEHAVE;
    }
  }
  processed.rows = rows;
  return &processed;
}

STEP("finish") const Finished *step_finish(void) {
  static const Finished finished;
  return &finished;
}
