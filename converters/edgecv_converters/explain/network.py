"""A Keras model, of either generation, opened where explanations need it: layers inside, and gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from edgecv_runtime.errors import SourceError, UsageError
from edgecv_runtime.heads.explained import Explained

from edgecv_converters.explain.records import Floats, Tensor
from edgecv_converters.source.keras_model import leaf_layers
from edgecv_converters.source.model import SourceModel

ENDS: Final = frozenset({"softmax", "sigmoid"})  # activations before which a score is taken
MAP_AXES: Final = 4
BLACK_BOX: Final = "Use --method occlusion or rise, which need nothing but answers"


@dataclass(frozen=True, slots=True)
class SeenMap:
    """A layer's map for one picture, and the gradient of a score by it: (height, width, channels) each."""

    layer: str
    values: Floats
    gradient: Floats


class InnerNetwork:
    """A loaded model whose inside can be looked at.

    Raises:
        SourceError: The source is a SavedModel, which keeps no layers.
    """

    def __init__(self, source: SourceModel) -> None:
        if source.loaded.network is None:
            raise SourceError("a SavedModel has no layers to look into", BLACK_BOX)
        self._source = source
        self._model = source.loaded.network
        self._layers = {layer.name: layer for layer in leaf_layers(self._model)}

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The names of all layers, those of nested models included."""
        return tuple(self._layers)

    def last_map(self, sample: Tensor) -> str:
        """Return the layer whose map is weighed where nobody names one: the last of the smallest maps.

        Pools are left aside: what they take is the finer map of the same things.

        Raises:
            SourceError: No layer gives a map of more than one place.
        """
        shapes: list[tuple[int, str]] = []
        with self._watched(self._layers.values(), lambda layer, found: shapes.extend(_map_shape(layer, found))):
            self._run(sample)
        if not shapes:
            raise SourceError("no layer of the model gives a map of several places", BLACK_BOX)
        least = min(places for places, _ in shapes)
        return [name for places, name in shapes if places == least][-1]

    def layer(self, name: str) -> Any:
        """Return a layer.

        Raises:
            UsageError: There is none of that name.
        """
        if name not in self._layers:
            raise UsageError(f"the model has no layer {name!r}", f"Its layers are {', '.join(self._layers)}")
        return self._layers[name]

    def map_of(self, sample: Tensor, name: str) -> Floats:
        """Return what a layer gives for one sample: (height, width, channels).

        Raises:
            UsageError: It gives no map.
        """
        seen: list[Any] = []
        with self._watched([self.layer(name)], lambda _, found: seen.append(found)):
            self._run(sample)
        return _as_map(seen, name)

    def weighed(self, sample: Tensor, explained: Explained, name: str) -> SeenMap:
        """Return a layer's map and the gradient of a score by it.

        Raises:
            UsageError: The layer gives no map, or the score does not depend on it.
        """
        import tensorflow as tf

        seen: list[Any] = []
        with tf.GradientTape() as tape:

            def keep(_: Any, found: Any) -> None:
                tape.watch(found)
                seen.append(found)

            with self._watched([self.layer(name)], keep):
                score = self._score(sample, explained)
        values = _as_map(seen, name)
        gradient = tape.gradient(score, seen[-1])
        if gradient is None:
            raise UsageError(f"the score of {explained.title!r} does not depend on the layer {name!r}", "Name another")
        return SeenMap(name, values, np.asarray(gradient, np.float32)[0])

    def gradients(self, samples: Tensor, explained: Explained) -> tuple[Floats, Floats]:
        """Return the score of each sample, and its gradient by the sample."""
        import tensorflow as tf

        batch = tf.constant(samples)
        with tf.GradientTape() as tape:
            tape.watch(batch)
            score = self._score(batch, explained)
        gradient = tape.gradient(score, batch)
        if gradient is None:
            raise SourceError(f"the score of {explained.title!r} has no gradient by the picture", BLACK_BOX)
        return np.asarray(score, np.float32), np.asarray(gradient, np.float32)

    def reach(self, samples: Tensor, name: str, asked: Sequence[Sequence[int]]) -> tuple[Floats, Floats]:
        """Return how strongly pixels move a layer's map, at some of its rows and at some of its columns.

        Args:
            samples: Pictures, which are best noise.
            name: The layer.
            asked: The rows, and the columns.

        Returns:
            For each row that was asked the power of its gradients by each row of pixels; and the same of columns.

        Raises:
            UsageError: The layer gives no map.
        """
        import tensorflow as tf

        batch, seen = tf.constant(samples), []
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(batch)
            with self._watched([self.layer(name)], lambda _, found: seen.append(found)):
                self._run(batch)
            _as_map(seen, name)
            signs = np.random.default_rng(0).choice(np.asarray([-1, 1], np.float32), seen[-1].shape)
            mixed = seen[-1] * tf.cast(signs, seen[-1].dtype)
            parts = [[tf.gather(mixed, place, axis=1 + axis) for place in asked[axis]] for axis in range(2)]
        found = []
        for axis, targets in enumerate(parts):
            gradients = np.stack([np.asarray(tape.gradient(one, batch), np.float32) for one in targets])
            others = tuple(number for number in range(1, gradients.ndim) if number != 2 + axis)
            found.append(np.asarray((gradients**2).sum(axis=others), np.float32))
        return found[0], found[1]

    def first_filters(self) -> tuple[str, Floats]:
        """Return the first layer that has filters, and these: (height, width, channels, filters).

        Raises:
            UsageError: No layer has any.
        """
        for name, layer in self._layers.items():
            for values in layer.get_weights():
                if values.ndim == MAP_AXES and max(values.shape[:2]) > 1:
                    return name, np.asarray(values, np.float32)
        raise UsageError("no layer of the model has filters of several places", "Leave --filters out")

    def shuffle(self, seed: int) -> None:
        """Put the values of every weight in a random order: what the network has learnt is lost."""
        rng = np.random.default_rng(seed)
        for layer in self._layers.values():
            layer.set_weights(
                [rng.permuted(values.reshape(-1)).reshape(values.shape) for values in layer.get_weights()]
            )

    def _run(self, samples: Any) -> list[Any]:
        return list(self._source.loaded.call([samples]))

    def _score(self, samples: Any, explained: Explained) -> Any:
        """The score of each sample, before the softmax or sigmoid that ends the output."""
        import tensorflow as tf

        with _linear_end(self._model, self._source.loaded.output_names.index(explained.output)):
            values = self._run(samples)[self._source.loaded.output_names.index(explained.output)]
        flat = tf.reshape(values, (tf.shape(values)[0], -1))
        picked = tf.gather(flat, explained.places, axis=1)
        return tf.linalg.matvec(picked, tf.constant(explained.weights, picked.dtype)) + explained.offset

    @contextmanager
    def _watched(self, layers: Any, tell: Callable[[Any, Any], None]) -> Iterator[None]:
        """Tell what layers give while the block runs, those inside nested models too."""
        with ExitStack() as stack:
            for layer in layers:
                stack.enter_context(_told(layer, tell))
            yield


@contextmanager
def _told(layer: Any, tell: Callable[[Any, Any], None]) -> Iterator[None]:
    """Tell what one layer gives; its `call` is put over the class's own, past Keras's bookkeeping of attributes."""
    own = layer.call

    def call(*inputs: Any, **more: Any) -> Any:
        found = own(*inputs, **more)
        tell(layer, found)
        return found

    vars(layer)["call"] = call
    try:
        yield
    finally:
        del vars(layer)["call"]


@contextmanager
def _linear_end(model: Any, output: int) -> Iterator[None]:
    """Leave out the softmax or sigmoid that ends an output: it is flat where the model is sure."""
    end = _end_of(model, output)
    activation = getattr(end, "activation", None)
    if getattr(activation, "__name__", "") not in ENDS:
        yield
        return
    own = vars(end)["activation"]
    vars(end)["activation"] = lambda values: values
    try:
        yield
    finally:
        vars(end)["activation"] = own


def _end_of(model: Any, output: int) -> Any:
    """The layer that makes an output, inside nested models too; None outside a graph of layers."""
    tensors = getattr(model, "outputs", None)
    if not tensors:
        return None
    history = getattr(tensors[output], "_keras_history", None)
    maker = getattr(history, "operation", None) or getattr(history, "layer", None)
    if maker is not None and getattr(maker, "layers", None):
        return _end_of(maker, getattr(history, "tensor_index", 0))
    return maker


def _map_shape(layer: Any, found: Any) -> list[tuple[int, str]]:
    shape: Sequence[Any] = getattr(found, "shape", ())
    if len(shape) != MAP_AXES or "Pool" in type(layer).__name__ or type(layer).__name__ == "InputLayer":
        return []
    places = int(shape[1]) * int(shape[2])
    return [(places, layer.name)] if places > 1 else []


def _as_map(seen: Sequence[Any], name: str) -> Floats:
    if not seen or len(getattr(seen[-1], "shape", ())) != MAP_AXES:
        raise UsageError(f"the layer {name!r} gives no map of height, width and channels", "Name one that does")
    values: Floats = np.asarray(seen[-1], np.float32)
    return np.asarray(values[0])
