// Install "Chirale_TensorFLowLite" with the Library Manager; include another library's header for another board.
#include <Chirale_TensorFlowLite.h>

#include "src/tflm/edgecv_example.h"

static uint32_t number = 0;

static void print(const char *line) { Serial.println(line); }

void setup()
{
    Serial.begin(115200);
    edgecv_start(print);
}

void loop()
{
    // Put your camera's frame here: EDGECV_FRAME_BYTES, in the format that edgecv_model.h names.
    const uint8_t *frame = edgecv_sample_frame(number++);
    edgecv_answer(frame, print);
    delay(1000);
}
