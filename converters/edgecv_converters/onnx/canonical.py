"""One way to write a model down, so that equal models are equal bytes: names, order, producer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from edgecv_runtime.errors import ConversionError

from edgecv_converters.graph.frozen import Endpoint
from edgecv_converters.onnx.edit import fresh, rename, tidy
from edgecv_converters.onnx.large import without_large

_NUMBER = re.compile(r"__\d+")
_PARTS = MappingProxyType(
    {
        "Conv": ("data", "weight", "bias"),
        "Gemm": ("data", "weight", "bias"),
        "QuantizeLinear": ("data", "scale", "zero_point"),
        "DequantizeLinear": ("quantized", "scale", "zero_point"),
        "Clip": ("data", "low", "high"),
        "Reshape": ("data", "shape"),
    }
)


def name_endpoints(model: Any, inputs: Sequence[Endpoint], outputs: Sequence[Endpoint]) -> None:
    """Put the graph's inputs and outputs in the source's order, under the source's names.

    An endpoint is found by its graph tensor ("node:0" or "node"), or else by its position. An output that has the name
    of an input gets the suffix "_output": ONNX has one name space.
    """
    graph = model.graph
    taken = _in_order(list(graph.input), inputs)
    given = _in_order(list(graph.output), outputs)
    names = {value.name: end.name for value, end in zip(taken, inputs, strict=True)}
    for value, end in zip(given, outputs, strict=True):
        names[value.name] = f"{end.name}_output" if end.name in names.values() else end.name
    for new in names.values():
        if new not in names:
            rename(graph, {new: fresh(graph, f"{new}_inner")})
    for holder, ordered, ends in ((graph.input, taken, inputs), (graph.output, given, outputs)):
        copies = [_copied(value) for value in ordered]
        for value, end in zip(copies, ends, strict=True):
            _set_unknown_sizes(value.type.tensor_type.shape.dim, end.shape)
        del holder[:]
        holder.extend(copies)
    rename(graph, names)


def _set_unknown_sizes(sizes: Any, known: Sequence[int]) -> None:
    """Write the source's sizes where tf2onnx does not know them, as after most of its Einsum."""
    for size, wanted in zip(sizes, known, strict=False):
        if not size.HasField("dim_value"):
            size.dim_value = wanted


def _in_order(values: list[Any], endpoints: Sequence[Endpoint]) -> list[Any]:
    if len(values) != len(endpoints):
        raise ConversionError(
            f"the ONNX graph has {len(values)} inputs or outputs where the model has {len(endpoints)}"
        )
    by_name = {value.name.removesuffix(":0"): value for value in values}
    found = [by_name.get(end.node) for end in endpoints]
    return values if any(value is None for value in found) else found


def canonical(model: Any, *, opset: int) -> Any:
    """Sort the graph, drop what nothing reads, give constants and made-up names one form, and sign the model.

    tf2onnx numbers names by a counter that goes on from call to call, and which of two names a tensor gets, and the
    order in which equal constants are merged, change from process to process.
    """
    import onnx

    graph = model.graph
    tidy(graph)
    for node in graph.node:
        node.ClearField("doc_string")
        if not node.domain:
            node.ClearField("domain")
        node.attribute.sort(key=lambda attribute: attribute.name)
    rename(graph, _made_up_names(graph))
    rename(graph, _constant_names(graph))
    first_read = {name: number for number, name in enumerate(_reads(graph))}
    constants = sorted((_copied(t) for t in graph.initializer), key=lambda t: first_read[t.name])
    del graph.initializer[:]
    graph.initializer.extend(constants)
    graph.name, graph.doc_string = "edgecv", ""
    model.producer_name, model.producer_version, model.doc_string = "edgecv", "", ""
    del model.opset_import[:]
    domains = sorted({node.domain for node in graph.node} | {""})
    versions = [(domain, opset if domain == "" else 1) for domain in domains]
    model.opset_import.extend(onnx.helper.make_opsetid(*version) for version in versions)
    model.ir_version = 8 if opset < 19 else 9
    return model


def _constant_names(graph: Any) -> dict[str, str]:
    """A name for each constant after its first reader and its part there, such as "conv1/Conv2D/weight"."""
    constants = {tensor.name for tensor in graph.initializer} - {value.name for value in graph.output}
    used = {name for node in graph.node for name in node.output} | {value.name for value in graph.input}
    names: dict[str, str] = {}
    for node in graph.node:
        for position, name in enumerate(node.input):
            if name not in constants or name in names:
                continue
            new = f"{node.output[0]}/{part(node, position)}"
            while new in used:
                new += "_"
            used.add(new)
            names[name] = new
    return names


def part(node: Any, position: int) -> str:
    """Name the part that input number `position` plays for `node`, such as "weight"."""
    parts = _PARTS.get(node.op_type, ())
    return parts[position] if position < len(parts) else f"operand_{position}"


def check(model: Any) -> None:
    """Raise ConversionError unless the model is valid, its types and shapes are consistent and its names unique."""
    import onnx

    try:
        onnx.checker.check_model(without_large(model), full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ConversionError(f"the ONNX file is not valid: {str(error).strip().splitlines()[0]}") from error
    names = [node.name for node in model.graph.node if node.name]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    if twice:
        raise ConversionError(f"the ONNX graph has two nodes named {twice[0]!r}")


def _reads(graph: Any) -> list[str]:
    """All tensors that nodes and outputs read, in the order of their first reading."""
    names = [name for node in graph.node for name in node.input] + [value.name for value in graph.output]
    return list(dict.fromkeys(names))


def _made_up_names(graph: Any) -> dict[str, str]:
    """For each node and tensor that tf2onnx or a pass named by a counter, a name after its operation and place."""
    bounds = {value.name for value in (*graph.input, *graph.output)}
    names: dict[str, str] = {}
    for number, node in enumerate(graph.node):
        new = f"{node.op_type}__{number}"
        if _NUMBER.search(node.name):
            names[node.name] = new
        made_up = [(i, name) for i, name in enumerate(node.output) if _NUMBER.search(name) and name not in bounds]
        names |= {name: f"{new}:{i}" for i, name in made_up}
    return names


def _copied(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
