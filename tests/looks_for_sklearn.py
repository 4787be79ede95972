"""A module that imports scikit-learn where it finds it, as Keras does."""

from __future__ import annotations

from importlib.util import find_spec

try:
    import sklearn
except ImportError:
    sklearn = None


def is_there() -> tuple[bool, bool]:
    """Tell whether it was there when this module was imported, and whether it is to be had now."""
    return sklearn is not None, find_spec("sklearn") is not None
