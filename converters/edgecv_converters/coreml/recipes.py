"""The forms in which a Core ML program stores weights: recipes by name."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, Literal

from edgecv_runtime.errors import UsageError
from edgecv_runtime.precisions import WEIGHT_FORMS, WORDS, WeightForm
from edgecv_runtime.records import Record

Minimum = Literal["iOS16", "iOS17", "iOS18"]
MINIMUMS: Final[tuple[Minimum, ...]] = ("iOS16", "iOS17", "iOS18")


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


def _recipe(name: str, form: WeightForm) -> WeightRecipe:
    reason = None
    if form.kind == "sparse":
        reason = "Core ML reads weights that are sparse and have a palette from iOS 18 on"
    elif form.group is not None:
        reason = "Core ML reads several palettes for one tensor from iOS 18 on"
    elif form.block is not None:
        reason = "Core ML reads 4-bit weights in blocks from iOS 18 on"
    elif form.bits == 3:  # iOS 16's constexpr_lut_to_dense takes tables of 2, 4, 16, 64 and 256 values
        reason = "Core ML reads palettes of 3 bits from iOS 18 on"
    minimum: Minimum = "iOS16" if reason is None else "iOS18"
    return WeightRecipe(name=name, **form._asdict(), minimum_target=minimum, reason=reason)


RECIPES: Final[Mapping[str, WeightRecipe]] = {name: _recipe(name, form) for name, form in WEIGHT_FORMS.items()}


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
