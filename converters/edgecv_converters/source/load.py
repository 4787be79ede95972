"""One door for every format of trained model."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from edgecv_runtime.errors import SourceError, UsageError
from edgecv_runtime.schema import TensorSpec

from edgecv_converters.source.detect import ModelFormat, detect
from edgecv_converters.source.model import Loaded, Port, SourceModel
from edgecv_converters.source.plain_layers import MOST_VALUES

_NO_NUMBERS: Final = frozenset({"string", "resource", "variant"})


def load_source(
    path: Path,
    *,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    allow_code: bool = False,
    custom_objects: str | None = None,
    signature: str | None = None,
) -> SourceModel:
    """Load a trained model, whatever its format, and freeze it at static shapes.

    Args:
        path: A Keras 3 `.keras` file, a Keras 2 `.h5`/`.hdf5` file, or a SavedModel folder.
        input_shapes: For inputs with open dimensions their shape, batch of one included; the name "" stands for
            the only input.
        allow_code: Load models that carry Python code (Lambda layers), which then runs.
        custom_objects: The module with the model's own layers, such as "package.module".
        signature: The signature or function of a SavedModel that is taken; by default the one that serves.

    Raises:
        SourceError: The file is missing, damaged, of another kind, carries code, needs custom layers, or
            holds weights that are not finite.
        UsageError: `input_shapes` names an unknown input, contradicts the model, or is needed and missing.
    """
    kind = detect(path)
    loaded = _loaded(path, kind, allow_code=allow_code, custom_objects=custom_objects, signature=signature)
    _check_weights(loaded)
    _check_types(loaded.inputs)
    inputs = _static_inputs(loaded.inputs, dict(input_shapes or {}))
    return SourceModel.of(loaded, inputs, digest(path))


def _loaded(
    path: Path, kind: ModelFormat, *, allow_code: bool, custom_objects: str | None, signature: str | None
) -> Loaded:
    if kind is ModelFormat.SAVED_MODEL:  # it holds its graph: no Python code runs, or could
        from edgecv_converters.source import savedmodel

        return savedmodel.load(path, allow_code=allow_code, wanted=signature)
    if signature is not None:
        raise UsageError(
            f"--signature is for SavedModel folders; {path.name} is a file of Keras", "Leave --signature out"
        )
    from edgecv_converters.source import keras_files

    return keras_files.load(path, kind, allow_code=allow_code, custom_objects=custom_objects)


def _check_weights(loaded: Loaded) -> None:
    for name, read in loaded.weights:
        values = np.asarray(read())
        if np.issubdtype(values.dtype, np.inexact) and not np.isfinite(values).all():
            what = "NaN" if np.isnan(values).any() else "infinite"
            raise SourceError(
                f"weight {name} holds {what} values",
                "The training diverged: load an earlier checkpoint or train again with a lower learning rate",
            )


def _check_types(ports: tuple[Port, ...]) -> None:
    for port in ports:
        if port.dtype in _NO_NUMBERS:
            raise SourceError(
                f"input {port.name!r} is text (string), which no target takes",
                "Cut the model behind the layer that turns text into numbers (TextVectorization, StringLookup): "
                "convert keras.Model(vectorized.output, model.output), and do that step in your app",
            )


def _static_inputs(ports: tuple[Port, ...], given: dict[str, tuple[int, ...]]) -> tuple[TensorSpec, ...]:
    names = [port.name for port in ports]
    if "" in given:
        if len(ports) > 1:
            raise UsageError(f"the model has several inputs: {', '.join(names)}", _example(ports[0]))
        given = {names[0]: given[""]}
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise UsageError(
            f"the model has no input {unknown[0]!r}; its inputs are {', '.join(names)}",
            _example(ports[0]),
        )
    specs = tuple(
        TensorSpec(name=port.name, shape=_static_shape(port, given.get(port.name)), dtype=port.dtype) for port in ports
    )
    for spec in specs:
        if math.prod(spec.shape) > MOST_VALUES:
            raise SourceError(
                f"input {spec.name!r} of {_text(spec.shape)} is too large: it has more than {MOST_VALUES:,} values",
                "The model was not trained on inputs of that size: save it with the shape that it was trained on",
            )
    return specs


def _static_shape(port: Port, given: tuple[int, ...] | None) -> tuple[int, ...]:
    if port.shape and port.shape[0] not in (None, 1):
        raise SourceError(
            f"input {port.name!r} was exported with a fixed batch of {port.shape[0]}",
            "Export the model again with an open batch (None), or with a batch of 1",
        )
    if given is None:
        if None in port.shape[1:]:
            raise UsageError(f"input {port.name!r} has open dimensions {_text(port.shape)}", _example(port))
        return (1, *(size for size in port.shape[1:] if size is not None))
    fits = len(given) == len(port.shape) and all(
        want in (None, size) for want, size in zip(port.shape[1:], given[1:], strict=True)
    )
    if not fits:
        raise UsageError(
            f"input {port.name!r} of the model has shape {_text(port.shape)}, got {_text(given)}",
            _example(port),
        )
    if given[0] != 1 or min(given) < 1:
        raise UsageError(f"the shape of input {port.name!r} must have a batch of 1, got {_text(given)}", _example(port))
    return given


def _text(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("?" if size is None else str(size) for size in shape) + ")"


def _example(port: Port) -> str:
    picture = len(port.shape) == 4 and port.shape[3] in {None, 1, 3}
    size = 224 if picture else 100
    sizes = [1, *(known or (size if position < 2 else 3) for position, known in enumerate(port.shape[1:]))]
    return f"Give the shape with --input-shape {port.name}={','.join(str(size) for size in sizes)}"


def digest(path: Path) -> str:
    """The digest of a file; of a folder, that of its sorted "sha256  path" lines."""
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file())
    lines = "".join(f"{digest(path / file)}  {file}\n" for file in files)
    return hashlib.sha256(lines.encode()).hexdigest()
