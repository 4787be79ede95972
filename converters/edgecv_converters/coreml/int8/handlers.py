"""The function for each of TFLite's operations that writes it into the program."""

from __future__ import annotations

from collections.abc import Mapping

from edgecv_converters.coreml.int8 import logic, moves, pointwise, products, windows
from edgecv_converters.coreml.int8.pointwise import Handler, one, two

HANDLERS: Mapping[str, Handler] = {
    "ABS": one("abs"),
    "ADD": two("add"),
    "ARG_MAX": logic.arg_max,
    "AVERAGE_POOL_2D": windows.average_pool_2d,
    "BATCH_MATMUL": products.batch_matmul,
    "CAST": logic.cast,
    "CEIL": one("ceil"),
    "CONCATENATION": moves.concatenation,
    "CONV_2D": products.conv_2d,
    "CONV_3D": products.conv_3d,
    "COS": one("cos"),
    "CUMSUM": logic.cumulative_sum,
    "DEPTHWISE_CONV_2D": products.depthwise_conv_2d,
    "DEPTH_TO_SPACE": moves.blocks("depth_to_space"),
    "DEQUANTIZE": pointwise.dequantize,
    "DIV": two("real_div"),
    "ELU": one("elu", alpha=1.0),
    "EQUAL": logic.compare("equal"),
    "EXP": one("exp"),
    "EXPAND_DIMS": moves.reshape,
    "FLOOR": one("floor"),
    "FLOOR_DIV": two("floor_div"),
    "FLOOR_MOD": two("mod"),
    "FULLY_CONNECTED": products.fully_connected,
    "GATHER": moves.gather,
    "GELU": pointwise.gelu,
    "GREATER": logic.compare("greater"),
    "GREATER_EQUAL": logic.compare("greater_equal"),
    "HARD_SWISH": pointwise.hard_swish,
    "L2_NORMALIZATION": pointwise.l2_normalization,
    "LEAKY_RELU": pointwise.leaky_relu,
    "LESS": logic.compare("less"),
    "LESS_EQUAL": logic.compare("less_equal"),
    "LOG": one("log", epsilon=0.0),
    "LOGICAL_AND": two("logical_and"),
    "LOGICAL_NOT": one("logical_not"),
    "LOGICAL_OR": two("logical_or"),
    "LOGISTIC": one("sigmoid"),
    "LOG_SOFTMAX": pointwise.log_softmax,
    "MAXIMUM": two("maximum"),
    "MAX_POOL_2D": windows.max_pool_2d,
    "MEAN": moves.reduce("reduce_mean"),
    "MINIMUM": two("minimum"),
    "MIRROR_PAD": moves.mirror_pad,
    "MUL": two("mul"),
    "NEG": pointwise.negative,
    "NOT_EQUAL": logic.compare("not_equal"),
    "ONE_HOT": logic.one_hot,
    "PACK": moves.pack,
    "PAD": moves.pad,
    "PADV2": moves.pad,
    "POW": two("pow"),
    "PRELU": pointwise.prelu,
    "QUANTIZE": pointwise.quantize,
    "REDUCE_ALL": logic.reduce_all,
    "REDUCE_ANY": logic.reduce_any,
    "REDUCE_MAX": moves.reduce("reduce_max"),
    "REDUCE_MIN": moves.reduce("reduce_min"),
    "RELU": one("relu"),
    "RELU6": one("relu6"),
    "RELU_N1_TO_1": one("clip", alpha=-1.0, beta=1.0),
    "RESHAPE": moves.reshape,
    "RESIZE_BILINEAR": windows.resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": windows.resize_nearest_neighbor,
    "REVERSE_V2": moves.reverse,
    "ROUND": one("round"),
    "RSQRT": one("rsqrt", epsilon=0.0),
    "SELECT": logic.select,
    "SELECT_V2": logic.select,
    "SIGN": one("sign"),
    "SIN": one("sin"),
    "SLICE": moves.slice_,
    "SOFTMAX": pointwise.softmax,
    "SPACE_TO_DEPTH": moves.blocks("space_to_depth"),
    "SPLIT": moves.split,
    "SPLIT_V": moves.split_v,
    "SQRT": one("sqrt"),
    "SQUARE": one("square"),
    "SQUARED_DIFFERENCE": pointwise.squared_difference,
    "SQUEEZE": moves.reshape,
    "STRIDED_SLICE": moves.strided_slice,
    "SUB": two("sub"),
    "SUM": moves.reduce("reduce_sum"),
    "TANH": one("tanh"),
    "TILE": moves.tile,
    "TRANSPOSE": moves.transpose,
    "TRANSPOSE_CONV": products.transpose_conv,
    "UNPACK": moves.unpack,
}


# What is computed channels first, and what is computed in either layout: an input that comes to one of the former
# through the latter alone is put channels first at once.
IMAGE_KINDS = frozenset(
    {"AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "MAX_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"}
)
EITHER_KINDS = frozenset(
    {"ADD", "CONCATENATION", "DEQUANTIZE", "DIV", "MAXIMUM", "MINIMUM", "MUL", "PAD", "PADV2", "QUANTIZE", "SUB"}
)
