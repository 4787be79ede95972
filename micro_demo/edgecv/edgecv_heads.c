#include "edgecv_heads.h"

/* What a number of the tensor means. */
static float real_of(const edgecv_head *head, const void *tensor, uint16_t index)
{
    int32_t number = head->is_unsigned ? ((const uint8_t *)tensor)[index] : ((const int8_t *)tensor)[index];

    return (float)(number - head->zero_point) * head->scale;
}

uint16_t edgecv_score_count(const edgecv_head *head)
{
    return head->kind == EDGECV_BINARY ? 2 : head->count;
}

void edgecv_scores(const edgecv_head *head, const void *tensor, float *scores)
{
    uint16_t i;

    for (i = 0; i < head->count; i++)
        scores[i] = real_of(head, tensor, i);
    if (head->activate)
        head->activate(scores, head->count);
    if (head->kind == EDGECV_BINARY) {
        scores[1] = scores[0];
        scores[0] = 1.0F - scores[1];
    }
}

/* The index of the highest number, the first of equal ones. */
static uint16_t highest(const edgecv_head *head, const void *tensor)
{
    float best = real_of(head, tensor, 0);
    uint16_t found = 0, i;

    for (i = 1; i < head->count; i++) {
        float value = real_of(head, tensor, i);
        if (value > best) {
            best = value;
            found = i;
        }
    }
    return found;
}

uint16_t edgecv_decide(const edgecv_head *head, const void *tensor, const float *scores, uint16_t *decisions)
{
    uint16_t i;

    switch (head->kind) {
    case EDGECV_CLASSIFICATION:
        decisions[0] = highest(head, tensor);
        return 1;
    case EDGECV_BINARY:
        decisions[0] = scores[1] >= head->thresholds[0];
        return 1;
    case EDGECV_MULTILABEL:
        for (i = 0; i < head->count; i++)
            decisions[i] = scores[i] >= head->thresholds[head->threshold_count > 1 ? i : 0];
        return head->count;
    case EDGECV_REGRESSION:
        break;
    }
    return 0;
}

uint16_t edgecv_top(const float *scores, uint16_t count, uint16_t most, uint16_t *indices)
{
    uint16_t i, found = 0;

    for (i = 0; i < count; i++) {
        uint16_t place = found;
        while (place > 0 && scores[i] > scores[indices[place - 1]])
            place--;
        if (place >= most)
            continue;
        if (found < most)
            found++;
        for (uint16_t last = (uint16_t)(found - 1); last > place; last--)
            indices[last] = indices[last - 1];
        indices[place] = i;
    }
    return found;
}

const char *edgecv_label(const edgecv_head *head, uint16_t index)
{
    return index < head->label_count ? head->labels[index] : "";
}
