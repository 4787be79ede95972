"""Stores a program's weights as a recipe says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import UsageError

from edgecv_converters.coreml.recipes import WeightRecipe

Array = npt.NDArray[Any]
SMALLEST = 512  # elements: a smaller tensor saves less than it costs in accuracy


def store_weights(program: Any, recipe: WeightRecipe) -> None:
    """Replace the program's larger weights by what they are computed from when the program is loaded.

    Tensors of fewer than 512 elements stay as they are, and so do biases. A tensor whose channels a group or block does
    not divide gets one palette for all of it, or one scale for each output channel.

    Args:
        program: The coremltools program, built for the recipe's minimum target at least; it is changed.
        recipe: How.

    Raises:
        UsageError: The recipe keeps the zeros that there are, and there are none.
    """
    if recipe.kind == "linear":
        _apply(program, "linear_quantize_weights", _by_name(program, lambda op: _linear(op, recipe)))
        return
    if recipe.kind == "sparse":
        _make_sparse(program, recipe)
    palettes = _by_name(program, lambda op: _palette(op, recipe))
    _apply(program, "palettize_weights", palettes, joint_compression=recipe.kind == "sparse")


def _apply(program: Any, name: str, config: Any, **options: bool) -> None:
    from coremltools.converters.mil.mil.passes.graph_pass import PassOption
    from coremltools.converters.mil.mil.passes.pass_registry import PASS_REGISTRY

    chosen = PASS_REGISTRY[f"compression::{name}"]
    given = {"config": config, **options}
    chosen.set_options([PassOption(option_name=key, option_val=value) for key, value in given.items()])
    chosen(program)


def _by_name(program: Any, choose: Any) -> Any:
    """Options with an own entry for every constant."""
    from coremltools.optimize.coreml import OptimizationConfig

    config = OptimizationConfig()
    for operation in _constants(program):
        config.set_op_name(operation.name, choose(operation))
    return config


def _constants(program: Any) -> Iterator[Any]:
    for operation in program.functions["main"].operations:
        if operation.op_type == "const" and isinstance(operation.outputs[0].val, np.ndarray):
            yield operation


def _channels(operation: Any) -> tuple[int | None, int | None]:
    """The lengths of a weight's input and output axes, as the operation that reads it sees them."""
    from coremltools.optimize._utils import select_input_output_channel_axis

    shape = operation.outputs[0].shape
    into, out = (
        shape[axis] if axis is not None and axis < len(shape) else None
        for axis in select_input_output_channel_axis(operation)
    )
    return into, out


def _linear(operation: Any, recipe: WeightRecipe) -> Any:
    from coremltools.optimize.coreml import OpLinearQuantizerConfig

    into, _ = _channels(operation)
    blocks = recipe.block is not None and into is not None and into % recipe.block == 0
    granularity = {"granularity": "per_block", "block_size": recipe.block} if blocks else {"granularity": "per_channel"}
    return OpLinearQuantizerConfig(
        mode="linear_symmetric", dtype=f"int{recipe.bits}", weight_threshold=SMALLEST, **granularity
    )


def _palette(operation: Any, recipe: WeightRecipe) -> Any:
    from coremltools.optimize.coreml import OpPalettizerConfig

    _, out = _channels(operation)
    groups = recipe.group is not None and out is not None and out % recipe.group == 0
    granularity = {"granularity": "per_grouped_channel", "group_size": recipe.group} if groups else {}
    return OpPalettizerConfig(
        mode="custom",
        lut_function=lambda values: palette(values, recipe.bits, zeros=recipe.kind != "sparse"),
        weight_threshold=SMALLEST,
        **granularity,
    )


def palette(values: Array, bits: int, *, zeros: bool = True) -> tuple[Array, npt.NDArray[np.uint8]]:
    """The 2^bits values that are nearest to all others in the sum of squares, and which of them each one becomes.

    It is the optimum, and so the same at every call: k-means in one dimension is a dynamic programme over the sorted
    values (Wu 1991; Gronlund et al. 2017, arXiv 1701.07204).

    Args:
        values: Of any shape.
        bits: Of an index.
        zeros: Whether zeros count; without them their index means nothing.

    Returns:
        (2^bits,) values in the dtype of `values`, unused ones zero; (values.size,) indices.
    """
    from coremltools._deps import _kmeans1d

    flat = values.reshape(-1)
    different, where, counts = np.unique(flat, return_inverse=True, return_counts=True)
    counted = counts if zeros else np.where(different == 0, 0, counts)
    kept = np.flatnonzero(counted)
    found = _kmeans1d.cluster(
        different[kept].astype(np.float64), min(1 << bits, len(kept)), weights=counted[kept].astype(np.float64)
    )
    table = np.zeros(1 << bits, values.dtype)
    table[: len(found.centroids)] = found.centroids
    index = np.zeros(len(different), np.uint8)
    index[kept] = found.clusters
    return table, index[where]


def _make_sparse(program: Any, recipe: WeightRecipe) -> None:
    from coremltools.optimize.coreml import OpMagnitudePrunerConfig, OpThresholdPrunerConfig, OptimizationConfig

    if recipe.sparsity is not None:
        config = OpMagnitudePrunerConfig(target_sparsity=recipe.sparsity / 100, weight_threshold=SMALLEST)
    else:
        least = 1 / recipe.bits  # fewer zeros save less than the bit for each weight that says where they are
        config = OpThresholdPrunerConfig(threshold=0.0, minimum_sparsity_percentile=least, weight_threshold=SMALLEST)
    _apply(program, "prune_weights", OptimizationConfig(global_config=config))
    if not any(op.op_type == "constexpr_sparse_to_dense" for op in program.functions["main"].operations):
        raise UsageError(
            f"{recipe.name} keeps the zeros among the weights, and this model has few or none",
            f"Make them with edgecv prune --method magnitude, or choose sparse50-palette{recipe.bits}",
        )
