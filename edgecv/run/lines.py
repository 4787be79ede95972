"""Answers as lines: for people, or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from edgecv_runtime import Prediction, Predictor
from edgecv_runtime.stream import FrameAnswer, Statistics
from edgecv_runtime.stream.statistics import STAGES
from edgecv_runtime.text import one_line

from edgecv.terminal.console import json_bytes

WIDEST_LABEL, WIDEST_NAME = 24, 48
SHOWN_VALUES = 8
LEAST_SHARE = 0.0005  # what would read as 0.0 % is not worth a column


class AnswerLines:
    """Words for answers, in columns that stay in line.

    Args:
        predictor: Whose answers they are.
        count: How many of the best classes are named.
        names: The names of all pictures; empty for frames, which are told by number and time.
    """

    def __init__(self, predictor: Predictor, count: int, names: Sequence[str] = ()) -> None:
        self._predictor = predictor
        self._count = count
        self._task = predictor.manifest.task
        self._shown = {label: one_line(label) for label in predictor.manifest.labels or ()}
        self._label = min(WIDEST_LABEL, max(map(len, self._shown.values()), default=1))
        self._name = min(WIDEST_NAME, max((len(one_line(name)) for name in names), default=0))

    def line(self, answer: FrameAnswer) -> str:
        """`cat.jpg   cat 97.1 %   dog  1.2 %`."""
        words = self._columns(answer.prediction) if answer.prediction else f"unreadable: {one_line(str(answer.error))}"
        return f"{self._place(answer)}   {words}".rstrip()

    def words(self, found: Prediction) -> str:
        """The answer without columns, for a caption: `cat 97.1 %  dog 1.2 %`."""
        if self._task == "regression":
            return _values(found.scores)
        return "  ".join(f"{label} {_score(score)}" for label, score in self._named(found)) or "none"

    def json(self, answer: FrameAnswer, statistics: Statistics) -> bytes:
        """One JSON object, and a line end."""
        frame = answer.frame
        record: dict[str, Any] = {"source": frame.name, "frame": frame.index, "time_s": round(frame.seconds, 3)}
        record |= {"error": str(answer.error)} if answer.prediction is None else self._record(answer.prediction)
        record["dropped"] = statistics.dropped
        return json_bytes(record) + b"\n"

    def _place(self, answer: FrameAnswer) -> str:
        if self._name:
            return one_line(answer.frame.name).ljust(self._name)
        return f"{answer.frame.index:>6} {answer.frame.seconds:9.3f} s"

    def _columns(self, found: Prediction) -> str:
        if self._task == "regression":
            return _values(found.scores)
        columns = [f"{label:<{self._label}} {_score(score):>7}" for label, score in self._named(found)]
        return "   ".join(columns) or "none"

    def _named(self, found: Prediction) -> list[tuple[str, float]]:
        if self._task == "multilabel":
            named = self._predictor.top(found, len(found.labels))
        else:
            best, *others = self._predictor.top(found, self._count)
            named = (best, *(top for top in others if not 0 <= top.score < LEAST_SHARE))
        return [(self._shown.get(top.label, top.label), top.score) for top in named]

    def _record(self, found: Prediction) -> dict[str, Any]:
        record: dict[str, Any] = {}
        if self._task == "regression":
            record["outputs"] = {name: values[0].tolist() for name, values in found.outputs.items()}
        else:
            if self._task == "multilabel":
                record["labels"] = found.labels
            else:
                record |= {"label": found.label, "index": found.index, "score": _rounded(found.score)}
            record["top"] = [
                {"label": top.label, "index": top.index, "score": _rounded(top.score)}
                for top in self._predictor.top(found, self._count)
            ]
        times = {
            "preprocess": found.preprocess_ms,
            "inference": found.inference_ms,
            "postprocess": found.postprocess_ms,
        }
        return record | {f"{stage}_ms": round(value, 3) for stage, value in times.items()}


def summary(statistics: Statistics, *, live: bool) -> str:
    """Sum a run up in two lines."""
    seconds = statistics.seconds
    first = f"{statistics.frames} answer{'' if statistics.frames == 1 else 's'} in {seconds:.2f} s"
    first += f", {statistics.fps:.1f} a second" if seconds and statistics.frames > 1 else ""
    first += f"; {statistics.dropped} dropped" if live else ""
    first += f"; {statistics.unreadable} unreadable" if statistics.unreadable else ""
    if not statistics.frames:
        return first
    stages = []
    for stage in STAGES:
        sample = statistics.milliseconds[stage]
        stages.append(f"{stage} {_milliseconds(sample.percentile(50))}/{_milliseconds(sample.percentile(90))}")
    return f"{first}\np50/p90 in ms: {', '.join(stages)}"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _rounded(score: float | None) -> float | None:
    return None if score is None else float(f"{score:.6g}")


def _score(score: float) -> str:
    """A share in percent; what is no share as it is."""
    return f"{100 * score:.1f} %" if 0 <= score <= 1 else f"{score:.3g}"


def _values(values: np.ndarray) -> str:
    rest = "" if values.size <= SHOWN_VALUES else f"  ... ({values.size} values)"
    return "  ".join(f"{value:.4g}" for value in values.ravel()[:SHOWN_VALUES].tolist()) + rest
