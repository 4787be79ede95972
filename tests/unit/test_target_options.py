"""The options that targets declare: the command, `edgecv.convert` and the recipe have each, by one declaration."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Final

import pytest
from edgecv_converters.target_options import Flag, TargetOptions, known_options
from edgecv_runtime import formats

from edgecv.commands.convert import ConvertArguments
from edgecv.convert.recipe import Recipe, plan
from edgecv.convert.request import ConvertOptions, from_options

ALL: Final = [(target, one) for target, record in known_options().items() for one in record.declared()]


class Two(TargetOptions, frozen=True, kw_only=True):
    """A number and a switch that is on."""

    count: Annotated[int, Flag(name="--two-count", help="How many.", panel="Two")] = 2
    words: Annotated[bool, Flag(name="--two-words", off="--no-two-words", help="Words.", panel="Two")] = True


def test_what_is_given_is_read_by_its_keyword_and_named_by_its_flag():
    assert Two.read({"two_count": 5, "seed": 3}) == Two(count=5)
    assert Two.read({}) == Two()
    assert Two().given() == ()
    assert Two(count=5, words=False).given() == ("--two-count", "--no-two-words")


@pytest.mark.parametrize(("target", "option"), ALL, ids=[one.flag.name for _, one in ALL])
def test_an_option_is_described_and_reaches_the_recipe(target, option):
    assert option.flag.help.endswith(".")
    assert ConvertOptions.__doc__.count(f"\n        {option.flag.keyword}: ") == 1
    field = next(one for one in dataclasses.fields(ConvertArguments) if one.name == option.flag.keyword)
    assert field.default == option.default
    recipe = from_options(Path("m.keras"), Path("m.edgecv"), {option.flag.keyword: option.default}).recipe
    assert getattr(recipe.options_of(target), option.field) == option.default


@pytest.mark.parametrize("target", formats.KNOWN)
def test_a_target_of_which_nothing_is_said_has_its_defaults(target):
    found = Recipe(steps=plan([], [])).options_of(target)
    assert type(found) is known_options().get(target, TargetOptions)
    assert found.given() == ()
