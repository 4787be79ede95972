// The self-test, then an answer every second.
#include "tflm/edgecv_example.h"

#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

static void print(const char *line) { printk("%s\n", line); }

int main()
{
    edgecv_start(print);
    for (uint32_t number = 0;; number++) {
        // Put your camera's frame here: EDGECV_FRAME_BYTES, in the format that edgecv_model.h names.
        const uint8_t *frame = edgecv_sample_frame(number);
        edgecv_answer(frame, print);
        k_msleep(1000);
    }
    return 0;
}
