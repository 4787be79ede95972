"""The arguments and options of `edgecv run`: names, help, and how `--help` groups them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgecv.commands.options import given_path

ARTIFACT, SOURCE, ANSWERS = "Which artifact answers", "The source", "What becomes of the answers"

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Pictures, folders of pictures, a video, a camera (0, /dev/video0, picamera, rtsp://..., http://...), "
        "or - for JPEG or PNG pictures from standard input.",
        show_default=False,
    ),
]
Target = Annotated[
    str | None,
    typer.Option("--target", help="tflite, onnx or coreml.", show_default="the best", rich_help_panel=ARTIFACT),
]
Precision = Annotated[
    str | None,
    typer.Option("--precision", help="For example int8.", show_default="the best", rich_help_panel=ARTIFACT),
]
BackendName = Annotated[
    str | None,
    typer.Option(
        "--backend", help="litert, onnx, onnx-cuda or coreml.", show_default="the best", rich_help_panel=ARTIFACT
    ),
]
Threads = Annotated[int, typer.Option("--threads", min=1, help="Threads of the runtime.", rich_help_panel=ARTIFACT)]
Thresholds = Annotated[
    list[str] | None,
    typer.Option(
        "--threshold",
        metavar="[LABEL=]VALUE",
        help="The score from which a label holds, for yes-or-no answers; in place of the bundle's. Repeatable.",
        show_default=False,
        rich_help_panel=ARTIFACT,
    ),
]
CameraSize = Annotated[
    str | None,
    typer.Option(
        "--camera-size",
        metavar="WIDTHxHEIGHT",
        help="What a camera is asked for.",
        show_default=False,
        rich_help_panel=SOURCE,
    ),
]
MaxFps = Annotated[
    float | None,
    typer.Option(
        "--max-fps",
        metavar="N",
        help="At most N frames a second: a camera's others are skipped, files go slower.",
        show_default=False,
        rich_help_panel=SOURCE,
    ),
]
Duration = Annotated[
    float | None,
    typer.Option(
        "--duration", metavar="SECONDS", help="End after this time.", show_default=False, rich_help_panel=SOURCE
    ),
]
SkipBad = Annotated[
    bool,
    typer.Option("--skip-bad", help="Go on after pictures that cannot be read.", rich_help_panel=SOURCE),
]
LiveInput = Annotated[
    bool,
    typer.Option(
        "--live",
        help="Standard input is a camera: answer the newest picture, drop what came too fast.",
        rich_help_panel=SOURCE,
    ),
]
Top = Annotated[
    int, typer.Option("--top", metavar="K", min=1, help="How many classes to name.", rich_help_panel=ANSWERS)
]
JsonLines = Annotated[bool, typer.Option("--json", help="One JSON object a line.", rich_help_panel=ANSWERS)]
Save = Annotated[
    Path | None,
    typer.Option(
        "--save",
        parser=given_path,
        metavar="NAME.mp4|FOLDER",
        help="Save the pictures with their answers drawn on them.",
        show_default=False,
        rich_help_panel=ANSWERS,
    ),
]
Show = Annotated[bool, typer.Option("--show", help="Show them in a window; q or Esc ends.", rich_help_panel=ANSWERS)]
Force = Annotated[bool, typer.Option("--force", help="Replace what --save finds.", rich_help_panel=ANSWERS)]
