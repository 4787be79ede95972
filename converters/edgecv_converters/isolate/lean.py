"""Imports a library without packages that it would load as well if they are installed, and that nothing here uses."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing_without(*packages: str) -> Iterator[None]:
    """Hide packages that are not imported yet: what is imported meanwhile finds them absent, later imports find them.

    Keras and coremltools import scikit-learn, and coremltools PyTorch, for parts that a conversion never reaches: each
    costs a worker seconds and tens to hundreds of megabytes.
    """
    hidden = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is how Python itself marks an absence
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
