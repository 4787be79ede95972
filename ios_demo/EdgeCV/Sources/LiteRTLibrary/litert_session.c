#include "litert_session.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The part of LiteRT 2's C API that is used here; its own headers are litert/c/*.h in its repository.

typedef int status;
enum { ok = 0, on_cpu = 1, to_read = 0, to_write = 1, in_delegate = 8 };

typedef struct {
  unsigned int rank : 7;
  bool has_strides : 1;
  int32_t dimensions[litert_most_axes];
  uint32_t strides[litert_most_axes];
} layout;

typedef struct {
  int32_t element;
  layout layout;
} tensor_type;

#define FUNCTIONS(F)                                                                                       \
  F(status, LiteRtCreateEnvironment, (int count, const void *options, void **environment))                 \
  F(void, LiteRtDestroyEnvironment, (void *environment))                                                   \
  F(status, LiteRtCreateModelFromBuffer, (void *environment, const void *bytes, size_t size, void **model)) \
  F(void, LiteRtDestroyModel, (void *model))                                                               \
  F(status, LiteRtCreateOptions, (void **options))                                                         \
  F(void, LiteRtDestroyOptions, (void *options))                                                           \
  F(status, LiteRtSetOptionsHardwareAccelerators, (void *options, int accelerators))                       \
  F(status, LiteRtCreateOpaqueOptions, (const char *name, void *text, void (*release)(void *), void **made)) \
  F(status, LiteRtAddOpaqueOptions, (void *options, void *opaque))                                         \
  F(status, LiteRtCreateCompiledModel, (void *environment, void *model, void *options, void **compiled))   \
  F(void, LiteRtDestroyCompiledModel, (void *compiled))                                                    \
  F(status, LiteRtGetModelSignature, (void *model, size_t number, void **signature))                       \
  F(status, LiteRtGetNumSignatureInputs, (void *signature, size_t *count))                                 \
  F(status, LiteRtGetNumSignatureOutputs, (void *signature, size_t *count))                                \
  F(status, LiteRtGetSignatureInputTensorByIndex, (void *signature, size_t number, void **tensor))         \
  F(status, LiteRtGetSignatureOutputTensorByIndex, (void *signature, size_t number, void **tensor))        \
  F(status, LiteRtGetTensorName, (void *tensor, const char **name))                                        \
  F(status, LiteRtGetRankedTensorType, (void *tensor, tensor_type *type))                                  \
  F(status, LiteRtGetCompiledModelInputBufferRequirements, (void *compiled, size_t s, size_t n, void **needs)) \
  F(status, LiteRtGetCompiledModelOutputBufferRequirements, (void *compiled, size_t s, size_t n, void **needs)) \
  F(status, LiteRtCreateManagedTensorBufferFromRequirements,                                               \
    (void *environment, const tensor_type *type, void *needs, void **buffer))                              \
  F(void, LiteRtDestroyTensorBuffer, (void *buffer))                                                       \
  F(status, LiteRtGetTensorBufferPackedSize, (void *buffer, size_t *size))                                 \
  F(status, LiteRtLockTensorBuffer, (void *buffer, void **address, int mode))                              \
  F(status, LiteRtUnlockTensorBuffer, (void *buffer))                                                      \
  F(status, LiteRtRunCompiledModel, (void *compiled, size_t s, size_t ins, void **in, size_t outs, void **out))

// One operation that the profiler saw; `kind` is `in_delegate` of what a delegate ran.
typedef struct {
  const char *name;
  int kind;
  uint64_t start, elapsed;
  size_t memory[6];
  uint64_t metadata[2];
  int source;
} event;

// What older versions do not have: without it nothing is known of delegates.
#define INQUIRIES(F)                                                                     \
  F(status, LiteRtCompiledModelIsFullyAccelerated, (void *compiled, bool *is))           \
  F(status, LiteRtCompiledModelGetProfiler, (void *compiled, void **profiler))           \
  F(status, LiteRtStartProfiler, (void *profiler))                                       \
  F(status, LiteRtStopProfiler, (void *profiler))                                        \
  F(status, LiteRtGetNumProfilerEvents, (void *profiler, int *count))                    \
  F(status, LiteRtGetProfilerEvents, (void *profiler, int count, event *events))

typedef struct {
#define DECLARE(result, name, parameters) result(*name) parameters;
  FUNCTIONS(DECLARE)
  INQUIRIES(DECLARE)
#undef DECLARE
} functions;

typedef struct {
  litert_tensor *tensors;
  void **buffers;
  size_t count;
} side;

struct litert_session {
  functions api;
  void *bytes, *environment, *model, *compiled;
  side inputs, outputs;
};

static bool refuse(litert_message *message, const char *what, status code) {
  snprintf(message->text, litert_message_size, "%s (status %d)", what, code);
  return false;
}

static bool look_up(functions *api, const char *library, litert_message *message) {
  void *place = library == NULL ? RTLD_DEFAULT : dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (library != NULL && place == NULL) {
    snprintf(message->text, litert_message_size, "its library cannot be loaded: %s", dlerror());
    return false;
  }
#define FIND(result, name, parameters)                                                               \
  *(void **)&api->name = dlsym(place, #name);                                                        \
  if (api->name == NULL) {                                                                           \
    snprintf(message->text, litert_message_size, "its library is not in this app: no " #name);       \
    return false;                                                                                    \
  }
  FUNCTIONS(FIND)
#undef FIND
#define TRY(result, name, parameters) *(void **)&api->name = dlsym(place, #name);
  INQUIRIES(TRY)
#undef TRY
  return true;
}

// One option, which is TOML under the name of what reads it.
static status set_option(const functions *api, void *options, const char *reader, const char *name, const char *value) {
  enum { size = 64 };
  char *text = malloc(size);
  void *opaque = NULL;
  if (text == NULL) return 2;
  snprintf(text, size, "%s = %s\n", name, value);
  status code = api->LiteRtCreateOpaqueOptions(reader, text, free, &opaque);
  if (code == ok) return api->LiteRtAddOpaqueOptions(options, opaque);
  free(text);
  return code;
}

// The CPU accelerator reads its threads under the name that it has in this or that version.
static status set_threads(const functions *api, void *options, int threads) {
  char number[12];
  snprintf(number, sizeof number, "%d", threads);
  status code = set_option(api, options, "xnnpack", "num_threads", number);
  return code == ok ? set_option(api, options, "cpu_delegate", "num_threads", number) : code;
}

static bool compile(litert_session *session, int threads, litert_message *message) {
  const functions *api = &session->api;
  void *options = NULL;
  status code = api->LiteRtCreateOptions(&options);
  if (code != ok) return refuse(message, "it makes no options", code);
  code = api->LiteRtSetOptionsHardwareAccelerators(options, on_cpu);
  if (code == ok) code = set_threads(api, options, threads);
  if (code == ok) {
    code = api->LiteRtCreateCompiledModel(session->environment, session->model, options, &session->compiled);
  }
  api->LiteRtDestroyOptions(options);
  return code == ok || refuse(message, "it does not compile the model", code);
}

static bool add(litert_session *session, side *side, size_t number, void *tensor, bool outputs) {
  const functions *api = &session->api;
  tensor_type type;
  void *needs = NULL;
  litert_tensor *into = &side->tensors[number];
  void **buffer = &side->buffers[number];
  if (api->LiteRtGetTensorName(tensor, &into->name) != ok) return false;
  if (api->LiteRtGetRankedTensorType(tensor, &type) != ok || type.layout.rank > litert_most_axes) return false;
  status code = outputs
    ? api->LiteRtGetCompiledModelOutputBufferRequirements(session->compiled, 0, number, &needs)
    : api->LiteRtGetCompiledModelInputBufferRequirements(session->compiled, 0, number, &needs);
  if (code != ok) return false;
  if (api->LiteRtCreateManagedTensorBufferFromRequirements(session->environment, &type, needs, buffer) != ok) return false;
  into->type = type.element;
  into->rank = type.layout.rank;
  memcpy(into->dimensions, type.layout.dimensions, sizeof into->dimensions);
  return api->LiteRtGetTensorBufferPackedSize(*buffer, &into->bytes) == ok;
}

static bool add_side(litert_session *session, side *side, void *signature, bool outputs) {
  const functions *api = &session->api;
  size_t count = 0;
  status code = outputs ? api->LiteRtGetNumSignatureOutputs(signature, &count)
                        : api->LiteRtGetNumSignatureInputs(signature, &count);
  if (code != ok || count == 0) return false;
  side->tensors = calloc(count, sizeof *side->tensors);
  side->buffers = calloc(count, sizeof *side->buffers);
  if (side->tensors == NULL || side->buffers == NULL) return false;
  side->count = count;
  for (size_t number = 0; number < count; number++) {
    void *tensor = NULL;
    code = outputs ? api->LiteRtGetSignatureOutputTensorByIndex(signature, number, &tensor)
                   : api->LiteRtGetSignatureInputTensorByIndex(signature, number, &tensor);
    if (code != ok || !add(session, side, number, tensor, outputs)) return false;
  }
  return true;
}

static bool load(litert_session *session, const void *model, size_t size, int threads, litert_message *message) {
  const functions *api = &session->api;
  if (posix_memalign(&session->bytes, 64, size == 0 ? 1 : size) != 0) return refuse(message, "there is no memory", 2);
  memcpy(session->bytes, model, size);
  status code = api->LiteRtCreateEnvironment(0, NULL, &session->environment);
  if (code != ok) return refuse(message, "it makes no environment", code);
  code = api->LiteRtCreateModelFromBuffer(session->environment, session->bytes, size, &session->model);
  if (code != ok) return refuse(message, "it does not read the file", code);
  if (!compile(session, threads, message)) return false;
  void *signature = NULL;
  code = api->LiteRtGetModelSignature(session->model, 0, &signature);
  if (code != ok) return refuse(message, "the model has no signature", code);
  if (add_side(session, &session->inputs, signature, false) && add_side(session, &session->outputs, signature, true)) {
    return true;
  }
  return refuse(message, "it gives no memory for the model's tensors", 3);
}

litert_session *litert_open(const char *library, const void *model, size_t size, int threads, litert_message *message) {
  message->text[0] = '\0';
  litert_session *session = calloc(1, sizeof *session);
  if (session == NULL) {
    refuse(message, "there is no memory", 2);
    return NULL;
  }
  if (!look_up(&session->api, library, message)) {
    free(session);
    return NULL;
  }
  if (load(session, model, size, threads, message)) return session;
  litert_close(session);
  return NULL;
}

size_t litert_count(const litert_session *session, bool outputs) {
  return outputs ? session->outputs.count : session->inputs.count;
}

litert_tensor litert_describe(const litert_session *session, bool outputs, size_t number) {
  return outputs ? session->outputs.tensors[number] : session->inputs.tensors[number];
}

static bool move(
  litert_session *session, const side *side, size_t number, const void *from, void *into, size_t size, litert_message *message
) {
  void *address = NULL;
  message->text[0] = '\0';
  if (number >= side->count || side->tensors[number].bytes != size) return refuse(message, "a tensor has another size", 1);
  void *buffer = side->buffers[number];
  status code = session->api.LiteRtLockTensorBuffer(buffer, &address, from == NULL ? to_read : to_write);
  if (code != ok) return refuse(message, "a tensor cannot be locked", code);
  memcpy(from == NULL ? into : address, from == NULL ? address : from, size);
  code = session->api.LiteRtUnlockTensorBuffer(buffer);
  return code == ok || refuse(message, "a tensor cannot be unlocked", code);
}

bool litert_write(litert_session *session, size_t number, const void *bytes, size_t size, litert_message *message) {
  return move(session, &session->inputs, number, bytes, NULL, size, message);
}

bool litert_read(litert_session *session, size_t number, void *bytes, size_t size, litert_message *message) {
  return move(session, &session->outputs, number, NULL, bytes, size, message);
}

bool litert_run(litert_session *session, litert_message *message) {
  message->text[0] = '\0';
  const side *in = &session->inputs, *out = &session->outputs;
  status code =
    session->api.LiteRtRunCompiledModel(session->compiled, 0, in->count, in->buffers, out->count, out->buffers);
  return code == ok || refuse(message, "an operation failed", code);
}

// A second time, with a profiler.
static void *compile_profiled(litert_session *session) {
  const functions *api = &session->api;
  void *options = NULL, *compiled = NULL;
  if (api->LiteRtCreateOptions(&options) != ok) return NULL;
  if (api->LiteRtSetOptionsHardwareAccelerators(options, on_cpu) == ok
      && set_option(api, options, "runtime_options_string", "enable_profiling", "true") == ok) {
    api->LiteRtCreateCompiledModel(session->environment, session->model, options, &compiled);
  }
  api->LiteRtDestroyOptions(options);
  return compiled;
}

// Run once on zeros, and look for an operation of a delegate.
static bool sees_delegate(litert_session *session, void *compiled) {
  const functions *api = &session->api;
  const side *in = &session->inputs, *out = &session->outputs;
  void *profiler = NULL, *address = NULL;
  int count = 0;
  bool found = false;
  for (size_t number = 0; number < in->count; number++) {
    if (api->LiteRtLockTensorBuffer(in->buffers[number], &address, to_write) != ok) return false;
    memset(address, 0, in->tensors[number].bytes);
    if (api->LiteRtUnlockTensorBuffer(in->buffers[number]) != ok) return false;
  }
  if (api->LiteRtCompiledModelGetProfiler(compiled, &profiler) != ok || api->LiteRtStartProfiler(profiler) != ok) return false;
  status code = api->LiteRtRunCompiledModel(compiled, 0, in->count, in->buffers, out->count, out->buffers);
  api->LiteRtStopProfiler(profiler);
  if (code != ok || api->LiteRtGetNumProfilerEvents(profiler, &count) != ok || count < 1) return false;
  event *events = calloc((size_t)count, sizeof *events);
  if (events != NULL && api->LiteRtGetProfilerEvents(profiler, count, events) == ok) {
    for (int i = 0; i < count; i++) found = found || events[i].kind == in_delegate;
  }
  free(events);
  return found;
}

bool litert_delegates(litert_session *session) {
  const functions *api = &session->api;
  bool is_whole = false;
#define HAS(result, name, parameters) if (api->name == NULL) return false;
  INQUIRIES(HAS)
#undef HAS
  if (api->LiteRtCompiledModelIsFullyAccelerated(session->compiled, &is_whole) == ok && is_whole) return true;
  void *compiled = compile_profiled(session);
  if (compiled == NULL) return false;
  bool found = sees_delegate(session, compiled);
  api->LiteRtDestroyCompiledModel(compiled);
  return found;
}

static void free_side(const functions *api, side *side) {
  for (size_t number = 0; number < side->count; number++) {
    if (side->buffers[number] != NULL) api->LiteRtDestroyTensorBuffer(side->buffers[number]);
  }
  free(side->tensors);
  free(side->buffers);
}

void litert_close(litert_session *session) {
  const functions *api = &session->api;
  free_side(api, &session->inputs);
  free_side(api, &session->outputs);
  if (session->compiled != NULL) api->LiteRtDestroyCompiledModel(session->compiled);
  if (session->model != NULL) api->LiteRtDestroyModel(session->model);
  if (session->environment != NULL) api->LiteRtDestroyEnvironment(session->environment);
  free(session->bytes);
  free(session);
}
