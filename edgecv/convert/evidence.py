"""The worth of a conversion's samples: what is said of them before the table, and makes a proof weak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from edgecv_converters.data import Spool
from edgecv_runtime import npz

from edgecv.convert import datasets
from edgecv.convert.data import DataPhase
from edgecv.convert.source import SourcePhase
from edgecv.prove.evidence import (
    ProofSamples,
    byte_weakness,
    preparation_weakness,
    range_weaknesses,
    sample_weaknesses,
    scaling_weakness,
    tensor_weakness,
)


def weaknesses_of(source: SourcePhase, data: DataPhase, references: Mapping[str, Spool]) -> tuple[str, ...]:
    """Say why the samples of a conversion cannot prove much; nothing where they can.

    Args:
        source: The model, and the preprocessing of its inputs.
        data: The samples.
        references: The source's outputs for each set of them.
    """
    return tuple(dict.fromkeys(_weaknesses(source, data, references)))


def _weaknesses(source: SourcePhase, data: DataPhase, references: Mapping[str, Spool]) -> Iterator[str]:
    for name, spec in source.specs.items():
        found = scaling_weakness(name, spec, source.summary.scalings.get(name))
        if found is not None:
            yield found
        found = preparation_weakness(name, spec, source.summary.beside.preprocess)
        if found is not None:
            yield found
    judged = deciding_name(data)
    for name in dict.fromkeys((judged, datasets.CALIBRATION)):
        if name in data.spools:
            samples = ProofSamples(name=name, inputs=data.spools[name][0], outputs=references[name])
            yield from sample_weaknesses(samples, data.heads, drawn=name in datasets.STANDINS)
            yield from _bytes(name, source, data)
            yield from _tensors(samples, source)
    given = (datasets.CALIBRATION, datasets.EVALUATION)
    yield from range_weaknesses({name: data.spools[name][0] for name in given if name in data.spools})


def deciding_name(data: DataPhase) -> str:
    """The set that gates are read on: the largest; the golden cases only where they are alone."""
    sizes = {item.name: item.inputs.count for item in data.proof_sets if item.name != datasets.GOLDEN}
    return max(sizes, key=lambda name: sizes[name]) if sizes else datasets.GOLDEN


def _tensors(samples: ProofSamples, source: SourcePhase) -> Iterator[str]:
    if samples.name in datasets.STANDINS:
        return
    for name, spec in source.specs.items():
        found = tensor_weakness(samples, name, spec, source.summary.scalings.get(name))
        if found is not None:
            yield found


def _bytes(name: str, source: SourcePhase, data: DataPhase) -> Iterator[str]:
    samples = data.sets[name]
    if samples.kind != "npz":
        return
    held, heads = npz.headers(samples.path), [head.name for head in data.heads]
    arrays = npz.match_arrays(samples.path, held, source.specs, source.summary.inputs, heads)
    for spec in source.summary.inputs:
        if source.specs[spec.name].kind == "tensor":
            found = byte_weakness(name, spec, held[arrays[spec.name]].dtype)
            if found is not None:
                yield found
