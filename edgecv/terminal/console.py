"""The consoles: stdout is data, stderr is for people, and errors look the same everywhere.

Nothing that is printed is markup, and what would act on the terminal is shown as an escape: names, labels and other
programs' messages are a stranger's.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Self

import msgspec
from edgecv_converters.isolate import Job, WorkerBugError
from edgecv_runtime.environment import environment_error
from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.text import in_json, valid, visible
from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from edgecv.terminal.streams import OutputClosedError

EXIT_BUG = 70
EXIT_INTERRUPTED = 130
WIDTH_WHERE_NO_TERMINAL = 120
SHOWN = 200  # letters of an endless word
_ENDLESS = re.compile(rf"\S{{{2 * SHOWN},}}")


class PlainConsole(Console):
    """A console on which text is text: no markup, no emoji codes, and no character that acts on the terminal."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """A string as rich's `Text`; escaped before it is measured, so that columns stay in line."""
        return super().render_str(visible(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render piece by piece; text is escaped, and what drives the terminal is rich's own."""
        for segment in super().render(renderable, options):
            shown = segment.text if segment.control else visible(segment.text)
            yield segment if shown == segment.text else Segment(shown, segment.style)


@cache
def people() -> Console:
    """The console of stderr."""
    return PlainConsole(stderr=True, soft_wrap=True)


def data_console() -> Console:
    """The console of stdout; wide enough for tables where it is not a terminal."""
    given = sys.stdout.isatty() or "COLUMNS" in os.environ
    return PlainConsole(width=None if given else WIDTH_WHERE_NO_TERMINAL)


def show(*things: RenderableType) -> None:
    """Print tables or text to stdout."""
    console = data_console()
    for thing in things:
        console.print(thing)


def show_json(value: Any) -> None:
    """Print records, dataclasses or plain values as one JSON document to stdout."""
    sys.stdout.buffer.write(msgspec.json.format(json_bytes(value), indent=2) + b"\n")
    sys.stdout.flush()


def json_bytes(value: Any) -> bytes:
    r"""A value as JSON in UTF-8, whatever its texts hold.

    A byte of a file name that is no UTF-8 stands there as \\xff.
    """
    try:
        encoded = msgspec.json.encode(value, enc_hook=str)
    except UnicodeEncodeError:
        encoded = msgspec.json.encode(_valid(msgspec.to_builtins(value, enc_hook=str)))
    return in_json(encoded.decode()).encode()


def _valid(value: Any) -> Any:
    if isinstance(value, str):
        return valid(value)
    if isinstance(value, dict):
        return {_valid(key): _valid(item) for key, item in value.items()}
    return [_valid(item) for item in value] if isinstance(value, list | tuple) else value


def show_text(text: str) -> None:
    """Print text to stdout without wrapping."""
    sys.stdout.write(visible(text))
    sys.stdout.flush()


def note(text: str) -> None:
    """One line for people."""
    people().print(Text("note:", "dim"), _bearable(text))


@contextmanager
def warnings_as_notes() -> Iterator[None]:
    """Print edgecv's own warnings as notes, each kind once, whatever Python was told to do with warnings."""
    said: set[str] = set()

    def print_warning(message: Warning | str, category: type[Warning], *place: Any, **more: Any) -> None:
        if not category.__module__.startswith("edgecv_runtime."):
            python(message, category, *place, **more)
        elif (kind := getattr(message, "kind", str(message))) not in said:
            said.add(kind)
            note(str(message))

    with warnings.catch_warnings():
        python, warnings.showwarning = warnings.showwarning, print_warning
        warnings.filterwarnings("always", category=UserWarning, module=r"edgecv")
        yield


def print_error(message: str, hint: str | None) -> None:
    """`error: ...`, then `hint: ...` on a line of its own."""
    people().print(Text("error:", "bold red"), _bearable(message))
    if hint:
        people().print(Text("hint:", "bold cyan"), _bearable(hint))


def _bearable(message: str) -> str:
    """The message with words that nobody reads to their end, such as a path of 5,000 letters, cut in the middle."""
    return _ENDLESS.sub(lambda word: f"{word[0][:SHOWN]}...{word[0][-SHOWN // 2 :]}", message)


def exit_code(command: Callable[[], int | None]) -> int:
    """Run a command: the one place where exceptions become messages and exit codes; a bug keeps its traceback."""
    try:
        with warnings_as_notes():
            code = command() or 0
        sys.stdout.flush()
    except OutputClosedError:
        code = 0
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second one ends it at once
        print_error("interrupted", "Nothing was written")
        code = EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the boundary: what a person cannot mend is a bug, and says so
        code = _failed(error)
    return code


def _failed(error: Exception) -> int:
    known = environment_error(error) if isinstance(error, OSError) else error
    if isinstance(known, EdgecvError):
        print_error(known.message, known.hint)
        return known.exit_code
    people().print(str(error) if isinstance(error, WorkerBugError) else "".join(traceback.format_exception(error)))
    print_error("this is a bug in edgecv", "Please report it with the traceback above")
    return EXIT_BUG


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """A spinner on stderr while something without steps runs; quiet where that is no terminal."""
    if not people().is_terminal:
        yield
        return
    with people().status(text):
        yield


class LiveObserver:
    """Shows every worker and stage while it runs, in one display on stderr; quiet where that is no terminal.

    Attributes:
        told: The notes that were printed.
    """

    def __init__(self) -> None:
        self.told: set[str] = set()
        self._jobs: list[Job] = []
        self._stages: dict[str, tuple[int, int]] = {}
        self._live = Live(get_renderable=self._table, console=people(), refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        if people().is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def job(self, job: Job) -> None:
        """Add a worker to the display."""
        self._jobs.append(job)

    def stage(self, name: str, done: int, total: int) -> None:
        """Update a stage of this process."""
        self._stages[name] = (done, total)

    def note(self, text: str) -> None:
        """Print a line above the display, the same one once."""
        if text not in self.told:
            self.told.add(text)
            note(text)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, (done, total) in list(self._stages.items()):
            table.add_row(Text("done" if done == total else "..."), Text(name), _share(done, total), Text(""))
        for job in list(self._jobs):
            table.add_row(*_row(job))
        return table


def _share(done: int, total: int) -> Text:
    return Text(f"{done}/{total}" if total else "", style="dim")


def _row(job: Job) -> tuple[Text, Text, Text, Text]:
    if job.future.done():
        failed = job.future.exception() is not None
        state = Text("failed", style="red") if failed else Text("done", style="green")
        return state, Text(job.name), _share(job.done, job.total), Text(f"{job.seconds:.1f} s", style="dim")
    if job.since is None:
        return Text("waits", style="dim"), Text(job.name, style="dim"), Text(""), Text("")
    return (
        Text("..."),
        Text(job.name),
        _share(job.done, job.total),
        Text(f"{job.elapsed():.0f} s{_left(job.remaining)}", style="dim"),
    )


def _left(seconds: float | None) -> str:
    return "" if seconds is None else f", about {max(seconds, 1):.0f} s left"
