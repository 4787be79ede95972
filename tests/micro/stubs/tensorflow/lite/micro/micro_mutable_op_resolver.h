// A resolver that counts: more operators than its size are an error, as in TensorFlow Lite Micro.
#pragma once

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };

namespace tflite {

class MicroOpResolver {};

template <unsigned int most>
class MicroMutableOpResolver : public MicroOpResolver {
  public:
    TfLiteStatus AddAdd() { return Another(); }
    TfLiteStatus AddAveragePool2D() { return Another(); }
    TfLiteStatus AddConv2D() { return Another(); }
    TfLiteStatus AddDepthwiseConv2D() { return Another(); }
    TfLiteStatus AddFullyConnected() { return Another(); }
    TfLiteStatus AddLogistic() { return Another(); }
    TfLiteStatus AddMaxPool2D() { return Another(); }
    TfLiteStatus AddMean() { return Another(); }
    TfLiteStatus AddMul() { return Another(); }
    TfLiteStatus AddQuantize() { return Another(); }
    TfLiteStatus AddReshape() { return Another(); }
    TfLiteStatus AddSoftmax() { return Another(); }

  private:
    TfLiteStatus Another() { return ++count_ > most ? kTfLiteError : kTfLiteOk; }
    unsigned int count_ = 0;
};

}  // namespace tflite
