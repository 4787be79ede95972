"""A Keras file described by its configuration and the shapes of its weights, without TensorFlow and the model.

Building takes seconds and hundreds of megabytes, where the file itself tells all that `edgecv inspect` says. Whatever
is not plain here, from a layer of another kind to a damaged file, is left to the loader, and so is what to say of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from edgecv_runtime.errors import EdgecvError
from edgecv_runtime.heads.base import Ending
from edgecv_runtime.schema import HeadSpec, SourceInfo, TensorSpec

from edgecv_converters.source.keras_model import SCALES
from edgecv_converters.source.layer_list import INPUT, ListedLayer, layer_list
from edgecv_converters.source.load import digest
from edgecv_converters.source.losses import shown_heads, trained_as
from edgecv_converters.source.model import LayerRow
from edgecv_converters.source.plain_layers import MOST_VALUES, Told, UntoldError, told
from edgecv_converters.source.request import SourceRequest
from edgecv_converters.source.told_file import read_told

_DAMAGED: Final = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, OSError, RuntimeError)
"""The errors of reading a configuration or a file of weights that is not as Keras writes it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A model as its file tells it, at a batch of one."""

    info: SourceInfo
    heads: tuple[HeadSpec, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    scales_its_input: bool
    layers: tuple[LayerRow, ...]
    notes: tuple[str, ...] = ()


def outline(request: SourceRequest) -> Outline | None:
    """Describe a file that Keras 3 reads; None where the model has to be built for it."""
    if request.input_shapes or request.custom_objects or request.signature:
        return None
    try:
        return _outline(request.path)
    except (EdgecvError, UntoldError, *_DAMAGED):
        return None  # the loader says what is wrong, if anything is


def _outline(path: Path) -> Outline:
    file = read_told(path)
    listed = layer_list(file.config)
    layers, given, shown = listed.layers, listed.inputs, listed.outputs
    facts = _facts(layers)
    if file.flat and any(layer.kind == INPUT and layer.sources for layer in layers):
        raise UntoldError  # the weights of a nested model are one list, in an order that its training decides
    file.check_weights({name: fact.weights for name, fact in facts.items()})
    inputs = tuple(TensorSpec(name=name, shape=(1, *facts[name].shape), dtype="float32") for name in given)
    outputs = tuple(TensorSpec(name=name, shape=(1, *facts[name].shape), dtype="float32") for name in shown)
    endings = [_ending(name, layers, facts) for name in shown]
    rows = tuple(_row(layer, facts[layer.name]) for layer in layers if not layer.hidden)
    return Outline(
        info=SourceInfo(
            format=file.format,
            loader=f"keras {version('keras')}",
            sha256=digest(path),
            parameters=sum(row.parameters for row in rows),
            multiply_adds=sum(row.multiply_adds or 0 for row in rows),
        ),
        heads=shown_heads(outputs, inputs, endings, trained_as(file.training, shown)),
        inputs=inputs,
        outputs=outputs,
        scales_its_input=_scales(layers, facts),
        layers=rows,
    )


def _facts(layers: Sequence[ListedLayer]) -> dict[str, Told]:
    """Tell what each layer does, in an order in which a layer comes after those that it reads."""
    facts: dict[str, Told] = {}
    for layer in layers:
        if layer.kind == INPUT:
            batch, *shape = layer.config.get("batch_shape") or layer.config["batch_input_shape"]
            if batch is not None or not all(type(size) is int for size in shape) or math.prod(shape) > MOST_VALUES:
                raise UntoldError
            if layer.config["dtype"] != "float32" or layer.config.get("sparse") or layer.config.get("ragged"):
                raise UntoldError
            if any(facts[source].shape != tuple(shape) for source in layer.sources):
                raise UntoldError
            facts[layer.name] = Told(tuple(shape), ending="" if layer.sources else None)
        else:
            facts[layer.name] = told(layer.kind, layer.config, [facts[source].shape for source in layer.sources])
    return facts


def _ending(name: str, layers: Sequence[ListedLayer], facts: Mapping[str, Told]) -> Ending:
    """Tell how an output ends, as the layer that makes it says, or the one before."""
    by_name = {layer.name: layer for layer in layers}
    while facts[name].ending == "":
        (name,) = by_name[name].sources
    found = facts[name].ending
    if found is None or found not in {"sigmoid", "softmax", "logits", "other"}:
        raise UntoldError
    return found  # type: ignore[return-value]


def _row(layer: ListedLayer, fact: Told) -> LayerRow:
    return LayerRow(
        name=layer.name,
        type=layer.kind,
        output_shape=(None, *fact.shape),
        parameters=sum(math.prod(shape) for shape in fact.weights),
        multiply_adds=fact.multiply_adds,
    )


def _scales(layers: Sequence[ListedLayer], facts: Mapping[str, Told]) -> bool:
    """Tell whether a Rescaling or Normalization layer comes before the first layer with other weights."""
    first = next((layer for layer in layers if layer.kind in SCALES or facts[layer.name].weights), None)
    return first is not None and first.kind in SCALES
