"""The arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from edgecv_runtime import formats
from edgecv_runtime.text import one_of

DATA, LOADING, ARTIFACT = "Data", "Loading the model", "Which artifact answers"


def given_path(text: str) -> Path:
    """The path in an argument. An empty word, which an unset variable leaves, is not the current directory.

    Raises:
        BadParameter: The word is empty.
    """
    if not text:
        raise typer.BadParameter("a path cannot be empty (write . for the current directory)")
    return Path(text)


def option(*flags: str, help: str, panel: str | None = None, metavar: str | None = None) -> Any:  # noqa: A002 - Typer's
    """An option whose default its help tells, in the panel of `--help` that it belongs to."""
    return typer.Option(*flags, help=help, metavar=metavar, show_default=False, rich_help_panel=panel)


def path_option(*flags: str, help: str, metavar: str, panel: str | None = None) -> Any:  # noqa: A002
    """An option that takes a path."""
    return typer.Option(
        *flags, parser=given_path, help=help, metavar=metavar, show_default=False, rich_help_panel=panel
    )


def path_argument(metavar: str, help: str) -> Any:  # noqa: A002
    """An argument that takes a path."""
    return typer.Argument(parser=given_path, metavar=metavar, help=help, show_default=False)


Model = Annotated[
    Path,
    path_argument("MODEL", "The trained model: a .keras or .h5 file, or a SavedModel folder."),
]
BundlePath = Annotated[
    Path,
    path_argument("BUNDLE", "The bundle: NAME.edgecv or NAME.edgecv.zip."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a bundle that is already there.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="How many threads the runtime uses.")]
Gates = Annotated[
    list[str] | None,
    option(
        "--gate",
        metavar="[PRECISION:]NAME=VALUE",
        help="Move one bar of the proof: agreement=0.97 (share of equal answers), snr=20 (dB), fall=5 (dB below what "
        "was recorded when the artifact was made), twin_fall=3 (dB below the int8 twin) or drop=1 (points of "
        "accuracy), with --explain also explanation=0.7 (rank correlation of maps); NAME=off switches it off. "
        "Repeatable.",
        panel="Proof",
    ),
]
PreprocessOption = Annotated[
    str | None,
    option(
        "--preprocess",
        "-p",
        metavar="PRESET|TOML",
        help="How a picture was prepared in training: none, rescale, tf, torch or caffe, with load_img+ or "
        "image_dataset+ in front where one of those read the pictures; clip+ in front for clips of frames; tensor for "
        "inputs that are no pictures; or a .toml file, as sounds need.",
        panel=DATA,
    ),
]
Labels = Annotated[
    Path | None,
    path_option(
        "--labels",
        metavar="FILE|FOLDER",
        help="The class names in the order of the model's outputs: a text file with one a line, or a folder whose "
        "sorted subfolders are the classes.",
        panel=DATA,
    ),
]
InputShapes = Annotated[
    list[str] | None,
    option(
        "--input-shape",
        metavar="[NAME=]1,H,W,C",
        help="The fixed shape of an input whose height, width or batch is open. Repeatable.",
        panel=LOADING,
    ),
]
AllowCode = Annotated[
    bool,
    typer.Option(
        "--allow-code",
        help="Load a model that carries Python code of its own, which then runs on this machine.",
        rich_help_panel=LOADING,
    ),
]
CustomObjects = Annotated[
    str | None,
    option(
        "--custom-objects",
        metavar="PACKAGE.MODULE",
        help="The Python module that defines the model's own layers.",
        panel=LOADING,
    ),
]
Signature = Annotated[
    str | None,
    option(
        "--signature",
        metavar="NAME",
        help="The signature or function of a SavedModel to take. Default: the one that serves.",
        panel=LOADING,
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        help=f"Take an artifact of this target: {one_of(formats.KNOWN)}.",
        show_default="the best",
        rich_help_panel=ARTIFACT,
    ),
]
Precision = Annotated[
    str | None,
    typer.Option(
        "--precision",
        help="Take an artifact of this precision, such as int8.",
        show_default="the best",
        rich_help_panel=ARTIFACT,
    ),
]
BackendName = Annotated[
    str | None,
    typer.Option(
        "--backend",
        help=f"Run it with this backend: {one_of(formats.BACKENDS)}.",
        show_default="the best",
        rich_help_panel=ARTIFACT,
    ),
]
Thresholds = Annotated[
    list[str] | None,
    option(
        "--threshold",
        metavar="[HEAD:][LABEL=]SCORE",
        help="The score from which on a label holds, in place of the bundle's, for outputs that are yes or no. "
        "Repeatable.",
        panel=ARTIFACT,
    ),
]
