"""The command line's arguments and options: names, help, and how `--help` groups them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

if TYPE_CHECKING:
    from edgecv.convert.request import ConvertOptions

MAKE, DATA, PROOF, LOADING, WORKERS = "What to make", "Data", "Proof", "Loading the model", "Workers"


def given_path(text: str) -> Path:
    """The path in an argument. An empty word, which an unset variable leaves, is not the current directory."""
    if not text:
        raise typer.BadParameter("a path cannot be empty (write . for the current directory)")
    return Path(text)


class Io(StrEnum):
    """The dtype of an int8 artifact's inputs and outputs."""

    float32 = "float32"
    int8 = "int8"
    uint8 = "uint8"


class QuantizerName(StrEnum):
    """Who makes the int8 artifacts."""

    edgecv = "edgecv"
    vendor = "vendor"


class TaskName(StrEnum):
    """What the outputs mean."""

    classification = "classification"
    binary = "binary"
    multilabel = "multilabel"
    regression = "regression"


class ActivationName(StrEnum):
    """What still has to be applied to the first output."""

    none = "none"
    softmax = "softmax"
    sigmoid = "sigmoid"


Model = Annotated[
    Path,
    typer.Argument(
        parser=given_path, metavar="MODEL", help="A .keras or .h5 file, or a SavedModel folder.", show_default=False
    ),
]
BundlePath = Annotated[
    Path,
    typer.Argument(parser=given_path, metavar="BUNDLE", help="NAME.edgecv or NAME.edgecv.zip.", show_default=False),
]
BundleOrFile = Annotated[
    Path,
    typer.Argument(
        parser=given_path, metavar="BUNDLE", help="A bundle, or an artifact's file inside one.", show_default=False
    ),
]
AnyPath = Annotated[
    Path,
    typer.Argument(
        parser=given_path,
        metavar="PATH",
        help="A model, a .tflite, .onnx or .mlpackage, or a bundle.",
        show_default=False,
    ),
]
Labelled = Annotated[
    Path,
    typer.Argument(
        parser=given_path, metavar="FOLDER|NPZ", help="Labelled samples: a subfolder a class.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Layers = Annotated[
    bool, typer.Option("--layers", help="Of a bundle: how far int8 is from float in each layer, the worst first.")
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing bundle.")]
Target = Annotated[
    str | None, typer.Option("--target", help="tflite, onnx or coreml; all where not given.", show_default=False)
]
Precision = Annotated[
    str | None, typer.Option("--precision", help="For example int8; all where not given.", show_default=False)
]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads of the runtime.")]

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        parser=given_path,
        metavar="NAME.edgecv",
        help="The bundle, or NAME.edgecv.zip; named after MODEL by default.",
        show_default=False,
        rich_help_panel=MAKE,
    ),
]
Quantize = Annotated[
    list[str] | None,
    typer.Option(
        "--quantize",
        "-q",
        metavar="[TARGET:]PRECISION",
        help="float32, float16, dynamic, int8 or int16x8; for Core ML's weights also weights8, weights4, palette8 to "
        "palette2, palette4-group8, sparse50-palette4 and the like; repeatable, or a list with commas. Default: "
        "float32, and float16 for Core ML.",
        show_default=False,
        rich_help_panel=MAKE,
    ),
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        "--target",
        "-t",
        help="tflite, onnx, coreml; repeatable. Default: all.",
        show_default=False,
        rich_help_panel=MAKE,
    ),
]
IoOption = Annotated[
    Io, typer.Option("--io", help="Dtype of the int8 artifacts' inputs and outputs.", rich_help_panel=MAKE)
]
QuantizerOption = Annotated[
    QuantizerName,
    typer.Option(
        "--quantizer",
        help="Who chooses the int8 numbers: edgecv, or TensorFlow's converter alone (vendor).",
        rich_help_panel=MAKE,
    ),
]
Refine = Annotated[
    bool,
    typer.Option(
        "--refine",
        help="Distil the int8 model on the calibration samples: no labels, some minutes.",
        rich_help_panel=MAKE,
    ),
]
RefineLimit = Annotated[
    float,
    typer.Option("--refine-limit", metavar="SECONDS", help="The longest that --refine may take.", rich_help_panel=MAKE),
]
Qat = Annotated[
    Path | None,
    typer.Option(
        "--qat",
        parser=given_path,
        metavar="FOLDER|NPZ",
        help="Quantization-aware training: train the int8 model on these labelled samples; they also calibrate where "
        "--calibrate is not given.",
        show_default=False,
        rich_help_panel=MAKE,
    ),
]
Epochs = Annotated[
    int | None,
    typer.Option("--epochs", metavar="N", help="Of --qat. Default: 5.", show_default=False, rich_help_panel=MAKE),
]
MaxDrop = Annotated[
    float | None,
    typer.Option(
        "--max-drop",
        metavar="POINTS",
        help="Keep the fewest layers of the int8 model in float so that accuracy falls by no more than this; needs "
        "--evaluate.",
        show_default=False,
        rich_help_panel=MAKE,
    ),
]
MaxDropLimit = Annotated[
    float,
    typer.Option(
        "--max-drop-limit", metavar="SECONDS", help="The longest that --max-drop may take.", rich_help_panel=MAKE
    ),
]
PreprocessOption = Annotated[
    str | None,
    typer.Option(
        "--preprocess",
        "-p",
        metavar="PRESET|TOML",
        help="What a picture goes through: none, rescale, tf, torch or caffe, with load_img+ or image_dataset+ in "
        "front where one of those read the training data; tensor for inputs that are no pictures; or a .toml file.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
Calibrate = Annotated[
    Path | None,
    typer.Option(
        "--calibrate",
        parser=given_path,
        metavar="FOLDER|NPZ",
        help="Real samples that set the int8 ranges; labels are not needed.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
Samples = Annotated[int, typer.Option("--samples", help="How many of them, balanced by class.", rich_help_panel=DATA)]
Seed = Annotated[int, typer.Option("--seed", help="Decides which ones.", rich_help_panel=DATA)]
Evaluate = Annotated[
    Path | None,
    typer.Option(
        "--evaluate",
        parser=given_path,
        metavar="FOLDER|NPZ",
        help="Labelled samples (a subfolder a class) to measure accuracy on.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        parser=given_path,
        metavar="FILE|FOLDER",
        help="Class names in the order of the outputs: one a line, or a folder's sorted subfolders.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
TaskOption = Annotated[
    TaskName | None,
    typer.Option(
        "--task",
        help="What the outputs mean, where the model does not show it.",
        show_default=False,
        rich_help_panel=PROOF,
    ),
]
ActivationOption = Annotated[
    ActivationName | None,
    typer.Option(
        "--activation",
        help="What the app still applies for scores in 0..1, where the model does not show it.",
        show_default=False,
        rich_help_panel=PROOF,
    ),
]
Thresholds = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        metavar="[LABEL=]SCORE",
        help="From which score on a label holds, for binary and multilabel; repeatable. Default: 0.5.",
        show_default=False,
        rich_help_panel=PROOF,
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
        rich_help_panel=PROOF,
    ),
]
KeepFailing = Annotated[
    bool,
    typer.Option(
        "--keep-failing", help="Write the bundle although a gate failed (still exit code 3).", rich_help_panel=PROOF
    ),
]
KeepGoing = Annotated[
    bool,
    typer.Option(
        "--keep-going", help="Write the bundle without the targets that did not convert.", rich_help_panel=PROOF
    ),
]
InputShapes = Annotated[
    list[str] | None,
    typer.Option(
        "--input-shape",
        metavar="[NAME=]1,H,W,C",
        help="For inputs with open dimensions.",
        show_default=False,
        rich_help_panel=LOADING,
    ),
]
AllowCode = Annotated[
    bool,
    typer.Option("--allow-code", help="Load models that carry Python code, which then runs.", rich_help_panel=LOADING),
]
CustomObjects = Annotated[
    str | None,
    typer.Option(
        "--custom-objects",
        metavar="PACKAGE.MODULE",
        help="Where the model's own layers are defined.",
        show_default=False,
        rich_help_panel=LOADING,
    ),
]
TimeLimit = Annotated[
    float, typer.Option("--time-limit", metavar="SECONDS", help="For each converter.", rich_help_panel=WORKERS)
]
MemoryLimit = Annotated[
    float | None,
    typer.Option(
        "--memory-limit",
        metavar="GIB",
        help="For each converter; 80 % of the machine's by default.",
        show_default=False,
        rich_help_panel=WORKERS,
    ),
]


SEVERAL = {
    "quantize": "quantize",
    "target": "targets",
    "threshold": "thresholds",
    "gate": "gates",
    "input_shape": "input_shapes",
}
NOT_OPTIONS = ("model", "output", "as_json")


def convert_options(given: Mapping[str, object]) -> ConvertOptions:
    """The command's arguments, by name, as the options of `edgecv.convert`, where repeatable ones are in the plural."""
    options: dict[str, object] = {}
    for name, value in given.items():
        if name in SEVERAL:
            options[SEVERAL[name]] = value or ()
        elif name not in NOT_OPTIONS:
            options[name] = value.value if isinstance(value, StrEnum) else value
    return cast("ConvertOptions", options)
