/* The golden cases on this device: the tensor of each frame, the model's outputs, and what the heads say. */
#ifndef EDGECV_SELF_TEST_H
#define EDGECV_SELF_TEST_H

#include "edgecv_heads.h"
#include "edgecv_preprocess.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One golden case.
 *
 * frame      what the camera gives
 * tensor     the model's input, as edgecv's Python runtime makes it of that frame
 * outputs    the model's outputs, as TensorFlow Lite Micro gives them for that tensor on a computer
 * scores, decisions   what the heads say of these outputs, one head after the other
 */
typedef struct {
    const char *name;
    const uint8_t *frame, *tensor;
    const void *const *outputs;
    const float *scores;
    const uint16_t *decisions;
} edgecv_case;

typedef struct {
    const edgecv_plan *plan;
    const edgecv_head *heads;
    const edgecv_case *cases;
    const uint32_t *output_bytes;
    uint32_t tensor_bytes;
    uint16_t head_count, case_count, output_count;
} edgecv_self_test;

/*
 * The memory to work in, and the model.
 *
 * tensor             the model's input
 * scratch, scores, decisions   EDGECV_SCRATCH_BYTES, EDGECV_MOST_SCORES and EDGECV_MOST_DECISIONS of edgecv_model.h
 * invoke             runs the model on `tensor` and returns 0; NULL where there is no interpreter: then the recorded
 *                    outputs are read, and the parts "model" and "decisions" are left out
 * output             the model's output of that place
 * report             is told of each part of each case how many of its numbers are wrong: 0 means that it passed
 */
typedef struct {
    void *tensor;
    uint8_t *scratch;
    float *scores;
    uint16_t *decisions;
    int (*invoke)(void);
    const void *(*output)(uint16_t place);
    void (*report)(const char *name, const char *part, uint32_t wrong);
} edgecv_board;

/*
 * Runs all cases and returns how many parts failed. The parts of a case: "tensor" (every byte equal), "heads" (the
 * recorded outputs give the recorded scores, but for a float's last bit, and decisions), "model" (every number of the
 * outputs equal; kernels made for one processor may round otherwise) and "decisions" (those of this device's outputs).
 */
uint32_t edgecv_run_self_test(const edgecv_self_test *test, const edgecv_board *board);

#ifdef __cplusplus
}
#endif

#endif
