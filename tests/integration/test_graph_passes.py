"""Each pass, with the model that needed it: without the pass it does not convert, with it it converts and agrees."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from edgecv_converters.graph import freeze as freezing
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.inspect import ops
from edgecv_converters.graph.passes import (
    dilated_transposed,
    erfc,
    shapes,
    split_sizes,
    square,
    tensor_lists,
    unroll,
    zero_vectors,
)
from edgecv_converters.graph.passes.runner import canonical as canonical_by
from edgecv_converters.source import SourceModel, load_source, save_live
from edgecv_runtime.errors import ConversionError, SourceError
from edgecv_runtime.schema import TensorSpec

from tests import models
from tests.canonical import canonical

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def their_warnings_ignored() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def to_onnx(frozen: FrozenGraph) -> bytes:
    import tf2onnx

    names = [[end.tensor for end in ends] for ends in (frozen.inputs, frozen.outputs)]
    with their_warnings_ignored():
        model, _ = tf2onnx.convert.from_graph_def(frozen.proto(), input_names=names[0], output_names=names[1], opset=17)
    return model.SerializeToString()


def to_coreml(frozen: FrozenGraph) -> Any:
    import coremltools as ct

    types = [ct.TensorType(name=end.node, shape=end.shape) for end in frozen.inputs]
    with their_warnings_ignored():
        return ct.convert([frozen.function()], source="tensorflow", convert_to="milinternal", inputs=types)


def to_tflite(frozen: FrozenGraph) -> bytes:
    import tensorflow as tf

    with their_warnings_ignored():
        return tf.lite.TFLiteConverter.from_concrete_functions([frozen.function()]).convert()


def onnx_answers(content: bytes, samples: np.ndarray) -> np.ndarray:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: sample[None]})[0] for sample in samples])


def tflite_answers(content: bytes, samples: np.ndarray) -> np.ndarray:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for sample in samples:
        interpreter.set_tensor(taken["index"], sample[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(given["index"]).copy())
    return np.concatenate(rows)


def assert_converts(source: SourceModel, tolerance: float = 2e-6) -> None:
    """All three converters take the canonical graph, and what runs on Linux agrees with the source."""
    samples = models.samples_for(source.inputs, 3)
    (wanted,), (inputs,) = source.predict(samples).values(), samples.values()
    assert wanted.std() > 1e-3
    frozen = source.freeze()
    np.testing.assert_allclose(onnx_answers(to_onnx(canonical(frozen, "onnx")), inputs), wanted, atol=tolerance)
    np.testing.assert_allclose(tflite_answers(to_tflite(canonical(frozen, "tflite")), inputs), wanted, atol=tolerance)
    to_coreml(canonical(frozen, "coreml"))


def without(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave one pass out of those that unroll loops."""
    kept = tuple(rewrite for rewrite in freezing.LOOP_PASSES if rewrite is not module.rewrite)
    assert len(kept) == 2
    monkeypatch.setattr(freezing, "LOOP_PASSES", kept)


def gelu_model() -> Any:
    import keras

    keras.utils.set_random_seed(4)
    layers = keras.layers
    exact = layers.Activation(lambda x: keras.activations.gelu(x, approximate=False), name="gelu")
    return keras.Sequential([keras.Input((5,)), layers.Dense(8), exact, layers.Dense(3, "softmax")])


def grouped_model() -> Any:
    import keras

    keras.utils.set_random_seed(5)
    layers = keras.layers
    stack = [layers.Conv2D(8, 3, groups=4, name="grouped"), layers.Flatten(), layers.Dense(3, "softmax")]
    return keras.Sequential([keras.Input((6, 6, 4)), *stack])


def exported(model: Any, folder: Path) -> Path:
    model.export(folder / "exported", verbose=False)
    return folder / "exported"


def exported_by_tf_keras(kind: str, folder: Path) -> Path:
    import tensorflow as tf
    import tf_keras

    tf_keras.utils.set_random_seed(6)
    layers = tf_keras.layers
    model = tf_keras.Sequential([tf_keras.Input((6, 5)), getattr(layers, kind)(4), layers.Dense(3, "softmax")])
    tf.saved_model.save(model, str(folder / "exported"))
    return folder / "exported"


@pytest.mark.parametrize("convert", [to_onnx, to_coreml])
def test_exact_gelu(convert: Callable[[FrozenGraph], Any], tmp_path: Path) -> None:
    source = load_source(exported(gelu_model(), tmp_path))
    assert ops(source.freeze())["Erfc"] == 1
    assert "Erfc" not in ops(canonical(source.freeze(), "onnx"))
    assert_converts(source)
    with pytest.raises(Exception, match="Erfc"):
        check_onnx_or_convert(convert, canonical(source.freeze(), "onnx", without=erfc))


def check_onnx_or_convert(convert: Callable[[FrozenGraph], Any], frozen: FrozenGraph) -> None:
    """tf2onnx leaves an operation that it does not know in the file: only running it tells."""
    content = convert(frozen)
    if convert is to_onnx:
        onnx_answers(content, np.zeros((1, *frozen.inputs[0].shape[1:]), np.float32))


@pytest.mark.parametrize("save", [exported, save_live])
def test_grouped_convolutions_under_xla(
    save: Callable[[Any, Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(grouped_model(), tmp_path)
    assert_converts(load_source(path))
    monkeypatch.setattr(freezing, "_strip_xla", lambda _proto: None)
    monkeypatch.setattr(freezing, "functions_inlined", their_warnings_ignored)
    with pytest.raises(ConversionError, match=r"PartitionedCall of layer .*grouped.* is a function call"):
        canonical(load_source(path).freeze(), "onnx")


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN", "Bidirectional"])
def test_recurrent_layers_are_unrolled(kind: str, tmp_path: Path) -> None:
    source = load_source(save_live(models.recurrent(kind), tmp_path))
    assert_converts(source)
    assert load_source(exported(models.recurrent(kind), tmp_path)).layers()


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_loops_of_savedmodels_are_unrolled(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = exported(models.recurrent(kind), tmp_path)
    source = load_source(path)
    assert not {op for op in ops(source.freeze()) if "While" in op or "TensorList" in op}
    assert_converts(source)
    without(unroll, monkeypatch)
    with pytest.raises(Exception, match=r"no fixed shape|control flow"):
        canonical(load_source(path).freeze(), "onnx")


def test_unrolled_loops_write_no_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = exported(models.recurrent("SimpleRNN"), tmp_path)
    without(tensor_lists, monkeypatch)
    with pytest.raises(Exception, match=r"no fixed shape|TensorList"):
        to_coreml(load_source(path).freeze())


def test_the_steps_of_a_tf_keras_loop_follow_from_static_shapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = exported_by_tf_keras("LSTM", tmp_path)
    assert_converts(load_source(path))
    without(shapes, monkeypatch)
    with pytest.raises(Exception, match=r"no fixed shape|control flow"):
        canonical(load_source(path).freeze(), "onnx")


def test_a_split_of_the_rest(tmp_path: Path) -> None:
    import tf_keras

    tf_keras.utils.set_random_seed(7)
    layers = tf_keras.layers
    model = tf_keras.Sequential([tf_keras.Input((4, 3)), layers.GRU(4), layers.Dense(3, "softmax")])
    models.save_h5(model, tmp_path / "gru.h5")
    source = load_source(tmp_path / "gru.h5")
    assert_converts(source)
    with pytest.raises(ValueError, match="Incompatible dim"):
        to_coreml(canonical(source.freeze(), "coreml", without=split_sizes))


def test_a_loop_that_depends_on_the_data_is_named(tmp_path: Path) -> None:
    import tensorflow as tf

    def serve(x):
        return {"y": tf.while_loop(lambda y: tf.reduce_sum(y) < 10.0, lambda y: y * 2, [x], name="doubling")[0]}

    holder = tf.Module()
    signature = tf.function(serve).get_concrete_function(tf.TensorSpec((1, 2), name="x"))
    tf.saved_model.save(holder, str(tmp_path / "m"), signatures=signature)
    source = load_source(tmp_path / "m")
    with pytest.raises(ConversionError, match="doubling is control flow"):
        canonical(source.freeze(), "tflite")


def test_a_dangling_graph_is_refused(digits_model: Path) -> None:
    frozen = load_source(digits_model).freeze()
    proto = frozen.proto()
    del proto.node[1:]
    broken = replace(frozen, graph_def=proto.SerializeToString())
    with pytest.raises(ConversionError, match="the frozen graph has no node"):
        canonical(broken, "tflite")


@pytest.mark.parametrize("save", [exported, save_live])
def test_training_only_operations_are_gone(save: Callable[[Any, Path], Path], tmp_path: Path) -> None:
    import keras

    layers = keras.layers
    stack = [layers.GaussianNoise(0.5), layers.Dropout(0.5), layers.Conv2D(2, 3), layers.Flatten()]
    model = keras.Sequential([keras.Input((6, 6, 3)), *stack, layers.Dense(3, "softmax")])
    source = load_source(save(model, tmp_path))
    left = {"BiasAdd", "Const", "Conv2D", "Identity", "MatMul", "Pack", "Placeholder", "Reshape", "Softmax", "Squeeze"}
    assert set(ops(source.freeze())) <= left | {"StridedSlice"}
    assert_converts(source)


def test_augmentation_is_off_in_keras_files_and_refused_in_savedmodels(tmp_path: Path) -> None:
    import keras

    stack = [keras.layers.RandomFlip(name="flip"), keras.layers.Flatten(), keras.layers.Dense(3, "softmax")]
    model = keras.Sequential([keras.Input((6, 6, 3)), *stack])
    assert_converts(load_source(save_live(model, tmp_path)))
    with pytest.raises(SourceError, match=r"draws random numbers when it runs .*flip"):  # what Model.export writes
        load_source(exported(model, tmp_path))


def test_a_savedmodel_that_counts_its_calls(tmp_path: Path) -> None:
    import tensorflow as tf

    holder = tf.Module()
    holder.calls = tf.Variable(0)
    holder.kernel = tf.Variable(np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32))

    def serve(x):
        holder.calls.assign_add(1)
        return {"y": tf.nn.softmax(x @ holder.kernel)}

    signature = tf.function(serve).get_concrete_function(tf.TensorSpec((None, 5), name="x"))
    tf.saved_model.save(holder, str(tmp_path / "m"), signatures=signature)
    assert_converts(load_source(tmp_path / "m"))


CALIBRATE = """
import sys
from pathlib import Path
import numpy as np, tensorflow as tf
from edgecv_converters.graph.frozen import FrozenGraph
frozen = FrozenGraph.load(Path(sys.argv[1]))
converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen.function()])
converter.optimizations = [tf.lite.Optimize.DEFAULT]
rng = np.random.default_rng(0)
converter.representative_dataset = lambda: ([rng.normal(size=(1, 6, 5)).astype("float32")] for _ in range(8))
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
Path(sys.argv[2]).write_bytes(converter.convert())
"""


def test_an_unrolled_recurrence_survives_calibration(tmp_path: Path) -> None:
    source = load_source(exported(models.recurrent("LSTM"), tmp_path))
    canonical(source.freeze(), "tflite").save(tmp_path / "frozen")
    paths = os.pathsep.join(str(ROOT / place) for place in ("", "converters", "runtime"))
    arguments = [sys.executable, "-c", CALIBRATE, str(tmp_path / "frozen"), str(tmp_path / "m.tflite")]
    done = subprocess.run(
        arguments, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    samples = models.samples_for(source.inputs, 16)
    (wanted,), (inputs,) = source.predict(samples).values(), samples.values()
    np.testing.assert_allclose(tflite_answers((tmp_path / "m.tflite").read_bytes(), inputs), wanted, atol=0.03)


def traced(body: Callable[[Any], Any], *shape: int) -> FrozenGraph:
    """The frozen graph of a function of one tensor "x"; its output is "y"."""
    return freezing.freeze(lambda given: [body(*given)], [TensorSpec(name="x", shape=shape, dtype="float32")], ["y"])


def computed(frozen: FrozenGraph, values: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    return np.asarray(frozen.function()(tf.constant(values))[0])


@pytest.mark.parametrize(
    ("bound", "bounded"),
    [(1e7, True), (0.5, True), ([2.0, 4.0], True), (-0.5, False), (0.0, False), ([2.0, -4.0], False), (1e30, False)],
)
def test_the_least_length_is_bounded_where_the_bound_is_a_length(bound: Any, bounded: bool) -> None:
    import tensorflow as tf

    frozen = traced(lambda x: tf.minimum(tf.math.rsqrt(x), tf.constant(bound, tf.float32)), 3, 2)
    after = canonical_by(frozen, (zero_vectors.rewrite,))
    assert ("Maximum" in ops(after)) == bounded
    assert ("Minimum" in ops(after)) != bounded
    values = np.array([[0, 1e-12], [0.04, 1], [9, 1e8]], np.float32)
    np.testing.assert_allclose(computed(after, values), computed(frozen, values), rtol=1e-6)


@pytest.mark.parametrize(
    ("axis", "kept"), [(-1, True), (2, True), (1, False), ([1, 2], False)], ids=["last", "third", "second", "two"]
)
def test_the_square_of_a_length_over_the_last_axis_stays(axis: Any, kept: bool) -> None:
    import tensorflow as tf

    def body(x: Any) -> Any:
        total = tf.reduce_sum(tf.square(x), axis, keepdims=True)
        return x * tf.math.rsqrt(tf.maximum(total, 1e-9)) + tf.square(x + 1)

    frozen = traced(body, 1, 3, 4)
    after = canonical_by(frozen, (square.rewrite,))
    assert ops(frozen)["Square"] == 2
    assert ops(after).get("Square", 0) == int(kept)
    values = np.random.default_rng(0).normal(size=(1, 3, 4)).astype(np.float32)
    np.testing.assert_allclose(computed(after, values), computed(frozen, values), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64"])
def test_whole_numbers_are_divided_rounding_down_in_their_whole_range(dtype: str) -> None:
    import tensorflow as tf

    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    numbers = np.array([least, least + 1, -7, -1, 0, 1, 7, 253, 254, most - 1, most], np.float64)
    numbers = np.unique(numbers[(numbers >= least) & (numbers <= most) & (abs(numbers) < 2**31 - 1)])
    divisors = [
        divisor for divisor in (1, 2, 3, 100, -3, -100, 255, least, most) if least <= divisor <= most and divisor
    ]
    divided, by = numbers.astype(dtype)[:, None], np.array(divisors, dtype)

    def body(halves: Any) -> Any:  # float32 holds no int32: its upper and lower half do
        wide = tf.cast(halves[0, 0], tf.int64) * 2**16 + tf.cast(halves[0, 1], tf.int64)
        x, y = tf.cast(wide, dtype)[:, None], tf.constant(by)
        return tf.concat([x // y, x % y], 1)

    halves = np.stack(np.divmod(numbers, 2**16)).astype(np.float32)[None]
    frozen = traced(body, *halves.shape)
    wanted = np.concatenate([divided // by, divided % by], 1)
    np.testing.assert_array_equal(computed(frozen, halves), wanted)
    after = canonical(frozen, "onnx")
    np.testing.assert_array_equal(computed(after, halves), wanted)
    np.testing.assert_array_equal(onnx_answers(to_onnx(after), halves), wanted)


@pytest.mark.parametrize("rate", [1, 2])
def test_only_the_kernel_of_a_dilated_transposed_convolution_is_read(
    rate: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    layer = keras.layers.Conv2DTranspose(3, 3, dilation_rate=rate, bias_initializer="random_normal")
    frozen = traced(layer, 1, 5, 4, 2)
    read: list[str] = []
    value = dilated_transposed.constant_value
    monkeypatch.setattr(
        dilated_transposed, "constant_value", lambda proto, name: (read.append(name), value(proto, name))[1]
    )
    after = canonical_by(frozen, (dilated_transposed.rewrite,))
    assert len(read) == rate - 1
    sample = np.random.default_rng(0).normal(size=(1, 5, 4, 2)).astype(np.float32)
    np.testing.assert_allclose(computed(after, sample), computed(frozen, sample), atol=1e-5)
