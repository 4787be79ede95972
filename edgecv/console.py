"""Where things are printed: stdout is data, stderr is for people, and errors look the same everywhere."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import msgspec
from edgecv_converters.isolate import Job, WorkerBugError
from edgecv_runtime.errors import EdgecvError
from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

EXIT_BUG = 70
EXIT_INTERRUPTED = 130
WIDTH_WHERE_NO_TERMINAL = 120

people = Console(stderr=True, highlight=False, soft_wrap=True)


def data_console() -> Console:
    """The console of stdout; wide enough for tables where it is not a terminal."""
    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", WIDTH_WHERE_NO_TERMINAL))
    return Console(highlight=False, width=width)


def show(*things: RenderableType) -> None:
    """Print tables or text to stdout."""
    console = data_console()
    for thing in things:
        console.print(thing)


def show_json(value: Any) -> None:
    """Print records, dataclasses or plain values as one JSON document to stdout."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2) + b"\n")
    sys.stdout.flush()


def show_text(text: str) -> None:
    """Print text to stdout as it is, without wrapping."""
    sys.stdout.write(text)
    sys.stdout.flush()


def note(text: str) -> None:
    """One line for people."""
    people.print(f"[dim]note:[/dim] {_plain(text)}")


def _plain(text: str) -> str:
    return text.replace("[", "\\[")


def print_error(message: str, hint: str | None) -> None:
    """`error: ...`, then `hint: ...` on a line of its own."""
    people.print(f"[bold red]error:[/bold red] {_plain(message)}")
    if hint:
        people.print(f"[bold cyan]hint:[/bold cyan] {_plain(hint)}")


@contextmanager
def error_boundary(leave: Callable[[int], None]) -> Iterator[None]:
    """The one place where exceptions become messages and exit codes; a bug keeps its traceback."""
    try:
        yield
    except EdgecvError as error:
        print_error(error.message, error.hint)
        leave(error.exit_code)
    except KeyboardInterrupt:
        print_error("interrupted", "Nothing was written")
        leave(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        leave(0)
    except WorkerBugError as error:
        people.print(_plain(str(error)))
        print_error("this is a bug in edgecv", "Please report it with the traceback above")
        leave(EXIT_BUG)
    except Exception:  # noqa: BLE001 - the boundary: what is no EdgecvError is a bug, and says so
        people.print(_plain(traceback.format_exc()))
        print_error("this is a bug in edgecv", "Please report it with the traceback above")
        leave(EXIT_BUG)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """A spinner on stderr while something without steps runs; quiet where that is no terminal."""
    if not people.is_terminal:
        yield
        return
    with people.status(text):
        yield


class LiveObserver:
    """Shows every worker and stage while it runs, in one display on stderr; quiet where that is no terminal."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._stages: dict[str, tuple[int, int]] = {}
        self._live = Live(get_renderable=self._table, console=people, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        if people.is_terminal:
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
        """Print a line above the display."""
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
