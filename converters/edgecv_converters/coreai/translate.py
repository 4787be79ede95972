"""A saved Core ML program becomes a Core AI program, operation by operation."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from edgecv_runtime.errors import ConversionError

from edgecv_converters.coreai.builder import Operand, ProgramBuilder, constant_operand, sizes_of
from edgecv_converters.coreai.ops import HANDLERS, quantization
from edgecv_converters.coreai.resources import open_graph, save_program
from edgecv_converters.mil import Operation, Program
from edgecv_converters.mil.binding import Binder
from edgecv_converters.mil.dtypes import KINDS, Array
from edgecv_converters.mil.ops import KERNELS
from edgecv_converters.mil.records import Argument, Feature

KEPT: Final = frozenset(quantization.HANDLERS)  # weights that stay as small as they are
_LOCATED: Final = re.compile(r"location<<\"(.+?)\": unit>>: (.+)")
Layer = Callable[[Operation], str]


def write_program(program: Program, file: Path, layer: Layer) -> None:
    """Author the Core AI program of a Core ML program, and write it to `file` (.mlirb).

    Args:
        program: As `load_program` reads it; all its shapes are known, and it takes and gives tensors.
        file: The same program gives the same bytes, in every process.
        layer: Tells the source model's layer of an operation, for errors.

    Raises:
        ConversionError: An operation has no Core AI form, or Core AI refused one; the message names the layer.
    """
    translation = Translation(layer)
    try:
        with open_graph(_ports(program.inputs), _ports(program.outputs)) as (module, arguments, made):
            translation.start(program.inputs, arguments)
            for operation in program.operations:
                translation.add(operation)
            made += [translation.result(feature.name) for feature in program.outputs]
        save_program(module, file)
    except RuntimeError as error:
        raise _refused(error) from error


def _ports(features: tuple[Feature, ...]) -> list[tuple[str, Any]]:
    from coreai.authoring import TensorType

    return [(feature.name, TensorType(feature.shape, KINDS[feature.dtype].numpy.type)) for feature in features]


class Translation:
    """The values of a program that were translated so far, by their names."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self._known: dict[str, Operand] = {}
        self._constants: dict[str, Array] = {}
        self._net = ProgramBuilder()

    def start(self, inputs: tuple[Feature, ...], arguments: Mapping[str, Any]) -> None:
        """Take the graph's own inputs."""
        for feature in inputs:
            self._known[feature.name] = Operand(feature.dtype, feature.shape, arguments[feature.name])

    def result(self, name: str) -> Any:
        """The value that the graph gives under a name."""
        return self._net.raw(self._known[name])

    def add(self, operation: Operation) -> None:
        """Translate one operation.

        Raises:
            ConversionError: It has no Core AI form, or was refused.
        """
        if operation.type == "const":
            variable, array = operation.outputs[0], self._value(operation)
            self._known[variable.name] = constant_operand(array, variable.dtype)
            self._constants[variable.name] = array
            return
        if self._is_constant(operation):
            self._fold(operation)
            return
        handler = HANDLERS.get(operation.type)
        if handler is None or operation.nested:
            raise ConversionError(
                f"Core AI has no form for {operation.type} (layer {self._layer(operation)})",
                "Build the layer from other operations, or leave the target coreai out",
            )
        self._net.made = operation.outputs
        try:
            with self._net.ai.DebugInfo.metadata_only([self._layer(operation)]).activate():
                made = handler(self._net, **self._arguments(operation))
        except Exception as error:
            raise ConversionError(
                f"Core AI has no form for {operation.type} of layer {self._layer(operation)}: {_first_line(error)}"
            ) from error
        several = made if isinstance(made, tuple) else (made,)
        for variable, value in zip(operation.outputs, several, strict=True):
            self._known[variable.name] = Operand(variable.dtype, sizes_of(variable), value)

    @staticmethod
    def _value(operation: Operation) -> Array:
        value = operation.inputs["val"][0]
        assert not isinstance(value, str)
        return value

    def _is_constant(self, operation: Operation) -> bool:
        read = [item for items in operation.inputs.values() for item in items if isinstance(item, str)]
        return operation.type not in KEPT and all(name in self._constants for name in read)

    def _fold(self, operation: Operation) -> None:
        """Compute what is the same for all inputs, as the reference evaluator does."""
        step = Binder(self._constants).bind(operation)
        with np.errstate(all="ignore"):
            made = step.kernel.function(**step.arguments({}))
        several = made if isinstance(made, tuple) else (made,)
        for variable, values in zip(operation.outputs, several, strict=True):
            array = np.asarray(values).astype(KINDS[variable.dtype].numpy)
            self._known[variable.name] = constant_operand(array, variable.dtype)
            self._constants[variable.name] = array

    def _arguments(self, operation: Operation) -> dict[str, Any]:
        kernel = KERNELS[operation.type]
        found: dict[str, Any] = {}
        for name, given in operation.inputs.items():
            parameter = kernel.parameters[name]
            operands = [self._operand(item) for item in given]
            if parameter.several:
                found[name] = tuple(operands)
            else:
                found[name] = operands[0] if parameter.tensor else parameter.convert(operands[0].constant)
        return found

    def _operand(self, given: Argument) -> Operand:
        return self._known[given] if isinstance(given, str) else constant_operand(given)


def _refused(error: RuntimeError) -> ConversionError:
    """Read the layer out of an error of the whole program: each operation's location is its layer's name."""
    found = _LOCATED.search(str(error))
    if found is None:
        return ConversionError(f"Core AI refused the program: {_first_line(error)}")
    return ConversionError(f"Core AI refused the layer {found.group(1)}: {found.group(2)[:300]}")


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]
