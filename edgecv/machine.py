"""This machine and its packages as far as they bear on results. No host name, no user name, no path."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata
from typing import Final

from edgecv_runtime.cpu import architecture, cores, cpu_flags, cpu_model

TOOLS: Final = (
    "edgecv",
    "tensorflow",
    "keras",
    "tf-keras",
    "tf2onnx",
    "onnx",
    "onnxruntime",
    "onnxruntime-gpu",
    "coremltools",
    "ai-edge-litert",
    "tflite-runtime",
    "numpy",
    "protobuf",
    "pillow",
    "scikit-learn",
    "msgspec",
    "typer",
)


CAMERA: Final = ("opencv-python-headless", "opencv-python", "opencv-contrib-python", "opencv")


@cache
def _installed(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    found = []
    for name in names:
        try:
            found.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


def versions(names: tuple[str, ...] = TOOLS) -> dict[str, str]:
    """The installed tools, by default those that touch a model, by distribution name; and Python's own version."""
    return {"edgecv": "unknown", "python": platform.python_version(), **dict(_installed(names))}


def machine_line() -> str:
    """One line for reports: processor, architecture, cores, int8 instructions, system."""
    flags = ", ".join(cpu_flags()) or "no int8 instructions known"
    return f"{cpu_model()}, {architecture()}, {cores()} cores ({flags}), {platform.system()}"
