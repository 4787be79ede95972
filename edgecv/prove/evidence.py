"""The worth of the samples that a proof is read on: reasons why they cannot prove much."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from edgecv_converters.data import Spool
from edgecv_runtime.heads.base import Head
from edgecv_runtime.schema import Preprocess, TensorSpec

from edgecv.terminal.words import number

FEWEST: Final = 20
SHARE: Final = 1.001  # of 1, with rounding
BATCH: Final = 64
OTHER_RANGE: Final = 8.0  # times wider: samples of two sets are not prepared alike
UNIT: Final = (0.3, 20.0)  # the spread of inputs that were scaled to about one, 0..1 or a standard deviation
BYTES: Final = (100.0, 300.0)  # the spread of inputs in pixels of 0..255, centred or not
OFF_CENTRE: Final = 40.0  # how far the middle of centred pixels may be from 0
HARDLY_VARIES: Final = (
    0.05  # the spread of what a model's own normalization makes of samples that were not meant for it
)
ASTRAY: Final = 20.0  # spreads: so far from 0 is what a model's own normalization does not centre


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofSamples:
    """One set of preprocessed samples, as far as its worth goes: the tensors, and the source's outputs for them."""

    name: str
    inputs: Spool
    outputs: Spool


def sample_weaknesses(samples: ProofSamples, heads: Sequence[Head], *, drawn: bool) -> Iterator[str]:
    """Say why a set cannot prove much: too few samples, all equal, or one answer to all of them.

    Args:
        samples: The set.
        heads: What the outputs mean.
        drawn: Whether the samples are drawn stand-ins, which need not show the model every answer.
    """
    count, name = samples.inputs.count, samples.name
    different = _different(samples.inputs)
    if different == 1 and count > 1:
        zero = not any(batch[key].any() for _, batch in samples.inputs.batches(BATCH) for key in batch)
        yield f"all {count} {name} samples are {'zero' if zero else 'equal'}: they prove one answer at most"
        return
    if count < FEWEST:
        yield f"there are only {count} {name} samples to prove anything on"
    elif different < FEWEST:
        yield f"only {different} of the {count} {name} samples are different: the others prove nothing more"
    if count > 1 and len(samples.inputs.names) > 1:
        for key in _still(samples.inputs):
            yield f"the {name} samples are all equal in {key}: they do not prove what it does"
    for head in () if drawn else heads:
        if head.one_class and (answer := _one_answer(samples.outputs, head)) is not None:
            yield f"the source gives all {count} {name} samples one answer, {answer} ({head.name})"
    for head in heads:
        if not any(head.finds(batch) for _, batch in samples.outputs.batches(BATCH)):
            yield f"the source finds nothing on any of the {count} {name} samples ({head.name})"
        yield from _no_shares(samples.outputs, head)


def _no_shares(outputs: Spool, head: Head) -> Iterator[str]:
    """Say that the scores of a head are logits, to which nothing applies an activation."""
    highest = max((head.highest_score(batch) for _, batch in outputs.batches(BATCH)), default=0.0)
    if highest > SHARE:
        yield (
            f"scores of {head.name} reach {number(highest)} and should be shares of 1: give activation = "
            f'"sigmoid", or what is right, in the file of --head {head.name}:{head.kind}=FILE.toml'
        )


def range_weaknesses(sets: Mapping[str, Spool]) -> Iterator[str]:
    """Say where samples of two sets have values of different ranges, as if they were prepared differently."""
    reach = {name: _reach(spool) for name, spool in sets.items()}
    names = sorted(reach, key=lambda name: name != "calibration")
    for name in names[1:]:
        for key, value in reach[name].items():
            other = reach[names[0]][key]
            if min(value, other) > 0 and max(value, other) > OTHER_RANGE * min(value, other):
                yield (
                    f"the {name} samples of {key} reach {number(value)}, the {names[0]} samples {number(other)}: "
                    "they are not prepared alike"
                )


def byte_weakness(name: str, spec: TensorSpec, dtype: np.dtype[Any]) -> str | None:
    """Say that samples are bytes where the model takes floats, which are seldom whole numbers of 0..255."""
    if dtype != np.uint8 or not np.issubdtype(np.dtype(spec.dtype), np.floating):
        return None
    return (
        f"the {name} samples of {spec.name} are bytes (uint8, 0..255), and the model takes {spec.dtype}: "
        "are they scaled as in training?"
    )


def scaling_weakness(
    name: str, spec: Preprocess, scaling: tuple[Sequence[float], Sequence[float]] | None
) -> str | None:
    """Say that a model which normalizes its own input is given a preprocessing that scales as well.

    Args:
        name: The input.
        spec: Its preprocessing.
        scaling: What the model itself does to a pixel x before its first layer, slope * x + offset, by channel; None
            where it does nothing.
    """
    if scaling is None or spec.kind not in {"image", "clip"}:
        return None
    slope, offset = (np.asarray(values, np.float64) for values in scaling)
    raw, unit = (_spans(slope, offset, np.zeros(1), np.full(1, highest)) for highest in (255.0, 1.0))
    scale, shift = np.asarray(spec.normalize.scale), np.asarray(spec.normalize.offset)
    given = _spans(slope, offset, shift, 255.0 * scale + shift)
    preset = spec.normalize.preset or "this preprocessing"
    if _plausible(given):
        return None
    if _plausible(raw):
        return (
            f"the model already scales the pixels of {name} itself, and {preset} scales them again: the first layer "
            f"sees {_words(given)}, with 0..255 it would see {_words(raw)}. Give --preprocess none if that is what it "
            "was trained on"
        )
    if _plausible(unit):
        return (
            f"the model already scales {name} itself, for pixels of 0..1, and {preset} gives others: the first layer "
            f"sees {_words(given)}, with 0..1 it would see {_words(unit)}. Give --preprocess rescale if that is what "
            "it was trained on"
        )
    return None


def preparation_weakness(name: str, spec: Preprocess, own: Preprocess | None) -> str | None:
    """Say that pictures are scaled otherwise than the preprocessor does that a model carries beside its graph.

    Args:
        name: The input.
        spec: Its preprocessing.
        own: That of the model's own preprocessor; None where it has none.
    """
    if own is None or spec.kind != "image":
        return None
    said, given = ((one.normalize.scale, one.normalize.offset) for one in (own, spec))
    if all(np.allclose(one, other, rtol=1e-4, atol=1e-6) for one, other in zip(said, given, strict=True)):
        return None
    return (
        f"the model's own preprocessor gives {name} pixels x {_each(said[0])} + {_each(said[1])}, and this "
        f"preprocessing pixels x {_each(given[0])} + {_each(given[1])}. Leave --preprocess out if it was trained with "
        "its own"
    )


def _each(values: Sequence[float]) -> str:
    return " / ".join(number(value) for value in values)


def tensor_weakness(
    samples: ProofSamples, name: str, spec: Preprocess, scaling: tuple[Sequence[float], Sequence[float]] | None
) -> str | None:
    """Say that tensors do not fit what a model does to them before its first layer, as if they were scaled before.

    Args:
        samples: The set.
        name: The input.
        spec: Its preprocessing.
        scaling: What the model itself does to a value x before its first layer, slope * x + offset, by channel; None
            where it does nothing.
    """
    if scaling is None or spec.kind != "tensor":
        return None
    slope, offset = (np.asarray(values, np.float64) for values in scaling)
    low, high = np.inf, -np.inf
    for _, batch in samples.inputs.batches(BATCH):
        values = batch[name].reshape(-1, batch[name].shape[-1])
        if values.shape[-1] not in {1, slope.size}:
            return None
        low, high = np.minimum(low, values.min(axis=0)), np.maximum(high, values.max(axis=0))
    given = _spans(slope, offset, np.asarray(low), np.asarray(high))
    spread, middle = given[1] - given[0], np.abs(given[0] + given[1]) / 2
    if float(spread.max()) >= HARDLY_VARIES and not np.all(middle > ASTRAY * spread):
        return None
    return (
        f"the model already scales {name} itself, and the {samples.name} samples do not fit that: they are "
        f"{_words((np.asarray(low), np.asarray(high)))}, of which the first layer sees {_words(given)}. "
        f"Are they scaled already?"
    )


def _words(spans: tuple[Any, Any]) -> str:
    """The lowest value of all channels to the highest."""
    return f"{number(float(spans[0].min()))} to {number(float(spans[1].max()))}"


def _spans(slope: Any, offset: Any, low: Any, high: Any) -> tuple[Any, Any]:
    """The lowest and highest value that each channel gets before the first layer."""
    ends = [slope * value + offset for value in (low, high)]
    return np.minimum(*ends), np.maximum(*ends)


def _plausible(spans: tuple[Any, Any]) -> bool:
    """Tell whether values between these ends look like inputs that a network was trained on."""
    low, high = spans
    spread, middle = float(np.max(high - low)), float(np.max(np.abs(high + low))) / 2
    if UNIT[0] <= spread <= UNIT[1]:
        return middle <= spread
    return BYTES[0] <= spread <= BYTES[1] and (middle <= OFF_CENTRE or float(low.min()) >= 0)


def _different(spool: Spool) -> int:
    """Count the samples that differ from all before them, up to as many as prove something."""
    seen: set[bytes] = set()
    for _, batch in spool.batches(1):
        seen.add(hashlib.sha256(b"".join(np.ascontiguousarray(values).tobytes() for values in batch.values())).digest())
        if len(seen) >= FEWEST:
            break
    return len(seen)


def _still(spool: Spool) -> Iterator[str]:
    """The inputs that have the same values in all samples."""
    moved: set[str] = set()
    first = next(iter(spool.batches(1)))[1]
    for _, batch in spool.batches(BATCH):
        moved |= {
            key
            for key, values in batch.items()
            if not np.array_equal(values, np.broadcast_to(first[key], values.shape))
        }
    yield from (key for key in spool.names if key not in moved)


def _reach(spool: Spool) -> dict[str, float]:
    reach = dict.fromkeys(spool.names, 0.0)
    for _, batch in spool.batches(BATCH):
        for key, values in batch.items():
            reach[key] = max(reach[key], float(values.max(initial=0)), -float(values.min(initial=0)))
    return reach


def _one_answer(outputs: Spool, head: Head) -> str | None:
    seen: set[int] = set()
    for _, batch in outputs.batches(BATCH):
        decided = head.trusted_decisions(batch)
        seen |= set() if decided is None else set(decided.ravel().tolist())
    return head.label(seen.pop()) if len(seen) == 1 else None
