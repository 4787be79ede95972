"""The user's own layers, from the module that `--custom-objects` names."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterable
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


def classes_inside(package: str | None, named: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The classes of layers and the like that a file takes from modules inside the package that the user named.

    A library need not register all of its classes. Nothing is imported for it: those modules are looked at that the
    package has imported itself, and what they have from elsewhere is left out.

    Args:
        package: The module that `--custom-objects` names, or None.
        named: The module and the name of each class of the file.
    """
    found: dict[str, Any] = {}
    for module, name in named:
        if package is None or not _is_inside(package, module) or module not in sys.modules:
            continue
        value = vars(sys.modules[module]).get(name)
        if inspect.isclass(value) and hasattr(value, "from_config") and _is_inside(package, value.__module__):
            found[name] = value
    return found


def _is_inside(package: str, module: str) -> bool:
    return module == package or module.startswith(f"{package}.")
