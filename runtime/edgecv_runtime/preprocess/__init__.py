"""From a picture to the tensor that a model takes, with one exact meaning on every device (docs/preprocessing.md)."""

from edgecv_runtime.preprocess.decode import decode
from edgecv_runtime.preprocess.pipeline import Preprocessor
from edgecv_runtime.preprocess.presets import PRESETS, from_preset, parse
from edgecv_runtime.preprocess.quantize import dequantize, quantize
from edgecv_runtime.preprocess.rules import resolve

__all__ = [
    "PRESETS",
    "Preprocessor",
    "decode",
    "dequantize",
    "from_preset",
    "parse",
    "quantize",
    "resolve",
]
