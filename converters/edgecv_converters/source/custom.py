"""The user's own layers, from the module that `--custom-objects` names."""

from __future__ import annotations

import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

from edgecv_runtime.errors import UsageError


def import_last(folder: Path) -> None:
    """Let modules be imported from the user's folder, after all others: nothing there hides a package's module."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def custom_objects_of(module: str | None) -> dict[str, Any]:
    """Every public class and function of `module`, by name; importing it also runs its Keras registrations.

    Raises:
        UsageError: There is no such module, or it cannot be imported.
    """
    if module is None:
        return {}
    try:
        found = importlib.import_module(module)
    except Exception as error:
        raise UsageError(
            f"--custom-objects {module} cannot be imported: {error}",
            "Give a module that `python -c 'import MODULE'` can import from this folder",
        ) from error
    return {
        name: value
        for name, value in vars(found).items()
        if not name.startswith("_") and (inspect.isclass(value) or inspect.isfunction(value))
    }
