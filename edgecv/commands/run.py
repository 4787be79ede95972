"""`edgecv run`: a bundle answers pictures, videos and cameras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from edgecv.commands import options as opt
from edgecv.commands.form import takes, values

SOURCE, ANSWERS = "The source", "What becomes of the answers"

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE...",
        help="Pictures, folders of pictures, a video, sounds, an .npz file of arrays, a camera (0, /dev/video0, "
        "picamera, rtsp://..., http://...), a microphone (mic, mic:1), or - for JPEG or PNG pictures from standard "
        "input.",
        show_default=False,
    ),
]
Threads = Annotated[
    int, typer.Option("--threads", min=1, help="How many threads the runtime uses.", rich_help_panel=opt.ARTIFACT)
]
CameraSize = Annotated[
    str | None,
    opt.option(
        "--camera-size",
        metavar="WIDTHxHEIGHT",
        help="The size of picture to ask the camera for.",
        panel=SOURCE,
    ),
]
MaxFps = Annotated[
    float | None,
    opt.option(
        "--max-fps",
        metavar="N",
        help="Answer at most N frames a second: a camera's other frames are skipped, files go slower.",
        panel=SOURCE,
    ),
]
Duration = Annotated[
    float | None,
    opt.option(
        "--duration",
        metavar="SECONDS",
        help="Stop after this time.",
        panel=SOURCE,
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
        help="Treat standard input as a camera: answer the newest picture, and drop those that came too fast.",
        rich_help_panel=SOURCE,
    ),
]
Top = Annotated[
    int, typer.Option("--top", metavar="K", min=1, help="Name the K best classes.", rich_help_panel=ANSWERS)
]
JsonLines = Annotated[
    bool, typer.Option("--json", help="Print one JSON object a line for each answer.", rich_help_panel=ANSWERS)
]
Save = Annotated[
    Path | None,
    opt.path_option(
        "--save",
        metavar="NAME.mp4|FOLDER",
        help="Save the pictures with their answers drawn on them.",
        panel=ANSWERS,
    ),
]
Show = Annotated[
    bool,
    typer.Option(
        "--show",
        help="Show the pictures with their answers in a window; q or Esc closes it.",
        rich_help_panel=ANSWERS,
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Replace what --save finds in its place.", rich_help_panel=ANSWERS)
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArguments:
    """The command line of `edgecv run`; the names are those of `RunOptions`."""

    bundle: opt.BundlePath
    sources: Sources
    target: opt.Target = None
    precision: opt.Precision = None
    backend: opt.BackendName = None
    threads: Threads = 1
    thresholds: opt.Thresholds = None
    camera_size: CameraSize = None
    max_fps: MaxFps = None
    duration: Duration = None
    skip_bad: SkipBad = False
    live: LiveInput = False
    top: Top = 3
    as_json: JsonLines = False
    save: Save = None
    show: Show = False
    force: Force = False


app = typer.Typer(add_completion=False)


@app.command()
@takes(RunArguments)
def run(given: RunArguments) -> int:
    """Answer pictures, a folder, a video, or what a camera sees, live.

    Examples: edgecv run model.edgecv photos/, edgecv run model.edgecv 0 --show
    """
    from edgecv.run import RunOptions
    from edgecv.run import run as answer

    return answer(RunOptions(**values(given)))
