"""The int8 ONNX model that carries a TFLite int8 model's quantization."""

from edgecv_converters.onnx.int8.convert import from_tflite

__all__ = ["from_tflite"]
