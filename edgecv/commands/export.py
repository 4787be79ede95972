"""`edgecv export`: a bundle put into an app's project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from edgecv.commands import options as opt
from edgecv.commands.form import takes

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
Slim = Annotated[bool, typer.Option("--slim", help="Take only artifacts that the app can run: Core ML and TFLite.")]
Force = Annotated[
    bool, typer.Option("--force", help="Replace the bundle and the library that the project has already.")
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


app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Put a bundle into an app's project.",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def export() -> None:
    """Put a bundle into an app's project."""


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
