"""From a picture, clip or sound to the tensor that a model takes, with one exact meaning (docs/preprocessing.md)."""

from edgecv_runtime.preprocess.decode import decode
from edgecv_runtime.preprocess.inputs import InputPreprocessor, input_preprocessor
from edgecv_runtime.preprocess.pipeline import Preprocessor
from edgecv_runtime.preprocess.presets import PRESETS, from_preset, parse
from edgecv_runtime.preprocess.quantize import dequantize, quantize
from edgecv_runtime.preprocess.rules import resolve

__all__ = [
    "PRESETS",
    "InputPreprocessor",
    "Preprocessor",
    "decode",
    "dequantize",
    "from_preset",
    "input_preprocessor",
    "parse",
    "quantize",
    "resolve",
]
