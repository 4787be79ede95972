"""`edgecv convert`: a trained model becomes a proven bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer
from edgecv_converters.isolate import WorkerLimits
from edgecv_converters.targets import DenseScales, Quantizer
from edgecv_runtime import formats
from edgecv_runtime.heads.kinds import KINDS
from edgecv_runtime.schema import Activation
from edgecv_runtime.text import one_of

from edgecv.commands import metadata_options as about
from edgecv.commands import options as opt
from edgecv.commands.form import default_of, takes, values
from edgecv.commands.target_options import with_target_options
from edgecv.convert.recipe import DEFAULT_EPOCHS, Recipe

EXPERIMENTAL = " and ".join(name for name, known in formats.KNOWN.items() if known.experimental)
MAKE, PROOF, WORKERS = "What to make", "Proof", "Workers"

Output = Annotated[
    Path | None,
    opt.path_option(
        "--output",
        "-o",
        metavar="NAME.edgecv",
        help="The bundle to make, a folder NAME.edgecv or one file NAME.edgecv.zip. Default: named after MODEL.",
        panel=MAKE,
    ),
]
Quantize = Annotated[
    list[str] | None,
    opt.option(
        "--quantize",
        "-q",
        metavar="[TARGET:]PRECISION",
        help="The precision to convert to: float32, float16, dynamic, int8 or int16x8; for Core ML's weights also "
        "weights8, weights4, palette8 to palette2, palette4-group8, sparse50-palette4 and the like. Repeatable, or "
        "a list with commas. Default: float32, and float16 for Core ML.",
        panel=MAKE,
    ),
]
Targets = Annotated[
    list[str] | None,
    opt.option(
        "--target",
        "-t",
        help=f"The target to convert to: {one_of(formats.KNOWN)}. Repeatable. Default: all but {EXPERIMENTAL}, which "
        "are experimental.",
        panel=MAKE,
    ),
]
Io = Annotated[
    Literal["float32", "int8", "uint8"],
    typer.Option("--io", help="The data type of the int8 artifacts' inputs and outputs.", rich_help_panel=MAKE),
]
QuantizerOption = Annotated[
    Quantizer,
    typer.Option(
        "--quantizer",
        help="Who chooses the int8 scales: edgecv, or TensorFlow's converter alone (vendor).",
        rich_help_panel=MAKE,
    ),
]
Refine = Annotated[
    bool,
    typer.Option(
        "--refine",
        help="Distil the source model's answers into the int8 model on the calibration samples. Needs no labels; "
        "takes some minutes.",
        rich_help_panel=MAKE,
    ),
]
RefineLimit = Annotated[
    float,
    typer.Option("--refine-limit", metavar="SECONDS", help="The longest that --refine may take.", rich_help_panel=MAKE),
]
Qat = Annotated[
    Path | None,
    opt.path_option(
        "--qat",
        metavar="FOLDER|NPZ",
        help="Train the int8 model on these labelled samples (quantization-aware training). They also calibrate it "
        "where --calibrate is not given.",
        panel=MAKE,
    ),
]
Epochs = Annotated[
    int | None,
    opt.option(
        "--epochs",
        metavar="N",
        help=f"How often --qat goes through its samples. Default: {DEFAULT_EPOCHS}.",
        panel=MAKE,
    ),
]
MaxDrop = Annotated[
    float | None,
    opt.option(
        "--max-drop",
        metavar="POINTS",
        help="Keep as few layers of the int8 model in float as accuracy needs to fall by no more than this many "
        "points of 100. Needs --evaluate.",
        panel=MAKE,
    ),
]
MaxDropLimit = Annotated[
    float,
    typer.Option(
        "--max-drop-limit", metavar="SECONDS", help="The longest that --max-drop may take.", rich_help_panel=MAKE
    ),
]
StrictInt8 = Annotated[
    bool,
    typer.Option(
        "--strict-int8",
        help="Refuse a model with a layer that has no int8 form. By default such layers stay float, and are named.",
        rich_help_panel=MAKE,
    ),
]
Numbers = Annotated[
    str,
    typer.Option(
        "--numbers",
        metavar="TARGET",
        help="The target by whose runtime int8 is judged while it is quantized, where two round differently. micro: a "
        "microcontroller's, in place of LiteRT's.",
        rich_help_panel=MAKE,
    ),
]
DenseScalesOption = Annotated[
    DenseScales,
    typer.Option(
        "--dense-scales",
        help="Whether the int8 weights of a dense layer have a scale for each channel, or one in all (tensor), which "
        "older interpreters of microcontrollers need. Holds for all targets.",
        rich_help_panel=MAKE,
    ),
]
Calibrate = Annotated[
    Path | None,
    opt.path_option(
        "--calibrate",
        metavar="FOLDER|NPZ",
        help="Real samples, on which the ranges of int8 are measured. Labels are not needed.",
        panel=opt.DATA,
    ),
]
Samples = Annotated[
    int,
    typer.Option(
        "--samples",
        help="How many of the calibration samples are used, the same number of each class.",
        rich_help_panel=opt.DATA,
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", help="The random seed that chooses these samples.", rich_help_panel=opt.DATA)
]
Evaluate = Annotated[
    Path | None,
    opt.path_option(
        "--evaluate",
        metavar="FOLDER|NPZ",
        help="Labelled samples to measure accuracy on: a folder with a subfolder for each class, or an .npz file.",
        panel=opt.DATA,
    ),
]
TaskOption = Annotated[
    str | None,
    opt.option(
        "--task",
        metavar="|".join(KINDS),
        help="What the model's output means, where the model does not show it: for models with one output.",
        panel=PROOF,
    ),
]
Heads = Annotated[
    list[str] | None,
    opt.option(
        "--head",
        metavar="NAME:KIND[=FILE]",
        help="What the output NAME (or several, joined by +) means, where the model does not show it: "
        f"{', '.join(KINDS)}. FILE has its class names, one a line; or, as .toml, all that there is to say of it "
        "(docs/heads.md). Repeatable.",
        panel=PROOF,
    ),
]
ActivationOption = Annotated[
    Activation | None,
    opt.option(
        "--activation",
        help="The function that an app still applies to the output for scores in 0..1, where the model does not "
        "show it.",
        panel=PROOF,
    ),
]
Thresholds = Annotated[
    list[str] | None,
    opt.option(
        "--threshold",
        metavar="[HEAD:][LABEL=]SCORE",
        help="The score from which on a label holds, for outputs that are yes or no. Repeatable. Default: 0.5.",
        panel=PROOF,
    ),
]
Explain = Annotated[
    int,
    typer.Option(
        "--explain",
        metavar="N",
        min=0,
        help="Compare on N samples which pixels the source's and each artifact's answers come from; the report shows "
        "them, and --gate explanation=0.7 holds the mean rank correlation.",
        rich_help_panel=PROOF,
    ),
]
KeepFailing = Annotated[
    bool,
    typer.Option(
        "--keep-failing",
        help="Write the bundle although a gate failed. The exit code is still 3.",
        rich_help_panel=PROOF,
    ),
]
KeepGoing = Annotated[
    bool,
    typer.Option(
        "--keep-going", help="Write the bundle without the targets that did not convert.", rich_help_panel=PROOF
    ),
]
TimeLimit = Annotated[
    float,
    typer.Option(
        "--time-limit", metavar="SECONDS", help="The longest that each converter may take.", rich_help_panel=WORKERS
    ),
]
MemoryLimit = Annotated[
    float | None,
    opt.option(
        "--memory-limit",
        metavar="GIB",
        help="The most memory that each converter may use. Default: 80 % of the machine's.",
        panel=WORKERS,
    ),
]
Jobs = Annotated[
    int | None,
    opt.option(
        "--jobs",
        metavar="N",
        help="How many conversions and proofs run at the same time. Large models take fewer: what would need too much "
        "memory together runs one after another. Default: the number of cores, and two at least.",
        panel=WORKERS,
    ),
]


@with_target_options
@dataclass(frozen=True, kw_only=True)
class ConvertArguments:
    """The command line of `edgecv convert`; all but three names are those of `edgecv.convert`'s options."""

    model: opt.Model
    output: Output = None
    quantize: Quantize = None
    targets: Targets = None
    io: Io = default_of(Recipe, "io")
    quantizer: QuantizerOption = default_of(Recipe, "quantizer")
    refine: Refine = False
    refine_limit: RefineLimit = default_of(Recipe, "refine_limit")
    qat: Qat = None
    epochs: Epochs = None
    max_drop: MaxDrop = None
    max_drop_limit: MaxDropLimit = default_of(Recipe, "max_drop_limit")
    strict_int8: StrictInt8 = False
    numbers: Numbers = default_of(Recipe, "numbers")
    dense_scales: DenseScalesOption = default_of(Recipe, "dense_scales")
    author: about.Author = None
    license: about.License = None
    model_version: about.ModelVersion = None
    preprocess: opt.PreprocessOption = None
    calibrate: Calibrate = None
    samples: Samples = default_of(Recipe, "samples")
    seed: Seed = default_of(Recipe, "seed")
    evaluate: Evaluate = None
    labels: opt.Labels = None
    task: TaskOption = None
    heads: Heads = None
    activation: ActivationOption = None
    thresholds: Thresholds = None
    gates: opt.Gates = None
    explain: Explain = 0
    keep_failing: KeepFailing = False
    keep_going: KeepGoing = False
    input_shapes: opt.InputShapes = None
    allow_code: opt.AllowCode = False
    custom_objects: opt.CustomObjects = None
    signature: opt.Signature = None
    time_limit: TimeLimit = WorkerLimits().seconds
    memory_limit: MemoryLimit = None
    jobs: Jobs = None
    force: opt.Force = False
    as_json: opt.Json = False


app = typer.Typer(add_completion=False)


@app.command()
@takes(ConvertArguments)
def convert(given: ConvertArguments) -> None:
    """Convert a trained model for all targets, and prove that they give its answers.

    Example: edgecv convert model.keras --quantize int8 --preprocess rescale --calibrate photos/ --evaluate test/
    """
    from edgecv.convert.output import print_outcome
    from edgecv.convert.pipeline import convert as run
    from edgecv.convert.request import from_options
    from edgecv.terminal.console import LiveObserver

    out = given.output or Path(f"{given.model.stem}.edgecv")
    request = from_options(given.model, out, values(given, without=("model", "output", "as_json")))  # type: ignore[arg-type]
    with LiveObserver() as observer:
        outcome = run(request, observer)
    print_outcome(outcome, as_json=given.as_json, told=observer.told)
