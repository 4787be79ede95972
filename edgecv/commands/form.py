"""The one form of a command: a record with its options, and a function that takes one such record."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Collection
from typing import Any, TypeVar, get_type_hints

import msgspec

Form = TypeVar("Form")
R = TypeVar("R")


def takes(form: type[Form]) -> Callable[[Callable[[Form], R]], Callable[..., R]]:
    """Make a Typer command of a function that takes one record.

    Args:
        form: A dataclass. Each of its fields, annotated as Typer wants it, is an argument or option of the command.

    Returns:
        A decorator. What it returns has the fields as parameters, and calls the function with the record of them.
    """
    hints = get_type_hints(form, include_extras=True)
    parameters = [_parameter(field, hints[field.name]) for field in dataclasses.fields(form)]  # type: ignore[arg-type]

    def decorate(function: Callable[[Form], R]) -> Callable[..., R]:
        @functools.wraps(function)
        def command(**given: Any) -> R:
            return function(form(**given))

        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = hints
        return command

    return decorate


def _parameter(field: dataclasses.Field[Any], annotation: Any) -> inspect.Parameter:
    default = inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
    return inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def values(given: Any, *, without: Collection[str] = ()) -> dict[str, Any]:
    """The options that were given or have a default, by name.

    Args:
        given: A command's record.
        without: Names of fields to leave out.

    Returns:
        Every other field whose value is not None.
    """
    found = {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
    return {name: value for name, value in found.items() if value is not None and name not in without}


def default_of(record: type[msgspec.Struct], name: str) -> Any:
    """The default of a record's field, which is the option's as well."""
    return next(field.default for field in msgspec.structs.fields(record) if field.name == name)
