"""Takes operations of an int8 file back to float: the float file's weights and kernels, casts at the borders.

The rest of the file keeps its numbers. TensorFlow's converter can leave operations out as well, but it calibrates and
quantizes all others again (docs/mixed_precision.md).
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecv_converters.quantize.network import CASTS, Network
from edgecv_converters.tflite.describe import builtin_name, load
from edgecv_converters.tflite.reader import Array
from edgecv_converters.tflite.write import cast_code, drop_buffers, packed

FLOAT32_TYPE = 0


@dataclass(frozen=True, slots=True)
class MixedFile:
    """A file with some operations in float, and the names of those operations' first results."""

    data: bytes
    kept: frozenset[str]


def keep_float(
    network: Network, int8: bytes, float32: bytes, ops: Collection[int], *, io: str = "float32"
) -> MixedFile:
    """The int8 file with the operations `ops` (numbers in `network.ops`) computed in float.

    Args:
        network: Read from the two files.
        int8: Inputs and outputs are float32.
        float32: The float file of the same graph.
        ops: Which; casts are not counted.
        io: What the dtype of the inputs and outputs will be made: with integers, results are rounded at the end.
    """
    return _Rewriting(network, int8, float32, frozenset(ops), rounded_outputs=io != "float32").run()


class _Rewriting:
    """The state of one rewriting: the object tree of the int8 file, which is changed, and that of the float file."""

    def __init__(
        self, network: Network, int8: bytes, float32: bytes, chosen: frozenset[int], *, rounded_outputs: bool
    ) -> None:
        self._network, self._chosen = network, chosen
        self._model, self._theirs = load(int8), load(float32)
        self._graph = self._model.subgraphs[0]
        self._rounded_outputs = rounded_outputs
        self._real: dict[int, int] = {}
        self._same: dict[int, int] = {}  # real values that a cast would give again, rounded
        self._constants: dict[int, int] = {}
        self._buffers: dict[bytes, int] = {}
        self._names = {tensor.name for tensor in self._graph.tensors}
        self._done: list[Any] = []
        self._kept: set[str] = set()

    def run(self) -> MixedFile:
        """Write the operations anew, in order."""
        counterparts = self._counterparts()
        for number, (op, operator) in enumerate(zip(self._network.ops, list(self._graph.operators), strict=True)):
            if number in self._chosen and op.kind not in CASTS:
                self._in_float(number, counterparts[number])
            elif op.kind in CASTS and op.inputs[0] in self._real:
                self._cast_of_float(number, operator)
            else:
                operator.inputs = np.array([self._same.get(int(n), int(n)) for n in operator.inputs], np.int32)
                self._done.append(operator)
        self._graph.operators = _needed(self._done, set(map(int, self._graph.outputs)), self._model)
        _drop_unused(self._model)
        return MixedFile(packed(self._model), frozenset(self._kept))

    def _counterparts(self) -> dict[int, Any]:
        others = iter(o for o in self._theirs.subgraphs[0].operators if builtin_name(self._theirs, o) not in CASTS)
        return {number: next(others) for number, op in enumerate(self._network.ops) if op.kind not in CASTS}

    def _in_float(self, number: int, counterpart: Any) -> None:
        op = self._network.ops[number]
        made = copy.copy(counterpart)
        made.opcodeIndex = self._code_of(self._theirs.operatorCodes[counterpart.opcodeIndex])
        made.inputs = np.array([self._operand(tensor) for tensor in op.inputs], np.int32)
        results = [self._result(tensor) for tensor in op.outputs]
        made.outputs = np.array(results, np.int32)
        self._done.append(made)
        self._kept.add(_text(self._graph.tensors[results[0]].name))
        for tensor, real in zip(op.outputs, results, strict=True):
            if real != tensor:
                self._real[tensor] = real
                self._cast("QUANTIZE", real, tensor)

    def _operand(self, tensor: int) -> int:
        """Find what a float operation reads in place of a tensor of the int8 file."""
        if tensor < 0:
            return tensor
        if tensor in self._network.constants:
            value = self._network.constants[tensor]
            return self._constant(tensor, value) if value.dtype.kind == "f" else tensor
        return self._float_of(tensor) if tensor in self._network.grids else self._same.get(tensor, tensor)

    def _float_of(self, tensor: int) -> int:
        if tensor not in self._real:
            before = next((op for op in self._network.ops if tensor in op.outputs and op.kind == "QUANTIZE"), None)
            if before is not None and before.inputs[0] not in self._network.inputs:
                return self._operand(before.inputs[0])
            self._real[tensor] = self._like(tensor)
            self._cast("DEQUANTIZE", tensor, self._real[tensor])
        return self._real[tensor]

    def _result(self, tensor: int) -> int:
        """Find where a float operation writes: the model's own output, where that is next."""
        if tensor not in self._network.grids:
            return tensor
        if not self._rounded_outputs:
            for op in self._network.ops:
                if op.kind == "DEQUANTIZE" and op.inputs[0] == tensor and op.outputs[0] in self._network.outputs:
                    return op.outputs[0]
        return self._like(tensor)

    def _cast_of_float(self, number: int, operator: Any) -> None:
        """A cast whose operand is there in float, and may be written in float by now."""
        op = self._network.ops[number]
        real = self._real[op.inputs[0]]
        if real == op.outputs[0]:
            return
        if op.kind == "QUANTIZE":
            self._cast("QUANTIZE", real, op.outputs[0])
        elif op.outputs[0] in self._network.outputs:
            self._done.append(operator)
        else:
            self._same[op.outputs[0]] = real

    def _cast(self, kind: str, source: int, result: int) -> None:
        from ai_edge_litert import schema_py_generated as schema

        index = self._code_of(cast_code(kind))
        self._done.append(schema.OperatorT(opcodeIndex=index, inputs=np.array([source]), outputs=np.array([result])))

    def _code_of(self, entry: Any) -> int:
        """The place of an operator's code in the file's table."""
        for place, known in enumerate(self._model.operatorCodes):
            if _code(known) == _code(entry):
                return place
        self._model.operatorCodes.append(entry)
        return len(self._model.operatorCodes) - 1

    def _like(self, tensor: int) -> int:
        """A new float tensor for the real values of an int8 one, named as in the float file."""
        from ai_edge_litert import schema_py_generated as schema

        old = self._graph.tensors[tensor]
        new = schema.TensorT(
            shape=old.shape,
            shapeSignature=old.shapeSignature,
            hasRank=old.hasRank,
            type=FLOAT32_TYPE,
            buffer=0,
            name=self._free_name(self._network.names[tensor]),
        )
        self._graph.tensors.append(new)
        return len(self._graph.tensors) - 1

    def _constant(self, tensor: int, value: Array) -> int:
        if tensor not in self._constants:
            made = self._like(tensor)
            data = np.ascontiguousarray(value, np.float32).tobytes()
            if data not in self._buffers:
                self._buffers[data] = len(self._model.buffers)
                self._model.buffers.append(type(self._model.buffers[0])(data=np.frombuffer(data, np.uint8)))
            self._graph.tensors[made].buffer = self._buffers[data]
            self._constants[tensor] = made
        return self._constants[tensor]

    def _free_name(self, wanted: str) -> bytes:
        name = wanted.encode()
        while name in self._names:
            name += b"_float"
        self._names.add(name)
        return name


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _code(entry: Any) -> tuple[Any, ...]:
    return max(entry.builtinCode, entry.deprecatedBuiltinCode), entry.version, entry.customCode


def _needed(operators: list[Any], outputs: set[int], model: Any) -> list[Any]:
    """The operations without the casts whose result nobody reads."""
    kept, read = [], set(outputs)
    for operator in reversed(operators):
        if builtin_name(model, operator) in CASTS and int(operator.outputs[0]) not in read:
            continue
        kept.append(operator)
        read |= set(map(int, operator.inputs))
    return kept[::-1]


def _drop_unused(model: Any) -> None:
    """Remove tensors and buffers that nothing refers to, and number the rest anew."""
    graph = model.subgraphs[0]
    used = set(map(int, graph.inputs)) | set(map(int, graph.outputs))
    for operator in graph.operators:
        used |= {int(number) for number in (*operator.inputs, *operator.outputs) if number >= 0}
    place = {-1: -1} | {old: new for new, old in enumerate(sorted(used))}
    graph.tensors = [graph.tensors[old] for old in sorted(used)]
    for owner in (graph, *graph.operators):
        owner.inputs = np.array([place[int(number)] for number in owner.inputs], np.int32)
        owner.outputs = np.array([place[int(number)] for number in owner.outputs], np.int32)
    for signature in model.signatureDefs or []:
        for entry in (*signature.inputs, *signature.outputs):
            entry.tensorIndex = place[entry.tensorIndex]
    drop_buffers(model)


def layers_of(network: Network) -> dict[str, tuple[int, ...]]:
    """The numbers of each layer's operations, layers in the order of computation."""
    found: dict[str, list[int]] = {}
    for number, op in _computing(network):
        found.setdefault(network.layer(op.outputs[0]), []).append(number)
    return {layer: tuple(numbers) for layer, numbers in found.items()}


def _computing(network: Network) -> Iterator[tuple[int, Any]]:
    return ((number, op) for number, op in enumerate(network.ops) if op.kind not in CASTS)
