/* What the example of every layout does: a self-test at the start, then an answer for each frame. */
#ifndef EDGECV_EXAMPLE_H
#define EDGECV_EXAMPLE_H

#include "../model/edgecv_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes one line, without a line feed at its end. */
typedef void edgecv_print(const char *line);

/* Makes the interpreter and runs the self-test, a line for each part; returns how many parts failed. */
uint32_t edgecv_start(edgecv_print *print);

/* Answers for one frame of EDGECV_FRAME_BYTES, a line for each head; returns 0 where the model ran. */
int edgecv_answer(const uint8_t *frame, edgecv_print *print);

/* A frame of the self-test, as long as there is no camera. */
const uint8_t *edgecv_sample_frame(uint32_t number);

#ifdef __cplusplus
}
#endif

#endif
