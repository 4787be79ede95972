"""The options of `edgecv convert` that are for one target alone, from the records in which the targets declare them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, TypeVar

import typer
from edgecv_converters.target_options import Option, known_options

Form = TypeVar("Form")


def with_target_options(form: type[Form]) -> type[Form]:
    """Add the options of all targets to the form of a command, after its own.

    Args:
        form: A frozen dataclass whose fields are the options of a command (`edgecv.commands.form.takes`).

    Returns:
        A dataclass that is derived from it. The names of the added fields are those of `edgecv.convert`'s options.
    """
    added = [one for record in known_options().values() for one in record.declared()]
    fields: list[Any] = [(one.flag.keyword, _annotation(one), one.default) for one in added]
    return dataclasses.make_dataclass(form.__name__, fields, bases=(form,), frozen=True, kw_only=True)


def _annotation(option: Option) -> Any:
    flag = option.flag
    words = typer.Option(
        f"{flag.name}/{flag.off}" if flag.off else flag.name,
        metavar=flag.metavar,
        help=flag.help,
        show_default=option.default is not None,
        rich_help_panel=flag.panel,
    )
    return Annotated[option.type, words]
