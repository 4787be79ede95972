"""From the command line's names to those of `edgecv.convert` and `edgecv.prune`."""

from __future__ import annotations

import dataclasses
import inspect

import pytest
import typer
from edgecv_converters.isolate import WorkerLimits

import edgecv
from edgecv.cli import COMMANDS, app
from edgecv.commands.convert import ConvertArguments
from edgecv.commands.form import takes, values
from edgecv.commands.prune import PruneArguments
from edgecv.commands.run import RunArguments
from edgecv.compress.options import PruneOptions, removal_of, training_of
from edgecv.convert.recipe import Recipe, plan
from edgecv.convert.request import ConvertOptions, from_options
from edgecv.run import RunOptions


def names(form):
    return {field.name for field in dataclasses.fields(form)}


def test_every_option_of_a_command_is_one_of_its_function_and_the_other_way_round():
    assert names(ConvertArguments) - {"model", "output", "as_json"} == ConvertOptions.__annotations__.keys()
    assert names(PruneArguments) - {"model", "output", "data", "as_json"} == PruneOptions.__annotations__.keys()
    assert names(RunArguments) == names(RunOptions)


def test_what_is_not_given_has_the_default_of_the_record_that_owns_it(tmp_path):
    model, out = tmp_path / "m.keras", tmp_path / "m.edgecv"
    asked = from_options(model, out, values(ConvertArguments(model=model), without=("model", "output", "as_json")))
    plain = from_options(model, out, {})
    assert asked == plain
    assert plain.recipe == Recipe(steps=plan([], []))
    assert plain.limits == WorkerLimits.of_machine()
    given = values(PruneArguments(model=model), without=("model", "output", "data", "as_json"))
    assert removal_of(given, with_data=True) == removal_of({}, with_data=True)
    assert training_of(given) == training_of({})
    assert RunOptions(**values(RunArguments(bundle=out, sources=["0"]))) == RunOptions(bundle=out, sources=["0"])


def test_an_option_that_the_function_does_not_have_is_refused_by_name(tmp_path):
    with pytest.raises(TypeError, match="no option 'target'"):
        edgecv.convert(tmp_path / "m.keras", tmp_path / "m.edgecv", target=("tflite",))


def test_a_command_has_the_fields_of_its_record_as_parameters():
    @dataclasses.dataclass(frozen=True)
    class Form:
        place: int
        depth: int = 3

    @takes(Form)
    def dig(given):
        """Dig."""
        return given

    assert str(inspect.signature(dig)) == "(*, place: int, depth: int = 3)"
    assert dig(place=2, depth=5) == Form(2, 5)
    assert dig.__doc__ == "Dig."


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_found_by_its_name_and_every_option_has_a_sentence_of_help(name):
    group = typer.main.get_command(app)
    command = group.get_command(None, name)
    assert command.name == name
    for one in (command, *getattr(command, "commands", {}).values()):
        assert one.help.split("\n\n")[0].endswith(".")
        for parameter in one.params:
            if parameter.name != "help" and getattr(parameter, "help", None) is not None:
                assert parameter.help.endswith("."), f"{name} {parameter.name}: {parameter.help}"
                assert len(parameter.help.split()) >= 3, f"{name} {parameter.name}: {parameter.help}"
