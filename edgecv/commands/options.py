"""The arguments and options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DATA, LOADING = "Data", "Loading the model"


def given_path(text: str) -> Path:
    """The path in an argument. An empty word, which an unset variable leaves, is not the current directory.

    Raises:
        BadParameter: The word is empty.
    """
    if not text:
        raise typer.BadParameter("a path cannot be empty (write . for the current directory)")
    return Path(text)


Model = Annotated[
    Path,
    typer.Argument(
        parser=given_path,
        metavar="MODEL",
        help="The trained model: a .keras or .h5 file, or a SavedModel folder.",
        show_default=False,
    ),
]
BundlePath = Annotated[
    Path,
    typer.Argument(
        parser=given_path, metavar="BUNDLE", help="The bundle: NAME.edgecv or NAME.edgecv.zip.", show_default=False
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Force = Annotated[bool, typer.Option("--force", help="Replace a bundle that is already there.")]
Threads = Annotated[int, typer.Option("--threads", min=1, help="How many threads the runtime uses.")]
Gates = Annotated[
    list[str] | None,
    typer.Option(
        "--gate",
        metavar="[PRECISION:]NAME=VALUE",
        help="Move one bar of the proof: agreement=0.97 (share of equal answers), snr=20 (dB) or drop=1 (points of "
        "accuracy); NAME=off switches it off. Repeatable.",
        show_default=False,
        rich_help_panel="Proof",
    ),
]
PreprocessOption = Annotated[
    str | None,
    typer.Option(
        "--preprocess",
        "-p",
        metavar="PRESET|TOML",
        help="How a picture was prepared in training: none, rescale, tf, torch or caffe, with load_img+ or "
        "image_dataset+ in front where one of those read the pictures; tensor for inputs that are no pictures; or a "
        ".toml file.",
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
        help="The class names in the order of the model's outputs: a text file with one a line, or a folder whose "
        "sorted subfolders are the classes.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
InputShapes = Annotated[
    list[str] | None,
    typer.Option(
        "--input-shape",
        metavar="[NAME=]1,H,W,C",
        help="The fixed shape of an input whose height, width or batch is open. Repeatable.",
        show_default=False,
        rich_help_panel=LOADING,
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
    typer.Option(
        "--custom-objects",
        metavar="PACKAGE.MODULE",
        help="The Python module that defines the model's own layers.",
        show_default=False,
        rich_help_panel=LOADING,
    ),
]
Signature = Annotated[
    str | None,
    typer.Option(
        "--signature",
        metavar="NAME",
        help="The signature or function of a SavedModel to take. Default: the one that serves.",
        show_default=False,
        rich_help_panel=LOADING,
    ),
]
