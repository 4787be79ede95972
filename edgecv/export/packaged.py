"""Finds the sources that `edgecv export` copies: beside the package in a wheel, in their own folder in a checkout."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from edgecv_runtime.errors import EdgecvError


def packaged_sources(packaged: str, checkout: str, mark: str, language: str) -> Path:
    """Return the folder that holds the sources of one language.

    Args:
        packaged: The folder's name in a wheel, inside this package (pyproject.toml, force-include).
        checkout: Its name in a checkout, beside this package.
        mark: A file by which it is known, from the folder.
        language: For the message.

    Raises:
        EdgecvError: This installation has none.
    """
    package = Path(str(files("edgecv")))
    for place in (package / packaged, package.parent / checkout):
        if (place / mark).is_file():
            return place
    raise EdgecvError(
        f"this installation of edgecv has no {language} sources", "Install it from a wheel, or with pip from a checkout"
    )
