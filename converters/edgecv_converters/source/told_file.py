"""A Keras file without its model in memory: the configuration, and the weights of each layer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgecv_converters.source.archive import check_weights, read_config, read_version, weights_in
from edgecv_converters.source.code import check_config, parse_config
from edgecv_converters.source.detect import ModelFormat, detect
from edgecv_converters.source.generations import only_keras2
from edgecv_converters.source.hdf5 import check_hdf5, read_architecture, read_training
from edgecv_converters.source.plain_layers import Shape, UntoldError
from edgecv_converters.source.policies import check_plain, in_float32

_AT_ONCE: Final = 1 << 22  # values that are looked at together
_ONLY_KERAS3: Final = "3."
_REFUSED_OF_KERAS2: Final = frozenset({"DepthwiseConv2D", "SeparableConv2D"})
"""Layers whose configuration Keras 3 does not take from some versions of Keras 2."""
_OF_NO_LAYER: Final = "top_level_model_weights"

Held = Mapping[str, list[Any]]
"""The data sets of each layer's weights, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldFile:
    """A file that was looked through; `format` is what the source is called, `flat` that nested models have one list.

    `training` is the configuration of its training; None where the file has none.
    """

    path: Path
    format: str
    config: Mapping[str, Any]
    training: Any
    flat: bool

    def check_weights(self, wanted: Mapping[str, tuple[Shape, ...]]) -> None:
        """Compare the weights with the shapes that the layers have, and look for values that are no numbers.

        Raises:
            UntoldError: They differ, or one is infinite or no number.
        """
        with (_of_hdf5 if self.flat else _of_archive)(self.path) as held:
            if {name: shapes for name, shapes in _shapes(held).items() if shapes} != {
                name: shapes for name, shapes in wanted.items() if shapes
            }:
                raise UntoldError
            for values in held.values():
                for one in values:
                    _check_finite(one)


def read_told(path: Path) -> ToldFile:
    """Read a `.keras` file of Keras 3, or a `.h5` file that Keras 3 reads as it is.

    Raises:
        UntoldError: It is another file, or its configuration would be changed before it is loaded.
        SourceError: It is damaged, or not taken.
    """
    kind = detect(path)
    if kind is ModelFormat.KERAS:
        check_weights(path)
        writer, config = read_version(path), parse_config(read_config(path), path.name)
        found = ToldFile(path=path, format="keras3", config=config, training=config.get("compile_config"), flat=False)
    elif kind is ModelFormat.HDF5:
        check_hdf5(path, path.name)
        text, writer = read_architecture(path)
        config = parse_config(text, path.name)
        found = ToldFile(path=path, format="keras2-h5", config=config, training=read_training(path), flat=True)
    else:
        raise UntoldError
    check_plain(config, path.name)
    check_config(config, path.name, (), allow_code=False)
    by_keras3 = writer.startswith(_ONLY_KERAS3) or (found.flat and writer.startswith("2.") and _is_taken(config))
    if not by_keras3 or in_float32(config)[0] != config:
        raise UntoldError
    return found


def _is_taken(config: Mapping[str, Any]) -> bool:
    """Tell whether Keras 3 reads the configuration of a Keras 2 model, and rightly."""
    layers = config["config"]["layers"]
    return not only_keras2(config) and _REFUSED_OF_KERAS2.isdisjoint(layer["class_name"] for layer in layers)


def _shapes(held: Held) -> dict[str, tuple[Shape, ...]]:
    return {name: tuple(tuple(one.shape) for one in values) for name, values in held.items()}


@contextmanager
def _of_archive(path: Path) -> Iterator[Held]:
    import h5py

    with weights_in(path) as packed, h5py.File(packed, "r") as file:
        if len(file["vars"]):
            raise UntoldError
        yield dict(_of_groups(file["layers"]))


def _of_groups(layers: Any) -> Iterator[tuple[str, list[Any]]]:
    """The weights of each layer by its name, those in nested models too."""
    for group in layers.values():
        variables = group["vars"]
        yield str(variables.attrs.get("name", "")), [variables[key] for key in sorted(variables, key=int)]
        if "layers" in group:
            yield from _of_groups(group["layers"])
        if not set(group) <= {"layers", "vars"}:
            raise UntoldError


@contextmanager
def _of_hdf5(path: Path) -> Iterator[Held]:
    import h5py

    with h5py.File(path, "r") as file:
        groups = file["model_weights"]
        layers = _names(groups, "layer_names")
        if not set(layers) <= set(groups):
            raise UntoldError
        named = [*layers, *({_OF_NO_LAYER} & set(groups))]
        yield {name: [groups[name][weight] for weight in _names(groups[name], "weight_names")] for name in named}


def _names(group: Any, key: str) -> list[str]:
    """A list of names that Keras keeps as an attribute, which it cuts into parts where it is long."""
    if key not in group.attrs:
        raise UntoldError
    return [name.decode() if isinstance(name, bytes) else str(name) for name in group.attrs[key]]


def _check_finite(values: Any) -> None:
    """Look at a data set, some rows at a time."""
    if not values.shape:
        return
    rows = max(1, _AT_ONCE // math.prod(values.shape[1:]))
    for start in range(0, values.shape[0], rows):
        if not np.isfinite(values[start : start + rows]).all():
            raise UntoldError
