"""`edgecv export ios`: a bundle and the Swift package go into an Xcode project's folder, or become a demo app."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import EdgecvError, UsageError
from edgecv_runtime.formats import KNOWN
from edgecv_runtime.schema import Artifact

from edgecv.export.names import resource_name
from edgecv.export.packaged import packaged_sources
from edgecv.export.place import beside, check_bundle, is_empty, put
from edgecv.export.slim import choose, write_slim
from edgecv.export.sources import LibrarySources, copy, new_library

RUNS: Final = {known.name: known.ios for known in KNOWN.values() if known.ios}  # the library product by format
PACKAGED: Final = "_ios"  # in the wheel, beside this package (pyproject.toml, force-include)
LIBRARY: Final = "EdgeCV"
APP: Final = "App"
BUNDLES: Final = "Bundles"
LIBRARY_PARTS: Final = ("Package.swift", "Sources")
APP_PARTS: Final = ("EdgeCVDemo", "EdgeCVDemo.xcodeproj", f"{BUNDLES}/README.md")


@dataclass(frozen=True, slots=True, kw_only=True)
class IosExport:
    """The result of an export: what was written, and where.

    Attributes:
        kind: "app": a demo app was made; "project": a folder was added to.
        project: The folder that was given.
        bundle: The bundle; the folder that it lies in goes into the app as it is.
        library: The Swift package.
        products: The package's products that the app needs.
        artifacts: The artifacts in the bundle, by their files.
        left_out: The original's other artifacts.
    """

    kind: Literal["app", "project"]
    project: Path
    bundle: Path
    library: Path
    products: tuple[str, ...]
    artifacts: tuple[str, ...]
    left_out: tuple[str, ...]


def export_ios(
    bundle: str | Path, dest: str | Path, *, artifacts: Sequence[str] = (), slim: bool = False, force: bool = False
) -> IosExport:
    """Put a bundle and the Swift package into an Xcode project's folder, or make the demo app with this bundle in it.

    Args:
        bundle: NAME.edgecv or NAME.edgecv.zip.
        dest: The folder with an .xcodeproj; a folder that is not there (or empty) becomes the demo app.
        artifacts: Which to take, as "coreml", "coreml:int8" or "tflite/model.int8.tflite"; all where empty.
        slim: Take only artifacts that the package can run.
        force: Replace a bundle of that name, and another version of the package, that are in the folder.

    Raises:
        UsageError: `dest` is no place for it, or something is in the way.
        BundleError: The bundle is missing or damaged, or has no such artifact.
        EdgecvError: Something cannot be written. Then nothing is left behind.
    """
    source, place = Path(bundle), Path(dest)
    with Bundle.load(source) as opened:
        opened.verify_integrity()
        chosen = choose(opened, tuple(RUNS) if slim else tuple(KNOWN), artifacts)
        if not any(artifact.target in RUNS for artifact in chosen):
            choose(opened, tuple(RUNS), ())  # says what to convert to
            raise UsageError("none of these artifacts runs on iOS", f"Take one for {' or '.join(RUNS)}")
        try:
            if place.exists() and not is_empty(place):
                return _into_project(opened, chosen, resource_name(source), place, force=force)
            return _new_app(opened, chosen, resource_name(source), place)
        except OSError as error:
            raise EdgecvError(
                f"cannot write to {error.filename or place}: {error.strerror}", "Nothing was left there; choose another"
            ) from error


def home() -> Path:
    """The folder that holds the package and the app.

    Raises:
        EdgecvError: This installation has none.
    """
    return packaged_sources(PACKAGED, "ios_demo", f"{LIBRARY}/Package.swift", "Swift")


def _library() -> LibrarySources:
    return LibrarySources(
        folder=home() / LIBRARY,
        parts=LIBRARY_PARTS,
        manifest="Package.swift",
        ours='name: "EdgeCV"',
        called=("package", "folder"),
    )


def _new_app(bundle: Bundle, chosen: Sequence[Artifact], name: str, place: Path) -> IosExport:
    with beside(place) as scratch:
        app = scratch / place.name
        copy(home() / LIBRARY, LIBRARY_PARTS, app / LIBRARY)
        copy(home() / APP, APP_PARTS, app / APP)
        write_slim(bundle, chosen, app / APP / BUNDLES / name)
        put(app, place)
    return _made("app", place, place / APP / BUNDLES / name, bundle, chosen)


def _into_project(bundle: Bundle, chosen: Sequence[Artifact], name: str, place: Path, *, force: bool) -> IosExport:
    if not place.is_dir() or not any(place.glob("*.xcodeproj")):
        raise UsageError(
            f"{place} has no Xcode project in it",
            "Give the folder with NAME.xcodeproj, or one that does not exist yet: the demo app goes there",
        )
    target = place / BUNDLES / name
    check_bundle(target, force=force)
    with new_library(_library(), place / LIBRARY, force=force) as fresh, beside(target) as scratch:
        write_slim(bundle, chosen, scratch / name)
        if fresh is not None:
            put(fresh, place / LIBRARY)
        put(scratch / name, target)
    return _made("project", place, target, bundle, chosen)


def _made(
    kind: Literal["app", "project"], place: Path, target: Path, bundle: Bundle, chosen: Sequence[Artifact]
) -> IosExport:
    kept = tuple(artifact.file for artifact in chosen)
    needed = {artifact.target for artifact in chosen}
    return IosExport(
        kind=kind,
        project=place,
        bundle=target,
        library=place / LIBRARY,
        products=(LIBRARY, *(product for target_name, product in RUNS.items() if target_name in needed)),
        artifacts=kept,
        left_out=tuple(item.file for item in bundle.listed() if item.file not in kept),
    )
