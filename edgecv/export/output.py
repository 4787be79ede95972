"""The output of `edgecv export`: what was written where, and what is left to do by hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from edgecv.export.android import AndroidExport
from edgecv.export.ios import IosExport
from edgecv.export.sources import versions
from edgecv.terminal.console import show_json, show_text

USE = """
Then, in Kotlin:

    import dev.edgecv.Bundle
    import dev.edgecv.android.AssetSource

    val bundle = Bundle.open(AssetSource(context.assets, "{name}"))

{library}/README.md goes on from there.
"""
RUN = """
Open {folder} in Android Studio, plug in a phone, and press Run. Or with an Android SDK (ANDROID_HOME), JDK 17 and
Gradle {gradle}:

    cd {folder} && gradle :app:installDebug
"""

IOS_RUN = """
Open {folder}/App/EdgeCVDemo.xcodeproj in Xcode 16 or newer, choose a team under Signing, plug in an iPhone, and press
Run.
"""
IOS_ADD = """
In Xcode:

1. File > Add Package Dependencies > Add Local: the folder {library}. Products of the app's target: {products}.
2. Drag the folder {bundles} into the project: "Create folder references", so that it goes into the app as it is.

Then, in Swift:

    import EdgeCV

    let place = Bundle.main.url(forResource: "{name}", withExtension: nil, subdirectory: "{bundles}")
    let bundle = try ModelBundle.open(place!)
"""
LITERT = """
TFLite files run on LiteRT, which is a package of its own (https://github.com/google-ai-edge/LiteRT): add it to the app.
"""


def print_export(made: AndroidExport | IosExport, *, as_json: bool) -> None:
    """Print an export for people, or as one JSON document."""
    if as_json:
        show_json(made)
        return
    left = _in_xcode(made) if isinstance(made, IosExport) else _with_gradle(made)
    show_text("\n".join((*_written(made), *left)) + "\n")


def _written(made: AndroidExport | IosExport) -> Iterator[str]:
    """Yield the lines that tell where everything was written."""
    yield f"{'demo app' if made.kind == 'app' else 'project'}: {made.project}"
    yield f"bundle:   {_below(made.bundle, made.project)} ({', '.join(made.artifacts)})"
    yield f"library:  {_below(made.library, made.project)}"
    if made.left_out:
        yield f"left out: {', '.join(made.left_out)}"


def _in_xcode(made: IosExport) -> Iterator[str]:
    """Yield the steps that are left to do in Xcode."""
    if made.kind == "app":
        yield IOS_RUN.format(folder=made.project).rstrip("\n")
    else:
        words = {
            "library": _below(made.library, made.project),
            "products": ", ".join(made.products),
            "bundles": made.bundle.parent.name,
            "name": made.bundle.name,
        }
        yield IOS_ADD.format(**words).rstrip("\n")
    if "EdgeCVLiteRT" in made.products:
        yield LITERT.rstrip("\n")


def _with_gradle(made: AndroidExport) -> Iterator[str]:
    """Yield the steps that are left to do in the build files."""
    if made.kind == "app":
        yield RUN.format(folder=made.project, gradle=versions()["gradle"]).rstrip("\n")
        return
    for addition in made.additions:
        yield f"\nAdd to {_below(addition.file, made.project)}:\n"
        yield from (f"    {line}" for line in addition.lines)
    if not made.additions:
        yield "\nThe build files name all that is needed already."
    yield USE.format(name=made.bundle.name, library=_below(made.library, made.project)).rstrip("\n")


def _below(path: Path, project: Path) -> str:
    return os.path.relpath(path.resolve(), project.resolve())
