"""The names of precisions: the plain ones, and those of the ways in which Core ML stores weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

PLAIN: Final = ("float32", "float16", "dynamic", "int8", "int16x8", "mixed")

BITS: Final = (8, 6, 4, 3, 2)
GROUPED_BITS: Final = (6, 4, 3, 2)  # 256 values for a few channels are as large as what they replace
GROUPS: Final = (4, 8, 16, 32)
BLOCKS: Final = (32, 16, 64)  # the usual one first: a name does not say it
SHARES: Final = tuple(range(10, 100, 10))
WORDS: Final = (
    "weights8, weights4[-block16|-block64], palette8, palette6|4|3|2[-group4|8|16|32], "
    "sparse[10|...|90]-palette8|6|4|3|2"
)


class WeightForm(NamedTuple):
    """The form in which weights are stored, as a precision's name says it.

    Attributes:
        kind: "linear" (integers and scales), "palette" (indices and a table of values), or "sparse" (a bit for each
            weight, and a palette for those that are not zero).
        bits: Of an integer or an index.
        group: Output channels that share a palette; None where the whole tensor does.
        block: Input channels that share a scale; None where all of an output channel do.
        sparsity: The percentage of each tensor that is made zero, the smallest first; None: only what is zero already.
    """

    kind: Literal["linear", "palette", "sparse"]
    bits: int
    group: int | None = None
    block: int | None = None
    sparsity: int | None = None


def _forms() -> Iterator[tuple[str, WeightForm]]:
    yield "weights8", WeightForm("linear", 8)
    for block in BLOCKS:
        yield "weights4" if block == BLOCKS[0] else f"weights4-block{block}", WeightForm("linear", 4, block=block)
    for bits in BITS:
        yield f"palette{bits}", WeightForm("palette", bits)
    for bits in GROUPED_BITS:
        for group in GROUPS:
            yield f"palette{bits}-group{group}", WeightForm("palette", bits, group=group)
    for share in (None, *SHARES):
        for bits in BITS:
            yield f"sparse{share or ''}-palette{bits}", WeightForm("sparse", bits, sparsity=share)


WEIGHT_FORMS: Final[Mapping[str, WeightForm]] = dict(_forms())
