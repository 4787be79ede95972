"""Configurations that carry code or need custom classes, found without running anything."""

from __future__ import annotations

import base64
import marshal
import subprocess
import sys
from types import ModuleType

import pytest
from edgecv_converters.source.code import check_config, named_classes
from edgecv_converters.source.custom import classes_inside
from edgecv_runtime.errors import SourceError

CODE = base64.b64encode(marshal.dumps((lambda x: x * 2).__code__)).decode()
DENSE = {"module": "keras.layers", "class_name": "Dense", "config": {"name": "d"}, "registered_name": None}
LAMBDA_3 = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"name": "twice", "function": {"class_name": "__lambda__", "config": {"code": CODE}}},
}
LAMBDA_2 = {
    "class_name": "Lambda",
    "config": {"name": "half", "function": [CODE, None, None], "function_type": "lambda"},
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


def check(config: object, given: tuple[str, ...] = (), *, allow_code: bool = False) -> None:
    check_config(config, "m.keras", given, allow_code=allow_code)


@pytest.mark.parametrize(("layer", "name"), [(LAMBDA_3, "twice"), (LAMBDA_2, "half")])
def test_a_lambda_is_refused_by_name_unless_allowed(layer: object, name: str) -> None:
    with pytest.raises(SourceError) as caught:
        check(model(DENSE, model(layer)))
    assert f"Lambda layer '{name}'" in caught.value.message
    assert "--allow-code" in str(caught.value.hint)
    check(model(DENSE, layer), allow_code=True)


def test_plain_models_and_training_settings_pass() -> None:
    check(model(DENSE) | {"compile_config": {"loss": LAMBDA_3}})


@pytest.mark.parametrize(("layer", "name"), [(CUSTOM, "Mine>Swirl"), (NAMED, "my_function")])
@pytest.mark.parametrize("allow_code", [False, True])
def test_a_missing_custom_object_is_named(layer: object, name: str, allow_code: bool) -> None:
    with pytest.raises(SourceError) as caught:
        check(model(DENSE, layer), allow_code=allow_code)
    assert repr(name) in caught.value.message
    assert "--custom-objects" in str(caught.value.hint)


@pytest.mark.parametrize("given", ["Swirl", "Mine>Swirl"])
def test_a_given_custom_object_passes(given: str) -> None:
    check(model(CUSTOM), (given,))
    check(model(NAMED), ("my_function",))


def test_keras_2_configurations_have_no_modules() -> None:
    entry = {"class_name": "Swirl", "config": {"name": "s"}}
    with pytest.raises(SourceError, match="the custom class 'Swirl'"):
        check({"class_name": "Sequential", "config": {"layers": [entry]}})
    dense = {"class_name": "Dense", "config": {"name": "d", "activation": "my_bend"}}
    with pytest.raises(SourceError, match="the custom activation 'my_bend'"):
        check({"class_name": "Sequential", "config": {"layers": [dense]}})
    check({"class_name": "Sequential", "config": {"layers": [dense]}}, ("my_bend",))


@pytest.mark.parametrize(
    ("registered", "hint"),
    [
        ("keras_hub>ViTBackbone", "Install keras-hub beside edgecv, and give --custom-objects keras_hub"),
        ("keras_cv.models>YOLOV8Detector", "Install keras-cv beside edgecv, and give --custom-objects keras_cv"),
        ("keras_hubs>ViTBackbone", "Name the module that defines it: --custom-objects package.module"),
        ("os>ViTBackbone", "Name the module that defines it: --custom-objects package.module"),
    ],
)
def test_a_well_known_library_is_named_and_no_package_that_only_the_file_names(registered, hint):
    layer = {"module": "somewhere", "class_name": "X", "registered_name": registered, "config": {"name": "x"}}
    with pytest.raises(SourceError) as refusal:
        check(model(layer))
    assert refusal.value.hint == hint


def test_classes_inside_the_named_package_are_given_where_it_imported_them(monkeypatch):
    library = {name: ModuleType(name) for name in ("lib", "lib.inside", "library")}
    for name, module in library.items():
        monkeypatch.setitem(sys.modules, name, module)

        class Layer:
            from_config = None

        Layer.__module__ = name
        module.Layer = Layer
    library["lib.inside"].Popen = subprocess.Popen
    library["lib.inside"].Other = library["library"].Layer
    named = [("lib.inside", name) for name in ("Layer", "Popen", "Other", "missing")]
    assert classes_inside("lib", named) == {"Layer": library["lib.inside"].Layer}
    assert classes_inside("lib", [("library", "Layer"), ("lib.never", "Layer"), ("subprocess", "Popen")]) == {}
    assert classes_inside(None, named) == {}
    layer = {"module": "lib.inside", "class_name": "Layer", "registered_name": "Layer", "config": {"name": "x"}}
    assert list(named_classes(model(layer, DENSE), "m.keras")) == [("lib.inside", "Layer")]
