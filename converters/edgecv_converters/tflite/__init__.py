"""The TFLite target: float32, float16, dynamic, int8 and int16x8, from the one frozen graph."""

from edgecv_converters.tflite.convert import IoType, to_tflite
from edgecv_converters.tflite.describe import describe, operators

__all__ = ["IoType", "describe", "operators", "to_tflite"]
