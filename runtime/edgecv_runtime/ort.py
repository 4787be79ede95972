"""ONNX Runtime, imported when it is needed and kept from reporting to its maker."""

from __future__ import annotations

import os
from typing import Any

from edgecv_runtime.errors import MissingDependencyError


def onnxruntime(extra: str = "onnx") -> Any:
    """The module `onnxruntime`, without its telemetry unless the environment asks for it.

    From version 1.29 on its wheels for Linux and macOS send the model's file name and graph, hashes of its weights and
    the machine's make to Microsoft, and keep what could not be sent in the home folder. The variable stops all of it
    where it is set before the first import; what a program that imported it earlier sends from now on, the call does.

    Source: github.com/microsoft/onnxruntime/pull/27379.

    Raises:
        MissingDependencyError: It is not installed; the hint names the `extra` of edgecv that brings it.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime as module
    except ImportError as error:
        raise MissingDependencyError("ONNX Runtime is not installed", f'pip install "edgecv[{extra}]"') from error
    if os.environ["ORT_DISABLE_TELEMETRY"] == "1":
        module.disable_telemetry_events()
    return module
