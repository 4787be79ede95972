"""Models trained in half precision or float64: the same weights in float32, on every way that they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgecv_converters.source import load_source, save_live
from edgecv_converters.source.policies import in_float32
from edgecv_converters.tflite.convert import to_tflite

from tests import models
from tests.canonical import canonical

OTHERS = {2, 14, 19}  # TensorFlow's DT_DOUBLE, DT_BFLOAT16 and DT_HALF


def network(policy: str) -> Any:
    """A picture model with a normalization, a nested model and a last layer in float32."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = keras.Input((8, 8, 3), name="image")
    scaled = layers.Normalization(mean=[0.1] * 3, variance=[0.37] * 3, dtype=policy)(image)
    inner = keras.Sequential([layers.Conv2D(4, 3, dtype=policy), layers.LayerNormalization(dtype=policy)])
    found = layers.GlobalAveragePooling2D(dtype=policy)(layers.ReLU(dtype=policy)(inner(scaled)))
    return keras.Model(image, layers.Dense(3, "softmax", dtype="float32", name="kind")(found))


def ratio(one: Any, other: Any) -> float:
    """The signal-to-noise ratio in decibels."""
    wanted, got = np.asarray(one, np.float64), np.asarray(other, np.float64)
    return float(10 * np.log10((wanted**2).sum() / max(((wanted - got) ** 2).sum(), 1e-30)))


def frozen_answers(source: Any, values: Any) -> Any:
    """The frozen graph's answer to the first sample."""
    import tensorflow as tf

    return source.freeze().function()(tf.constant(values[:1]))[0]


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float16", "float64"])
def test_a_model_in_another_float_is_read_in_float32(tmp_path: Path, policy: str) -> None:
    model = network(policy)
    paths = [tmp_path / "m.keras", tmp_path / "m.h5", tmp_path / "m"]
    model.save(paths[0])
    model.save(paths[1])
    model.export(paths[2], verbose=False)
    for path in paths:
        source = load_source(path)
        assert {spec.dtype for spec in (*source.inputs, *source.outputs)} == {"float32"}
        nodes = source.freeze().proto().node
        assert not [node.name for node in nodes for value in node.attr.values() if value.type in OTHERS]
        samples = models.samples_for(source.inputs, 5)
        (answers,) = source.predict(samples).values()
        (values,) = samples.values()
        assert ratio(answers[:1], frozen_answers(source, values)) > 110
        assert ratio(model(values), answers) > (35 if "bfloat16" in policy else 50)
        assert any("float32" in note for note in source.notes)


def test_mixed_precision_converts(tmp_path: Path) -> None:
    source = load_source(save_live(network("mixed_float16"), tmp_path))
    assert to_tflite(canonical(source.freeze(), "tflite"), "float32")[4:8] == b"TFL3"


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_policies_of_keras_2_are_read_in_float32(tmp_path: Path, suffix: str) -> None:
    import tf_keras

    layers = tf_keras.layers
    model = tf_keras.Sequential(
        [
            tf_keras.Input((6, 4)),
            layers.LSTM(3, dtype=tf_keras.mixed_precision.Policy("mixed_float16")),
            layers.Dense(2, dtype="float32"),
        ]
    )
    save = models.save_h5 if suffix == "h5" else type(model).save
    save(model, tmp_path / f"m.{suffix}")
    source = load_source(tmp_path / f"m.{suffix}")
    samples = models.samples_for(source.inputs, 4)
    (answers,), (values,) = source.predict(samples).values(), samples.values()
    assert ratio(model(values), answers) > 50
    assert source.info.loader.startswith("tf-keras")
    assert "it was trained in mixed_float16: its weights are taken into the same model in float32" in source.notes


def test_recurrences_of_half_precision_in_a_savedmodel_are_read_in_float32(tmp_path: Path) -> None:
    import keras

    steps = keras.Input((5, 4))
    model = keras.Model(steps, keras.layers.GRU(3, dtype="mixed_float16")(steps))
    model.export(tmp_path / "m", verbose=False)
    source = load_source(tmp_path / "m")
    samples = models.samples_for(source.inputs, 4)
    (answers,), (values,) = source.predict(samples).values(), samples.values()
    assert ratio(model(values), answers) > 45
    assert ratio(answers[:1], frozen_answers(source, values)) > 110


def test_only_types_are_changed_and_not_names() -> None:
    policy = {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
    layer = {"class_name": "Dense", "config": {"name": "float16", "dtype": policy, "output_dtype": "bfloat16"}}
    plain, half = in_float32({"config": {"layers": [layer]}})
    (changed,) = plain["config"]["layers"]
    assert half == "mixed_float16"
    assert changed["config"]["name"] == "float16"
    assert changed["config"]["dtype"]["config"]["name"] == changed["config"]["output_dtype"] == "float32"
    assert in_float32(plain) == (plain, None)
