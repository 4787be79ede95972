"""C sources of numbers and words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

WIDTH: Final = 110  # of a line


def array(kind: str, name: str, values: npt.NDArray[Any] | Sequence[Any], *, static: bool = True) -> str:
    """Return the definition of an array of whole numbers, float32 numbers, or of what is C already.

    Args:
        kind: The type of an element, such as "int32_t".
        name: The array's name.
        values: Its elements.
        static: Whether the file alone sees it.
    """
    flat = values.reshape(-1) if isinstance(values, np.ndarray) else values
    words = [number(value) for value in flat]
    return f"{'static ' if static else ''}const {kind} {name}[{len(words)}] = {{\n{wrapped(words)}\n}};\n"


def number(value: Any) -> str:
    """Return one element: a float32 number by its shortest decimal, anything else as it is written."""
    if not isinstance(value, float | np.floating):
        return str(value)
    text = str(np.float32(value))
    return f"{text}F" if "." in text or "e" in text else f"{text}.0F"


def wrapped(words: Iterable[str]) -> str:
    """Return words with commas between them, on lines that are not too long."""
    lines, line = [], "   "
    for word in words:
        if len(line) + len(word) + 2 > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {word},"
    return "\n".join([*lines, line])


def quoted(text: str) -> str:
    """Return a C string of text; all that is not ASCII stands as octal bytes."""
    written = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}" for byte in text.encode()
    )
    return f'"{written}"'


def comment(text: str) -> str:
    """Return text as a comment of one line: nothing in it ends the comment or begins another."""
    written = json.dumps(text, ensure_ascii=True)[1:-1]
    return f"/* {written.replace('*/', '* /').replace('/*', '/ *')} */"
