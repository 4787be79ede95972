// The self-test, then one answer for each sample frame.
#include "tflm/edgecv_example.h"

#include <cstdio>

static void print(const char *line) { std::puts(line); }

int main()
{
    if (edgecv_start(print) != 0)
        return 1;
    for (uint32_t number = 0; number < edgecv_model_self_test.case_count; number++)
        if (edgecv_answer(edgecv_sample_frame(number), print) != 0)
            return 1;
    return 0;
}
