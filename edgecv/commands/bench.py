"""`edgecv bench`: latency, memory, size and accuracy of a bundle's artifacts, here or on a device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from edgecv_runtime import formats
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.errors import UsageError
from edgecv_runtime.text import one_of

from edgecv.commands import options as opt
from edgecv.commands.form import default_of, takes
from edgecv.given import words_of

if TYPE_CHECKING:
    from edgecv.bench.command import BenchRequest

WHAT, HOW, REFERENCE, WHERE, OUTPUT = "What is measured", "How long", "Compared with", "Where", "Output"

BundlePath = Annotated[
    Path | None,
    opt.path_argument("BUNDLE", "NAME.edgecv or NAME.edgecv.zip."),
]
Data = Annotated[
    Path | None,
    opt.path_option(
        "--data",
        metavar="FOLDER|NPZ",
        help="Labelled samples: accuracy is measured on them, and latency with their pictures.",
        panel=WHAT,
    ),
]
Targets = Annotated[
    list[str] | None,
    opt.option(
        "--target",
        "-t",
        help=f"Measure the artifacts of this target: {one_of(formats.KNOWN)}. Repeatable, or a list with commas. "
        "Default: all.",
        panel=WHAT,
    ),
]
Precisions = Annotated[
    list[str] | None,
    opt.option(
        "--precision",
        help="Measure the artifacts of these precisions, such as int8,float32. Default: all.",
        panel=WHAT,
    ),
]
Backends = Annotated[
    list[str] | None,
    opt.option(
        "--backend",
        help=f"Measure with this backend: {one_of(formats.BACKENDS)}. Default: all that may run here.",
        panel=WHAT,
    ),
]
Threads = Annotated[
    str | None,
    opt.option(
        "--threads",
        metavar="N,M",
        help="Measure a row for each number of threads. Default: 1, and as many as there are cores.",
        panel=WHAT,
    ),
]
Peaks = Annotated[
    bool,
    typer.Option(
        "--peak/--no-peak",
        help="Measure the arithmetic that one large layer reaches here, as a limit to compare with.",
        rich_help_panel=WHAT,
    ),
]
Profiles = Annotated[
    bool,
    typer.Option(
        "--profile",
        help="Show where the time of an inference goes, by operator and by layer, and what an int8 file computes in "
        "floats. TFLite and ONNX on the CPU.",
        rich_help_panel=WHAT,
    ),
]
Rounds = Annotated[int, typer.Option("--rounds", help="How often the rows take turns.", rich_help_panel=HOW)]
Seconds = Annotated[
    float, typer.Option("--seconds", help="How long each row is measured, over all its turns.", rich_help_panel=HOW)
]
WarmUp = Annotated[
    float, typer.Option("--warm-up", help="The longest that each row warms up, in seconds.", rich_help_panel=HOW)
]
Sustained = Annotated[
    float,
    typer.Option(
        "--sustained",
        metavar="SECONDS",
        help="Run the fastest int8 row alone for this long afterwards, and show the p90 latency of every 10 s.",
        rich_help_panel=HOW,
    ),
]
SustainAll = Annotated[
    bool,
    typer.Option(
        "--sustain-all", help="Do what --sustained does for every row, one after the other.", rich_help_panel=HOW
    ),
]
ReferenceFile = Annotated[
    Path | None,
    opt.path_option(
        "--reference",
        metavar="FILE",
        help="Compare with a reference that --record-reference made on another machine.",
        panel=REFERENCE,
    ),
]
RecordReference = Annotated[
    Path | None,
    opt.path_option(
        "--record-reference",
        metavar="FILE",
        help="Write the answers and latencies of this machine's ONNX float32 (on the GPU, where there is one) to a "
        "file.",
        panel=REFERENCE,
    ),
]
Model = Annotated[
    Path | None,
    opt.path_option(
        "--model",
        metavar="MODEL",
        help="Run the Keras model that the bundle was made from, and compare with it.",
        panel=REFERENCE,
    ),
]
Devices = Annotated[
    list[str] | None,
    opt.option(
        "--device",
        metavar="NAME",
        help="Measure on this device: ssh:user@host[:port], adb or adb:SERIAL. Repeatable.",
        panel=WHERE,
    ),
]
DevicePython = Annotated[
    str,
    typer.Option(
        "--device-python", metavar="PATH", help="The Python interpreter on a machine over ssh.", rich_help_panel=WHERE
    ),
]
Imports = Annotated[
    list[Path] | None,
    opt.path_option(
        "--import",
        metavar="FILE",
        help="Show a result that an app shared, or an earlier one. Repeatable.",
        panel=WHERE,
    ),
]
Html = Annotated[
    Path | None,
    opt.path_option(
        "--html",
        metavar="FILE",
        help="Write the report as one HTML page.",
        panel=OUTPUT,
    ),
]
Markdown = Annotated[
    bool, typer.Option("--markdown", help="Print Markdown, for example for a pull request.", rich_help_panel=OUTPUT)
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.", rich_help_panel=OUTPUT)]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are already there.", rich_help_panel=OUTPUT)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchArguments:
    """The command line of `edgecv bench`."""

    bundle: BundlePath = None
    data: Data = None
    target: Targets = None
    precision: Precisions = None
    backend: Backends = None
    threads: Threads = None
    peak: Peaks = default_of(Options, "peaks")
    profile: Profiles = False
    rounds: Rounds = default_of(Options, "rounds")
    seconds: Seconds = default_of(Options, "seconds")
    warm_up: WarmUp = default_of(Options, "warm_up_seconds")
    sustained: Sustained = default_of(Options, "sustained_seconds")
    sustain_all: SustainAll = False
    reference: ReferenceFile = None
    record_reference: RecordReference = None
    model: Model = None
    device: Devices = None
    device_python: DevicePython = "python3"
    import_file: Imports = None
    html: Html = None
    markdown: Markdown = False
    force: Force = False
    as_json: Json = False


app = typer.Typer(add_completion=False)


@app.command()
@takes(BenchArguments)
def bench(given: BenchArguments) -> None:
    """Measure a bundle here or on a device: latency, memory, size and accuracy of every artifact, side by side.

    Example: edgecv bench model.edgecv --data test/ --html report.html
    """
    from edgecv.bench.command import run as measure
    from edgecv.bench.output import print_results
    from edgecv.terminal.console import LiveObserver

    with LiveObserver() as observer:
        results = measure(request(given), observer)
    print_results(results, as_json=given.as_json, markdown=given.markdown, html=given.html)


def request(given: BenchArguments) -> BenchRequest:
    """Read what the command line asks for.

    Raises:
        UsageError: A value, or a combination, is wrong.
        BackendError: A backend is unknown.
    """
    from edgecv.bench.command import BenchRequest

    if given.as_json and given.markdown:
        raise UsageError("--json and --markdown both print to stdout", "Give one of them")
    options = Options(
        targets=words_of(given.target or ()),
        precisions=words_of(given.precision or ()),
        backends=words_of(given.backend or ()),
        threads=numbers(given.threads),
        rounds=given.rounds,
        seconds=given.seconds,
        warm_up_seconds=given.warm_up,
        sustained_seconds=given.sustained,
        sustain_all=given.sustain_all,
        peaks=given.peak,
        profile=given.profile,
    )
    return BenchRequest(
        bundle=given.bundle,
        options=options,
        data=given.data,
        reference=given.reference,
        record=given.record_reference,
        model=given.model,
        devices=tuple(given.device or ()),
        python=given.device_python,
        imported=tuple(given.import_file or ()),
        force=given.force,
        outputs=(given.html,) if given.html else (),
    )


def numbers(text: str | None) -> tuple[int, ...]:
    """The numbers of "1,4".

    Raises:
        UsageError: There is something else in it.
    """
    try:
        return tuple(int(part) for part in text.split(",")) if text is not None else ()
    except ValueError:
        raise UsageError(f"--threads {text!r} is no list of numbers", "As --threads 1,4") from None
