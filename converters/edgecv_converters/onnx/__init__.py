"""The ONNX targets: float32, float16 and int8 QDQ."""

from edgecv_converters.onnx.describe import describe, operators
from edgecv_converters.onnx.float import to_onnx
from edgecv_converters.onnx.float16 import to_float16
from edgecv_converters.onnx.int8 import from_tflite

__all__ = ["describe", "from_tflite", "operators", "to_float16", "to_onnx"]
