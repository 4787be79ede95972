"""One node on the way of the batch through a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from edgecv_converters.onnx.edit import Index, add_constant, fresh


class UnfollowedError(Exception):
    """An operation whose samples would not stay apart, or whose form is not known; the words follow its name."""


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a tensor's batch: the axis that becomes as many times longer.

    Where a sample has several elements along that axis, it has them as `outer` times `inner`, and the batch lies
    between: the rows of all samples are (batch, rows) in memory where `inner` counts them, (rows, batch) where `outer`
    does.
    """

    axis: int
    inner: int = 1
    outer: int = 1

    @property
    def length(self) -> int:
        """The number of elements that a sample has along the axis."""
        return self.outer * self.inner

    def moved(self, axis: int) -> Place:
        """The same at another axis."""
        return replace(self, axis=axis)


@dataclass(frozen=True, slots=True)
class Step:
    """One node on the way: the places of its inputs by position, and the shapes at a batch of one."""

    node: Any
    places: Mapping[int, Place]
    sizes: Mapping[str, tuple[int, ...]]
    index: Index
    batch: int

    @property
    def place(self) -> Place:
        """The place in the first input, which is the only one with a batch.

        Raises:
            UnfollowedError: Another input has one.
        """
        if set(self.places) != {0}:
            raise UnfollowedError("takes what depends on the sample for a constant")
        return self.places[0]

    def shape(self, position: int) -> tuple[int, ...]:
        """The shape of an input at a batch of one."""
        return self._size(self.node.input[position])

    def out(self) -> tuple[int, ...]:
        """The shape of the first output at a batch of one."""
        return self._size(self.node.output[0])

    def attribute(self, name: str, default: Any) -> Any:
        """An attribute's value."""
        from onnx import helper

        return next((helper.get_attribute_value(item) for item in self.node.attribute if item.name == name), default)

    def value(self, position: int) -> np.ndarray | None:
        """The value of a constant input; None where it is left out.

        Raises:
            UnfollowedError: It is computed.
        """
        if position >= len(self.node.input) or not self.node.input[position]:
            return None
        found = self.index.value(self.node.input[position])
        if found is None:
            raise UnfollowedError("computes a shape")
        return found

    def replace(self, position: int, value: np.ndarray) -> None:
        """Give the node a constant of its own in place of an input."""
        self.node.input[position] = add_constant(self.index.graph, f"{self.node.input[position]}_batch", value)

    def repeat(self, position: int, place: Place) -> None:
        """Repeat an input that is the same for all samples, once for each, so that it has the batch at a place."""
        from onnx import helper

        name, axis = self.node.input[position], place.axis
        value = self.index.value(name)
        if value is not None:
            shape = value.shape
            parts = value.reshape(*shape[:axis], place.outer, 1, place.inner, *shape[axis + 1 :])
            longer = [*shape[:axis], shape[axis] * self.batch, *shape[axis + 1 :]]
            self.replace(position, np.repeat(parts, self.batch, axis=axis + 1).reshape(longer))
            return
        if place.outer > 1:
            raise UnfollowedError("combines samples with what is computed from constants")
        repeats = np.ones(len(self.shape(position)), np.int64)
        repeats[axis] = self.batch
        made = fresh(self.index.graph, f"{name}_batch")
        times = add_constant(self.index.graph, f"{made}_repeats", repeats)
        self.index.graph.node.append(helper.make_node("Tile", [name, times], [made], made))
        self.node.input[position] = made

    def as_reshape(self) -> None:
        """Turn the node into a Reshape to the shape that it gives."""
        del self.node.attribute[:], self.node.input[1:]
        self.node.op_type = "Reshape"
        self.node.input.append(add_constant(self.index.graph, f"{self.node.output[0]}_shape", np.asarray(self.out())))

    def _size(self, name: str) -> tuple[int, ...]:
        if name not in self.sizes:
            raise UnfollowedError("has a shape that is not known")
        return self.sizes[name]

    def split_batch(self, position: int) -> int:
        """Reshape an input so that the batch has an axis of its own, and return that of what a sample has there.

        Raises:
            UnfollowedError: Samples have one element there, or elements on both sides of the batch.
        """
        place = self.places[position]
        if place.length == 1 or 1 not in {place.outer, place.inner}:
            raise UnfollowedError("takes a part of the batch")
        first = place.inner == 1
        self.apart(position, [place.outer, self.batch] if first else [self.batch, place.inner])
        return place.axis if first else place.axis + 1

    def merge_batch(self, place: Place) -> tuple[Place, ...]:
        """Reshape the outputs, where the batch has an axis of its own, to their shapes with a longer axis."""
        from onnx import helper

        places = []
        for number, name in enumerate(self.node.output):
            shape = list(self._size(name))
            if place.axis >= len(shape):
                raise UnfollowedError("leaves no axis for the batch")
            length = shape[place.axis]
            places.append(Place(place.axis, outer=length) if place.outer > 1 else Place(place.axis, inner=length))
            shape[place.axis] *= self.batch
            inside = fresh(self.index.graph, f"{name}_apart")
            self.node.output[number] = inside
            wanted = add_constant(self.index.graph, f"{inside}_shape", np.asarray(shape, np.int64))
            self.index.graph.node.append(helper.make_node("Reshape", [inside, wanted], [name], inside))
        return tuple(places)

    def set_attribute(self, name: str, value: int) -> None:
        """Set an attribute to a number."""
        from onnx import helper

        kept = [item for item in self.node.attribute if item.name != name]
        del self.node.attribute[:]
        self.node.attribute.extend([*kept, helper.make_attribute(name, value)])

    def apart(self, position: int, sizes: Sequence[int]) -> None:
        """Reshape an input, so that its axis with the batch becomes axes of those sizes."""
        from onnx import helper

        name, axis = self.node.input[position], self.places[position].axis
        shape = list(self.shape(position))
        shape[axis : axis + 1] = sizes
        made = fresh(self.index.graph, f"{name}_apart")
        wanted = add_constant(self.index.graph, f"{made}_shape", np.asarray(shape, np.int64))
        self.index.graph.node.append(helper.make_node("Reshape", [name, wanted], [made], made))
        self.node.input[position] = made
