"""The function for each operation of a Core ML program that writes it into a Core AI graph.

Each takes the builder and the operation's own parameters, by the names and with the defaults of the reference
evaluator's kernels (`mil.ops`): tensors as operands, settings as Python values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from edgecv_converters.coreai.ops import (
    activation,
    elementwise,
    indexing,
    products,
    quantization,
    reduction,
    resizing,
    shape,
    windows,
)

HANDLERS: Final[Mapping[str, Callable[..., Any]]] = {
    **activation.HANDLERS,
    **elementwise.HANDLERS,
    **indexing.HANDLERS,
    **products.HANDLERS,
    **quantization.HANDLERS,
    **reduction.HANDLERS,
    **resizing.HANDLERS,
    **shape.HANDLERS,
    **windows.HANDLERS,
}

__all__ = ["HANDLERS"]
