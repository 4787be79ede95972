"""`edgecv export`: a bundle put into the project of an app or of a microcontroller's program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from edgecv_runtime.errors import UsageError
from edgecv_runtime.formats import KNOWN

from edgecv.commands import options as opt
from edgecv.commands.form import takes

RUN_THERE = ", ".join(known.title for known in KNOWN.values() if known.ios)

Destination = Annotated[
    Path,
    opt.path_argument("DEST", "An Android project or its app module; or a new folder, which becomes the demo app."),
]
Artifacts = Annotated[
    list[str] | None,
    opt.option(
        "--artifact",
        "-a",
        metavar="TARGET[:PRECISION]",
        help="An artifact to take along, such as tflite:int8, or its file in the bundle. Repeatable. Default: all "
        "that Android runs.",
    ),
]
IosDestination = Annotated[
    Path,
    opt.path_argument("DEST", "The folder with an Xcode project; or a new folder, which becomes the demo app."),
]
IosArtifacts = Annotated[
    list[str] | None,
    opt.option(
        "--artifact",
        "-a",
        metavar="TARGET[:PRECISION]",
        help="An artifact to take along, such as coreml:int8, or its file in the bundle. Repeatable. Default: all.",
    ),
]
Slim = Annotated[bool, typer.Option("--slim", help=f"Take only artifacts that the app can run: {RUN_THERE}.")]
Force = Annotated[
    bool, typer.Option("--force", help="Replace the bundle and the library that the project has already.")
]
MicroDestination = Annotated[
    Path,
    opt.path_argument("FOLDER", "A new folder, which becomes the sources; with --force an earlier export."),
]
CameraOption = Annotated[
    str | None,
    opt.option(
        "--camera",
        metavar="WIDTHxHEIGHT:FORMAT",
        help="The frames that the camera gives, such as 160x120:rgb565be. FORMAT is rgb888, bgr888, rgb565le, rgb565be "
        "(the low or the high byte first), gray8, yuyv or uyvy (yuyv_video, uyvy_video with the video range). Default: "
        "the bundle's first golden picture as it is.",
    ),
]
MicroForce = Annotated[
    bool, typer.Option("--force", help="Replace the library, the model and the self-test of an earlier export.")
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportArguments:
    """The command line of `edgecv export android`."""

    bundle: opt.BundlePath
    dest: Destination
    artifacts: Artifacts = None
    force: Force = False
    as_json: opt.Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IosExportArguments:
    """The command line of `edgecv export ios`."""

    bundle: opt.BundlePath
    dest: IosDestination
    artifacts: IosArtifacts = None
    slim: Slim = False
    force: Force = False
    as_json: opt.Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MicroExportArguments:
    """The command line of `edgecv export micro`."""

    bundle: opt.BundlePath
    folder: MicroDestination
    cmake: Annotated[bool, typer.Option("--cmake", help="Sources for CMake, which is the default.")] = False
    arduino: Annotated[bool, typer.Option("--arduino", help="An Arduino sketch.")] = False
    esp_idf: Annotated[bool, typer.Option("--esp-idf", help="A project for Espressif's ESP-IDF.")] = False
    zephyr: Annotated[bool, typer.Option("--zephyr", help="An application for Zephyr.")] = False
    camera: CameraOption = None
    force: MicroForce = False
    as_json: opt.Json = False

    @property
    def layout(self) -> str:
        """The layout that is asked for.

        Raises:
            UsageError: There are several.
        """
        flags = {"cmake": self.cmake, "arduino": self.arduino, "esp-idf": self.esp_idf, "zephyr": self.zephyr}
        asked = [name for name, wanted in flags.items() if wanted] or ["cmake"]
        if len(asked) > 1:
            raise UsageError(f"--{asked[0]} and --{asked[1]} are two layouts", "Give one of them, and one folder each")
        return asked[0]


app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Put a bundle into an app's project, or a microcontroller's.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def export() -> None:
    """Put a bundle into an app's project, or a microcontroller's."""


@app.command()
@takes(ExportArguments)
def android(given: ExportArguments) -> None:
    """Put a bundle and the Kotlin library into an Android project, or make the demo app with this bundle in it.

    Examples: edgecv export android model.edgecv MyProject/, edgecv export android model.edgecv new-demo/
    """
    from edgecv.export.android import export_android
    from edgecv.export.output import print_export

    made = export_android(given.bundle, given.dest, artifacts=given.artifacts or (), force=given.force)
    print_export(made, as_json=given.as_json)


@app.command()
@takes(IosExportArguments)
def ios(given: IosExportArguments) -> None:
    """Put a bundle and the Swift package into an Xcode project's folder, or make the demo app with this bundle in it.

    Examples: edgecv export ios model.edgecv MyApp/, edgecv export ios model.edgecv new-demo/ --slim
    """
    from edgecv.export.ios import export_ios
    from edgecv.export.output import print_export

    made = export_ios(given.bundle, given.dest, artifacts=given.artifacts or (), slim=given.slim, force=given.force)
    print_export(made, as_json=given.as_json)


@app.command()
@takes(MicroExportArguments)
def micro(given: MicroExportArguments) -> None:
    """Write C sources for a microcontroller: the model, preprocessing of a camera's frames, heads, a self-test.

    Examples: edgecv export micro model.edgecv sketch/ --arduino, edgecv export micro model.edgecv app/ --zephyr
    --camera 160x120:rgb565be
    """
    from edgecv.export.micro.export import export_micro
    from edgecv.export.micro.output import print_sources

    made = export_micro(given.bundle, given.folder, layout=given.layout, camera=given.camera, force=given.force)
    print_sources(made, as_json=given.as_json)
