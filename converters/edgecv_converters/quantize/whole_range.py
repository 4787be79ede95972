"""Gives a file that the converter calibrated with a few samples the ranges of all of them.

The converter runs every sample through slow kernels, only to record the smallest and the largest value of each
activation. The float file's own pass knows them.
"""

from __future__ import annotations

from collections.abc import Iterator

from edgecv_converters.quantize.floats import FloatValues
from edgecv_converters.quantize.network import MismatchError, Network, read_network
from edgecv_converters.quantize.ranges import grid_of
from edgecv_converters.quantize.scheme import BiasRoomError, read_scheme, write_scheme
from edgecv_converters.quantize.shared import FIXED_RESULT, Group, groups, has_fixed_operand
from edgecv_converters.tflite.reader import Grid

FEW = 4  # samples that the converter needs to see
EMPTY = 1e-8  # the converter's scale of what always is 0: 1e-6 in 128 steps


def with_whole_ranges(network: Network, data: bytes, known: FloatValues) -> bytes:
    """The file with every activation's range from its smallest to its largest value.

    Args:
        network: That of the file.
        data: An int8 file that the converter calibrated with a few of the samples.
        known: Ends of the activations for all samples.

    Raises:
        MismatchError: A scale comes from the samples in another way: they must be run by the converter.
        BiasRoomError: A bias has no room at the new scales.
    """
    grids: dict[int, Grid] = {}
    for group in _by_samples(network):
        ends = known.seen.ends(network.twins[number] for number in group.tensors)
        grids |= dict.fromkeys(group.tensors, grid_of(*ends))
    exact = {p.bias: network.constants[p.bias].astype("float64") for p in network.products if p.bias is not None}
    return write_scheme(network, data, read_scheme(network, data).with_grids(grids).with_biases(exact))


def without_empty_ranges(data: bytes, float32: bytes) -> bytes:
    """The converter's int8 file with a usual scale for what is 0 in every sample, such as a unit that never fires.

    Its own is so small that XNNPACK refuses to bring other values to it, and that it is 0 in float16. The file stays as
    it is where its scales cannot be told.
    """
    try:
        network = read_network(data, float32, plain=False)
        empty = {number for number, grid in network.grids.items() if grid.scale <= EMPTY}
        grids = dict.fromkeys(empty - network.constants.keys(), grid_of(0.0, 0.0))
        return write_scheme(network, data, read_scheme(network, data).with_grids(grids)) if grids else data
    except (BiasRoomError, MismatchError):
        return data


def _by_samples(network: Network) -> Iterator[Group]:
    """The groups whose grid comes from the samples; those of a kernel's own scale are left out."""
    fixed = {number for op in network.ops if op.kind in FIXED_RESULT for number in op.outputs}
    for group in groups(network):
        layer, is_fixed = network.layer(group.tensors[0]), bool(fixed & set(group.tensors))
        if has_fixed_operand(network, group):
            raise MismatchError(f"the scale of layer {layer} is bound to a constant's")
        if group.split or (is_fixed and len({network.grids[number] for number in group.tensors}) > 1):
            raise MismatchError(f"the scale of layer {layer} should be its neighbours', and is not")
        if not is_fixed:
            yield group
