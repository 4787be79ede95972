"""The function of a SavedModel that is taken: a signature, or one that its objects are called by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgecv_runtime.errors import SourceError, UsageError

from edgecv_converters.source.answers import answers_among
from edgecv_converters.source.model import Port

_PREFERRED: Final = ("serving_default", "serve")
_CALL: Final = "__call__"
_HIDDEN: Final = frozenset({"call_and_return_all_conditional_losses", "call_and_return_conditional_losses"})
_SAVE: Final = "tf.saved_model.save(model, folder, signatures=model.FUNCTION)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A function from a flat list of tensors to another, with its variables and the graph that it runs."""

    name: str
    inputs: tuple[Port, ...]
    outputs: tuple[str, ...]
    call: Callable[[Sequence[Any]], Sequence[Any]]
    variables: tuple[Any, ...]
    graph: Any
    notes: tuple[str, ...] = ()


def choose(restored: Any, folder: str, wanted: str | None) -> Signature:
    """The signature that is wanted, or that serves, or the only one; without any, the function that is called.

    Args:
        restored: What `tf.saved_model.load` gave.
        folder: What messages call the model.
        wanted: The name of a signature or of a function, or None.

    Raises:
        UsageError: There is none of the wanted name.
        SourceError: Nothing is wanted, and it is not clear which to take.
    """
    signatures, functions = dict(restored.signatures), _functions(restored)
    if wanted is not None:
        if wanted in signatures:
            return _of_signature(restored, folder, wanted, signatures[wanted])
        if wanted in functions:
            return _of_function(restored, folder, wanted, functions[wanted])
        known = ", ".join(sorted({*signatures, *functions})) or "none"
        raise UsageError(f"{folder} has no signature {wanted!r}", f"It has {known}")
    for name in (*_PREFERRED, *signatures):
        if name in signatures and (name in _PREFERRED or len(signatures) == 1):
            return _of_signature(restored, folder, name, signatures[name])
    if signatures:
        known = ", ".join(sorted(signatures))
        raise SourceError(
            f"{folder} has several signatures, and none that serves: {known}",
            f"Choose one with --signature NAME, for example --signature {min(signatures)}",
        )
    for name, function in functions.items():
        if name == _CALL or len(functions) == 1:
            return _of_function(restored, folder, name, function)
    if functions:
        raise SourceError(
            f"{folder} has no signature, but several functions: {', '.join(sorted(functions))}",
            f"Choose one with --signature NAME, or save it with one: {_SAVE}",
        )
    raise SourceError(
        f"{folder} has no signature and no function that could be taken",
        f"Export it with model.export(folder), or save it with a signature: {_SAVE}",
    )


def _functions(restored: Any) -> dict[str, Any]:
    """The functions that the object has traces of, by name; the one that it is called by first."""
    found = {name: getattr(restored, name, None) for name in (_CALL, *sorted(vars(restored)))}
    return {
        name: function
        for name, function in found.items()
        if (name == _CALL or not name.startswith("_")) and name not in _HIDDEN and _traces(function)
    }


def _traces(function: Any) -> list[Any]:
    """The traces of a function that take tensors, but for those of training."""
    traces = getattr(function, "concrete_functions", None)
    traces = traces if isinstance(traces, list | tuple) else []
    return [trace for trace in traces if _tensors(trace) and not any(leaf is True for leaf in _leaves(trace))]


def _leaves(trace: Any) -> list[Any]:
    import tensorflow as tf

    return list(tf.nest.flatten(trace.structured_input_signature))


def _tensors(trace: Any) -> list[Any]:
    import tensorflow as tf

    return [leaf for leaf in _leaves(trace) if isinstance(leaf, tf.TensorSpec)]


def _of_signature(restored: Any, folder: str, name: str, signature: Any) -> Signature:
    specs = signature.structured_input_signature[1]
    if not specs:
        raise SourceError(f"{folder} takes no input", "Export it with the input as the signature's argument")
    every = tuple(signature.structured_outputs)
    kept = answers_among(every)
    outputs = tuple(every[place] for place in kept.places)

    def call(tensors: Sequence[Any]) -> Sequence[Any]:
        _keep = restored  # the variables live as long as what was loaded
        found = signature(**dict(zip(specs, tensors, strict=True)))
        return [found[output] for output in outputs]

    return Signature(
        name=name,
        inputs=tuple(_port(folder, key, spec) for key, spec in specs.items()),
        outputs=outputs,
        call=call,
        variables=signature.variables,
        graph=signature.graph,
        notes=kept.notes,
    )


def _of_function(restored: Any, folder: str, name: str, function: Any) -> Signature:
    import tensorflow as tf

    traces = _traces(function)
    if len(traces) > 1:
        taken = "; ".join(str([tuple(spec.shape) for spec in _tensors(trace)]) for trace in traces)
        raise SourceError(
            f"the function {name!r} of {folder} was traced for several inputs: {taken}",
            f"Save it with the signature that is meant: {_SAVE}.get_concrete_function(tf.TensorSpec(...))",
        )
    trace = traces[0]
    leaves, specs = _leaves(trace), _tensors(trace)

    def call(tensors: Sequence[Any]) -> Sequence[Any]:
        _keep = restored
        left = iter(tensors)
        given = [next(left) if isinstance(leaf, tf.TensorSpec) else leaf for leaf in leaves]
        args, kwargs = tf.nest.pack_sequence_as(trace.structured_input_signature, given)
        return list(tf.nest.flatten(function(*args, **kwargs)))

    made = trace.structured_outputs
    count = len(tf.nest.flatten(made))
    return Signature(
        name=name,
        inputs=tuple(_port(folder, spec.name or f"input_{k}", spec) for k, spec in enumerate(specs)),
        outputs=tuple(sorted(made)) if isinstance(made, dict) else tuple(f"output_{k}" for k in range(count)),
        call=call,
        variables=trace.variables,
        graph=trace.graph,
    )


def _port(folder: str, name: str, spec: Any) -> Port:
    if spec.shape.rank is None:
        raise SourceError(f"input {name!r} of {folder} has no rank", "Export it with an input signature")
    return Port(name=name, shape=tuple(spec.shape.as_list()), dtype=spec.dtype.name)
