/* The self-test on a computer: everything but the interpreter. `make -C host` builds and runs it. */
#include "model/edgecv_model.h"

#include <stdio.h>

static uint8_t tensor[EDGECV_TENSOR_BYTES], scratch[EDGECV_SCRATCH_BYTES];
static float scores[EDGECV_MOST_SCORES];
static uint16_t decisions[EDGECV_MOST_DECISIONS];

static void report(const char *name, const char *part, uint32_t wrong)
{
    printf("%s %s: %s (%lu wrong)\n", name, part, wrong ? "FAILED" : "passed", (unsigned long)wrong);
}

int main(void)
{
    const edgecv_board board = {tensor, scratch, scores, decisions, NULL, NULL, report};
    uint32_t failed = edgecv_run_self_test(&edgecv_model_self_test, &board);

    printf("self-test without the interpreter: %lu parts failed\n", (unsigned long)failed);
    return failed ? 1 : 0;
}
