"""Answers as lines: for people, or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgecv_runtime import HeadAnswer, Prediction, Predictor
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.words import Caption, Drawn
from edgecv_runtime.prediction import prediction_record
from edgecv_runtime.stream import FrameAnswer, Statistics
from edgecv_runtime.stream.statistics import STAGES
from edgecv_runtime.text import one_line

from edgecv.terminal.console import json_bytes

WIDEST_LABEL, WIDEST_NAME = 24, 48
BETWEEN = "   "  # columns, and heads


class AnswerLines:
    """Words for answers, in columns that stay in line.

    Args:
        predictor: Whose answers they are.
        count: How many of the best classes are named.
        names: The names of all pictures; empty for frames, which are told by number and time.
        timed: Pictures are told by their time as well, as the windows of sounds are.
    """

    def __init__(self, predictor: Predictor, count: int, names: Sequence[str] = (), *, timed: bool = False) -> None:
        self._timed = timed
        self._heads = predictor.heads
        self._widths = {head.name: _label_width(head) for head in predictor.heads}
        self._count = count
        self._name = min(WIDEST_NAME, max((len(one_line(name)) for name in names), default=0))

    def line(self, answer: FrameAnswer) -> str:
        """`cat.jpg   cat 97.1 %   dog  1.2 %`."""
        words = self._columns(answer.prediction) if answer.prediction else f"unreadable: {one_line(str(answer.error))}"
        return f"{self._place(answer)}   {words}".rstrip()

    def words(self, found: Prediction) -> str:
        """The answers without columns: `cat 97.1 %  dog 1.2 %`, with the heads' titles where there are several."""
        return BETWEEN.join(
            self._titled(head, head.words(answer, self._count)) for head, answer in self._answers(found)
        )

    def drawing(self, found: Prediction) -> list[Drawn]:
        """Return the items that are drawn on the picture of the answers."""
        return [
            Caption(self._titled(head, item.text)) if isinstance(item, Caption) else item
            for head, answer in self._answers(found)
            for item in head.drawing(answer, self._count)
        ]

    def json(self, answer: FrameAnswer, statistics: Statistics) -> bytes:
        """One JSON object, and a line end."""
        frame = answer.frame
        record: dict[str, Any] = {"source": frame.name, "frame": frame.index, "time_s": round(frame.seconds, 3)}
        if answer.prediction is None:
            record["error"] = str(answer.error)
        else:
            record |= prediction_record(self._heads, answer.prediction, self._count)
        record["dropped"] = statistics.dropped
        return json_bytes(record) + b"\n"

    def _place(self, answer: FrameAnswer) -> str:
        if self._name:
            time = f" {answer.frame.seconds:9.3f} s" if self._timed else ""
            return f"{one_line(answer.frame.name).ljust(self._name)}{time}"
        return f"{answer.frame.index:>6} {answer.frame.seconds:9.3f} s"

    def _answers(self, found: Prediction) -> zip[tuple[Head, HeadAnswer]]:
        return zip(self._heads, found.answers, strict=True)

    def _titled(self, head: Head, words: str) -> str:
        return words if len(self._heads) == 1 else f"{one_line(head.title)} {words}"

    def _columns(self, found: Prediction) -> str:
        return BETWEEN.join(
            self._titled(head, BETWEEN.join(self._cells(head, answer)) or "none")
            for head, answer in self._answers(found)
        )

    def _cells(self, head: Head, answer: HeadAnswer) -> list[str]:
        width = self._widths[head.name]
        cells = head.cells(answer, self._count)
        return [f"{cell.label:<{width}} {cell.value:>7}" if cell.label else cell.value for cell in cells]


def _label_width(head: Head) -> int:
    return min(WIDEST_LABEL, max((len(one_line(label)) for label in head.spec.labels or ()), default=1))


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
