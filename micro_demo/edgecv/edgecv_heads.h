/* From the model's output tensors to answers: what each head of the bundle says. */
#ifndef EDGECV_HEADS_H
#define EDGECV_HEADS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    EDGECV_CLASSIFICATION, /* one of n classes */
    EDGECV_BINARY,         /* yes or no, from one value */
    EDGECV_MULTILABEL,     /* any of n labels */
    EDGECV_REGRESSION      /* numbers that mean themselves */
} edgecv_kind;

/*
 * One head of the bundle.
 *
 * output        the place of its tensor among the model's outputs
 * is_unsigned   whether the tensor's numbers are uint8_t, not int8_t
 * count         numbers in the tensor
 * scale, zero_point   a number q of the tensor means scale * (q - zero_point)
 * activate      edgecv_softmax or edgecv_sigmoid where the model leaves that to the device, else NULL
 * thresholds    from which score on a label holds: one, or one a label (binary and multilabel)
 * labels        names of the scores, or NULL
 */
typedef struct {
    const char *name, *title, *unit;
    edgecv_kind kind;
    uint8_t output, is_unsigned;
    uint16_t count;
    float scale;
    int32_t zero_point;
    void (*activate)(float *scores, uint16_t count);
    const float *thresholds;
    uint16_t threshold_count, label_count;
    const char *const *labels;
} edgecv_head;

/* The number of scores of a head: two of a binary head (no, yes), else one for each number of its tensor. */
uint16_t edgecv_score_count(const edgecv_head *head);

/* Writes the scores of a head's tensor: its real numbers, with the activation that is left to the device. */
void edgecv_scores(const edgecv_head *head, const void *tensor, float *scores);

/*
 * Writes what a head decides, and returns how many numbers that is: the index of a class (classification, binary: 0 is
 * no); a 1 or 0 for each label (multilabel); nothing (regression).
 */
uint16_t edgecv_decide(const edgecv_head *head, const void *tensor, const float *scores, uint16_t *decisions);

/* Writes the indices of the `most` highest scores, highest first, the first of equal ones; returns how many. */
uint16_t edgecv_top(const float *scores, uint16_t count, uint16_t most, uint16_t *indices);

/* The label of a score, or "" where there is none. */
const char *edgecv_label(const edgecv_head *head, uint16_t index);

/* For `activate`; computed in double, so that answers are those of other devices. They need C's `exp`. */
void edgecv_softmax(float *scores, uint16_t count);
void edgecv_sigmoid(float *scores, uint16_t count);

#ifdef __cplusplus
}
#endif

#endif
