"""The options of `edgecv bench`: names, help, and how `--help` groups them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from edgecv_runtime.errors import UsageError

from edgecv.commands.options import given_path

if TYPE_CHECKING:
    from edgecv.bench.command import BenchRequest

WHAT, HOW, REFERENCE, WHERE, OUTPUT = "What is measured", "How long", "Compared with", "Where", "Output"

BundlePath = Annotated[
    Path | None,
    typer.Argument(parser=given_path, metavar="BUNDLE", help="NAME.edgecv or NAME.edgecv.zip.", show_default=False),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        parser=given_path,
        metavar="FOLDER|NPZ",
        help="Labelled samples: accuracy is measured, and latency with these pictures.",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        help="tflite, onnx, coreml; repeatable, or a list with commas. Default: all.",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
Precisions = Annotated[
    list[str] | None,
    typer.Option(
        "--precision", help="For example int8,float32. Default: all.", show_default=False, rich_help_panel=WHAT
    ),
]
Backends = Annotated[
    list[str] | None,
    typer.Option(
        "--backend",
        help="litert, onnx, onnx-cuda, coreml. Default: all that may run here.",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
Threads = Annotated[
    str | None,
    typer.Option(
        "--threads",
        metavar="N,M",
        help="A row for each number. Default: 1, and as many as there are cores.",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
Peaks = Annotated[
    bool,
    typer.Option(
        "--peak/--no-peak", help="Measure what one large layer reaches here, to compare with.", rich_help_panel=WHAT
    ),
]
Rounds = Annotated[int, typer.Option("--rounds", help="Turns of every row.", rich_help_panel=HOW)]
Seconds = Annotated[
    float, typer.Option("--seconds", help="Of measuring each row, in all its turns.", rich_help_panel=HOW)
]
WarmUp = Annotated[float, typer.Option("--warm-up", help="Most seconds of each row's warm-up.", rich_help_panel=HOW)]
Sustained = Annotated[
    float,
    typer.Option(
        "--sustained",
        metavar="SECONDS",
        help="Run the fastest int8 row alone for so long afterwards: p90 of every 10 s.",
        rich_help_panel=HOW,
    ),
]
SustainAll = Annotated[
    bool, typer.Option("--sustain-all", help="--sustained for every row, one after the other.", rich_help_panel=HOW)
]
ReferenceFile = Annotated[
    Path | None,
    typer.Option(
        "--reference",
        parser=given_path,
        metavar="FILE",
        help="A reference that --record-reference made elsewhere.",
        show_default=False,
        rich_help_panel=REFERENCE,
    ),
]
RecordReference = Annotated[
    Path | None,
    typer.Option(
        "--record-reference",
        parser=given_path,
        metavar="FILE",
        help="Write ONNX float32's answers and latencies here (on the GPU, where there is one).",
        show_default=False,
        rich_help_panel=REFERENCE,
    ),
]
Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        parser=given_path,
        metavar="MODEL",
        help="The Keras model that the bundle was made from: run it, and compare with it.",
        show_default=False,
        rich_help_panel=REFERENCE,
    ),
]
Devices = Annotated[
    list[str] | None,
    typer.Option(
        "--device",
        metavar="NAME",
        help="Measure there: ssh:user@host[:port], adb or adb:SERIAL; repeatable.",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
DevicePython = Annotated[
    str,
    typer.Option("--device-python", metavar="PATH", help="The Python of machines over ssh.", rich_help_panel=WHERE),
]
Imports = Annotated[
    list[Path] | None,
    typer.Option(
        "--import",
        parser=given_path,
        metavar="FILE",
        help="Show a result that an app shared, or an earlier one; repeatable.",
        show_default=False,
        rich_help_panel=WHERE,
    ),
]
Html = Annotated[
    Path | None,
    typer.Option(
        "--html",
        parser=given_path,
        metavar="FILE",
        help="Write the report as one page.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
Markdown = Annotated[
    bool, typer.Option("--markdown", help="Print Markdown for a pull request.", rich_help_panel=OUTPUT)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.", rich_help_panel=OUTPUT)]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.", rich_help_panel=OUTPUT)]


def request(given: Mapping[str, Any]) -> BenchRequest:
    """What the command line asks for.

    Raises:
        UsageError: A value, or a combination, is wrong.
        BackendError: A backend is unknown.
    """
    from edgecv_runtime.bench.jobs import Options

    from edgecv.bench.command import BenchRequest

    if given["as_json"] and given["markdown"]:
        raise UsageError("--json and --markdown both print to stdout", "Give one of them")
    options = Options(
        targets=words(given["target"]),
        precisions=words(given["precision"]),
        backends=words(given["backend"]),
        threads=numbers(given["threads"]),
        rounds=given["rounds"],
        seconds=given["seconds"],
        warm_up_seconds=given["warm_up"],
        sustained_seconds=given["sustained"],
        sustain_all=given["sustain_all"],
        peaks=given["peak"],
    )
    return BenchRequest(
        bundle=given["bundle"],
        options=options,
        data=given["data"],
        reference=given["reference"],
        record=given["record_reference"],
        model=given["model"],
        devices=tuple(given["device"] or ()),
        python=given["device_python"],
        imported=tuple(given["import_file"] or ()),
        force=given["force"],
        outputs=(given["html"],) if given["html"] else (),
    )


def words(values: Sequence[str] | None) -> tuple[str, ...]:
    """What was given several times, or with commas, each once."""
    parts = (part.strip() for value in values or () for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def numbers(text: str | None) -> tuple[int, ...]:
    """The numbers of "1,4".

    Raises:
        UsageError: There is something else in it.
    """
    try:
        return tuple(int(part) for part in text.split(",")) if text is not None else ()
    except ValueError:
        raise UsageError(f"--threads {text!r} is no list of numbers", "As --threads 1,4") from None
