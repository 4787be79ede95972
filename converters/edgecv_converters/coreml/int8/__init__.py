"""The full int8 Core ML target: the TFLite int8 file's own quantization, as an ML program for iOS 17 and later."""

from edgecv_converters.coreml.int8.convert import MINIMUM_TARGET, program_from_tflite
from edgecv_converters.coreml.int8.emitter import Compute

__all__ = ["MINIMUM_TARGET", "Compute", "program_from_tflite"]
