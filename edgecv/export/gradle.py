"""Android projects: where their app module is, and which lines of their build files are still missing.

Build files are read, never run and never written. What is looked for are the words that every one has: the block
`android {` of an Android module, `applicationId` or the plugin `com.android.application` of an app's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgecv_runtime.errors import UsageError
from edgecv_runtime.formats import KNOWN

SETTINGS: Final = ("settings.gradle.kts", "settings.gradle")
BUILD: Final = ("build.gradle.kts", "build.gradle")
CATALOG: Final = ("gradle/libs.versions.toml",)
_COMMENT: Final = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_MODULE: Final = re.compile(r"^\s*android\s*\{", re.MULTILINE)
_APP: Final = re.compile(r"\bapplicationId\b|android\.application\b")
_NEITHER: Final = (
    "Give an Android project, its app module, or a folder that does not exist yet: the demo app goes there"
)


@dataclass(frozen=True, slots=True)
class Project:
    """`root` has the settings file; `module` is the app's, or the library's where that was given."""

    root: Path
    module: Path

    @property
    def assets(self) -> Path:
        """The folder of files that the app reads as they are."""
        return self.module / "src/main/assets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """Lines that a build file still needs; Kotlin and Groovy read them alike."""

    file: Path
    lines: tuple[str, ...]


def find_project(folder: Path) -> Project:
    """The project that a folder is, or is a module of.

    Raises:
        UsageError: It is neither, or has no app module, or several.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file", _NEITHER)
    if _MODULE.search(_text(folder, BUILD)):
        return Project(_root(folder), folder)
    if _file(folder, SETTINGS) is None:
        raise UsageError(f"{folder} is no Android project: it has neither settings nor a module's build file", _NEITHER)
    apps = tuple(_apps(folder))
    if not apps:
        raise UsageError(
            f"the project {folder} has no Android app module", "Give the module's folder, if it lies deeper"
        )
    if len(apps) > 1:
        names = ", ".join(str(app.relative_to(folder)) for app in apps)
        raise UsageError(f"the project {folder} has {len(apps)} app modules: {names}", f"Give one of them: {apps[0]}")
    return Project(folder, apps[0])


def _apps(root: Path) -> Iterator[Path]:
    folders = {file.parent for name in BUILD for depth in ("*", "*/*") for file in root.glob(f"{depth}/{name}")}
    for folder in sorted(folders):
        text = _text(folder, BUILD)
        if _MODULE.search(text) and _APP.search(text):
            yield folder


def _root(module: Path) -> Path:
    for folder in (module.resolve(), *module.resolve().parents):
        if _file(folder, SETTINGS) is not None:
            return folder
    raise UsageError(f"no settings.gradle(.kts) was found in {module} or above it", "Give a module of a Gradle project")


def additions(project: Project, library: str, dependencies: Sequence[str], kotlin: str, agp: str) -> Iterator[Addition]:
    """List what the build files of a project do not say yet.

    Args:
        project: Where the library is to be a module.
        library: The module's name.
        dependencies: Maven coordinates that the app needs.
        kotlin: The version of Kotlin's plugins, for projects that have none yet.
        agp: The same of Android's plugins.
    """
    for folder, names, lines in (
        (project.root, SETTINGS, _settings_lines(_text(project.root, SETTINGS), library)),
        (project.root, BUILD, _plugin_lines(_text(project.root, BUILD), kotlin, agp)),
        (project.module, BUILD, _module_lines(project, library, dependencies)),
    ):
        if lines:
            yield Addition(file=_file(folder, names) or folder / names[0], lines=lines)


def _settings_lines(text: str, library: str) -> tuple[str, ...]:
    return () if re.search(rf"[\"']:{library}[\"']", text) else (f'include(":{library}")',)


def _plugin_lines(text: str, kotlin: str, agp: str) -> tuple[str, ...]:
    wanted = (
        (r"android[.-]library", "com.android.library", agp),
        (r"kotlin[.-]android|kotlin\(\"android\"\)", "org.jetbrains.kotlin.android", kotlin),
        (r"serialization", "org.jetbrains.kotlin.plugin.serialization", kotlin),
    )
    missing = [(name, version) for words, name, version in wanted if not re.search(words, text)]
    inner = tuple(f'    id("{name}") version "{version}" apply false' for name, version in missing)
    return ("plugins {", *inner, "}") if inner else ()


def _module_lines(project: Project, library: str, dependencies: Sequence[str]) -> tuple[str, ...]:
    text, catalog = _text(project.module, BUILD), _text(project.root, CATALOG)
    lines: tuple[str, ...] = ()
    if "noCompress" not in text:
        stored = [known.suffix.lstrip(".") for known in KNOWN.values() if known.android and known.android.keep_stored]
        lines += ("android {", *(f'    androidResources {{ noCompress.add("{name}") }}' for name in stored), "}")
    inner = [] if re.search(rf"[\"']:{library}[\"']", text) else [f'project(":{library}")']
    inner += [f'"{name}"' for name in dependencies if not _has(text, catalog, name.rpartition(":")[0])]
    if inner:
        lines += ("dependencies {", *(f"    implementation({what})" for what in inner), "}")
    return lines


def _has(text: str, catalog: str, module: str) -> bool:
    """Tell whether a build file names a dependency, by itself or by its alias in the version catalog."""
    aliases = re.findall(rf"^\s*([\w-]+)\s*=.*{re.escape(module)}[\":]", catalog, re.MULTILINE)
    return module in text or any(f"libs.{re.sub('[-_]', '.', alias)}" in text for alias in aliases)


def _file(folder: Path, names: Sequence[str]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _text(folder: Path, names: Sequence[str]) -> str:
    file = _file(folder, names)
    return "" if file is None else _COMMENT.sub("", file.read_text(encoding="utf-8", errors="replace"))
