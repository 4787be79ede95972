"""The heads of a bundle as the C structure `edgecv_head` has them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from edgecv_runtime.errors import SpecError
from edgecv_runtime.heads.base import Head
from edgecv_runtime.schema import Artifact, TensorIO

from edgecv.export.micro.plan import WRITES
from edgecv.export.micro.text import array, number, quoted

KINDS: Final[Mapping[str, str]] = {
    kind: f"EDGECV_{kind.upper()}" for kind in ("classification", "binary", "multilabel", "regression")
}
"""The kinds of heads that the C library reads, with their C names."""
MOST_NUMBERS: Final = 65535  # of an output, as C counts them


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroHead:
    """One head, with the output of the artifact that it reads.

    Attributes:
        head: What its numbers mean.
        io: The output.
        place: That output's place in the artifact's file, where the interpreter finds it.
    """

    head: Head
    io: TensorIO
    place: int

    @property
    def scores(self) -> int:
        """The number of its scores."""
        return self.head.scores({self.io.name: np.zeros(self.io.shape, np.float32)}).size

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of its scores; none where the head has none."""
        return (self.head.spec.labels or ())[: self.scores]


def micro_heads(heads: Sequence[Head], artifact: Artifact, places: Mapping[str, int]) -> tuple[MicroHead, ...]:
    """Return the heads for C.

    Args:
        heads: The bundle's heads.
        artifact: The artifact whose outputs they read.
        places: The place of each of the artifact's tensors in its file.

    Raises:
        SpecError: One is of a kind that the C library does not read, or its output is none of bytes.
    """
    outputs = {io.name: io for io in artifact.outputs}
    made = []
    for head in (one.given(artifact.outputs) for one in heads):
        if head.kind not in KINDS:
            raise SpecError(
                f"the head {head.name!r} is of the kind {head.kind}, and the C library reads {', '.join(KINDS)}",
                "Decode such outputs yourself, from the artifact alone, or run the bundle on a larger device",
            )
        io = outputs[head.spec.outputs[0]]
        if io.dtype not in WRITES or io.quantization is None:
            raise SpecError(f"the output {io.name!r} is {io.dtype}, and the C library reads {' and '.join(WRITES)}")
        if math.prod(io.shape) > MOST_NUMBERS:
            raise SpecError(f"the output {io.name!r} has more than {MOST_NUMBERS:,} numbers")
        made.append(MicroHead(head=head, io=io, place=places[io.tensor]))
    return tuple(made)


def heads_source(heads: Sequence[MicroHead], name: str) -> str:
    """Return the definition of the array of `edgecv_head` of that name, with what it points to."""
    parts = [line for place, head in enumerate(heads) for line in _tables(head, f"{name}_{place}")]
    entries = [f"    {{\n{_entry(head, f'{name}_{place}')}    }},\n" for place, head in enumerate(heads)]
    return f"{''.join(parts)}\nconst edgecv_head {name}[{len(heads)}] = {{\n{''.join(entries)}}};\n"


def _tables(head: MicroHead, name: str) -> Iterator[str]:
    if head.labels:
        yield array("char *const", f"{name}_labels", [quoted(label) for label in head.labels])
    if thresholds := head.head.spec.thresholds:
        yield array("float", f"{name}_thresholds", [float(value) for value in thresholds])


def _entry(head: MicroHead, name: str) -> str:
    """Return what every field of one structure is set to."""
    spec, io = head.head.spec, head.io
    assert io.quantization is not None, "micro_heads has looked"
    fields = {
        "name": quoted(spec.name),
        "title": quoted(head.head.title),
        "unit": quoted(spec.unit or ""),
        "kind": KINDS[head.head.kind],
        "output": str(head.place),
        "is_unsigned": "1" if io.dtype == "uint8" else "0",
        "count": str(head.head.width),
        "scale": number(float(io.quantization.scale)),
        "zero_point": str(io.quantization.zero_point),
        "activate": "NULL" if spec.activation == "none" else f"edgecv_{spec.activation}",
        "thresholds": f"{name}_thresholds" if spec.thresholds else "NULL",
        "threshold_count": str(len(spec.thresholds)),
        "label_count": str(len(head.labels)),
        "labels": f"{name}_labels" if head.labels else "NULL",
    }
    return "".join(f"        .{key} = {value},\n" for key, value in fields.items())
