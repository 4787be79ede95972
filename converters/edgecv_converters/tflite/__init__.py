"""The TFLite target: float32, float16, dynamic, int8 and int16x8, from the one frozen graph."""

from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import describe, input_names, operators, output_names
from edgecv_converters.tflite.ends import with_io
from edgecv_converters.tflite.integers import check_integers

__all__ = ["check_integers", "describe", "input_names", "operators", "output_names", "to_tflite", "with_io"]
