/* The model in TensorFlow Lite Micro's interpreter, for C and C++. */
#ifndef EDGECV_TFLM_H
#define EDGECV_TFLM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Makes the interpreter; returns NULL, or what is wrong. */
const char *edgecv_begin(void);

/* The bytes of the arena that are used, once `edgecv_begin` has succeeded: EDGECV_ARENA_BYTES may become that. */
size_t edgecv_arena_used(void);

/* The input tensor, EDGECV_TENSOR_BYTES; what is in it before `edgecv_invoke` is not there after it. */
void *edgecv_input(void);

/* Runs the model; returns 0 where it succeeded. */
int edgecv_invoke(void);

/* The output tensor of that place, such as a head's `output`. */
const void *edgecv_output(uint16_t place);

#ifdef __cplusplus
}
#endif

#endif
