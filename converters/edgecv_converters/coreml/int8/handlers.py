"""The function for each of TFLite's operations that writes it into the program."""

from __future__ import annotations

from collections.abc import Mapping

from edgecv_converters.coreml.int8 import moves, pointwise, products, windows
from edgecv_converters.coreml.int8.pointwise import Handler, one, two

HANDLERS: Mapping[str, Handler] = {
    "ABS": one("abs"),
    "ADD": two("add"),
    "AVERAGE_POOL_2D": windows.average_pool_2d,
    "BATCH_MATMUL": products.batch_matmul,
    "CAST": pointwise.cast,
    "CONCATENATION": moves.concatenation,
    "CONV_2D": products.conv_2d,
    "DEPTH_TO_SPACE": moves.blocks("depth_to_space"),
    "DEPTHWISE_CONV_2D": products.depthwise_conv_2d,
    "DEQUANTIZE": pointwise.dequantize,
    "DIV": two("real_div"),
    "ELU": one("elu", alpha=1.0),
    "EXP": one("exp"),
    "EXPAND_DIMS": moves.reshape,
    "FULLY_CONNECTED": products.fully_connected,
    "GATHER": moves.gather,
    "GELU": pointwise.gelu,
    "HARD_SWISH": pointwise.hard_swish,
    "LEAKY_RELU": pointwise.leaky_relu,
    "LOG": one("log", epsilon=0.0),
    "LOGISTIC": one("sigmoid"),
    "MAXIMUM": two("maximum"),
    "MAX_POOL_2D": windows.max_pool_2d,
    "MEAN": moves.reduce("reduce_mean"),
    "MINIMUM": two("minimum"),
    "MIRROR_PAD": moves.mirror_pad,
    "MUL": two("mul"),
    "NEG": pointwise.negative,
    "PACK": moves.pack,
    "PAD": moves.pad,
    "PADV2": moves.pad,
    "PRELU": pointwise.prelu,
    "QUANTIZE": pointwise.quantize,
    "REDUCE_MAX": moves.reduce("reduce_max"),
    "REDUCE_MIN": moves.reduce("reduce_min"),
    "RELU": one("relu"),
    "RELU6": one("relu6"),
    "RELU_N1_TO_1": one("clip", alpha=-1.0, beta=1.0),
    "RESHAPE": moves.reshape,
    "RESIZE_BILINEAR": windows.resize_bilinear,
    "RESIZE_NEAREST_NEIGHBOR": windows.resize_nearest_neighbor,
    "RSQRT": one("rsqrt", epsilon=0.0),
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
