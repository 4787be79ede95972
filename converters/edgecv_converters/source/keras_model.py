"""A Keras model in memory, of Keras 3 or of tf-keras, as a `Loaded`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from edgecv_runtime.errors import SourceError

from edgecv_converters.graph.freeze import Call
from edgecv_converters.graph.names import scope_name
from edgecv_converters.source.answers import KeptOutputs, answers_among
from edgecv_converters.source.model import LayerRow, Loaded, Port

SCALES = frozenset({"Rescaling", "Normalization"})


def loaded_of(model: Any, *, file_format: str, loader: str, notes: tuple[str, ...] = ()) -> Loaded:
    """Describe a Keras model.

    Raises:
        SourceError: It was never built, so that its inputs are not known, or keeps a state from call to call.
    """
    _check_stateless(model)
    inputs = input_ports(model)
    every = output_names(model, inputs)
    kept = answers_among(every)
    call = _call_of(model, kept)
    batch = _fixed_batch(model)
    if batch is not None:
        notes += (f"the model was built for a batch of {batch}, which is 1 now: each sample is answered by itself",)
    return Loaded(
        format=file_format,
        loader=loader,
        inputs=inputs,
        output_names=tuple(every[place] for place in kept.places),
        call=call,
        freezable=lambda _specs: _unrolled(model, call),
        weights=tuple((_weight_name(weight), weight.numpy) for weight in model.weights),
        parameters=sum(int(np.prod(weight.shape)) for weight in model.weights),
        rows=tuple(_row(layer) for layer in leaf_layers(model)),
        has_preprocessing=_scales_pixels(model),
        doubled_scopes=_doubled_scopes(model),
        fixed_batch=batch,
        notes=(*notes, *kept.notes),
        network=model,
    )


def input_ports(model: Any) -> tuple[Port, ...]:
    """The declared inputs, by the names of the input layers; a subclassed model has one, "inputs"."""
    tensors = getattr(model, "inputs", None)
    if tensors:
        names = _unique(_input_names(model, tensors))
        return tuple(
            Port(name=name, shape=(None, *t.shape[1:]), dtype=_dtype(t.dtype))
            for name, t in zip(names, tensors, strict=True)
        )
    shape = _built_shape(model)
    if shape is None:
        raise SourceError(
            "the model was never built, so that its input shape is not known",
            "Call it once on a batch, or build it from keras.Input, before saving it",
        )
    return (Port(name="inputs", shape=shape, dtype=_dtype(getattr(model, "input_dtype", None) or "float32")),)


def flat_call(model: Any) -> Call:
    """The model in inference mode, from a flat list of tensors to a flat list of tensors."""
    import tensorflow as tf

    call = _structured_call(model)
    return lambda tensors: list(tf.nest.flatten(call(tensors)))


def _call_of(model: Any, kept: KeptOutputs) -> Call:
    """The model in inference mode, without the outputs that do not answer."""
    call = flat_call(model)

    def answers(tensors: Sequence[Any]) -> Sequence[Any]:
        found = call(tensors)
        return [found[place] for place in kept.places]

    return answers


def leaf_layers(model: Any) -> Iterator[Any]:
    """The layers in the model's order; of a nested model its layers, of a wrapper the wrapper."""
    for layer in getattr(model, "layers", []):
        if getattr(layer, "layers", None):
            yield from leaf_layers(layer)
        else:
            yield layer


def all_layers(model: Any) -> list[Any]:
    """Every layer at every depth, those inside wrappers too."""
    flatten: Callable[[], Any] = model._flatten_layers  # noqa: SLF001  # both Keras generations have it
    return list(flatten())


def is_functional(model: Any) -> bool:
    """Tell whether the model is a graph of layers (Functional or Sequential)."""
    return bool(getattr(model, "inputs", None))


def _unrolled(model: Any, call: Call) -> Call:
    """`call` with every recurrence unrolled: the steps are known, and no converter takes the loop."""

    def unrolled(tensors: Sequence[Any]) -> Sequence[Any]:
        with _unroll(model):
            return call(tensors)

    return unrolled


@contextmanager
def _unroll(model: Any) -> Iterator[None]:
    wanted = {"unroll": True, "_could_use_gpu_kernel": False}  # the latter is how tf-keras picks the loop in CUDA
    layers = all_layers(model)
    changes = [
        (layer, name, value)
        for layer in layers
        for name, value in wanted.items()
        if isinstance(getattr(layer, name, None), bool)
    ]
    with _attributes(changes):
        yield


@contextmanager
def _attributes(changes: Sequence[tuple[Any, str, Any]]) -> Iterator[None]:
    """Let attributes of objects have other values for a while."""
    before = [getattr(thing, name) for thing, name, _ in changes]
    for thing, name, value in changes:
        setattr(thing, name, value)
    try:
        yield
    finally:
        for (thing, name, _), value in zip(changes, before, strict=True):
            setattr(thing, name, value)


def _check_stateless(model: Any) -> None:
    """Refuse recurrences that begin where the call before ended: no target keeps a state from call to call."""
    for layer in all_layers(model):
        if getattr(layer, "stateful", False) and hasattr(layer, "return_sequences"):
            raise SourceError(
                f"the layer {layer.name!r} is stateful: it begins where the call before ended, which no target does",
                "Build the model with stateful=False and the same weights, or with the state as an input and an output",
            )


def _fixed_batch(model: Any) -> int | None:
    """The number of samples that the model was built for, where it is not open or 1."""
    sizes = [tensor.shape[0] for tensor in getattr(model, "inputs", None) or () if len(tensor.shape)]
    return next((int(size) for size in sizes if size not in (None, 1)), None)


def _input_names(model: Any, tensors: Sequence[Any]) -> list[str]:
    histories = [getattr(tensor, "_keras_history", None) for tensor in tensors]
    if all(hasattr(history, "operation") for history in histories):
        return [history.operation.name for history in histories if history is not None]
    return list(model.input_names)


def output_names(model: Any, inputs: tuple[Port, ...]) -> tuple[str, ...]:
    """The outputs' own names: a dict's keys, else the layers that make them, else "output_0"..."""
    graph = getattr(model, "_functional", None) or model
    structure = getattr(graph, "_outputs_struct", None)
    if structure is None and not is_functional(model):
        structure = _traced_outputs(model, inputs)
    if isinstance(structure, dict):
        return _unique(sorted(structure))
    names = list(getattr(graph, "output_names", None) or []) if is_functional(model) else []
    return _unique(names or [f"output_{position}" for position in range(_length(structure))])


def _structured_call(model: Any) -> Callable[[Sequence[Any]], Any]:
    import tensorflow as tf

    structure = getattr(model, "_inputs_struct", None)
    if structure is None:
        structure = getattr(model, "_nested_inputs", None)
    scopes = [(layer, "name", scope_name(layer.name)) for layer in all_layers(model)] if _is_keras3(model) else []
    renamed = [(layer, attribute, name) for layer, attribute, name in scopes if name != layer.name]

    def call(tensors: Sequence[Any]) -> Any:
        flat = tensors[0] if len(tensors) == 1 else list(tensors)
        packed = flat if structure is None else tf.nest.pack_sequence_as(structure, list(tensors))
        with _attributes(renamed):
            return model(packed, training=False)

    return call


def _traced_outputs(model: Any, inputs: tuple[Port, ...]) -> Any:
    import tensorflow as tf

    call = _structured_call(model)
    specs = [tf.TensorSpec(port.shape, port.dtype) for port in inputs]
    function = tf.function(lambda *tensors: call(tensors), autograph=False)
    return function.get_concrete_function(*specs).structured_outputs


def _length(structure: Any) -> int:
    import tensorflow as tf

    return len(tf.nest.flatten(structure))


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    seen: list[str] = []
    for name in names:
        number, candidate = 0, name
        while candidate in seen:
            number += 1
            candidate = f"{name}_{number}"
        seen.append(candidate)
    return tuple(seen)


def _built_shape(model: Any) -> tuple[int | None, ...] | None:
    config = model.get_build_config() if hasattr(model, "get_build_config") else None
    for shape in (config or {}).values():
        if isinstance(shape, list | tuple) and all(size is None or isinstance(size, int) for size in shape):
            return (None, *shape[1:])
    return None


def _dtype(dtype: Any) -> str:
    return str(getattr(dtype, "name", dtype))


def _weight_name(weight: Any) -> str:
    return str(getattr(weight, "path", None) or weight.name)


def _row(layer: Any) -> LayerRow:
    return LayerRow(
        name=layer.name,
        type=type(layer).__name__,
        output_shape=_output_shape(layer),
        parameters=sum(int(np.prod(weight.shape)) for weight in layer.weights),
        multiply_adds=None,
    )


def _output_shape(layer: Any) -> tuple[int | None, ...] | None:
    """The shape of the layer's first output; None outside a graph of layers, or if it is used twice."""
    try:
        tensor = layer.output
    except (AttributeError, ValueError, RuntimeError):
        return None
    while isinstance(tensor, list | tuple | dict):
        tensor = next(iter(tensor.values() if isinstance(tensor, dict) else tensor))
    return tuple(tensor.shape)


def _doubled_scopes(model: Any) -> frozenset[str]:
    return frozenset(scope_name(layer.name) for layer in all_layers(model)) if _is_keras3(model) else frozenset()


def _is_keras3(model: Any) -> bool:
    return any(kind.__module__.startswith("keras.src") for kind in type(model).__mro__)


def _scales_pixels(model: Any) -> bool:
    """Tell whether a Rescaling or Normalization layer comes before the first layer with other weights."""
    for layer in leaf_layers(model):
        if type(layer).__name__ in SCALES:
            return True
        if layer.weights:
            return False
    return False
