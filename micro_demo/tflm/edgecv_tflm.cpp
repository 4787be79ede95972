#include "edgecv_tflm.h"

#include "../model/edgecv_model.h"
#include "../model/edgecv_model_resolver.h"

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

alignas(16) uint8_t arena[EDGECV_ARENA_BYTES];
tflite::MicroInterpreter *interpreter = nullptr;

}  // namespace

const char *edgecv_begin(void)
{
    const tflite::Model *model = tflite::GetModel(edgecv_model_data);
    if (model->version() != TFLITE_SCHEMA_VERSION)
        return "this TensorFlow Lite Micro reads another version of the schema";
    static EdgecvResolver resolver;
    if (edgecv_add_operators(resolver) != kTfLiteOk)
        return "this TensorFlow Lite Micro lacks an operator of the model";
    static tflite::MicroInterpreter made(model, resolver, arena, sizeof arena);
    if (made.AllocateTensors() != kTfLiteOk)
        return "AllocateTensors failed: make EDGECV_ARENA_BYTES larger, or use a newer TensorFlow Lite Micro";
    if (made.input(0)->bytes != EDGECV_TENSOR_BYTES)
        return "edgecv_model_data is not the model of edgecv_model.h: export both again";
    interpreter = &made;
    return nullptr;
}

size_t edgecv_arena_used(void)
{
    return interpreter->arena_used_bytes();
}

void *edgecv_input(void)
{
    return interpreter->input(0)->data.raw;
}

int edgecv_invoke(void)
{
    return interpreter->Invoke() == kTfLiteOk ? 0 : 1;
}

const void *edgecv_output(uint16_t place)
{
    return interpreter->output(place)->data.raw;
}
