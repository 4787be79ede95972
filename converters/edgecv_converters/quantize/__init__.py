"""The int8 quantizer: what the converter's plain file becomes, so that it keeps more of the model's answers."""

from edgecv_converters.quantize.qat import Labelled, TrainingJob
from edgecv_converters.quantize.quantizer import (
    BEHIND,
    BIASES,
    LOGITS,
    RANGES,
    ROUNDING,
    SCALES,
    Quantized,
    QuantizeSettings,
    quantize,
)
from edgecv_converters.quantize.refine import Refinement

__all__ = [
    "BEHIND",
    "BIASES",
    "LOGITS",
    "RANGES",
    "ROUNDING",
    "SCALES",
    "Labelled",
    "QuantizeSettings",
    "Quantized",
    "Refinement",
    "TrainingJob",
    "quantize",
]
