"""Core ML's weight recipes, by name."""

from __future__ import annotations

import re

import msgspec
import pytest
from edgecv_converters.coreml.interface import needs
from edgecv_converters.coreml.recipes import RECIPES, weight_recipe
from edgecv_converters.parity.gates import DEFAULT_LIMITS
from edgecv_runtime.errors import UsageError
from edgecv_runtime.precisions import WORDS
from edgecv_runtime.schema import Precision

from edgecv.convert.recipe import Recipe, plan


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("weights8", ("linear", 8, None, None, None, "iOS16")),
        ("weights4", ("linear", 4, None, 32, None, "iOS18")),
        ("weights4-block64", ("linear", 4, None, 64, None, "iOS18")),
        ("palette8", ("palette", 8, None, None, None, "iOS16")),
        ("palette6", ("palette", 6, None, None, None, "iOS16")),
        ("palette3", ("palette", 3, None, None, None, "iOS18")),
        ("palette2-group32", ("palette", 2, 32, None, None, "iOS18")),
        ("sparse50-palette4", ("sparse", 4, None, None, 50, "iOS18")),
        ("sparse-palette6", ("sparse", 6, None, None, None, "iOS18")),
    ],
)
def test_a_name_says_it_all(name, wanted):
    found = weight_recipe(name)
    assert (found.kind, found.bits, found.group, found.block, found.sparsity, found.minimum_target) == wanted
    assert found.name == name


def test_a_later_system_has_its_reason():
    for recipe in RECIPES.values():
        assert (recipe.reason is None) == (recipe.minimum_target == "iOS16")
        assert needs(recipe.name) == (recipe.minimum_target, recipe.reason)
    assert "3 bits" in RECIPES["palette3"].reason
    assert "sparse" in RECIPES["sparse10-palette8"].reason


def test_every_name_is_a_precision_of_the_manifest_and_has_gates_and_a_file():
    assert len(RECIPES) == 75
    for name in RECIPES:
        assert msgspec.convert(name, Precision) == name
        assert name in DEFAULT_LIMITS
        (step,) = plan([f"coreml:{name}"], [])
        assert step.file == f"coreml/model.{name}.mlpackage"
        assert not Recipe(steps=(step,)).needs_calibration


def test_the_words_of_the_help_name_recipes_that_there_are():
    for word in re.findall(r"(?:weights|palette|sparse)[\w-]*", WORDS):
        assert any(name.startswith(word.rstrip("-")) for name in RECIPES), word


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("palete4", "Did you mean palette4?"),
        ("palette5", "Did you mean palette"),
        ("palette4-group5", "Did you mean palette4-group"),
        ("palette8-group8", "Did you mean palette6-group8?"),
        ("sparse55-palette4", "Did you mean sparse5"),
        ("Weights8", "Did you mean weights8?"),
        ("nonsense", WORDS),
    ],
)
def test_an_unknown_name_comes_with_the_nearest_or_with_all(name, hint):
    for ask in (weight_recipe, lambda name: plan([f"coreml:{name}"], [])):
        with pytest.raises(UsageError, match=re.escape(repr(name))) as caught:
            ask(name)
        assert hint in caught.value.hint


@pytest.mark.parametrize("quantize", ["tflite:palette4", "onnx:weights8"])
def test_other_targets_have_none(quantize):
    with pytest.raises(UsageError, match=r"has no (palette4|weights8)") as caught:
        plan([quantize], [])
    assert "palette" not in caught.value.hint


def test_core_ml_says_what_it_has():
    with pytest.raises(UsageError, match="coreml has no int16x8") as caught:
        plan(["coreml:int16x8"], [])
    assert caught.value.hint == f"coreml knows float32, float16, int8, {WORDS}"


def test_a_plain_recipe_is_for_core_ml_alone():
    assert [str(step) for step in plan(["palette4"], [])] == ["coreml palette4"]
    assert {"tflite int8", "coreml int8", "coreml palette4"} <= {str(step) for step in plan(["palette4,int8"], [])}


@pytest.mark.parametrize("name", ["", "Int8", "palette 4", "8bit", "a/b"])
def test_a_precision_in_a_manifest_is_a_name(name):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(name, Precision)
