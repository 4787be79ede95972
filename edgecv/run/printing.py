"""Answers as they come: a line each on stdout, or one line on the terminal that changes."""

from __future__ import annotations

import sys
import time
from collections import deque
from types import TracebackType
from typing import Self

from edgecv_runtime.stream import FrameAnswer, Statistics
from rich.live import Live
from rich.text import Text

from edgecv.run.lines import AnswerLines
from edgecv.terminal.console import people, show_text

RECENT = 30  # answers over which the speed shown is taken
REFRESH = 8  # a second


class Printer:
    """Prints answers; a context manager.

    Args:
        lines: Makes the words.
        statistics: Of the run that they belong to.
        as_json: One JSON object a line.
        frames: The answers are to frames, of which a terminal shows only the newest.
    """

    def __init__(self, lines: AnswerLines, statistics: Statistics, *, as_json: bool, frames: bool) -> None:
        self._lines = lines
        self._statistics = statistics
        self._as_json = as_json
        self._changing = frames and not as_json and sys.stdout.isatty() and people().is_terminal
        self._newest: FrameAnswer | None = None
        self._times: deque[float] = deque(maxlen=RECENT)
        self._display = Live(get_renderable=self._now, console=people(), refresh_per_second=REFRESH, transient=True)

    def __enter__(self) -> Self:
        if self._changing:
            self._display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.stop()

    def show(self, answer: FrameAnswer) -> None:
        """Print one answer; an unreadable picture is for JSON only."""
        if self._changing:
            self._newest = answer
            self._times.append(time.monotonic())
        elif self._as_json:
            sys.stdout.buffer.write(self._lines.json(answer, self._statistics))
            sys.stdout.flush()
        elif answer.prediction is not None:
            show_text(f"{self._lines.line(answer)}\n")

    def _now(self) -> Text:
        answer, times = self._newest, list(self._times)
        if answer is None or answer.prediction is None:
            return Text("waiting for the first frame", style="dim")
        speed = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 and times[-1] > times[0] else 0.0
        dropped = f"   {self._statistics.dropped} dropped" if self._statistics.dropped else ""
        state = f"{speed:6.1f} a second   {answer.frame.seconds:8.1f} s{dropped}"
        return Text.assemble(self._lines.words(answer.prediction), "   ", (state, "dim"), no_wrap=True, overflow="crop")
