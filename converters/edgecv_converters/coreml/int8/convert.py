"""The whole way from a TFLite int8 (or mixed) file to an ML program of the same quantization."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgecv_runtime.errors import ConversionError

from edgecv_converters.coreml.int8.emitter import Compute, Emitter
from edgecv_converters.coreml.int8.handlers import EITHER_KINDS, HANDLERS, IMAGE_KINDS
from edgecv_converters.coreml.int8.value import IMAGE_RANK, Layout
from edgecv_converters.coreml.names import identifier
from edgecv_converters.coreml.package import load_coremltools
from edgecv_converters.graph.frozen import Endpoint
from edgecv_converters.tflite.describe import describe, load
from edgecv_converters.tflite.reader import Op, TFLiteGraph

MINIMUM_TARGET = "iOS17"  # the first with `quantize` and `dequantize` in ML programs


def program_from_tflite(
    tflite: bytes | Path,
    *,
    inputs: Sequence[Endpoint],
    outputs: Sequence[Endpoint],
    compute: Compute = "float16",
    float32: Collection[str] = (),
) -> Any:
    """Carry a TFLite int8 or mixed file over to Core ML, with its very scales and zero points.

    Every int8 tensor gets a `quantize` and `dequantize` pair, weights stay int8 per channel, what lies between is
    computed in `compute`. Inputs and outputs are float32 in the source's shapes, whatever the file's are: Core ML has
    no int8 ones; integers (bytes, ids) are int32. Inputs are rounded to their grid, and outputs leave it, in float32.

    Args:
        tflite: The file, or its bytes.
        inputs: The source model's inputs; they give the names and the order.
        outputs: The source model's outputs.
        compute: The float type between the pairs; scales, weights and biases are rounded to it.
        float32: The operations that are computed in float32 whatever `compute` says, by their names in the program.

    Returns:
        A `coremltools` program for iOS 17 and later. `write_package` runs passes that leave its quantization alone.

    Raises:
        ConversionError: An operation has no Core ML form (named, with its layer), or coremltools refused one.
    """
    from coremltools.converters.mil.mil import Builder, Function, Placeholder, Program, types

    ct = load_coremltools()
    data = tflite.read_bytes() if isinstance(tflite, Path) else tflite
    flat = TFLiteGraph(load(data))
    taken, given = _names(inputs, outputs)
    places, results = _numbers(flat, data, inputs, outputs)
    specs = {
        name: Placeholder(flat.shape(number), dtype=types.int32 if flat.is_index(number) else types.fp32)
        for name, number in zip(taken, places, strict=True)
    }
    program = Program()
    with Function(specs, opset_version=getattr(ct.target, MINIMUM_TARGET)) as function:
        net = Emitter(flat, Builder, compute, (*taken, *given))
        for name, number in zip(taken, places, strict=True):
            net.give(number, function.inputs[name], Layout.FILE)
            if _becomes_image(flat, number):
                net.value(number).home = Layout.CHW
        wide = _named({net.name(number): op for op in flat.ops for number in op.outputs}, float32)
        for op in flat.ops:
            net.compute = "float32" if op in wide else compute
            _emit(net, op)
        function.set_outputs([net.output(number, name) for number, name in zip(results, given, strict=True)])
    program.add_function("main", function)
    return program


def _becomes_image(flat: TFLiteGraph, number: int) -> bool:
    if len(flat.shape(number)) != IMAGE_RANK:
        return False
    readers = [op for op in flat.ops if number in op.inputs]
    if any(op.kind in IMAGE_KINDS for op in readers):
        return True
    return any(_becomes_image(flat, op.outputs[0]) for op in readers if op.kind in EITHER_KINDS)


def _named(ops: Mapping[str, Op], wanted: Collection[str]) -> set[Op]:
    """The file's operations that make those of the program: their names begin with what they are named after."""
    bases = {name: [base for base in ops if name == base or name.startswith(f"{base}_")] for name in wanted}
    return {ops[max(found, key=len)] for found in bases.values() if found}


def _emit(net: Emitter, op: Op) -> None:
    handler = HANDLERS.get(op.kind)
    if handler is None:
        raise ConversionError(
            f"Core ML's int8 target has no form for {op.kind} (layer {net.layer(op)})",
            "Build the layer from other operations, or leave the target coreml out",
        )
    try:
        handler(net, op)
    except ConversionError:
        raise
    except Exception as error:
        text = str(error).strip() or type(error).__name__
        raise ConversionError(
            f"coremltools refused {op.kind} of layer {net.layer(op)}: {text.splitlines()[0][:300]}"
        ) from error


def _names(inputs: Sequence[Endpoint], outputs: Sequence[Endpoint]) -> tuple[list[str], list[str]]:
    """The program's names of inputs and outputs: the source's, or where they clash the graph's."""
    taken = [identifier(endpoint.name) for endpoint in inputs]
    given = [identifier(endpoint.name) for endpoint in outputs]
    if len({*taken, *given}) == len(taken) + len(given):
        return taken, given
    return [identifier(endpoint.node) for endpoint in inputs], [identifier(endpoint.node) for endpoint in outputs]


def _numbers(
    flat: TFLiteGraph, data: bytes, inputs: Sequence[Endpoint], outputs: Sequence[Endpoint]
) -> tuple[list[int], list[int]]:
    """The file's tensor of each endpoint."""
    taken, given, _ = describe(data, inputs, outputs)
    named = [
        {flat.graph.tensors[n].name.decode(): int(n) for n in numbers}
        for numbers in (flat.graph.inputs, flat.graph.outputs)
    ]
    return [named[0][tensor.tensor] for tensor in taken], [named[1][tensor.tensor] for tensor in given]
