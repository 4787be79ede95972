"""What can be asked for of Core AI, and what is said where Apple's library is missing."""

from __future__ import annotations

import sys
import zipfile

import pytest

from edgecv.convert.recipe import plan
from tests.command import edgecv

CONVERT = ("convert", "model.keras", "-o", "out.edgecv", "-t", "coreai")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current directory, with a file of the form of a model: what is refused is refused before it is read."""
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            archive.writestr(name, "{}")
    return tmp_path


def test_it_is_made_where_it_is_named_alone():
    assert [str(step) for step in plan(["int8"], ["coreai"])] == ["coreai int8"]
    assert [str(step) for step in plan(["coreai:palette4"], [])] == ["coreai palette4"]
    assert "coreai" not in {step.target for step in plan(["int8"], [])}


def test_a_missing_library_comes_with_the_system_that_has_it(place, monkeypatch):
    monkeypatch.setitem(sys.modules, "coreai", None)
    result = edgecv(*CONVERT)
    assert result.code == 1
    assert "error: coreai-core is not installed" in result.message
    assert 'hint: pip install "edgecv[coreai]", on x86-64 Linux with glibc 2.34' in result.message


def test_options_for_core_ml_alone_need_a_core_ml_model_and_those_of_the_metadata_do_not(place):
    refused = edgecv(*CONVERT, "--author", "Ann", "--coreml-input", "image")
    assert (refused.code, "--coreml-input is for Core ML" in refused.message) == (2, True)
    taken = edgecv(*CONVERT, "--author", "Ann")
    assert "--author" not in taken.message
