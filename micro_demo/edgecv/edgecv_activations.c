#include "edgecv_heads.h"

#include <math.h>

void edgecv_softmax(float *scores, uint16_t count)
{
    double most = scores[0], total = 0;
    uint16_t i;

    for (i = 1; i < count; i++)
        if (scores[i] > most)
            most = scores[i];
    for (i = 0; i < count; i++)
        total += exp(scores[i] - most);
    for (i = 0; i < count; i++)
        scores[i] = (float)(exp(scores[i] - most) / total);
}

void edgecv_sigmoid(float *scores, uint16_t count)
{
    uint16_t i;

    for (i = 0; i < count; i++) {
        double value = scores[i], small = exp(-fabs(value));
        scores[i] = (float)((value >= 0 ? 1 : small) / (1 + small));
    }
}
