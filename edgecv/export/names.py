"""The name that a bundle gets among an app's resources."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

SUFFIX: Final = ".edgecv"


def resource_name(bundle: Path) -> str:
    """NAME.edgecv in letters that build systems keep; Android leaves out what begins with a dot or an underscore."""
    stem = bundle.name.removesuffix(".zip").removesuffix(SUFFIX)
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', stem).strip('._-') or 'model'}{SUFFIX}"
