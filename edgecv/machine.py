"""This machine and its packages as far as they bear on results. No host name, no user name, no path."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata
from typing import Final

from edgecv_runtime.cpu import architecture, cores, cpu_flags, cpu_model
from edgecv_runtime.formats import BACKENDS

LOADING: Final = ("tensorflow", "keras", "tf-keras")
SOUND: Final = ("soundfile", "soxr", "sounddevice")
CAMERA: Final = ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv")


@cache
def tools() -> tuple[str, ...]:
    """List the distributions that touch a model."""
    from edgecv_converters.targets import known_targets  # takes a while to import, and --version needs none of it

    needed = [library for target in known_targets() for library in target.needs]
    needed += [record.library for record in BACKENDS.values()]
    converting = dict.fromkeys(name for library in needed for name in library.distributions)
    return ("edgecv", *LOADING, *converting, "numpy", "protobuf", "pillow", "scikit-learn", "msgspec", "typer")


@cache
def _installed(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    found = []
    for name in names:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


def versions(names: tuple[str, ...] | None = None) -> dict[str, str]:
    """The installed tools, by default those that touch a model, by distribution name; and Python's own version."""
    return {
        "edgecv": "unknown",
        "python": platform.python_version(),
        **dict(_installed(tools() if names is None else names)),
    }


def machine_line() -> str:
    """One line for reports: processor, architecture, cores, int8 instructions, system."""
    flags = ", ".join(cpu_flags()) or "no int8 instructions known"
    return f"{cpu_model()}, {architecture()}, {cores()} cores ({flags}), {platform.system()}"
