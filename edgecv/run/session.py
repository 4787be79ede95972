"""One run with everything open: answers are printed, drawn, saved and shown as they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from edgecv_runtime.heads.words import Drawn
from edgecv_runtime.preprocess import decode
from edgecv_runtime.schema import Preprocess
from edgecv_runtime.stream import FrameAnswer, Stream
from edgecv_runtime.stream.pictures import Pictures

from edgecv.run.drawing import draw
from edgecv.run.interrupts import Interrupts
from edgecv.run.lines import AnswerLines, summary
from edgecv.run.printing import Printer
from edgecv.terminal.console import note, people
from edgecv.terminal.streams import OutputClosedError

if TYPE_CHECKING:
    from edgecv.run.saving import Saver
    from edgecv.run.window import DisplayWindow

UPRIGHT = Preprocess()  # in colour, turned as EXIF says


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSession:
    """Everything that a run needs.

    Attributes:
        stream: Where answers come from.
        lines: Words for them.
        printer: Prints them.
        saver: Saves them, or None.
        window: Shows them, or None.
        interrupts: Whether a signal asked for the end.
        skip_bad: Go on after a picture that cannot be read.
    """

    stream: Stream
    lines: AnswerLines
    printer: Printer
    saver: Saver | None
    window: DisplayWindow | None
    interrupts: Interrupts
    skip_bad: bool

    def run(self) -> None:
        """Answer until the end; then, whatever ended it, complete what is saved and say what was done.

        Raises:
            EdgecvError: A source, a picture, the runtime or the disk failed.
            OutputClosedError: Nobody reads stdout any more.
        """
        quiet = False
        try:
            with self.printer, self.stream:
                for answer in self.stream:
                    self._take(answer)
        except OutputClosedError:
            quiet = True
            raise
        finally:
            if self.saver is not None:
                self.saver.finish()
            if not quiet:
                people().print(summary(self.stream.statistics, live=self.stream.source.live))

    def _take(self, answer: FrameAnswer) -> None:
        if answer.error is not None:
            if not self.skip_bad:
                raise answer.error
            note(f"skipped: {answer.error}")
        self.printer.show(answer)
        if answer.prediction is not None and (self.saver is not None or self.window is not None):
            self._draw(answer, self.lines.drawing(answer.prediction))

    def _draw(self, answer: FrameAnswer, items: Sequence[Drawn]) -> None:
        image = answer.frame.image
        if isinstance(image, Mapping):  # no source of several inputs is drawn
            return
        pixels = image if isinstance(image, np.ndarray) else np.asarray(decode(image, UPRIGHT))
        drawn = draw(pixels, items)
        if self.saver is not None:
            self.saver.add(answer.frame, drawn)
        if self.window is not None:
            self.window.show(drawn)
            if isinstance(self.stream.source, Pictures):
                self._wait_for_a_key(self.window)

    def _wait_for_a_key(self, window: DisplayWindow) -> None:
        while not (window.wait() or self.interrupts.caught):
            pass
