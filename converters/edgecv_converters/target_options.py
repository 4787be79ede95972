"""The options that one target has alone: each declared once, in `options.py` of the target's folder.

That module holds `OPTIONS`, a subclass of `TargetOptions`. The command line, `edgecv.convert` and the recipe take their
options from it, so a target that gets one more names it there, and in the list of keywords that `edgecv.convert` takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Self, get_type_hints

import msgspec
from edgecv_runtime import formats
from edgecv_runtime.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """The flag of an option on the command line, which stands in the annotation of the option's field.

    Attributes:
        name: With its dashes, such as "--batch".
        off: The flag that switches it off, for one that is yes or no, such as "--no-tflite-metadata".
        help: A sentence for `--help`.
        panel: The heading that it stands under there.
        metavar: What stands for its value there; None for the type's.
    """

    name: str
    help: str
    panel: str
    off: str | None = None
    metavar: str | None = None

    @property
    def keyword(self) -> str:
        """The name of the option in `edgecv.convert`."""
        return self.name.removeprefix("--").replace("-", "_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a target: the field of the record, its flag, its type and its default."""

    field: str
    flag: Flag
    type: Any
    default: Any


class TargetOptions(Record, frozen=True, kw_only=True):
    """The options of one target's artifacts: each field is one, annotated with its `Flag`, and has a default.

    A target without options of its own has this record, which is empty.
    """

    @classmethod
    def declared(cls) -> tuple[Option, ...]:
        """Return the options in the order of the fields."""
        return _declared(cls)

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> Self:
        """Take the options of this target from all that `edgecv.convert` was given; those left out have their default.

        Raises:
            UsageError: A value is out of its range; the message names the flag.
        """
        return cls(**{one.field: given[one.flag.keyword] for one in cls.declared() if one.flag.keyword in given})

    def given(self) -> tuple[str, ...]:
        """Return the flags that give these options: one for each that is not the default."""
        asked = [one for one in self.declared() if getattr(self, one.field) != one.default]
        return tuple(one.flag.off if one.flag.off and one.default else one.flag.name for one in asked)


@cache
def _declared(record: type[TargetOptions]) -> tuple[Option, ...]:
    hints = get_type_hints(record, include_extras=True)
    return tuple(
        Option(
            field=field.name,
            flag=next(extra for extra in hints[field.name].__metadata__ if isinstance(extra, Flag)),
            type=hints[field.name].__origin__,
            default=field.default,
        )
        for field in msgspec.structs.fields(record)
    )


@cache
def known_options() -> Mapping[str, type[TargetOptions]]:
    """Return the record of each target that has options of its own, by the target's name."""
    modules = {name: f"edgecv_converters.{name}.options" for name in formats.KNOWN}
    return {name: import_module(module).OPTIONS for name, module in modules.items() if find_spec(module) is not None}
