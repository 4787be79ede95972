"""`edgecv export android`: a bundle and the Kotlin library go into an Android project, or become a demo app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.formats import KNOWN
from edgecv_runtime.schema import Artifact

from edgecv.export import sources
from edgecv.export.gradle import Addition, Project, additions, find_project
from edgecv.export.names import resource_name
from edgecv.export.place import beside, check_bundle, is_empty, put
from edgecv.export.slim import choose, write_slim

TARGETS: Final = tuple(known.name for known in KNOWN.values() if known.android)  # what Android has a runtime for


@dataclass(frozen=True, slots=True, kw_only=True)
class AndroidExport:
    """The result of an export: what was written, and where.

    Attributes:
        kind: "app": a demo app was made; "project": a project was added to.
        project: The folder with the settings file.
        bundle: The bundle in the app's assets; its name there is what `AssetSource` takes.
        library: The module `:edgecv`.
        artifacts: The artifacts in it, by their files.
        left_out: The bundle's other artifacts.
        additions: What its build files still need; empty for the demo app. They are never edited.
    """

    kind: Literal["app", "project"]
    project: Path
    bundle: Path
    library: Path
    artifacts: tuple[str, ...]
    left_out: tuple[str, ...]
    additions: tuple[Addition, ...] = ()


def export_android(
    bundle: str | Path, dest: str | Path, *, artifacts: Sequence[str] = (), force: bool = False
) -> AndroidExport:
    """Put a bundle and the Kotlin library into an Android project, or make the demo app with this bundle in it.

    Args:
        bundle: NAME.edgecv or NAME.edgecv.zip.
        dest: An Android project or its app module; a folder that is not there (or empty) becomes the demo app.
        artifacts: Which to take, as "tflite", "tflite:int8" or "tflite/model.int8.tflite"; all for Android where empty.
        force: Replace a bundle of that name, and another version of the library, that are in the project.

    Raises:
        UsageError: `dest` is no place for it, or something is in the way.
        BundleError: The bundle is missing or damaged, or has no such artifact.
        EdgecvError: Something cannot be written. Then nothing is left behind.
    """
    source, place = Path(bundle), Path(dest)
    with Bundle.load(source) as opened:
        opened.verify_integrity()
        chosen = choose(opened, TARGETS, artifacts)
        name = resource_name(source)
        try:
            if place.exists() and not is_empty(place):
                made = _into_project(opened, chosen, name, find_project(place), force=force)
            else:
                made = _new_app(opened, chosen, name, place)
        except OSError as error:
            raise EdgecvError(
                f"cannot write to {error.filename or place}: {error.strerror}", "Nothing was left there; choose another"
            ) from error
    return made


def _new_app(bundle: Bundle, chosen: Sequence[Artifact], name: str, place: Path) -> AndroidExport:
    project = Project(place, place / sources.APP)
    with beside(place) as scratch:
        app = scratch / place.name
        sources.copy_project(app)
        write_slim(bundle, chosen, Project(app, app / sources.APP).assets / name)
        put(app, place)
    return _made("app", project, name, bundle, chosen)


def _into_project(
    bundle: Bundle, chosen: Sequence[Artifact], name: str, project: Project, *, force: bool
) -> AndroidExport:
    asset, library = project.assets / name, project.root / sources.LIBRARY
    check_bundle(asset, force=force)
    with sources.new_library(sources.library(), library, force=force) as fresh, beside(asset) as scratch:
        write_slim(bundle, chosen, scratch / name)
        if fresh is not None:
            put(fresh, library)
        put(scratch / name, asset)
    return _made("project", project, name, bundle, chosen)


def _made(
    kind: Literal["app", "project"], project: Project, name: str, bundle: Bundle, chosen: Sequence[Artifact]
) -> AndroidExport:
    kept = tuple(artifact.file for artifact in chosen)
    versions = sources.versions()
    return AndroidExport(
        kind=kind,
        project=project.root,
        bundle=project.assets / name,
        library=project.root / sources.LIBRARY,
        artifacts=kept,
        left_out=tuple(item.file for item in bundle.listed() if item.file not in kept),
        additions=tuple(
            additions(project, sources.LIBRARY, dependencies(chosen), versions["kotlin"], versions["agp"])
            if kind == "project"
            else ()
        ),
    )


def dependencies(artifacts: Sequence[Artifact]) -> tuple[str, ...]:
    """The Maven coordinates of the runtimes that artifacts need, in the versions of the demo app."""
    versions, targets = sources.versions(), {artifact.target for artifact in artifacts}
    libraries = [known.android for known in KNOWN.values() if known.name in targets and known.android]
    return tuple(f"{library.coordinates}:{versions[library.catalog]}" for library in libraries)
