"""The command line: parse, one call, print. No logic lives here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from edgecv.commands import bench as bench_arg
from edgecv.commands import coreml_options as coreml_arg
from edgecv.commands import export as export_arg
from edgecv.commands import options as arg
from edgecv.commands import prune as prune_arg
from edgecv.commands import run as run_arg
from edgecv.terminal.console import LiveObserver, exit_code, print_error, show, show_json, waiting
from edgecv.terminal.streams import prepare

app = typer.Typer(
    name="edgecv",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 ok, 1 an error you can fix, 2 usage, 3 a parity or accuracy gate failed, 70 a bug in edgecv.",
)
exports = typer.Typer(no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]})
app.add_typer(exports, name="export", help="Put a bundle into an app's project.")


def main() -> NoReturn:
    """Run the command that the process was called with, and end the process."""
    prepare()
    sys.exit(exit_code(_run))


def _run() -> int | None:
    command = typer.main.get_command(app)
    try:
        # Not `app()`: that ends by itself, in its own way, when stdout is closed or Ctrl-C is pressed.
        with command.make_context("edgecv", sys.argv[1:]) as context:
            return command.invoke(context)  # type: ignore[no-any-return]
    except typer.Exit as stop:
        return stop.exit_code
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        place = getattr(getattr(error, "ctx", None), "command_path", "edgecv")
        if message := error.format_message():
            print_error(message.rstrip("."), f"Try {place} --help")
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
    model: arg.Model,
    output: arg.Output = None,
    quantize: arg.Quantize = None,
    target: arg.Targets = None,
    io: arg.IoOption = arg.Io.float32,
    preprocess: arg.PreprocessOption = None,
    quantizer: arg.QuantizerOption = arg.QuantizerName.edgecv,
    refine: arg.Refine = False,
    refine_limit: arg.RefineLimit = 540,
    qat: arg.Qat = None,
    epochs: arg.Epochs = None,
    max_drop: arg.MaxDrop = None,
    max_drop_limit: arg.MaxDropLimit = 600,
    coreml_input: coreml_arg.CoremlInput = coreml_arg.CoremlInputName.tensor,
    coreml_output: coreml_arg.CoremlOutput = None,
    coreml_minimum: coreml_arg.CoremlMinimum = None,
    coreml_compute: coreml_arg.CoremlCompute = coreml_arg.CoremlComputeName.float32,
    author: coreml_arg.Author = None,
    license: coreml_arg.License = None,  # noqa: A002 - the option's name
    model_version: coreml_arg.ModelVersion = None,
    calibrate: arg.Calibrate = None,
    samples: arg.Samples = 200,
    seed: arg.Seed = 0,
    evaluate: arg.Evaluate = None,
    labels: arg.Labels = None,
    task: arg.TaskOption = None,
    activation: arg.ActivationOption = None,
    threshold: arg.Thresholds = None,
    gate: arg.Gates = None,
    keep_failing: arg.KeepFailing = False,
    keep_going: arg.KeepGoing = False,
    input_shape: arg.InputShapes = None,
    allow_code: arg.AllowCode = False,
    custom_objects: arg.CustomObjects = None,
    time_limit: arg.TimeLimit = 1800,
    memory_limit: arg.MemoryLimit = None,
    force: arg.Force = False,
    as_json: arg.Json = False,
) -> None:
    """Convert a trained model for all targets, and prove that they give its answers.

    Example: edgecv convert model.keras --quantize int8 --preprocess rescale --calibrate photos/ --evaluate test/
    """
    given = arg.convert_options(locals())
    from edgecv.convert.pipeline import convert as run
    from edgecv.convert.request import from_options
    from edgecv.terminal.tables import finish_conversion

    request = from_options(model, output or Path(f"{model.stem}.edgecv"), given)

    with LiveObserver() as observer:
        outcome = run(request, observer)
    finish_conversion(outcome, as_json=as_json)


@app.command()
def demo(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", parser=arg.given_path, metavar="NAME.edgecv", help="The bundle to make."),
    ] = Path("digits.edgecv"),
    force: arg.Force = False,
) -> None:
    """Train a small network on scanned digits, convert it to every target in int8, prove it, and use it."""
    from edgecv.commands.demo import run_demo

    run_demo(output, force=force)


@app.command()
def inspect(
    path: arg.AnyPath,
    layers: arg.Layers = False,
    input_shape: arg.InputShapes = None,
    allow_code: arg.AllowCode = False,
    custom_objects: arg.CustomObjects = None,
    as_json: arg.Json = False,
) -> None:
    """Show what a model, an artifact or a bundle holds: layers, ops, parameters, inputs, preprocessing."""
    from edgecv_converters.data.inputs import read_input_shapes

    from edgecv.inspect import inspect as look
    from edgecv.inspect import inspect_layers, tables

    shapes = read_input_shapes(input_shape or ())
    with waiting(f"reading {path}"):
        found = (
            inspect_layers(path)
            if layers
            else look(path, input_shapes=shapes, allow_code=allow_code, custom_objects=custom_objects)
        )
    if as_json:
        show_json(found)
    else:
        show(*tables(found))


@app.command()
def verify(
    bundle: arg.BundlePath,
    gate: arg.Gates = None,
    threads: arg.Threads = 1,
    as_json: arg.Json = False,
) -> None:
    """Check a bundle's files, and run its golden cases again on this machine."""
    from edgecv.prove.verify import finish_verification
    from edgecv.prove.verify import verify as run

    with LiveObserver() as observer:
        result = run(bundle, gates=tuple(gate or ()), threads=threads, observer=observer)
    finish_verification(result, as_json=as_json)


@app.command()
def evaluate(
    artifact: arg.BundleOrFile,
    data: arg.Labelled,
    target: arg.Target = None,
    precision: arg.Precision = None,
    threads: arg.Threads = 1,
    as_json: arg.Json = False,
) -> None:
    """Measure accuracy on labelled samples: confusion matrix, precision, recall and F1 of every class."""
    from edgecv.prove.evaluate import evaluate as run
    from edgecv.prove.evaluate import tables

    with LiveObserver() as observer:
        results = run(artifact, data, target=target, precision=precision, threads=threads, observer=observer)
    if as_json:
        show_json(results)
    else:
        show(*tables(results))


@app.command()
def run(
    bundle: arg.BundlePath,
    sources: run_arg.Sources,
    target: run_arg.Target = None,
    precision: run_arg.Precision = None,
    backend: run_arg.BackendName = None,
    threads: run_arg.Threads = 1,
    threshold: run_arg.Thresholds = None,
    camera_size: run_arg.CameraSize = None,
    max_fps: run_arg.MaxFps = None,
    duration: run_arg.Duration = None,
    skip_bad: run_arg.SkipBad = False,
    live: run_arg.LiveInput = False,
    top: run_arg.Top = 3,
    as_json: run_arg.JsonLines = False,
    save: run_arg.Save = None,
    show_window: run_arg.Show = False,
    force: run_arg.Force = False,
) -> int:
    """Classify pictures, a folder, a video, or what a camera sees, live.

    Examples: edgecv run model.edgecv photos/, edgecv run model.edgecv 0 --show
    """
    from edgecv.run import RunOptions
    from edgecv.run import run as answer

    return answer(
        RunOptions(
            bundle=bundle,
            sources=tuple(sources),
            target=target,
            precision=precision,
            backend=backend,
            threads=threads,
            thresholds=tuple(threshold or ()),
            top=top,
            as_json=as_json,
            save=save,
            force=force,
            show=show_window,
            duration=duration,
            max_fps=max_fps,
            skip_bad=skip_bad,
            camera_size=camera_size,
            live=live,
        )
    )


@app.command()
def prune(
    model: arg.Model,
    output: prune_arg.Output = None,
    data: prune_arg.Data = None,
    method: prune_arg.Method = "channel",
    target_macs: prune_arg.TargetMacs = 0.5,
    importance: prune_arg.Importance = None,
    scope: prune_arg.Scope = None,
    round_to: prune_arg.RoundTo = 8,
    min_width: prune_arg.MinWidth = None,
    drop_blocks: prune_arg.DropBlocks = 0,
    steps: prune_arg.Steps = 1,
    sparsity: prune_arg.Sparsity = 0.8,
    pattern: prune_arg.Pattern = "2:4",
    preprocess: arg.PreprocessOption = None,
    labels: arg.Labels = None,
    validation: prune_arg.Validation = 0.15,
    augment: prune_arg.Augment = "",
    class_weights: prune_arg.ClassWeights = None,
    epochs: prune_arg.Epochs = 10,
    step_epochs: prune_arg.StepEpochs = 1,
    batch: prune_arg.Batch = 64,
    learning_rate: prune_arg.LearningRate = 1e-3,
    patience: prune_arg.Patience = 10,
    distill: prune_arg.Distill = 0.0,
    seed: prune_arg.Seed = 0,
    input_shapes: arg.InputShapes = None,
    allow_code: arg.AllowCode = False,
    custom_objects: arg.CustomObjects = None,
    resume: prune_arg.Resume = False,
    force: prune_arg.Force = False,
    as_json: arg.Json = False,
) -> None:
    """Make a trained model smaller and train it again: a Keras model in, a Keras model out.

    Example: edgecv prune model.keras --data photos/ --preprocess rescale --target-macs 0.5 -o small.keras
    """
    given = dict(locals())
    from edgecv.compress.command import chosen
    from edgecv.compress.command import prune as run
    from edgecv.compress.summary import finish_pruning

    place = output or Path(f"{model.stem}.pruned.keras")
    with LiveObserver() as observer:
        made = run(model, data, place, observer=observer, **chosen(given))
    finish_pruning(made, as_json=as_json)


@app.command()
def bench(
    bundle: bench_arg.BundlePath = None,
    data: bench_arg.Data = None,
    target: bench_arg.Targets = None,
    precision: bench_arg.Precisions = None,
    backend: bench_arg.Backends = None,
    threads: bench_arg.Threads = None,
    peak: bench_arg.Peaks = True,
    rounds: bench_arg.Rounds = 20,
    seconds: bench_arg.Seconds = 2.0,
    warm_up: bench_arg.WarmUp = 5.0,
    sustained: bench_arg.Sustained = 0.0,
    sustain_all: bench_arg.SustainAll = False,
    reference: bench_arg.ReferenceFile = None,
    record_reference: bench_arg.RecordReference = None,
    model: bench_arg.Model = None,
    device: bench_arg.Devices = None,
    device_python: bench_arg.DevicePython = "python3",
    import_file: bench_arg.Imports = None,
    html: bench_arg.Html = None,
    markdown: bench_arg.Markdown = False,
    force: bench_arg.Force = False,
    as_json: bench_arg.Json = False,
) -> None:
    """Measure a bundle here or on a device: latency, memory, size and accuracy of every artifact, side by side.

    Example: edgecv bench model.edgecv --data test/ --html report.html
    """
    given = dict(locals())
    from edgecv.bench.command import run as measure
    from edgecv.bench.output import finish

    with LiveObserver() as observer:
        results = measure(bench_arg.request(given), observer)
    finish(results, as_json=as_json, markdown=markdown, html=html)


@exports.command("android")
def export_android(
    bundle: arg.BundlePath,
    dest: export_arg.Destination,
    artifact: export_arg.Artifacts = None,
    force: export_arg.Force = False,
    as_json: arg.Json = False,
) -> None:
    """Put a bundle and the Kotlin library into an Android project, or make the demo app with this bundle in it.

    Examples: edgecv export android model.edgecv MyProject/, edgecv export android model.edgecv new-demo/
    """
    from edgecv.export.android import export_android as run
    from edgecv.export.output import finish

    finish(run(bundle, dest, artifacts=artifact or (), force=force), as_json=as_json)


@app.command()
def doctor(as_json: arg.Json = False) -> None:
    """Show what is installed, what each target needs, and the line that installs it."""
    from edgecv.doctor import examine, table

    checks = examine()
    if as_json:
        show_json(checks)
    else:
        show(table(checks))


if __name__ == "__main__":
    main()
