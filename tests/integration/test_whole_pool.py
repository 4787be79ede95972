"""The pass that gives an average over a whole feature map a scale of its own, and the model that needed it."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from edgecv_converters.graph.passes import whole_pool
from edgecv_converters.source import load_source, save_live
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import describe, load

from tests.canonical import canonical


@pytest.fixture(scope="module")
def pooled(tmp_path_factory):
    """A convolution with large outliers, averaged over its whole output."""
    import keras

    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 3), name="image"),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.AveragePooling2D(2),
            keras.layers.AveragePooling2D(5, name="whole"),
            keras.layers.Flatten(),
            keras.layers.Dense(4, name="scores"),
        ]
    )
    return load_source(save_live(model, tmp_path_factory.mktemp("pooled")))


def converted(source, precision="int8", without=None):
    frozen = canonical(source.freeze(), "tflite", without=without)
    rng = np.random.default_rng(0)
    images = rng.normal(size=(30, 1, 12, 12, 3)).astype(np.float32)
    data = to_tflite(frozen, precision, samples=lambda: iter({"image": image} for image in images))
    return data, describe(data, frozen.inputs, frozen.outputs)[2], images


def scales_of(data, kind):
    """(input scale, output scale) of the first operator called `kind`."""
    model = load(data)
    graph = model.subgraphs[0]
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        if max(code.builtinCode, code.deprecatedBuiltinCode) == kind:
            ends = (operator.inputs[0], operator.outputs[0])
            return tuple(float(graph.tensors[end].quantization.scale[0]) for end in ends)
    return None


def test_without_the_pass_the_average_wastes_its_input_s_scale(pooled):
    from ai_edge_litert import schema_py_generated as schema

    data, ops, _ = converted(pooled, without=whole_pool)
    assert ops["AVERAGE_POOL_2D"] == 2
    before, after = scales_of(data, schema.BuiltinOperator.AVERAGE_POOL_2D)
    assert before == after


def test_with_the_pass_the_average_has_its_own_scale_and_less_error(pooled):
    from ai_edge_litert import schema_py_generated as schema

    data, ops, images = converted(pooled)
    assert ops["AVERAGE_POOL_2D"] == 1, "the pool over a part of the map stays"
    before, after = scales_of(data, schema.BuiltinOperator.MEAN)
    assert after < before / 2
    old, _, _ = converted(pooled, without=whole_pool)
    reference = pooled.predict({"image": images[:, 0]})["scores"]
    assert noise(data, images, reference) < 0.5 * noise(old, images, reference)


def test_the_float_model_is_the_same(pooled):
    data, ops, images = converted(pooled, "float32")
    assert ops["MEAN"] == 1
    assert noise(data, images, pooled.predict({"image": images[:, 0]})["scores"]) < 1e-10


def noise(data, images, reference):
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    total = 0.0
    for image, wanted in zip(images, reference, strict=True):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
        interpreter.invoke()
        got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]
        total += float(np.square(got - wanted).sum())
    return total / len(images)


def test_a_padded_pool_stays(tmp_path):
    """SAME padding with a stride of 1 keeps the map's size: that is no mean."""
    import keras

    pool = keras.layers.AveragePooling2D(5, strides=1, padding="same")
    source = load_source(save_live(keras.Sequential([keras.Input((5, 5, 2)), pool]), tmp_path))
    ops = [node.op for node in canonical(source.freeze(), "tflite").proto().node]
    assert "AvgPool" in ops
    assert "Mean" not in ops
