"""ONNX Runtime, imported when it is needed, kept from reporting to its maker and from wrong int8 sums."""

from __future__ import annotations

import os
from typing import Any, Final

from edgecv_runtime.cpu import saturates_int8
from edgecv_runtime.errors import MissingDependencyError

_QUIET: Final = 3  # errors only


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


def session_options(threads: int | None = None) -> Any:
    """The options of a session that gives the same int8 answers on every processor, and is silent but for errors.

    x86 processors without VNNI get the precise int8 kernels, as the fast ones overflow there; on others the answers are
    the same and the precise kernels only slower.

    Args:
        threads: The threads of one inference; None leaves it to ONNX Runtime.
    """
    options = onnxruntime().SessionOptions()
    if threads is not None:
        options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    if saturates_int8():
        options.add_session_config_entry("session.x64quantprecision", "1")
    return options
