"""The int8 quantizer: what the converter's plain file becomes, so that it keeps more of the model's answers."""

from edgecv_converters.quantize.refine import Refinement
from edgecv_converters.quantize.run import RANGES, Quantized, Settings, quantize

__all__ = ["RANGES", "Quantized", "Refinement", "Settings", "quantize"]
