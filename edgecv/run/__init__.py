"""`edgecv run`: a bundle answers pictures, videos and cameras."""

from __future__ import annotations

import os
import re
import signal
import sys
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from edgecv_runtime import Predictor, load
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import DataError, LeftOutWarning, UsageError
from edgecv_runtime.heads.kinds import heads_of
from edgecv_runtime.heads.thresholds import read_thresholds
from edgecv_runtime.stream import FrameSource, SourceOptions, Stream, kind_of, open_source
from edgecv_runtime.stream.arrays import Arrays
from edgecv_runtime.stream.pictures import Pictures
from edgecv_runtime.stream.sounds import SoundFiles

from edgecv.run.interrupts import Interrupts
from edgecv.run.lines import AnswerLines
from edgecv.run.printing import Printer
from edgecv.run.saving import check_save, open_saver
from edgecv.run.session import RunSession
from edgecv.run.window import DisplayWindow
from edgecv.terminal.console import EXIT_INTERRUPTED, note

__all__ = ["RunOptions", "run"]

UNSEEN = {"arrays": "an .npz file", "sound": "a sound", "microphone": "a microphone"}  # sources without pictures


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of `edgecv run`; its help explains each.

    Raises:
        UsageError: A value is out of range, or --save does not fit the source.
        StreamError: A source does not exist.
    """

    bundle: Path
    sources: Sequence[str]
    target: str | None = None
    precision: str | None = None
    backend: str | None = None
    threads: int = 1
    thresholds: Sequence[str] = ()
    top: int = 3
    as_json: bool = False
    save: Path | None = None
    force: bool = False
    show: bool = False
    duration: float | None = None
    max_fps: float | None = None
    skip_bad: bool = False
    camera_size: str | None = None
    live: bool = False

    def __post_init__(self) -> None:
        if self.duration is not None and not self.duration > 0:
            raise UsageError(f"--duration must be positive, got {self.duration:g}")
        kinds = [kind_of(text) for text in self.sources]
        unseen = next((UNSEEN[kind] for kind in kinds if kind in UNSEEN), None)
        if unseen is not None and (self.save is not None or self.show):
            option = "--show" if self.save is None else "--save"
            raise UsageError(f"{option} is for pictures, and the source is {unseen}", "Leave it out")
        if self.save is not None:
            check_save(self.save, kinds[0], list(self.sources), force=self.force)

    def of_source(self) -> SourceOptions:
        """Read the options with which the source is opened.

        Raises:
            UsageError: --camera-size or --max-fps is out of range.
        """
        size = _size(self.camera_size)
        return SourceOptions(camera_size=size, max_fps=self.max_fps, live=self.live, notify=note)


def run(options: RunOptions) -> int:
    """Answer every frame, print, save and show; the exit code. Ctrl-C completes what is saved and ends the process.

    Raises:
        EdgecvError: The bundle, a source, or a picture cannot be used.
        OutputClosedError: Nobody reads stdout any more.
    """
    interrupts = Interrupts()
    try:
        code = _run(options, interrupts)
    except KeyboardInterrupt:  # the first one while loading, or a second one while all is being closed
        if interrupts.caught is None:
            raise
        code = EXIT_INTERRUPTED
    if interrupts.caught == signal.SIGINT:
        _leave(EXIT_INTERRUPTED)  # a second one would kill Python's own end, which is not exit code 130
    return code


def _run(options: RunOptions, interrupts: Interrupts) -> int:
    how = options.of_source()
    with ExitStack() as stack:
        window = stack.enter_context(closing(DisplayWindow())) if options.show else None
        predictor = stack.enter_context(_load(options))
        source = open_source(options.sources, replace(how, model=predictor.manifest))
        stack.enter_context(interrupts)
        stream = Stream(
            predictor,
            source,
            max_fps=_pace(options, source),
            duration=options.duration,
            stopping=lambda: interrupts.caught is not None or (window is not None and window.closed),
        )
        names = list(source.names) if isinstance(source, Arrays | Pictures | SoundFiles) else []
        lines = AnswerLines(predictor, options.top, names, timed=isinstance(source, SoundFiles))
        session = RunSession(
            stream=stream,
            lines=lines,
            printer=Printer(lines, stream.statistics, as_json=options.as_json, frames=not names),
            saver=(
                None
                if options.save is None
                else open_saver(options.save, source, fps=options.max_fps, stride=_stride(predictor))
            ),
            window=window,
            interrupts=interrupts,
            skip_bad=options.skip_bad,
        )
        note(f"answered by {predictor.describe()}")
        try:
            session.run()
        except KeyboardInterrupt:  # the second Ctrl-C
            if session.saver is not None:
                session.saver.discard()
            _leave(EXIT_INTERRUPTED)
        if stream.stuck:
            _leave(EXIT_INTERRUPTED if interrupts.caught == signal.SIGINT else 0)
    whole = interrupts.caught != signal.SIGINT  # else the others were not tried
    if whole and stream.statistics.unreadable and not stream.statistics.frames:
        raise DataError("none of the pictures could be read")
    return 0


def _leave(code: int) -> NoReturn:
    """End without Python's own end, which would tear threads out of C++ code, and that aborts the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _load(options: RunOptions) -> Predictor:
    thresholds = None
    if options.thresholds:
        with Bundle.load(options.bundle) as bundle:
            thresholds = read_thresholds(options.thresholds, heads_of(bundle.manifest))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeftOutWarning)
        predictor = load(
            options.bundle,
            target=options.target,
            precision=options.precision,
            backend=options.backend,
            threads=options.threads,
            thresholds=thresholds,
        )
    for sentence in predictor.bundle.left_out:
        note(sentence)
    return predictor


def _stride(predictor: Predictor) -> int:
    """The number of frames from one answer to the next."""
    clips = (spec.clip for spec in predictor.manifest.preprocess.values())
    return next((clip.stride for clip in clips if clip), 1)


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if match is None:
        raise UsageError(f"--camera-size must be WIDTHxHEIGHT, got {text!r}", "For example --camera-size 1280x720")
    return int(match[1]), int(match[2])


def _pace(options: RunOptions, source: FrameSource) -> float | None:
    """A video that is watched runs no faster than it was filmed."""
    limits = [limit for limit in (options.max_fps, source.fps if options.show else None) if limit]
    return min(limits, default=None)
