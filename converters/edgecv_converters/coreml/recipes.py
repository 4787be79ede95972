"""How the weights of a Core ML program are stored: recipes by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Final, Literal

from edgecv_runtime.errors import UsageError
from edgecv_runtime.schema import Record

Minimum = Literal["iOS16", "iOS17", "iOS18"]
MINIMUMS: Final[tuple[Minimum, ...]] = ("iOS16", "iOS17", "iOS18")
BITS: Final = (8, 6, 4, 3, 2)
GROUPED_BITS: Final = (6, 4, 3, 2)  # 256 values for a few channels are as large as what they replace
GROUPS: Final = (4, 8, 16, 32)
BLOCKS: Final = (16, 32, 64)
USUAL_BLOCK: Final = 32
SHARES: Final = tuple(range(10, 100, 10))
WORDS: Final = (
    "weights8, weights4[-block16|-block64], palette8, palette6|4|3|2[-group4|8|16|32], "
    "sparse[10|...|90]-palette8|6|4|3|2"
)


class WeightRecipe(Record, frozen=True, kw_only=True):
    """One way to store the weights; the program computes in float16.

    Attributes:
        name: As in `--quantize coreml:NAME` and `Artifact.precision`.
        kind: "linear" (integers and scales), "palette" (indices and a table of values), or "sparse" (a bit for each
            weight, and a palette for those that are not zero).
        bits: Of an integer or an index.
        group: Output channels that share a palette; None where the whole tensor does.
        block: Input channels that share a scale; None where all of an output channel do.
        sparsity: The percentage of each tensor that is made zero, the smallest first; None: only what is zero already.
        minimum_target: The first system that reads it.
        reason: Why it is no earlier one; None for the earliest of all.
    """

    name: str
    kind: Literal["linear", "palette", "sparse"]
    bits: int
    group: int | None = None
    block: int | None = None
    sparsity: int | None = None
    minimum_target: Minimum = "iOS16"
    reason: str | None = None


def _linear() -> Iterator[WeightRecipe]:
    yield WeightRecipe(name="weights8", kind="linear", bits=8)
    reason = "Core ML reads 4-bit weights in blocks from iOS 18 on"
    for block in sorted(BLOCKS, key=lambda block: block != USUAL_BLOCK):
        name = "weights4" if block == USUAL_BLOCK else f"weights4-block{block}"
        yield WeightRecipe(name=name, kind="linear", bits=4, block=block, minimum_target="iOS18", reason=reason)


def _palettes() -> Iterator[WeightRecipe]:
    for bits in BITS:
        name = f"palette{bits}"
        if bits == 3:  # iOS 16's constexpr_lut_to_dense takes tables of 2, 4, 16, 64 and 256 values
            late = "Core ML reads palettes of 3 bits from iOS 18 on"
            yield WeightRecipe(name=name, kind="palette", bits=bits, minimum_target="iOS18", reason=late)
        else:
            yield WeightRecipe(name=name, kind="palette", bits=bits)
    reason = "Core ML reads several palettes for one tensor from iOS 18 on"
    for bits in GROUPED_BITS:
        for group in GROUPS:
            name = f"palette{bits}-group{group}"
            yield WeightRecipe(name=name, kind="palette", bits=bits, group=group, minimum_target="iOS18", reason=reason)


def _sparse() -> Iterator[WeightRecipe]:
    reason = "Core ML reads weights that are sparse and have a palette from iOS 18 on"
    for share in (None, *SHARES):
        for bits in BITS:
            name = f"sparse{share or ''}-palette{bits}"
            yield WeightRecipe(
                name=name, kind="sparse", bits=bits, sparsity=share, minimum_target="iOS18", reason=reason
            )


RECIPES: Final[Mapping[str, WeightRecipe]] = {recipe.name: recipe for recipe in (*_linear(), *_palettes(), *_sparse())}


def weight_recipe(name: str) -> WeightRecipe:
    """The recipe of a name.

    Raises:
        UsageError: There is none; the hint has the nearest, or lists what is known.
    """
    found = RECIPES.get(name)
    if found is not None:
        return found
    near = get_close_matches(name, RECIPES, n=1)
    raise UsageError(f"unknown weight recipe {name!r}", f"Did you mean {near[0]}?" if near else f"There are {WORDS}")
