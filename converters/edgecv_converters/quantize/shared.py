"""The tensors of an int8 file that must share a scale, and those whose scale nobody may change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgecv_converters.quantize.network import Network
from edgecv_converters.tflite.reader import Op

# TFLite's quantization specification: "restriction: inputs and outputs must all have same scale/zero_point", and the
# operations that only move values.
SAME_SCALE = frozenset(
    {"AVERAGE_POOL_2D", "BATCH_TO_SPACE_ND", "CONCATENATION", "DEPTH_TO_SPACE", "EXPAND_DIMS", "GATHER", "GATHER_ND"}
    | {"MAXIMUM", "MAX_POOL_2D", "MINIMUM", "MIRROR_PAD", "PACK", "PAD", "PADV2", "REDUCE_MAX", "REDUCE_MIN"}
    | {"RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "REVERSE_V2", "SELECT", "SELECT_V2", "SLICE"}
    | {"SPACE_TO_BATCH_ND"}
    | {"SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE", "UNPACK"}
)
# Those whose result's scale is a part of the kernel (1/256, 1/128 or 16/256 a step).
FIXED_RESULT = frozenset({"L2_NORMALIZATION", "LOGISTIC", "LOG_SOFTMAX", "SOFTMAX", "TANH"})


@dataclass(frozen=True, slots=True)
class Group:
    """Activations with one grid; `free` where it may be another than the file's, `split` where the file has several.

    TensorFlow's converter breaks the rule for REVERSE_V2, whose kernel copies integers of another scale.
    """

    tensors: tuple[int, ...]
    free: bool
    split: bool = False


def groups(network: Network) -> tuple[Group, ...]:
    """Every int8 activation, in the groups that must share a grid, in the order of computation."""
    union = _Union(network.grids)
    for op in network.ops:
        if op.kind in SAME_SCALE:
            union.join(number for number in (*op.inputs, *op.outputs) if number in network.grids)
    for readers in _shared_biases(network):
        union.join(readers)
    fixed = {union.root(number) for number in _fixed(network) if number in network.grids}
    found: dict[int, list[int]] = {}
    for number in sorted(network.grids):
        found.setdefault(union.root(number), []).append(number)
    return tuple(_group(network, tensors, fixed=root in fixed) for root, tensors in found.items())


def _group(network: Network, tensors: Sequence[int], *, fixed: bool) -> Group:
    equal = _equal(network, tensors)
    return Group(tuple(tensors), free=not fixed and equal, split=not fixed and not equal)


def _equal(network: Network, tensors: Iterable[int]) -> bool:
    """Tell whether the file keeps the rule; where it does not, its scales are left alone."""
    return len({network.grids[number] for number in tensors}) == 1


def _shared_biases(network: Network) -> Iterable[list[int]]:
    """Inputs of the products that read one bias: its step is input scale * weight scale, the same for all."""
    readers: dict[int, list[int]] = {}
    for product in network.products:
        if product.bias is not None:
            readers.setdefault(product.bias, []).append(product.source)
    return [sources for sources in readers.values() if len(sources) > 1]


def _fixed(network: Network) -> Iterable[int]:
    """The model's inputs, results of a fixed scale, and what shares its scale with a constant."""
    yield from network.inputs
    products = {product.op for product in network.products}
    for number, op in enumerate(network.ops):
        if op.kind in FIXED_RESULT or (op.kind == "QUANTIZE" and op.inputs[0] in network.inputs):
            yield from op.outputs
        if op.kind in SAME_SCALE and any(_is_float_constant(network, operand) for operand in op.inputs):
            yield from (*op.inputs, *op.outputs)
        if number not in products and _weight_is_computed(op):
            yield from op.inputs


def has_fixed_operand(network: Network, group: Group) -> bool:
    """Tell whether a group shares its scale with a constant, or is at a product whose weight is computed."""
    inside, products = set(group.tensors), {product.op for product in network.products}
    return any(
        (op.kind in SAME_SCALE and any(_is_float_constant(network, operand) for operand in op.inputs))
        or (number not in products and _weight_is_computed(op))
        for number, op in enumerate(network.ops)
        if inside & {*op.inputs, *op.outputs}
    )


def _is_float_constant(network: Network, number: int) -> bool:
    return number in network.constants and network.constants[number].dtype.kind == "f"


def _weight_is_computed(op: Op) -> bool:
    return op.kind in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"}


class _Union:
    """Disjoint sets; the smallest number of a set stands for it."""

    def __init__(self, numbers: Iterable[int]) -> None:
        self._parent = {number: number for number in numbers}

    def root(self, number: int) -> int:
        while self._parent[number] != number:
            number = self._parent[number]
        return number

    def join(self, numbers: Iterable[int]) -> None:
        roots = sorted({self.root(number) for number in numbers})
        self._parent.update(dict.fromkeys(roots, roots[0]) if roots else {})
