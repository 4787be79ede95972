// A TFLite model on LiteRT's C API. The library's functions are looked up when a session is opened: in a file, or in what the
// app is linked with. So this compiles without LiteRT, and is the same on iOS, macOS and Linux.
#ifndef EDGECV_LITERT_SESSION_H
#define EDGECV_LITERT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { litert_message_size = 256, litert_most_axes = 8 };

typedef struct litert_session litert_session;

// What went wrong, in words; empty where nothing did.
typedef struct {
  char text[litert_message_size];
} litert_message;

// One input or output of the model. `type` is LiteRT's number of an element type; `name` lives as long as the session.
typedef struct {
  const char *name;
  int32_t type;
  size_t rank;
  int32_t dimensions[litert_most_axes];
  size_t bytes;
} litert_tensor;

// Load a model, whose bytes are copied, to run on the CPU. `library` is the path of libLiteRt, or NULL for what is linked.
// Returns NULL where that fails.
litert_session *litert_open(const char *library, const void *model, size_t size, int threads, litert_message *message);

// How many inputs or outputs the model has.
size_t litert_count(const litert_session *session, bool outputs);

// One of them; its number is below the count.
litert_tensor litert_describe(const litert_session *session, bool outputs, size_t number);

// Whether operations were handed to the CPU's delegate, XNNPACK; false where that is not known. Where they are not all, the
// model is compiled and run once more, on zeros, to see it: not between `litert_write` and `litert_read`.
bool litert_delegates(litert_session *session);

// Copy a whole input into the model; false where that fails.
bool litert_write(litert_session *session, size_t number, const void *bytes, size_t size, litert_message *message);

// Infer once; false where that fails.
bool litert_run(litert_session *session, litert_message *message);

// Copy a whole output out of the model; false where that fails.
bool litert_read(litert_session *session, size_t number, void *bytes, size_t size, litert_message *message);

// Free everything.
void litert_close(litert_session *session);

#endif
