"""The marshalled functions of Lambda layers: only the Python version that wrote them can run them."""

from __future__ import annotations

import base64
import dis
import marshal
import sys
from types import CodeType
from typing import Any, Final

_BROKEN: Final = (EOFError, IndexError, KeyError, MemoryError, SystemError, TypeError, ValueError)


def foreign_bytecode(value: dict[str, Any]) -> bool:
    """Tell whether a serialized Lambda layer or function holds bytecode that this Python cannot run.

    Args:
        value: The object as a configuration has it, of Keras 2 (`Lambda`) or of Keras 3 (`__lambda__`).
    """
    config = value.get("config")
    if not isinstance(config, dict):
        return False
    listed = [config.get(key) for key in ("function", "output_shape", "mask")]
    texts = [config.get("code"), *(part[0] for part in listed if isinstance(part, list) and part)]
    return any(isinstance(text, str) and not _is_own(text) for text in texts)


def this_python() -> str:
    """The version of the Python that runs here, such as "3.11"."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _is_own(text: str) -> bool:
    """Tell whether a text holds a function's code that is made of this Python's instructions."""
    try:
        raw = base64.b64decode(text.encode("ascii"), validate=False)
        code = marshal.loads(raw)  # noqa: S302  # only with --allow-code, in a process of its own
        if not isinstance(code, CodeType):
            return False
        names = {instruction.opname for instruction in dis.get_instructions(code)}
    except _BROKEN:
        return False
    called = {"CALL", "PRECALL"} & names & set(dis.opmap)  # 3.11 alone has PRECALL, before each CALL
    whole = "PRECALL" not in dis.opmap or len(called) != 1
    begins = "RESUME" not in dis.opmap or "RESUME" in names
    return whole and begins and not any(name.startswith("<") for name in names)
