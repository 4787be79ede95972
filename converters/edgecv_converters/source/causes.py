"""Hints that follow from the message of another library's error."""

from __future__ import annotations

import re
from typing import Final

CUSTOM_OBJECTS: Final = "Name the module that defines it: --custom-objects package.module"
LIBRARIES: Final = ("keras_hub", "keras_cv")  # well-known packages of layers and models
EXPORT: Final = "export a SavedModel folder"
_UNKNOWN: Final = re.compile(r"Could not (locate|interpret)|Unknown (layer|activation|class|function|object)")
_UNDEFINED: Final = re.compile(r"name '\w+' is not defined")


def custom_hint(name: str) -> str:
    """Return the hint for a class that is not given: the library that has it, where that is well known.

    No package is named because a file names it: importing one runs its code.

    Args:
        name: As it is registered, "package>Class".
    """
    library = name.partition(">")[0].partition(".")[0]
    if library not in LIBRARIES:
        return CUSTOM_OBJECTS
    return f"Install {library.replace('_', '-')} beside edgecv, and give --custom-objects {library}"


def hint_of(cause: str, otherwise: str) -> str:
    """The hint for an error of Keras or of a model's own code, `otherwise` where the message says nothing of either."""
    if _UNKNOWN.search(cause):
        return CUSTOM_OBJECTS
    if _UNDEFINED.search(cause):
        return f"Its code needs what the file does not carry: replace the Lambda by a layer of your own, or {EXPORT}"
    return otherwise
