"""The one module that uses what `coreai` does not publish.

A public constant lies under a random name in the file, and a public graph tells of the Python file that made it: both
would give other bytes in every process, or in every installation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from edgecv_converters.mil.dtypes import KINDS, Array

Ports = Sequence[tuple[str, Any]]


def named_constant(name: str, values: Array, dtype: str) -> Any:
    """A constant whose bytes lie in the file under a chosen name.

    Args:
        name: Used for no other constant of the program.
        values: One element each; those of a type below one byte as their bits, the unsigned number.
        dtype: The element type by its name in a Core ML program, such as "float32" or "uint4".
    """
    from coreai._compiler.dialects._coreai_ops_gen import ConstantOp
    from coreai._compiler.ir import DenseResourceElementsAttr, RankedTensorType
    from coreai.authoring import Value, bool_
    from coreai.authoring.dtype import dtype_from_numpy

    element = bool_ if dtype == "bool" else dtype_from_numpy(_numpy(dtype))
    kind = RankedTensorType.get(list(values.shape), element._to_mlir())  # noqa: SLF001 - see the module
    content = np.ascontiguousarray(_packed(values, KINDS[dtype].bits))
    attribute = DenseResourceElementsAttr.get_from_buffer(content, name, kind)
    return Value._from_mlir(ConstantOp(value=attribute).result)  # noqa: SLF001


def _numpy(dtype: str) -> Any:
    import ml_dtypes

    return getattr(ml_dtypes, dtype, None) or KINDS[dtype].numpy


def _packed(values: Array, bits: int) -> Array:
    """Elements below one byte beside each other, the first in the lowest bits."""
    if bits >= 8:
        return values
    if 8 % bits:
        raise ValueError(f"no element type of Core AI has {bits} bits")
    flat = values.astype(np.uint8).reshape(-1) & np.uint8((1 << bits) - 1)
    whole = np.zeros(-(-flat.size * bits // 8) * 8 // bits, np.uint8)
    whole[: flat.size] = flat
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    packed: Array = np.bitwise_or.reduce(whole.reshape(-1, 8 // bits) << shifts, axis=1)
    return packed


@contextmanager
def open_graph(inputs: Ports, outputs: Ports) -> Iterator[tuple[Any, Mapping[str, Any], list[Any]]]:
    """Author the graph `main` of a new module: gives the module, the inputs' values, and a list for the outputs'.

    Args:
        inputs: The names and the `TensorType`s.
        outputs: Likewise; the list must have a value for each when the context ends.
    """
    from coreai._compiler.dialects._coreai_ops_gen import OutputOp
    from coreai.authoring import Context, DebugInfo, Module, Value
    from coreai.authoring.graph_builder import GraphOp

    nowhere = DebugInfo.metadata_only(["edgecv"])
    with Context()._mlir_context, nowhere.activate():  # noqa: SLF001
        module = Module.create()
    with module, nowhere.activate():
        graph = GraphOp(
            "main",
            [kind._to_mlir() for _, kind in inputs],  # noqa: SLF001
            [kind._to_mlir() for _, kind in outputs],  # noqa: SLF001
            [name for name, _ in inputs],
            [name for name, _ in outputs],
        )
        with graph.block:
            made: list[Any] = []
            arguments = [Value._from_mlir(value) for value in graph.arguments]  # noqa: SLF001
            yield module, {name: value for (name, _), value in zip(inputs, arguments, strict=True)}, made
            OutputOp([value._to_mlir() for value in made])  # noqa: SLF001


def save_program(module: Any, file: Path) -> None:
    """Write the program `file` (.mlirb) of a finished module."""
    from coreai.authoring import AIProgram

    AIProgram(module)._save_bytecode(file)  # noqa: SLF001 - `save_asset` writes a date beside it


def read_operations(file: Path) -> list[tuple[str, str]]:
    """The operations of a program file (.mlirb): of each its name, and the name of what makes its first operand.

    The second is empty where that is an input of the graph, or there is none. Raises RuntimeError for a damaged file.
    """
    from coreai.authoring import AIProgram

    program = AIProgram._load_bytecode(file)  # noqa: SLF001
    return [
        (_name(operation), _maker(operation))
        for graph in program._module._body.operations  # noqa: SLF001
        for operation in graph.regions[0].blocks[0].operations
    ]


def _name(operation: Any) -> str:
    return str(operation.operation.name).rpartition(".")[2]


def _maker(operation: Any) -> str:
    owner = operation.operands[0].owner if len(operation.operands) else None
    return str(getattr(owner, "name", "")).rpartition(".")[2]
