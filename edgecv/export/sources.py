"""The Kotlin sources that an export copies, installed or of the checkout; and how any library is copied."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgecv_runtime.errors import UsageError

from edgecv.export.packaged import packaged_sources
from edgecv.export.place import beside

PACKAGED: Final = "_android"  # in the wheel, beside this package (pyproject.toml, force-include)
CATALOG: Final = "gradle/libs.versions.toml"
LIBRARY: Final = "edgecv"
APP: Final = "app"
LIBRARY_PARTS: Final = ("build.gradle.kts", "consumer-rules.pro", "README.md", "src/main", "src/android")
APP_PARTS: Final = ("build.gradle.kts", "proguard-rules.pro", "src/main")
PROJECT_PARTS: Final = (
    *("settings.gradle.kts", "build.gradle.kts", "gradle.properties"),
    *(CATALOG, "README.md", ".gitignore"),
)
PARTS: Final = (
    *PROJECT_PARTS,
    *(f"{APP}/{part}" for part in APP_PARTS),
    *(f"{LIBRARY}/{part}" for part in LIBRARY_PARTS),
)


def home() -> Path:
    """The folder that holds `PARTS`.

    Raises:
        EdgecvError: This installation has none.
    """
    return packaged_sources(PACKAGED, "android_demo", CATALOG, "Android")


def versions() -> dict[str, str]:
    """The versions of the catalog, as "kotlin" to "2.2.21"."""
    catalog = tomllib.loads((home() / CATALOG).read_text(encoding="utf-8"))
    return {name: str(version) for name, version in catalog["versions"].items()}


def copy_project(folder: Path) -> None:
    """Copy the demo app and the library."""
    copy(home(), PARTS, folder)


def library() -> LibrarySources:
    """The library alone."""
    return LibrarySources(
        folder=home() / LIBRARY,
        parts=LIBRARY_PARTS,
        manifest="build.gradle.kts",
        ours='namespace = "dev.edgecv"',
        called=("library", "module"),
    )


def copy(source: Path, parts: tuple[str, ...], folder: Path) -> None:
    """Copy files and folders, the demo app's own bundles not among them."""
    for part in parts:
        for file in walk(source / part):
            place = folder / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)


def walk(path: Path) -> Iterator[Path]:
    """A file, or all files under a folder that are sources: no bundles that were put there by hand."""
    if path.is_file():
        yield path
    for file in sorted(path.rglob("*")):
        if file.is_file() and not any(parent.name.endswith(".edgecv") for parent in file.parents):
            yield file


@dataclass(frozen=True, slots=True, kw_only=True)
class LibrarySources:
    """A library that goes into an app's project.

    Attributes:
        folder: Where it lies.
        parts: The files and folders of it that are copied.
        manifest: The one of these that says whose it is, by the line `ours`.
        called: Its name for people, and that of the folder that holds it, as ("library", "module").
    """

    folder: Path
    parts: tuple[str, ...]
    manifest: str
    ours: str
    called: tuple[str, str]


@contextmanager
def new_library(library: LibrarySources, place: Path, *, force: bool) -> Iterator[Path | None]:
    """A library beside its place; None where the very same is there already.

    Raises:
        UsageError: Something else is there, or another version of the library and no `force`.
    """
    manifest, (what, container) = place / library.manifest, library.called
    if place.exists() and (
        not manifest.is_file() or library.ours not in manifest.read_text(encoding="utf-8", errors="replace")
    ):
        raise UsageError(f"{place} exists and is not edgecv's {what}", f"Rename the {container} {place.name}")
    if place.exists() and same(library.folder, place, library.parts):
        yield None
        return
    if place.exists() and not force:
        raise UsageError(f"{place} holds another version of edgecv's {what}", "Give --force to replace it")
    with beside(place) as scratch:
        copy(library.folder, library.parts, scratch / place.name)
        yield scratch / place.name


def same(left: Path, right: Path, parts: tuple[str, ...]) -> bool:
    """Tell whether two folders hold the same files in these parts, whatever was built beside them."""
    mine, theirs = (
        {file.relative_to(folder): file.read_bytes() for part in parts for file in walk(folder / part)}
        for folder in (left, right)
    )
    return mine == theirs
