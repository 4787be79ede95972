"""The command line: parse, one call, print. No logic lives here."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from edgecv.console import EXIT_INTERRUPTED, LiveObserver, error_boundary, print_error, show, show_json, waiting

app = typer.Typer(
    name="edgecv",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 an error you can fix, 2 usage, 3 a parity or accuracy gate failed, 70 a bug in edgecv.",
)


class Io(StrEnum):
    """The dtype of an int8 artifact's inputs and outputs."""

    float32 = "float32"
    int8 = "int8"
    uint8 = "uint8"


class TaskName(StrEnum):
    """What the outputs mean."""

    classification = "classification"
    binary = "binary"
    multilabel = "multilabel"
    regression = "regression"


Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing bundle.")]
BundlePath = Annotated[
    Path, typer.Argument(metavar="BUNDLE", help="NAME.edgecv or NAME.edgecv.zip.", show_default=False)
]
Target = Annotated[
    str | None,
    typer.Option("--target", help="tflite, onnx or coreml; all where not given.", show_default=False),
]
Precision = Annotated[
    str | None, typer.Option("--precision", help="For example int8; all where not given.", show_default=False)
]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads of the runtime.")]
InputShapes = Annotated[
    list[str] | None,
    typer.Option(
        "--input-shape", metavar="[NAME=]1,H,W,C", help="For inputs with open dimensions.", show_default=False
    ),
]
AllowCode = Annotated[bool, typer.Option("--allow-code", help="Load models that carry Python code, which then runs.")]
CustomObjects = Annotated[
    str | None,
    typer.Option(
        "--custom-objects",
        metavar="PACKAGE.MODULE",
        help="Where the model's own layers are defined.",
        show_default=False,
    ),
]
Gates = Annotated[
    list[str] | None,
    typer.Option(
        "--gate",
        metavar="[PRECISION:]NAME=VALUE",
        help="Override a bar: agreement=0.97 (share of equal answers), snr=20 (dB), drop=1 (accuracy points); "
        "NAME=off switches it off. Repeatable.",
        show_default=False,
    ),
]


def main() -> NoReturn:
    """Entry point of `edgecv` and `python -m edgecv`."""
    with error_boundary(sys.exit):
        code = _run() or 0
        if code == EXIT_INTERRUPTED:  # Typer turns Ctrl-C into this code without a word
            raise KeyboardInterrupt
        sys.exit(code)


def _run() -> int | None:
    try:
        return app(standalone_mode=False)  # type: ignore[no-any-return]
    except typer.Exit as stop:
        return stop.exit_code
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        command = getattr(getattr(error, "ctx", None), "command_path", "edgecv")
        if message := error.format_message():
            print_error(message.rstrip("."), f"Try {command} --help")
        return 2


def _version(asked: bool) -> None:
    if asked:
        from edgecv.machine import versions

        sys.stdout.write(f"edgecv {versions()['edgecv']}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Trained Keras models to TFLite, ONNX and Core ML bundles that are proven to give the same answers.

    Start with [bold]edgecv demo[/bold], then [bold]edgecv convert MODEL --quantize int8 --calibrate FOLDER[/bold].
    """


@app.command()
def convert(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="A .keras or .h5 file, or a SavedModel folder.", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="NAME.edgecv",
            help="The bundle; [MODEL's name].edgecv by default.",
            show_default=False,
        ),
    ] = None,
    quantize: Annotated[
        list[str] | None,
        typer.Option(
            "--quantize",
            "-q",
            metavar="[TARGET:]PRECISION",
            help="float32, float16, dynamic, int8 or int16x8; repeatable, or a list with commas. Default: float32, and "
            "float16 for Core ML.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option("--target", "-t", help="tflite, onnx, coreml; repeatable. Default: all.", show_default=False),
    ] = None,
    preprocess: Annotated[
        str | None,
        typer.Option(
            "--preprocess",
            "-p",
            metavar="PRESET|TOML",
            help="What a picture goes through: none, rescale, tf, torch or caffe, with load_img+ or image_dataset+ in "
            "front where one of those read the training data; tensor for inputs that are no pictures; or a .toml file.",
            show_default=False,
        ),
    ] = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            "--calibrate",
            metavar="FOLDER|NPZ",
            help="Real samples that set the int8 ranges; labels are not needed.",
            show_default=False,
        ),
    ] = None,
    samples: Annotated[int, typer.Option("--samples", help="How many of them, balanced by class.")] = 200,
    seed: Annotated[int, typer.Option("--seed", help="Decides which ones.")] = 0,
    evaluate: Annotated[
        Path | None,
        typer.Option(
            "--evaluate",
            metavar="FOLDER|NPZ",
            help="Labelled samples (a subfolder a class) to measure accuracy on.",
            show_default=False,
        ),
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="FILE|FOLDER",
            help="Class names in the order of the outputs: one a line, or a folder's sorted subfolders.",
            show_default=False,
        ),
    ] = None,
    io: Annotated[Io, typer.Option("--io", help="Dtype of the int8 artifacts' inputs and outputs.")] = Io.float32,
    input_shape: InputShapes = None,
    task: Annotated[
        TaskName | None,
        typer.Option("--task", help="What the outputs mean, where the model does not show it.", show_default=False),
    ] = None,
    gate: Gates = None,
    keep_failing: Annotated[
        bool,
        typer.Option("--keep-failing", help="Write the bundle although a gate failed (still exit code 3)."),
    ] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Write the bundle without the targets that did not convert.")
    ] = False,
    force: Force = False,
    allow_code: AllowCode = False,
    custom_objects: CustomObjects = None,
    time_limit: Annotated[float, typer.Option("--time-limit", metavar="SECONDS", help="For each converter.")] = 1800,
    memory_limit: Annotated[
        float | None,
        typer.Option(
            "--memory-limit",
            metavar="GIB",
            help="For each converter; 80 % of the machine's by default.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Convert a trained model for all targets, and prove that they give its answers.

    Example: edgecv convert model.keras --quantize int8 --preprocess rescale --calibrate photos/ --evaluate test/
    """
    from edgecv.recipe import Recipe, plan
    from edgecv.request import Request, limits, read_input_shapes, read_labels, read_preprocess
    from edgecv.summary import finish_conversion

    request = Request(
        model=model,
        out=output or Path(f"{model.stem}.edgecv"),
        recipe=Recipe(
            steps=plan(quantize or (), target or ()),
            io=io.value,
            samples=samples,
            seed=seed,
            task=task.value if task else None,
            gates=tuple(gate or ()),
        ),
        preprocess=read_preprocess(preprocess),
        calibrate=calibrate,
        evaluate=evaluate,
        labels=read_labels(labels) if labels else None,
        input_shapes=read_input_shapes(input_shape or ()),
        allow_code=allow_code,
        custom_objects=custom_objects,
        force=force,
        keep_failing=keep_failing,
        keep_going=keep_going,
        limits=limits(time_limit, memory_limit),
    )
    from edgecv.pipeline import convert as run

    with LiveObserver() as observer:
        outcome = run(request, observer)
    finish_conversion(outcome, as_json=as_json)


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="NAME.edgecv", help="The bundle to make.")] = Path(
        "digits.edgecv"
    ),
    force: Force = False,
) -> None:
    """Train a small network on scanned digits, convert it to every target in int8, prove it, and use it."""
    from edgecv.demo import run_demo

    run_demo(output, force=force)


@app.command()
def inspect(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="PATH", help="A model, a .tflite, .onnx or .mlpackage, or a bundle.", show_default=False
        ),
    ],
    input_shape: InputShapes = None,
    allow_code: AllowCode = False,
    custom_objects: CustomObjects = None,
    as_json: Json = False,
) -> None:
    """Show what a model, an artifact or a bundle holds: layers, ops, parameters, inputs, preprocessing."""
    from edgecv.inspecting import inspect as look
    from edgecv.inspecting import tables
    from edgecv.request import read_input_shapes

    shapes = read_input_shapes(input_shape or ())
    with waiting(f"reading {path}"):
        found = look(path, input_shapes=shapes, allow_code=allow_code, custom_objects=custom_objects)
    if as_json:
        show_json(found)
    else:
        show(*tables(found))


@app.command()
def verify(
    bundle: BundlePath,
    gate: Gates = None,
    threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Check a bundle's files, and run its golden cases again on this machine."""
    from edgecv.verifying import finish_verification
    from edgecv.verifying import verify as run

    with LiveObserver() as observer:
        result = run(bundle, gates=tuple(gate or ()), threads=threads, observer=observer)
    finish_verification(result, as_json=as_json)


@app.command()
def evaluate(
    artifact: Annotated[
        Path,
        typer.Argument(metavar="BUNDLE", help="A bundle, or an artifact's file inside one.", show_default=False),
    ],
    data: Annotated[
        Path,
        typer.Argument(metavar="FOLDER|NPZ", help="Labelled samples: a subfolder a class.", show_default=False),
    ],
    target: Target = None,
    precision: Precision = None,
    threads: Threads = 1,
    as_json: Json = False,
) -> None:
    """Measure accuracy on labelled samples: confusion matrix, precision, recall and F1 of every class."""
    from edgecv.evaluating import evaluate as run
    from edgecv.evaluating import tables

    with LiveObserver() as observer:
        results = run(artifact, data, target=target, precision=precision, threads=threads, observer=observer)
    if as_json:
        show_json(results)
    else:
        show(*tables(results))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Show what is installed, what each target needs, and the line that installs it."""
    from edgecv.doctor import examine, table

    checks = examine()
    if as_json:
        show_json(checks)
    else:
        show(table(checks))


if __name__ == "__main__":
    main()
