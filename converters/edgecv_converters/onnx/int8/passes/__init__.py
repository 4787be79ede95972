"""The passes of the int8 ONNX target, in their order."""

from edgecv_converters.onnx.edit import Pass
from edgecv_converters.onnx.int8.passes.own_zero_points import OWN_ZERO_POINTS
from edgecv_converters.onnx.int8.passes.uint8 import UINT8

PASSES: tuple[Pass, ...] = (UINT8, OWN_ZERO_POINTS)

__all__ = ["PASSES"]
