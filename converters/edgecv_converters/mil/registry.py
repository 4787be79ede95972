"""The registry that gives each operation of a program the function that computes it.

A kernel's signature is the operation's own: parameters by the names and with the defaults of the published op
definitions. The annotation says what a parameter may be: `Array` is a tensor that other operations may make,
`tuple[Array, ...]` a list of them; `int`, `float`, `bool`, `tuple[int, ...]` are settings, usually constants; a
`Literal` lists the values that are supported.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
from edgecv_runtime.errors import ConversionError

from edgecv_converters.mil.dtypes import Array

Function = Callable[..., Any]


class UnsupportedOperationError(ConversionError):
    """The program holds an operation, or a value of one's parameter, that the reference evaluator does not know."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an operation: its name, and the values that it may have.

    Attributes:
        required: Whether it has no default.
        tensor: Whether it stays an array.
        several: Whether it is a list of arrays.
        choices: The texts that are supported, if it is one of some texts.
        convert: Makes the Python value of a setting.
    """

    required: bool
    tensor: bool
    several: bool
    choices: tuple[str, ...]
    convert: Callable[[Array], Any]


@dataclass(frozen=True, slots=True)
class Kernel:
    """A function that computes one type of operation.

    Attributes:
        function: Takes parameters by name; returns an array, or a tuple of them for several outputs.
        widens: Whether float16 tensors reach it as float32: it computes, and its result is rounded once.
        parameters: By name.
    """

    function: Function
    widens: bool
    parameters: Mapping[str, Parameter]


def arithmetic(function: Function) -> Kernel:
    """A kernel that computes: in float32 where the program says float16."""
    return Kernel(function, widens=True, parameters=_parameters(function))


def movement(function: Function) -> Kernel:
    """A kernel that moves or selects elements, whatever their type."""
    return Kernel(function, widens=False, parameters=_parameters(function))


def _parameters(function: Function) -> dict[str, Parameter]:
    hints = get_type_hints(function)
    signature = inspect.signature(function).parameters
    return {
        name: _parameter(hints[name], required=item.default is inspect.Parameter.empty)
        for name, item in signature.items()
    }


def _parameter(hint: Any, *, required: bool) -> Parameter:
    if get_origin(hint) in {Union, types.UnionType}:
        hint = next(item for item in get_args(hint) if item is not types.NoneType)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is np.ndarray:
        return Parameter(required, tensor=True, several=False, choices=(), convert=np.asarray)
    if origin is Literal:
        return Parameter(required, tensor=False, several=False, choices=arguments, convert=_text)
    if origin is tuple:
        several = get_origin(arguments[0]) is np.ndarray
        convert = np.asarray if several else _tuple_of(arguments[0])
        return Parameter(required, tensor=several, several=several, choices=(), convert=convert)
    return Parameter(required, tensor=False, several=False, choices=(), convert=_scalar_of(hint))


def _text(value: Array) -> str:
    return str(value.reshape(()))


def _scalar_of(kind: Callable[[Any], Any]) -> Callable[[Array], Any]:
    return lambda value: kind(value.reshape(()).item())


def _tuple_of(kind: Callable[[Any], Any]) -> Callable[[Array], Any]:
    return lambda value: tuple(kind(item) for item in value.reshape(-1).tolist())
