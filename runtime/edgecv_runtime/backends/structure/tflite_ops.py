"""The operators that edgecv's TFLite files have: their operands, and the fields of their options.

Source: `schema.fbs` of TensorFlow Lite, and the operands that each kernel reads. A graph that edgecv converts has no
control flow, no state, no texts and no custom operators, so those are not here.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Operands(NamedTuple):
    """The inputs that an operator reads, the outputs that it has, and the number of its table of options (0: none)."""

    least: int
    most: int
    outputs: tuple[int, int]
    options: int


MANY: Final = 1 << 16
ONE: Final = (1, 1)

# The fields of each table of options, in order: b a byte, i a number, p a number over 0 that must be there, d one that
# is 1 where it is not, n a number that is not negative, f a real number, q a long number, v a list of numbers.
OPTIONS: Final = {
    1: "bppbddb",  # Conv2DOptions
    2: "bpppbdd",  # DepthwiseConv2DOptions
    5: "bppppb",  # Pool2DOptions
    8: "bbbbbv",  # FullyConnectedOptions
    9: "f",  # SoftmaxOptions
    10: "ib",  # ConcatenationOptions
    11: "bb",  # AddOptions
    12: "b",  # L2NormOptions
    13: "nfff",  # LocalResponseNormalizationOptions
    15: "iibb",  # ResizeBilinearOptions, two fields of which are deprecated
    17: "v",  # ReshapeOptions
    19: "p",  # SpaceToDepthOptions
    21: "b",  # MulOptions
    22: "",  # PadOptions
    23: "ii",  # GatherOptions
    24: "",  # BatchToSpaceNDOptions
    25: "",  # SpaceToBatchNDOptions
    26: "",  # TransposeOptions
    27: "b",  # ReducerOptions
    28: "bb",  # SubOptions
    29: "b",  # DivOptions
    30: "v",  # SqueezeOptions
    32: "iiiiib",  # StridedSliceOptions
    33: "",  # ExpOptions
    34: "",  # TopKV2Options
    35: "p",  # SplitOptions
    36: "",  # LogSoftmaxOptions
    37: "bb",  # CastOptions
    38: "",  # DequantizeOptions
    39: "",  # MaximumMinimumOptions
    40: "b",  # ArgMaxOptions
    41: "",  # LessOptions
    42: "",  # NegOptions
    43: "",  # PadV2Options
    44: "",  # GreaterOptions
    45: "",  # GreaterEqualOptions
    46: "",  # LessEqualOptions
    47: "",  # SelectOptions
    48: "",  # SliceOptions
    49: "bppbb",  # TransposeConvOptions
    50: "b",  # SparseToDenseOptions
    51: "",  # TileOptions
    52: "",  # ExpandDimsOptions
    53: "",  # EqualOptions
    54: "",  # NotEqualOptions
    55: "b",  # ShapeOptions
    56: "",  # PowOptions
    57: "b",  # ArgMinOptions
    58: "ffib",  # FakeQuantOptions
    59: "pi",  # PackOptions
    60: "",  # LogicalOrOptions
    61: "i",  # OneHotOptions
    62: "",  # LogicalAndOptions
    63: "",  # LogicalNotOptions
    64: "pi",  # UnpackOptions
    65: "",  # FloorDivOptions
    66: "",  # SquareOptions
    67: "",  # ZerosLikeOptions
    68: "",  # FillOptions
    72: "",  # FloorModOptions
    73: "",  # RangeOptions
    74: "bb",  # ResizeNearestNeighborOptions
    75: "f",  # LeakyReluOptions
    76: "",  # SquaredDifferenceOptions
    77: "b",  # MirrorPadOptions
    78: "",  # AbsOptions
    79: "p",  # SplitVOptions
    80: "b",  # UniqueOptions
    81: "",  # ReverseV2Options
    82: "",  # AddNOptions
    83: "",  # GatherNdOptions
    84: "",  # CosOptions
    85: "",  # WhereOptions
    86: "",  # RankOptions
    87: "ii",  # ReverseSequenceOptions
    88: "",  # MatrixDiagOptions
    89: "",  # QuantizeOptions
    90: "",  # MatrixSetDiagOptions
    91: "",  # HardSwishOptions
    94: "p",  # DepthToSpaceOptions
    95: "",  # NonMaxSuppressionV4Options
    96: "",  # NonMaxSuppressionV5Options
    97: "",  # ScatterNdOptions
    98: "",  # SelectV2Options
    100: "",  # SegmentSumOptions
    101: "bbb",  # BatchMatMulOptions
    102: "bb",  # CumsumOptions
    104: "",  # BroadcastToOptions
    105: "",  # Rfft2dOptions
    106: "bpppbddd",  # Conv3DOptions
    114: "qq",  # RandomOptions
    115: "v",  # BucketizeOptions
    116: "b",  # GeluOptions
    117: "",  # DynamicUpdateSliceOptions
    118: "",  # UnsortedSegmentProdOptions
    119: "",  # UnsortedSegmentMaxOptions
    120: "",  # UnsortedSegmentMinOptions
    121: "",  # UnsortedSegmentSumOptions
    122: "",  # ATan2Options
    123: "",  # SignOptions
    124: "",  # BitcastOptions
    125: "",  # BitwiseXorOptions
    126: "",  # RightShiftOptions
}

# The tables of options whose first field is how many outputs (inputs) the operator has.
COUNTS_OUTPUTS: Final = frozenset({35, 64, 79})
COUNTS_INPUTS: Final = frozenset({59})

# Operators by how many inputs they read, and how many outputs they have: the operator's number and its options'.
_UNARY: Final = {
    6: 38,
    8: 0,
    11: 12,
    13: 13,
    14: 0,
    19: 0,
    20: 0,
    21: 0,
    25: 9,
    28: 0,
    43: 30,
    47: 33,
    50: 36,
    53: 37,
    59: 42,
    66: 0,
    73: 0,
    75: 0,
    76: 0,
    77: 55,
    80: 58,
    87: 63,
    92: 66,
    93: 67,
    98: 75,
    101: 78,
    104: 0,
    108: 84,
    109: 85,
    110: 86,
    111: 0,
    113: 88,
    114: 89,
    116: 0,
    117: 91,
    133: 0,
    134: 0,
    135: 0,
    146: 114,
    147: 115,
    148: 114,
    150: 116,
    152: 0,
    158: 123,
    159: 124,
    1: 5,
    12: 5,
    17: 5,
    5: 94,
    26: 19,
}
_BINARY: Final = {
    0: 11,
    18: 21,
    41: 28,
    42: 29,
    54: 0,
    55: 39,
    57: 39,
    58: 41,
    61: 44,
    62: 45,
    63: 46,
    71: 53,
    72: 54,
    78: 56,
    84: 60,
    86: 62,
    90: 65,
    95: 72,
    99: 76,
    156: 122,
    160: 125,
    161: 126,
    7: 0,
    23: 15,
    97: 74,
    34: 22,
    39: 26,
    40: 27,
    74: 27,
    81: 27,
    82: 27,
    89: 27,
    91: 27,
    140: 27,
    36: 23,
    107: 83,
    56: 40,
    79: 57,
    69: 51,
    70: 52,
    94: 68,
    100: 77,
    105: 81,
    112: 87,
    115: 90,
    125: 100,
    126: 101,
    128: 102,
    130: 104,
    131: 105,
    145: 0,
    149: 114,
}
_TERNARY: Final = {
    37: 24,
    38: 25,
    60: 43,
    64: 47,
    65: 48,
    96: 73,
    122: 97,
    123: 98,
    151: 117,
    153: 118,
    154: 119,
    155: 121,
    157: 120,
}

OPERATORS: Final = {
    **{code: Operands(1, 1, ONE, options) for code, options in _UNARY.items()},
    **{code: Operands(2, 2, ONE, options) for code, options in _BINARY.items()},
    **{code: Operands(3, 3, ONE, options) for code, options in _TERNARY.items()},
    **{code: Operands(4, 4, ONE, options) for code, options in {45: 32, 68: 50, 85: 61}.items()},
    **{code: Operands(1, MANY, ONE, options) for code, options in {2: 10, 83: 59, 106: 82}.items()},
    3: Operands(2, 3, ONE, 1),  # CONV_2D
    4: Operands(3, 3, ONE, 2),  # DEPTHWISE_CONV_2D: the converter always gives a bias, and int8 kernels read it unasked
    9: Operands(2, 3, ONE, 8),  # FULLY_CONNECTED
    22: Operands(1, 2, ONE, 17),  # RESHAPE
    48: Operands(2, 2, (2, 2), 34),  # TOPK_V2
    49: Operands(2, 2, (1, MANY), 35),  # SPLIT
    67: Operands(3, 4, ONE, 49),  # TRANSPOSE_CONV
    88: Operands(1, 1, (1, MANY), 64),  # UNPACK
    102: Operands(3, 3, (1, MANY), 79),  # SPLIT_V
    103: Operands(1, 1, (2, 2), 80),  # UNIQUE
    120: Operands(5, 5, (2, 2), 95),  # NON_MAX_SUPPRESSION_V4
    121: Operands(6, 6, (3, 3), 96),  # NON_MAX_SUPPRESSION_V5
    132: Operands(2, 3, ONE, 106),  # CONV_3D
    141: Operands(3, 4, ONE, 106),  # CONV_3D_TRANSPOSE
}
