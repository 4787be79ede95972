"""Prepares operations for running: finds kernels, converts constant parameters once, refuses what is unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecv_converters.mil.dtypes import KINDS, Array
from edgecv_converters.mil.ops import KERNELS
from edgecv_converters.mil.records import Argument, Operation
from edgecv_converters.mil.registry import Kernel, Parameter, UnsupportedOperationError


@dataclass(frozen=True, slots=True)
class BoundOperation:
    """An operation that is ready to run.

    Attributes:
        fixed: The parameters that are constants, converted.
        live: The parameters that other operations make: the names of the values, or constants among them.
    """

    operation: Operation
    kernel: Kernel
    fixed: Mapping[str, Any]
    live: Mapping[str, tuple[Parameter, tuple[Argument, ...]]]

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of the values that it takes from other operations."""
        return tuple(name for _, given in self.live.values() for name in given if isinstance(name, str))

    def arguments(self, values: Mapping[str, Array]) -> dict[str, Any]:
        """All parameters, those that run included."""
        made = {key: self._live(parameter, given, values) for key, (parameter, given) in self.live.items()}
        return {**self.fixed, **made}

    def _live(self, parameter: Parameter, given: Sequence[Argument], values: Mapping[str, Array]) -> Any:
        found = [values[item] if isinstance(item, str) else item for item in given]
        if not parameter.tensor:
            return parameter.convert(found[0])
        tensors = [widened(item) if self.kernel.widens else item for item in found]
        return tuple(tensors) if parameter.several else tensors[0]


def widened(value: Array) -> Array:
    """float16 as float32; all else as it is."""
    return value.astype(np.float32) if value.dtype == np.float16 else value


class Binder:
    """Makes steps of operations; constants are widened once, however many operations read them."""

    def __init__(self, constants: Mapping[str, Array]) -> None:
        self._constants = constants
        self._wide: dict[str, Array] = {}

    def bind(self, operation: Operation) -> BoundOperation:
        """The operation as a step.

        Raises:
            UnsupportedOperationError: Its type, a parameter or a parameter's value is unknown here.
        """
        kernel = KERNELS.get(operation.type)
        if kernel is None or operation.nested:
            raise UnsupportedOperationError(
                f"the reference evaluator does not know the operation type {operation.type!r} (of {operation.name!r})"
            )
        self._check(operation, kernel)
        fixed: dict[str, Any] = {}
        live: dict[str, tuple[Parameter, tuple[Argument, ...]]] = {}
        for name, given in operation.inputs.items():
            parameter = kernel.parameters[name]
            known = [self._constant(item, wide=kernel.widens and parameter.tensor) for item in given]
            whole = [item for item in known if item is not None]
            if len(whole) == len(given):
                fixed[name] = self._fixed(operation, name, parameter, whole)
            elif parameter.choices:
                raise unsupported(operation, f"the parameter {name!r} is not a constant")
            else:
                live[name] = parameter, tuple(a if c is None else c for a, c in zip(given, known, strict=True))
        return BoundOperation(operation, kernel, fixed, live)

    def _check(self, operation: Operation, kernel: Kernel) -> None:
        strange = sorted(operation.inputs.keys() - kernel.parameters.keys())
        if strange:
            raise unsupported(operation, f"the parameter {strange[0]!r} is unknown")
        missing = [name for name, item in kernel.parameters.items() if item.required and name not in operation.inputs]
        if missing:
            raise unsupported(operation, f"the parameter {missing[0]!r} is missing")
        many = [name for name, given in operation.inputs.items() if len(given) != 1]
        if any(not kernel.parameters[name].several for name in many):
            raise unsupported(operation, f"the parameter {many[0]!r} does not have one value")
        odd = [output.dtype for output in operation.outputs if output.dtype not in KINDS]
        if odd or not operation.outputs:
            raise unsupported(operation, f"it makes values of the type {odd[0] if odd else 'none'!r}")

    def _constant(self, given: Argument, *, wide: bool) -> Array | None:
        if not isinstance(given, str):
            return widened(given) if wide else given
        value = self._constants.get(given)
        if value is None or not wide or value.dtype != np.float16:
            return value
        if given not in self._wide:
            self._wide[given] = widened(value)
        return self._wide[given]

    @staticmethod
    def _fixed(operation: Operation, name: str, parameter: Parameter, values: Sequence[Array]) -> Any:
        if parameter.tensor:
            return tuple(values) if parameter.several else values[0]
        try:
            value = parameter.convert(values[0])
        except ValueError as error:
            raise unsupported(operation, f"the parameter {name!r} has the shape {values[0].shape}") from error
        if parameter.choices and value not in parameter.choices:
            raise unsupported(operation, f"the parameter {name!r} is {value!r}, not one of {list(parameter.choices)}")
        return value


def unsupported(operation: Operation, why: str) -> UnsupportedOperationError:
    """The error for something in one operation, which the message names."""
    return UnsupportedOperationError(f"the operation {operation.name!r} ({operation.type}) is not supported: {why}")
