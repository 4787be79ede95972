"""SavedModel folders, by their serving signature: no Python code of the model runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from edgecv_runtime.errors import SourceError

from edgecv_converters.source.model import Loaded, Port
from edgecv_converters.source.stateless import without_assignments
from edgecv_converters.source.words import gist

_PYTHON_OPS = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
_FILE_OPS = frozenset({"ReadFile", "WriteFile"})
_PREFERRED = ("serving_default", "serve")


def load(path: Path) -> Loaded:
    """Load a SavedModel folder.

    Raises:
        SourceError: It is damaged, has no serving signature, calls Python code, or touches files.
    """
    import tensorflow as tf

    saved = _read(path)
    _check_ops(path, saved)
    try:
        with tf.device("/CPU:0"), without_assignments(path, saved) as folder:
            restored = tf.saved_model.load(str(folder))
    except Exception as error:
        raise SourceError(
            f"TensorFlow {tf.__version__} cannot load {path.name}: {gist(error)}",
            "Copy the whole folder again, with its variables",
        ) from error
    name, signature = _signature(path, dict(restored.signatures))
    inputs = _ports(path, signature)
    outputs = tuple(signature.structured_outputs)

    def call(tensors: Sequence[Any]) -> Sequence[Any]:
        _keep = restored  # the variables live as long as what was loaded
        found = signature(**{port.name: tensor for port, tensor in zip(inputs, tensors, strict=True)})
        return [found[output] for output in outputs]

    variables = {id(variable): variable for variable in signature.variables}.values()
    return Loaded(
        format="savedmodel",
        loader=f"tensorflow {tf.__version__}",
        inputs=inputs,
        output_names=outputs,
        call=call,
        freezable=lambda _specs: call,
        weights=tuple((variable.name, variable.numpy) for variable in variables),
        parameters=sum(int(np.prod(variable.shape)) for variable in variables),
        rows=None,
        has_preprocessing=None,
        notes=() if name == "serving_default" else (f"the signature {name!r} was taken",),
    )


def _read(path: Path) -> Any:
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    try:
        saved = SavedModel.FromString((path / "saved_model.pb").read_bytes())
    except DecodeError as error:
        raise SourceError(f"{path.name}/saved_model.pb is damaged", "Copy or export the folder again") from error
    if not saved.meta_graphs:
        raise SourceError(f"{path.name}/saved_model.pb is empty or truncated", "Copy or export the folder again")
    return saved


def _check_ops(path: Path, saved: Any) -> None:
    for graph in (meta.graph_def for meta in saved.meta_graphs):
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        for node in nodes:
            if node.op in _PYTHON_OPS:
                raise SourceError(
                    f"{path.name} calls Python code ({node.op} {node.name!r}), which is not in the folder",
                    "Replace tf.py_function and tf.numpy_function by TensorFlow operations and export again",
                )
            if node.op in _FILE_OPS:
                raise SourceError(
                    f"{path.name} reads or writes files while it runs ({node.op} {node.name!r})",
                    "Export the model from the decoded picture on",
                )


def _signature(path: Path, signatures: dict[str, Any]) -> tuple[str, Any]:
    for name in _PREFERRED:
        if name in signatures:
            return name, signatures[name]
    if len(signatures) == 1:
        return next(iter(signatures.items()))
    known = ", ".join(sorted(signatures)) or "none"
    raise SourceError(
        f"{path.name} has no serving signature (its signatures: {known})",
        "Export it with model.export(folder), or give tf.saved_model.save a serving_default signature",
    )


def _ports(path: Path, signature: Any) -> tuple[Port, ...]:
    specs = signature.structured_input_signature[1]
    if not specs:
        raise SourceError(f"{path.name} takes no input", "Export it with the input as the signature's argument")
    for name, spec in specs.items():
        if spec.shape.rank is None:
            raise SourceError(f"input {name!r} of {path.name} has no rank", "Export it with an input signature")
    return tuple(
        Port(name=name, shape=tuple(spec.shape.as_list()), dtype=spec.dtype.name) for name, spec in specs.items()
    )
