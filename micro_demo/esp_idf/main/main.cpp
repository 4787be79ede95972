// The self-test, then an answer every second.
#include "tflm/edgecv_example.h"

#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#include <cstdio>

static void print(const char *line) { std::puts(line); }

extern "C" void app_main()
{
    edgecv_start(print);
    for (uint32_t number = 0;; number++) {
        // Put your camera's frame here: EDGECV_FRAME_BYTES, in the format that edgecv_model.h names.
        const uint8_t *frame = edgecv_sample_frame(number);
        edgecv_answer(frame, print);
        vTaskDelay(pdMS_TO_TICKS(1000));
    }
}
