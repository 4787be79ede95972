"""A bound on the weights that layers create while a model is loaded: a file cannot ask for more than it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from edgecv_runtime.errors import SourceError

_SLACK: Final = 1 << 22
"""The values beyond those of the file that are let through: 16 MiB of float32."""


class WeightBudget:
    """Counts the values of all weights that Keras creates.

    Attributes:
        refusal: The error that stopped a layer, which the loaders may have wrapped in one of their own.
    """

    def __init__(self, name: str, capacity: int) -> None:
        self._name = name
        self._left = capacity + _SLACK
        self.refusal: SourceError | None = None

    def spend(self, owner: Any, shape: Any) -> None:
        """Count one weight.

        Raises:
            SourceError: The model asks for more than its file holds.
        """
        sizes = [int(size) for size in shape or () if size is not None]
        count = 1
        for size in sizes:
            count *= size
        self._left -= count
        if self._left < 0:
            self.refusal = SourceError(
                f"{self._name} asks for more weights than it holds: the layer {getattr(owner, 'name', '')!r} "
                f"wants {tuple(sizes)}",
                "The file was damaged or changed after it was saved: copy or save the model again",
            )
            raise self.refusal


@contextmanager
def limited_weights(name: str, capacity: int) -> Iterator[WeightBudget]:
    """While this is open, no layer of either Keras creates more weights than `capacity` values and a little.

    Args:
        name: What messages call the model.
        capacity: How many values its file holds.
    """
    import keras
    import tf_keras

    budget = WeightBudget(name, capacity)
    places = ((keras.layers.Layer, "add_weight", 0), (keras.metrics.Metric, "add_variable", 0))
    both = (*places, (tf_keras.layers.Layer, "add_weight", 1))
    before = [(kind, method, getattr(kind, method)) for kind, method, _ in both]
    for kind, method, position in both:
        setattr(kind, method, _counted(getattr(kind, method), position, budget))
    try:
        yield budget
    finally:
        for kind, method, original in before:
            setattr(kind, method, original)


def _counted(original: Callable[..., Any], position: int, budget: WeightBudget) -> Callable[..., Any]:
    """The method, whose argument `shape` (also at `position`) is counted before it runs."""

    def counted(owner: Any, *args: Any, **kwargs: Any) -> Any:
        budget.spend(owner, kwargs.get("shape", args[position] if len(args) > position else None))
        return original(owner, *args, **kwargs)

    return counted
