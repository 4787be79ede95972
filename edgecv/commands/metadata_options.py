"""The options of `edgecv convert` that decide what artifacts say of themselves."""

from __future__ import annotations

from typing import Annotated

import typer

from edgecv.commands import options as opt

ABOUT = "The artifacts' own metadata"

TfliteMetadata = Annotated[
    bool,
    typer.Option(
        "--tflite-metadata/--no-tflite-metadata",
        help="Write into TFLite files how pictures are normalized and what the labels are, so that MediaPipe Tasks and "
        "ML Kit open them. What their format cannot say exactly is left out, and said.",
        rich_help_panel=ABOUT,
    ),
]
Author = Annotated[
    str | None,
    opt.option(
        "--author",
        metavar="NAME",
        help="The author that artifacts name.",
        panel=ABOUT,
    ),
]
License = Annotated[
    str | None,
    opt.option(
        "--license",
        metavar="TEXT",
        help="The license that artifacts name.",
        panel=ABOUT,
    ),
]
ModelVersion = Annotated[
    str | None,
    opt.option(
        "--model-version",
        metavar="TEXT",
        help="The version that artifacts name.",
        panel=ABOUT,
    ),
]
