"""Models that cannot be taken: each gives one clear line and a hint."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from edgecv_converters.source import load_source, save_live
from edgecv_runtime.errors import EdgecvError, SourceError, UsageError

from tests import models


def refusal(path: Path, **options: object) -> EdgecvError:
    with pytest.raises((SourceError, UsageError)) as caught:
        load_source(path, **options)
    error = caught.value
    assert "\n" not in error.message
    assert error.hint
    return error


@pytest.mark.parametrize("share", [0.3, 0.9])
@pytest.mark.parametrize("fixture", ["digits_model", "digits_h5"])
def test_truncated_files(fixture: str, share: float, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    whole = request.getfixturevalue(fixture)
    content = whole.read_bytes()
    part = tmp_path / whole.name
    part.write_bytes(content[: int(len(content) * share)])
    assert f"{part.name} is damaged" in refusal(part).message


def test_truncated_savedmodels(digits_savedmodel: Path, tmp_path: Path) -> None:
    content = (digits_savedmodel / "saved_model.pb").read_bytes()
    for size in (0, len(content) // 2):
        (tmp_path / "saved_model.pb").write_bytes(content[:size])
        assert "saved_model.pb is" in refusal(tmp_path).message
    (tmp_path / "saved_model.pb").write_bytes(content)
    assert "cannot load" in refusal(tmp_path).message  # without its variables


def test_weights_without_a_model(tmp_path: Path) -> None:
    models.head(2, None).save_weights(tmp_path / "m.weights.h5")
    assert "holds weights without a model" in refusal(tmp_path / "m.weights.h5").message


@pytest.mark.parametrize(("value", "what"), [(np.nan, "NaN"), (np.inf, "infinite")])
def test_weights_that_are_not_finite_are_named(tmp_path: Path, value: float, what: str) -> None:
    model = models.head(2, "softmax")
    kernel = np.ones((5, 2), np.float32)
    kernel[3, 1] = value
    model.layers[0].kernel.assign(kernel)
    model.save(tmp_path / "m.keras")
    assert re.fullmatch(rf"weight dense\S*/kernel holds {what} values", refusal(tmp_path / "m.keras").message)


def test_open_dimensions_need_a_shape(tmp_path: Path) -> None:
    import keras

    layers = keras.layers
    stack = [layers.Conv2D(2, 3), layers.GlobalAveragePooling2D(), layers.Dense(2, "softmax")]
    path = tmp_path / "open.keras"
    keras.Sequential([keras.Input((None, None, 3), name="pixels"), *stack]).save(path)
    error = refusal(path)
    assert isinstance(error, UsageError)
    assert error.message == "input 'pixels' has open dimensions (?, ?, ?, 3)"
    assert error.hint == "Give the shape with --input-shape pixels=1,224,224,3"
    assert load_source(path, input_shapes={"pixels": (1, 9, 7, 3)}).inputs[0].shape == (1, 9, 7, 3)
    assert load_source(path, input_shapes={"": (1, 9, 7, 3)}).inputs[0].shape == (1, 9, 7, 3)
    assert "got (1, 9, 7, 1)" in refusal(path, input_shapes={"pixels": (1, 9, 7, 1)}).message
    assert "got (9, 7, 3)" in refusal(path, input_shapes={"pixels": (9, 7, 3)}).message
    assert "batch of 1" in refusal(path, input_shapes={"pixels": (2, 9, 7, 3)}).message
    assert "no input 'nope'" in refusal(path, input_shapes={"nope": (1, 9, 7, 3)}).message


def test_a_shape_without_a_name_needs_a_single_input(tmp_path: Path) -> None:
    path = save_live(models.two_by_two(), tmp_path)
    assert "several inputs: picture, extra" in refusal(path, input_shapes={"": (1, 4)}).message


def lambda_model(path: Path) -> None:
    import keras

    double = keras.layers.Lambda(lambda x: x * 2, name="double")
    keras.Sequential([keras.Input((4,)), double, keras.layers.Dense(2)]).save(path)


def old_lambda_model(path: Path) -> None:
    import tf_keras

    double = tf_keras.layers.Lambda(lambda x: x * 2, name="double")
    models.save_h5(tf_keras.Sequential([tf_keras.Input((4,)), double, tf_keras.layers.Dense(2)]), path)


@pytest.mark.parametrize(("name", "write"), [("m.keras", lambda_model), ("m.h5", old_lambda_model)])
def test_a_lambda_needs_allow_code(tmp_path: Path, name: str, write) -> None:
    write(tmp_path / name)
    error = refusal(tmp_path / name)
    assert "Lambda layer 'double'" in error.message
    assert "--allow-code" in error.hint
    source = load_source(tmp_path / name, allow_code=True)
    inputs = models.samples_for(source.inputs, 3)
    dense = next(read() for weight, read in source.loaded.weights if "kernel" in weight)
    (values,) = source.predict(inputs).values()
    np.testing.assert_allclose(values, next(iter(inputs.values())) * 2 @ dense, atol=1e-5)


CUSTOM = """
import keras

class Scale(keras.layers.Layer):
    def __init__(self, factor=3.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
    def call(self, inputs):
        return inputs * self.factor
    def get_config(self):
        return {**super().get_config(), "factor": self.factor}
"""


def test_custom_layers_come_from_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "own_layers_for_test.py").write_text(CUSTOM)
    (tmp_path / "empty_for_test.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    import keras
    import own_layers_for_test as own

    model = keras.Sequential([keras.Input((4,), name="x"), own.Scale(5.0, name="five")], name="m")
    model.save(tmp_path / "m.keras")
    error = refusal(tmp_path / "m.keras")
    assert "'Scale'" in error.message
    assert "--custom-objects" in error.hint
    assert "'Scale'" in refusal(tmp_path / "m.keras", custom_objects="empty_for_test").message
    assert "cannot be imported" in refusal(tmp_path / "m.keras", custom_objects="no_such_module_here").message
    source = load_source(tmp_path / "m.keras", custom_objects="own_layers_for_test")
    np.testing.assert_allclose(source.predict({"x": np.ones((2, 4), np.float32)})["five"], 5)
    assert load_source(save_live(model, tmp_path)).info.format == "savedmodel"


def test_python_code_in_a_savedmodel(tmp_path: Path) -> None:
    import tensorflow as tf

    holder = tf.Module()

    def serve(x):
        return {"y": tf.numpy_function(lambda value: value * 2, [x], tf.float32)}

    signature = tf.function(serve).get_concrete_function(tf.TensorSpec((None, 2), name="x"))
    tf.saved_model.save(holder, str(tmp_path / "m"), signatures=signature)
    assert "calls Python code" in refusal(tmp_path / "m").message
    assert "calls Python code" in refusal(tmp_path / "m", allow_code=True).message


def test_wrong_samples_are_refused(digits_model: Path) -> None:
    source = load_source(digits_model)
    with pytest.raises(UsageError, match="the model's inputs are image, got other"):
        source.predict({"other": np.zeros((1, 16, 16, 1), np.float32)})
    with pytest.raises(UsageError, match="takes samples of shape"):
        source.predict({"image": np.zeros((1, 16, 16), np.float32)})
    assert source.predict({"image": np.zeros((0, 16, 16, 1), np.float32)})["digit"].shape == (0, 10)


def test_a_model_without_a_fixed_output_shape(tmp_path: Path) -> None:
    import tensorflow as tf

    holder = tf.Module()
    signature = tf.function(lambda x: {"y": tf.boolean_mask(x, x > 0)}).get_concrete_function(
        tf.TensorSpec((1, 8), name="x")
    )
    tf.saved_model.save(holder, str(tmp_path / "m"), signatures=signature)
    assert "output 'y' has no fixed shape" in refusal(tmp_path / "m").message
