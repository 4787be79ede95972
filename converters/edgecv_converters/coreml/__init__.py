"""The Core ML target: float32, float16 and int8 weights, as an .mlpackage, from the one frozen graph."""

from edgecv_converters.coreml.convert import describe, to_coreml

__all__ = ["describe", "to_coreml"]
