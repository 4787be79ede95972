"""Starting this Python anew so that no file of the caller's working directory can be imported there.

Whoever is in a folder that came from a stranger, and calls edgecv on the model in it, must not run the `numpy.py` or
the `sitecustomize.py` that lies beside the model.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

__all__ = ["clean_command", "clean_environment", "search_path"]

_OWN: Final = ("edgecv", "edgecv_converters", "edgecv_runtime")


def clean_command(*arguments: str) -> list[str]:
    """The words that start this Python with these arguments, without the working directory on its search path."""
    return [sys.executable, "-P", *arguments]


def clean_environment(temporary: Path | None = None) -> dict[str, str]:
    """The environment for `clean_command`: the same packages as here, but nothing of the working directory.

    Args:
        temporary: Where the process and its libraries put their temporary files; None: where this one does.
    """
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(search_path()), "PYTHONSAFEPATH": "1"}
    if temporary is not None:
        found |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    return found


def search_path() -> list[str]:
    """The folders and archives that this process imports from, absolute, without the working directory.

    A checkout that edgecv runs from stays importable when it is the working directory.
    """
    here = _working_directory()
    own = {_place_of(name) for name in _OWN if name in sys.modules}
    entries = [str(Path(entry).absolute()) for entry in sys.path if entry and (here is not None or entry[0] == os.sep)]
    return [entry for entry in entries if here is None or _real(entry) != here or _real(entry) in own]


def _working_directory() -> str | None:
    """The working directory without symbolic links; None where it has been removed."""
    try:
        return os.path.realpath(os.getcwd())  # noqa: PTH109 - a Path has no other way to say that there is none
    except FileNotFoundError:
        return None


def _place_of(package: str) -> str:
    """The folder that a package was imported from."""
    return _real(str(Path(sys.modules[package].__file__ or "").parents[1]))


def _real(path: str) -> str:
    return os.path.realpath(path)
