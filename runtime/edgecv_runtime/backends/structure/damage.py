"""The bytes of a file for the checks of this package, and the bundle's error for what they find."""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgecv_runtime.errors import BundleError
from edgecv_runtime.files import open_regular


class DamageError(Exception):
    """A file's structure is impossible, or names what no artifact of edgecv does; the text says what."""


def examine(path: Path, name: str, check: Callable[[Any], None]) -> None:
    """Run a check on a file's bytes, which are mapped and not copied.

    Args:
        path: The file.
        name: What messages call it.
        check: Raises DamageError, or ValueError and struct.error where it reads beyond the end.

    Raises:
        BundleError: The check found something; or the file cannot be read.
    """
    try:
        with open_regular(path) as file:
            if not os.fstat(file.fileno()).st_size:
                raise DamageError("it is empty")  # noqa: TRY301 - which cannot be mapped
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                check(data)
    except OSError as error:
        raise BundleError(f"{name} cannot be read: {error.strerror}") from error
    except (DamageError, ValueError, struct.error) as error:
        raise BundleError(f"{name} is damaged: {error}", "Make the bundle again, or do not use it") from error
