/* A step in C without an SDK: it implements the contract through the canonical ABI. It reads the column `id`, writes no column, and
 * runs the code MISBEHAVE at the row with the id 3. */

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

/* A result has a tag, which is 0 for success, and the alignment of an error, which contains a 64-bit number. */
typedef struct { _Alignas(8) uint8_t is_error; _Alignas(8) List inputs; List outputs; } Bound;
typedef struct {
  _Alignas(8) uint8_t is_error;
  _Alignas(8) uint32_t rows;
  List columns;
  struct { uint8_t is_some; List list; } origins;
  List rejections;
} Processed;
typedef struct { _Alignas(8) uint8_t is_error; _Alignas(8) uint8_t is_some; uint8_t rest[64]; } Finished;

/* `values` is the list of a column of numbers, or the first list of a column of texts. */
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
