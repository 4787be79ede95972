"""Configurations that carry code or need custom classes, found without running anything."""

from __future__ import annotations

import pytest
from edgecv_converters.source.code import check_code, check_custom
from edgecv_runtime.errors import SourceError

DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "d"}, "registered_name": None}
LAMBDA_3 = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"name": "twice", "function": {"class_name": "__lambda__", "config": {"code": "4wE="}}},
}
LAMBDA_2 = {
    "class_name": "Lambda",
    "config": {"name": "half", "function": ["4wE=", None, None], "function_type": "lambda"},
}
NAMED = {"class_name": "Lambda", "config": {"name": "n", "function": "my_function", "function_type": "function"}}
CUSTOM = {
    "module": "my.layers",
    "class_name": "Swirl",
    "config": {"name": "s"},
    "registered_name": "Mine>Swirl",
}


def model(*layers: object) -> dict[str, object]:
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": list(layers)}}


@pytest.mark.parametrize(("layer", "name"), [(LAMBDA_3, "twice"), (LAMBDA_2, "half")])
def test_a_lambda_is_refused_by_name_unless_allowed(layer: object, name: str) -> None:
    with pytest.raises(SourceError) as caught:
        check_code(model(DENSE, model(layer)), "m.keras", allow_code=False)
    assert f"Lambda layer '{name}'" in caught.value.message
    assert "--allow-code" in str(caught.value.hint)
    check_code(model(DENSE, layer), "m.keras", allow_code=True)


def test_plain_models_and_training_settings_pass() -> None:
    config = model(DENSE) | {"compile_config": {"loss": LAMBDA_3}, "build_config": {"x": CUSTOM}}
    check_code(config, "m.keras", allow_code=False)
    check_custom(config, (), lambda _name: False)


@pytest.mark.parametrize(("layer", "name"), [(CUSTOM, "Mine>Swirl"), (NAMED, "my_function")])
def test_a_missing_custom_object_is_named(layer: object, name: str) -> None:
    with pytest.raises(SourceError) as caught:
        check_custom(model(DENSE, layer), (), {"Sequential", "Dense", "Lambda"}.__contains__)
    assert repr(name) in caught.value.message
    assert "--custom-objects" in str(caught.value.hint)


@pytest.mark.parametrize("given", ["Swirl", "Mine>Swirl"])
def test_a_given_custom_object_passes(given: str) -> None:
    check_custom(model(CUSTOM), {given}, lambda _name: False)


def test_keras_2_configurations_have_no_modules() -> None:
    entry = {"class_name": "Swirl", "config": {"name": "s"}}
    with pytest.raises(SourceError, match="'Swirl'"):
        check_custom({"class_name": "Sequential", "config": {"layers": [entry]}}, (), {"Sequential"}.__contains__)
