"""`inspect` on files that the real converters made."""

from pathlib import Path

import numpy as np
import pytest

from edgecv.inspect import inspect, tables
from edgecv.terminal.console import PlainConsole

SHARED = Path(__file__).resolve().parents[2].parent / "shared"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs were expected:UserWarning"),
    pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning"),  # coremltools' own temporary folders
]


@pytest.fixture(scope="module")
def model():
    import keras

    return keras.Sequential(
        [
            keras.layers.Input((8, 8, 3), name="image"),
            keras.layers.Conv2D(4, 3, activation="relu", name="conv"),
            keras.layers.Flatten(),
            keras.layers.Dense(5, activation="softmax", name="scores"),
        ]
    )


@pytest.fixture(scope="module")
def converted(model, tmp_path_factory):
    """The model as .keras, TFLite float32, float16 and int8, and Core ML float16."""
    import coremltools as ct
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    folder = tmp_path_factory.mktemp("converted")
    model.save(folder / "m.keras")
    spec = tf.TensorSpec((1, 8, 8, 3), tf.float32, name="image")
    function = tf.function(lambda image: model(image, training=False))
    frozen = convert_variables_to_constants_v2(function.get_concrete_function(spec), aggressive_inlining=True)
    for precision in ("float32", "float16", "int8"):
        (folder / f"{precision}.tflite").write_bytes(to_tflite(tf, frozen, precision))
    package = ct.convert([frozen], source="tensorflow", convert_to="mlprogram")
    package.save(str(folder / "m.mlpackage"))
    return folder


def to_tflite(tf, frozen, precision):
    converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen])
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        images = np.random.default_rng(0).random((4, 1, 8, 8, 3)).astype(np.float32)
        converter.representative_dataset = lambda: ([image] for image in images)
        converter.inference_input_type = tf.int8
    return converter.convert()


def shown(found):
    console = PlainConsole(width=80, force_terminal=False)
    with console.capture() as capture:
        for table in tables(found):
            console.print(table)
    return capture.get()


def test_a_keras_model(converted, model):
    found = inspect(converted / "m.keras")
    assert found.info.parameters == model.count_params() == 112 + 725
    assert found.info.multiply_adds == 36 * 27 * 4 + 144 * 5
    assert {layer.name: layer.parameters for layer in found.layers if layer.parameters} == {"conv": 112, "scores": 725}
    assert [head.kind for head in found.heads] == ["classification"]
    assert "Conv2D" in shown(found)


def test_tflite_float_and_int8(converted):
    plain, half, small = (inspect(converted / f"{name}.tflite") for name in ("float32", "float16", "int8"))
    assert (plain.quantized_ops, plain.quantized_weights) == (0, 0)
    assert plain.weight_bytes["float32"] >= 4 * 828
    assert half.weight_bytes["float16"] >= 2 * 828
    assert half.quantized_weights == 0
    assert (small.quantized_ops, small.quantized_weights) == (1, 1)
    assert small.weight_bytes["int8"] == 108 + 720
    assert small.inputs[0].dtype == "int8"
    assert small.inputs[0].quantization.scale == pytest.approx(1 / 255, rel=0.05)
    assert small.ops["CONV_2D"] == 1
    assert "scale 0.0039" in shown(small)


def test_core_ml_is_read_on_any_system(converted):
    found = inspect(converted / "m.mlpackage")
    assert found.format.endswith("mlProgram")
    assert {"conv", "relu", "softmax"} <= set(found.ops)
    assert "const" not in found.ops
    assert set(found.weight_bytes) == {"float16"}
    assert found.weight_bytes["float16"] >= 2 * 720
    assert found.quantized_weights == 0
    assert found.inputs[0].shape == (1, 8, 8, 3)
    assert "softmax" in shown(found)


def test_core_ml_int8_weights(converted, tmp_path):
    import coremltools as ct
    from coremltools.optimize.coreml import OpLinearQuantizerConfig, OptimizationConfig, linear_quantize_weights

    model = ct.models.MLModel(str(converted / "m.mlpackage"), skip_model_load=True)
    config = OptimizationConfig(global_config=OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=1))
    linear_quantize_weights(model, config).save(str(tmp_path / "w8.mlpackage"))
    found = inspect(tmp_path / "w8.mlpackage")
    assert found.weight_bytes["int8"] >= 720
    assert found.quantized_weights > 0.8


@pytest.mark.shared
def test_mlperf_int8_reference():
    path = SHARED / "models" / "resnet8_cifar10_reference_int8.tflite"
    if not path.is_file():
        pytest.skip("the shared models are not beside this checkout")
    found = inspect(path)
    assert found.ops["CONV_2D"] == 9
    assert (found.quantized_ops, found.quantized_weights) == (1, 1)
    assert found.outputs[0].quantization.scale == 1 / 256
