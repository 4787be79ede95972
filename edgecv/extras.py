"""Checks that the packages of an optional step are installed; the hint is the line that installs them."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec

from edgecv_converters.targets import find
from edgecv_runtime.errors import MissingDependencyError

LOADING = ("tensorflow", "keras", "tf_keras")


def require(modules: Iterable[str], extra: str) -> None:
    """Check that modules are installed, without importing them.

    Raises:
        MissingDependencyError: One is not; the hint has the exact install line.
    """
    missing = [name for name in dict.fromkeys(modules) if find_spec(name) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise MissingDependencyError(f"{', '.join(missing)} {verb} not installed", f'pip install "edgecv[{extra}]"')


def require_for(targets: Iterable[str]) -> None:
    """Check what converting to `targets` needs.

    Raises:
        MissingDependencyError: Something is not installed.
    """
    libraries = tuple(dict.fromkeys(library for target in targets for library in find(target).needs))
    require((*LOADING, *(library.modules[0] for library in libraries if not library.system)), "convert")
    for library in libraries:
        if find_spec(library.modules[0]) is None:
            raise MissingDependencyError(f"{library.distributions[0]} is not installed", library.install)
