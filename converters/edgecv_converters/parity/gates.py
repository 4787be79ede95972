"""The bars an artifact must clear, one set a precision, each to be overridden or switched off."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from edgecv_runtime.errors import UsageError
from edgecv_runtime.precisions import WORDS
from edgecv_runtime.schema import Accuracy, Comparison, Gate, Precision

from edgecv_converters.coreml.recipes import RECIPES, WeightRecipe

SMALL_SET: Final = 20
SHOWN: Final = 4  # names in a gate's subject
GOLDEN: Final = "golden"
LABELLED: Final = "evaluation"
_FIELDS: Final = {
    "agreement": "agreement",
    "snr": "snr_db",
    "drop": "max_drop",
    "constant": "max_constant",
    "mean_iou": "mean_iou",
    "psnr": "psnr_db",
    "explanation": "explanation",
    "fall": "fall_db",
    "twin_fall": "twin_fall_db",
}
_RANGES: Final = {
    "agreement": (0.0, 1.0),
    "snr_db": (-300.0, 300.0),
    "max_drop": (0.0, 100.0),
    "max_constant": (0.0, 1e6),
    "mean_iou": (0.0, 1.0),
    "psnr_db": (0.0, 100.0),
    "explanation": (-1.0, 1.0),
    "fall_db": (0.0, 300.0),
    "twin_fall_db": (0.0, 300.0),
}
MEASURED: Final = ("mean_iou", "psnr_db")  # what kinds of heads measure besides agreement (`HeadComparison.measured`)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLimits:
    """The bars of one precision; None switches one off.

    Attributes:
        agreement: The least share of samples with the source's own answer, 0..1.
        snr_db: The least signal-to-noise ratio of the outputs, dB.
        max_drop: The most that accuracy may fall, in points of 100.
        max_constant: The most columns of an output that vary in the source and are constant in the artifact, or follow
            the source no better than a constant or by another factor, and the most answers of a head that the artifact
            never gives.
        mean_iou: The least mean intersection over union of the classes of masks, 0..1.
        psnr_db: The least peak signal-to-noise ratio of pictures against the source's, dB.
        explanation: The least mean rank correlation of maps of importance with the source's, -1..1; off by default.
        fall_db: The most that a signal-to-noise ratio may lie below the one from when the artifact was made, dB.
        twin_fall_db: The most that it may lie below that of the artifact whose quantization it carries, dB.
    """

    agreement: float | None
    snr_db: float | None
    max_drop: float | None
    max_constant: float | None = 0
    mean_iou: float | None = None
    psnr_db: float | None = None
    explanation: float | None = None
    fall_db: float | None = 7.0
    twin_fall_db: float | None = 6.0

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise UsageError(f"gate {name} must be in {low:g}..{high:g}, got {value:g}")


_PLAIN: Final[Mapping[Precision, GateLimits]] = {
    "float32": GateLimits(agreement=0.995, snr_db=60, max_drop=0.2, mean_iou=0.98, psnr_db=45),
    "float16": GateLimits(agreement=0.99, snr_db=35, max_drop=0.5, mean_iou=0.97, psnr_db=40),
    "dynamic": GateLimits(agreement=0.93, snr_db=10, max_drop=2.0, mean_iou=0.80, psnr_db=22),
    "int8": GateLimits(agreement=0.90, snr_db=8, max_drop=2.0, mean_iou=0.80, psnr_db=22),
    "int16x8": GateLimits(agreement=0.95, snr_db=20, max_drop=1.0, mean_iou=0.90, psnr_db=30),
    "mixed": GateLimits(agreement=0.90, snr_db=8, max_drop=2.0, mean_iou=0.80, psnr_db=22),
}


def _of_recipe(recipe: WeightRecipe) -> GateLimits:
    """Eight and six bits are held to int8's bar, what stores less of each weight to a lower one.

    Measured on ResNet8 (78,666 parameters, 1,000 images; agreement, SNR, points lost): weights8 98.3 %, 28.5 dB, 0.1;
    palette8 98.9 %, 31.7 dB, 0.1; palette6 93.7 %, 17.3 dB, none; palette4-group8 80.5 %, 7.1 dB, 0.6. Below the lower
    bar the answers are no longer the model's: palette4 67.2 %, 3.7 dB, 9.4; sparse50-palette8, without training after
    the weights were made zero, 43.8 %, 0.6 dB, 32.1.
    """
    if recipe.bits >= 6 and recipe.sparsity is None:
        return _PLAIN["int8"]
    return GateLimits(agreement=0.75, snr_db=5, max_drop=5.0, mean_iou=0.60, psnr_db=20)


DEFAULT_LIMITS: Final[Mapping[Precision, GateLimits]] = {
    **_PLAIN,
    **{name: _of_recipe(recipe) for name, recipe in RECIPES.items()},
}
TRAINED: Final = GateLimits(agreement=0.75, snr_db=None, max_drop=2.0, mean_iou=0.60, psnr_db=20)
# What is asked for as int8 becomes mixed where accuracy wants it: a bar for int8 is one for mixed.
_ALSO: Final[Mapping[Precision, tuple[Precision, ...]]] = {"int8": ("int8", "mixed")}


@dataclass(frozen=True, slots=True)
class GateConfig:
    """The limits of every precision."""

    limits: Mapping[Precision, GateLimits] = field(default_factory=lambda: dict(DEFAULT_LIMITS))

    @classmethod
    def parse(cls, overrides: Iterable[str] = (), *, trained: bool = False) -> GateConfig:
        """The defaults with overrides such as `agreement=0.95`, `int8:snr=30` or `drop=off`.

        What was `trained` while it was quantized is meant to answer otherwise than the source: int8 then has no bar for
        its signal-to-noise ratio, and a lower one for agreement.

        One for a precision beats one for all, whatever the order; among equals the last counts. One for int8 holds for
        mixed as well, where there is none for mixed.

        Raises:
            UsageError: An unknown gate or precision, or a value that is no number in range.
        """
        parsed = [_parse(text) for text in overrides]
        limits = {**DEFAULT_LIMITS, "int8": TRAINED} if trained else dict(DEFAULT_LIMITS)
        for wanted, name, value in sorted(parsed, key=lambda item: (item[0] is not None, item[0] == "mixed")):
            for precision in _ALSO.get(wanted, (wanted,)) if wanted else tuple(limits):
                limits[precision] = _changed(limits[precision], name, value)
        return cls(limits)


def _changed(limits: GateLimits, name: str, value: float | None) -> GateLimits:
    return replace(limits, **{name: value})


def _parse(text: str) -> tuple[Precision | None, str, float | None]:
    left, equals, value = text.partition("=")
    scope, colon, name = left.strip().rpartition(":")
    if not equals or name not in _FIELDS:
        raise UsageError(
            f"unknown gate {text!r}",
            f"Gates are {', '.join(_FIELDS)}: write agreement=0.95, int8:snr=30 or drop=off",
        )
    return (_precision(scope) if colon else None), _FIELDS[name], _number(text, value.strip())


def _precision(name: str) -> Precision:
    if name.strip() in DEFAULT_LIMITS:
        return name.strip()
    raise UsageError(f"unknown precision {name!r} in a gate", f"Precisions are {', '.join(_PLAIN)}, {WORDS}")


def _number(text: str, value: str) -> float | None:
    if value == "off":
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise UsageError(f"gate {text!r} needs a number or off, got {value!r}")
    return number


def evaluate_gates(
    config: GateConfig,
    precision: Precision,
    comparisons: Mapping[str, Comparison],
    accuracy: Accuracy | None,
) -> tuple[Gate, ...]:
    """Hold what was measured of one artifact against its limits.

    All are read on the largest set; the golden cases count only where there is no other. Every head that decides
    something or is of whole numbers has an agreement of its own; every other output, and every group of its columns, a
    signal-to-noise ratio of its own. A set under 20 samples may have one flip, whatever the limit. The drop is there
    with labelled data only. What is not finite, or was not measured at all, fails.
    """
    limits = config.limits[precision]
    on, measured = deciding_set(comparisons)
    if measured is None:
        return (*_unmeasured(limits, on), *_drop(limits, accuracy))
    return (
        *_snr(limits, on, measured),
        *_agreement(limits, on, measured),
        *_measured(limits, on, measured),
        *_constant(limits, on, measured),
        *_drop(limits, accuracy),
    )


def _unmeasured(limits: GateLimits, on: str) -> Iterator[Gate]:
    for name, limit in (("snr_db", limits.snr_db), ("agreement", limits.agreement)):
        if limit is not None:
            yield Gate(name=name, on=on, limit=limit, value=None, passed=False)


def deciding_set(comparisons: Mapping[str, Comparison]) -> tuple[str, Comparison | None]:
    """The data set that gates are read on: the largest; the golden cases only where they are alone."""
    wide = {name: item for name, item in comparisons.items() if name != GOLDEN} or dict(comparisons)
    if not wide:
        return GOLDEN, None
    name = max(wide, key=lambda key: wide[key].count)
    return name, wide[name]


def _snr(limits: GateLimits, on: str, measured: Comparison) -> Iterator[Gate]:
    if limits.snr_db is None or (measured.heads and not measured.parts):  # nothing but whole numbers
        return
    parts: Iterable[tuple[str | None, float | None]] = [(None, measured.snr_db)]
    if len(measured.parts) > 1:
        parts = ((part.part, part.snr_db) for part in measured.parts)
    for part, value in parts:
        enough = value is None or value >= limits.snr_db
        passed = enough and not _broken(measured) and (value is not None or part is not None or _equal(measured))
        yield Gate(name="snr_db", on=on, limit=limits.snr_db, value=_finite(value), passed=passed, subject=part)


def _equal(measured: Comparison) -> bool:
    return measured.max_abs_error == 0


def _agreement(limits: GateLimits, on: str, measured: Comparison) -> Iterator[Gate]:
    if limits.agreement is None or measured.agreement is None:
        return
    heads: Iterable[tuple[str | None, float]] = [(None, measured.agreement)]
    if measured.heads:
        several = len(measured.heads) > 1
        heads = ((head.head if several else None, head.agreement) for head in measured.heads)
    small = measured.count < SMALL_SET
    limit = min(limits.agreement, 1 - 1 / measured.count) if small else limits.agreement
    for head, value in heads:
        passed = value >= limit - 1e-12 and not _broken(measured)
        yield Gate(name="agreement", on=on, limit=limit, value=_finite(value), passed=passed, subject=head)


def _measured(limits: GateLimits, on: str, measured: Comparison) -> Iterator[Gate]:
    """A gate for each thing that a head measures besides its agreement."""
    several = len(measured.heads) > 1
    for head in measured.heads:
        for name in MEASURED:
            limit, value = getattr(limits, name), head.measured.get(name)
            if limit is not None and value is not None:
                passed = value >= limit and not _broken(measured)
                subject = head.head if several else None
                yield Gate(name=name, on=on, limit=limit, value=_finite(value), passed=passed, subject=subject)


def _constant(limits: GateLimits, on: str, measured: Comparison) -> Iterator[Gate]:
    """A gate where something varies in the source alone: a total over all columns does not show it."""
    if limits.max_constant is None:
        return
    still = [column for part in measured.parts for column in part.constant]
    lost = [column for part in measured.parts for column in part.lost]
    never = [f"{answer} of {head.head}" for head in measured.heads for answer in head.never]
    for name, found in (("constant", still), ("lost", lost), ("never", never)):
        if found:
            subject = ", ".join(found[:SHOWN]) + (f" and {len(found) - SHOWN} more" if len(found) > SHOWN else "")
            passed = len(found) <= limits.max_constant
            yield Gate(name=name, on=on, limit=limits.max_constant, value=len(found), passed=passed, subject=subject)


def _drop(limits: GateLimits, accuracy: Accuracy | None) -> Iterator[Gate]:
    if limits.max_drop is None or accuracy is None:
        return
    value = 100 * (accuracy.lost - accuracy.gained) / accuracy.count
    yield Gate(name="max_drop", on=LABELLED, limit=limits.max_drop, value=value, passed=value <= limits.max_drop)


def _broken(measured: Comparison) -> bool:
    return measured.non_finite > 0 or not math.isfinite(measured.max_abs_error)


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < 1e300 else None
