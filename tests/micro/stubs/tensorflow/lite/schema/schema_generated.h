// The declarations of TensorFlow Lite Micro that edgecv uses, with a model that says nothing of itself.
#pragma once

#include <cstdint>

namespace tflite {

struct Model {
    uint32_t version() const { return 3; }
};

inline const Model *GetModel(const void *data) { return static_cast<const Model *>(data); }

}  // namespace tflite
