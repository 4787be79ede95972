"""The passes of the int8 ONNX target, in their order."""

from edgecv_converters.onnx.edit import OnnxPass
from edgecv_converters.onnx.int8.passes.average_pools import AVERAGE_POOLS
from edgecv_converters.onnx.int8.passes.clamps import CLAMPS
from edgecv_converters.onnx.int8.passes.flattens import FLATTENS
from edgecv_converters.onnx.int8.passes.float_weights import FLOAT_WEIGHTS
from edgecv_converters.onnx.int8.passes.four_channels import FOUR_CHANNELS
from edgecv_converters.onnx.int8.passes.integer_moves import INTEGER_MOVES
from edgecv_converters.onnx.int8.passes.one_dequantize import ONE_DEQUANTIZE
from edgecv_converters.onnx.int8.passes.own_zero_points import OWN_ZERO_POINTS
from edgecv_converters.onnx.int8.passes.pads import PADS
from edgecv_converters.onnx.int8.passes.rows import ROWS
from edgecv_converters.onnx.int8.passes.same_shape import SAME_SHAPE
from edgecv_converters.onnx.int8.passes.shared_weights import SHARED_WEIGHTS
from edgecv_converters.onnx.int8.passes.space_to_depth import SPACE_TO_DEPTH
from edgecv_converters.onnx.int8.passes.uint8 import UINT8

PASSES: tuple[OnnxPass, ...] = (
    UINT8,
    SAME_SHAPE,
    ONE_DEQUANTIZE,
    CLAMPS,
    INTEGER_MOVES,
    PADS,
    AVERAGE_POOLS,
    ROWS,
    FLATTENS,
    SPACE_TO_DEPTH,
    FOUR_CHANNELS,
    SHARED_WEIGHTS,
    OWN_ZERO_POINTS,
    FLOAT_WEIGHTS,
)

__all__ = ["PASSES"]
