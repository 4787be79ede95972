"""From the command line's names to those of `edgecv.convert`."""

from __future__ import annotations

import inspect

import pytest

import edgecv
from edgecv import cli
from edgecv.commands.options import Io, convert_options
from edgecv.convert.request import ConvertOptions


def test_every_option_of_the_command_is_one_of_the_function_and_the_other_way_round():
    names = inspect.signature(cli.convert).parameters
    assert convert_options(dict.fromkeys(names)).keys() == ConvertOptions.__annotations__.keys()


def test_choices_become_words_and_repeatable_options_never_none():
    given = {
        "model": "m.keras",
        "output": None,
        "as_json": True,
        "io": Io.int8,
        "target": None,
        "gate": ["snr=3"],
        "seed": 7,
    }
    assert convert_options(given) == {"io": "int8", "targets": (), "gates": ["snr=3"], "seed": 7}


def test_an_option_that_the_function_does_not_have_is_refused_by_name(tmp_path):
    with pytest.raises(TypeError, match="no option 'target'"):
        edgecv.convert(tmp_path / "m.keras", tmp_path / "m.edgecv", target=("tflite",))
