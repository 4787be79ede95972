"""The output of `edgecv export micro`: what was written, the memory that it takes, and what is left to do."""

from __future__ import annotations

from collections.abc import Iterator

from edgecv.export.micro.export import MicroExport
from edgecv.export.micro.layouts import LAYOUTS
from edgecv.terminal.console import show_json, show_text


def print_sources(made: MicroExport, *, as_json: bool) -> None:
    """Print an export for people, or as one JSON document."""
    if as_json:
        show_json(made)
    else:
        show_text("\n".join(_lines(made)) + "\n")


def _lines(made: MicroExport) -> Iterator[str]:
    replaced = ", replaced in an earlier export" if made.kept else ""
    yield f"sources:   {made.folder} ({LAYOUTS[made.layout].title}{replaced})"
    yield f"model:     {made.artifact}, {made.flash_bytes:,} bytes of flash"
    yield f"memory:    {made.arena_bytes:,} bytes for the interpreter, {made.scratch_bytes:,} for the preprocessing"
    yield f"camera:    {made.camera}, {made.frame_bytes:,} bytes a frame"
    yield f"operators: {', '.join(name.removeprefix('Add') for name in made.operators)}"
    yield f"self-test: {', '.join(made.cases)}"
    yield f"\nNot compiled here for a board, and not run on one. Next, in {made.folder}:\n"
    yield "    make -C host"
    yield from (f"    {step}" for step in made.steps)
