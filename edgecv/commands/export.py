"""The arguments and options of `edgecv export`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgecv.commands.options import given_path

Destination = Annotated[
    Path,
    typer.Argument(
        parser=given_path,
        metavar="DEST",
        help="An Android project, or its app module; or a new folder, for the demo app.",
        show_default=False,
    ),
]
Artifacts = Annotated[
    list[str] | None,
    typer.Option(
        "--artifact",
        "-a",
        metavar="TARGET[:PRECISION]",
        help="As tflite:int8, or an artifact's file in the bundle; repeatable. Default: all of TFLite and ONNX.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace the bundle and the library that are there.")]
