"""Thresholds as a person writes them: `0.4`, `LABEL=0.4`, `HEAD:0.4` or `HEAD:LABEL=0.4`."""

from __future__ import annotations

from collections.abc import Sequence

from edgecv_runtime.errors import UsageError
from edgecv_runtime.heads.base import HALF, Head


def threshold_value(text: str) -> float:
    """Return the number at the end of an option.

    Raises:
        UsageError: It is no number in 0..1.
    """
    _, equals, ending = text.rpartition("=")
    number = ending if equals else text.rpartition(":")[2]
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise UsageError(f"--threshold {text!r} is not in 0..1", "Write --threshold 0.4, or --threshold LABEL=0.4")
    return value


def read_thresholds(options: Sequence[str], heads: Sequence[Head]) -> dict[str, tuple[float, ...]]:
    """Return the thresholds by head, of those heads that an option names: one value, or one a label.

    A label for which nothing is said has 0.5.

    Raises:
        UsageError: A value is no number in 0..1; a head or a label is unknown; or nobody says which of several heads
            is meant.
    """
    common: dict[str, float] = {}
    own: dict[str, dict[str, float]] = {}
    for option in options:
        value = threshold_value(option)
        head, label = _addressed(option, heads)
        if label is None:
            common[head.name] = value
        else:
            own.setdefault(head.name, {})[label] = value
    by_name = {head.name: head for head in heads}
    return {
        name: tuple(own[name].get(label, common.get(name, HALF)) for label in by_name[name].threshold_labels)
        if name in own
        else (common[name],)
        for name in {**common, **own}
    }


def _addressed(option: str, heads: Sequence[Head]) -> tuple[Head, str | None]:
    """Return the head that an option is for, and the label, or None for all labels."""
    taking = [head for head in heads if head.takes_thresholds]
    if not taking:
        kinds = ", ".join(dict.fromkeys(head.kind for head in heads))
        raise UsageError(
            f"--threshold is for yes-or-no answers, and this model does {kinds}",
            "Leave it out; edgecv convert --task multilabel makes a model's answers such",
        )
    scope, equals, _ = option.rpartition("=")
    named = scope if equals else option
    head = next((head for head in taking if named.startswith(f"{head.name}:")), None)
    if head is not None:
        label = scope[len(head.name) + 1 :]
    else:
        head, label = _single(option, taking), scope
        if not equals and ":" in option:
            raise UsageError(f"--threshold names the head {option.rpartition(':')[0]!r}", _names(taking))
    if not equals:
        return head, None
    if label not in head.threshold_labels:
        known = ", ".join(head.threshold_labels) or "not known"
        raise UsageError(f"--threshold names the label {label!r}", f"Labels are {known}")
    return head, label


def _single(option: str, taking: Sequence[Head]) -> Head:
    if len(taking) > 1:
        raise UsageError(f"--threshold {option!r} does not say for which head", f"Write HEAD:VALUE. {_names(taking)}")
    return taking[0]


def _names(taking: Sequence[Head]) -> str:
    return f"The heads with thresholds are {', '.join(head.name for head in taking)}"
