"""The int8 ONNX model says what the int8 TFLite file says: scales, dtypes, answers."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from edgecv_converters.onnx.describe import describe
from edgecv_converters.onnx.int8 import from_tflite
from edgecv_converters.onnx.layer_maps import layer_maps
from edgecv_converters.targets import IoType
from edgecv_converters.tflite.describe import describe as describe_tflite
from edgecv_converters.tflite.describe import load
from edgecv_converters.tflite.layer_maps import layer_maps as tflite_maps
from edgecv_runtime.errors import UsageError
from onnx import numpy_helper

from tests import models
from tests.integration.onnx_models import (
    NETWORKS,
    clip_classifier,
    frozen,
    int8_file,
    network,
    onnx_answers,
    onnx_session,
    samples,
    tflite_answers,
)

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
TOLERANCE = {"recurrent": 3, "squeeze_excite": 3}


@lru_cache(maxsize=3)
def digits(io: IoType) -> tuple[Any, bytes, Any]:
    graph = frozen(models.trained_digits(), "tflite")
    pixels = models.digits()[0][:100, ..., None] / np.float32(255)
    content = int8_file(graph, pixels, io)
    return graph, content, from_tflite(content, inputs=graph.inputs, outputs=graph.outputs)


def constants(model: Any) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def tflite_parameters(content: bytes) -> Iterator[tuple[np.ndarray, int]]:
    for tensor in load(content).subgraphs[0].tensors:
        if tensor.quantization is not None and tensor.quantization.scale is not None:
            yield np.asarray(tensor.quantization.scale, np.float32), int(tensor.quantization.zeroPoint[0])


def test_scales_and_zero_points_are_the_tflite_files_own() -> None:
    _, content, model = digits("float32")
    known = {(scale.tobytes(), zero) for scale, zero in tflite_parameters(content)}
    values = constants(model)
    seen = 0
    for node in model.graph.node:
        if node.op_type not in {"QuantizeLinear", "DequantizeLinear"}:
            continue
        scale, zero = values[node.input[1]], values[node.input[2]]
        shift = 128 if zero.dtype == np.uint8 else 0
        assert (np.atleast_1d(scale).tobytes(), int(zero.flat[0]) - shift) in known
        seen += 1
    assert seen >= 12


def test_what_layers_give_inside_is_the_tflite_files_own(tmp_path: Path) -> None:
    _, content, model = digits("float32")
    onnx.save(model, tmp_path / "digits.onnx")
    pixels = models.digits()[0][100:105, ..., None] / np.float32(255)
    for layer in ("conv_1_1", "conv_2_1"):  # as the graph names them
        maps = layer_maps(tmp_path / "digits.onnx", layer, pixels)
        assert np.ptp(maps) > 0.5
        np.testing.assert_allclose(maps, tflite_maps(content, layer, pixels), rtol=0, atol=1e-6)
    with pytest.raises(UsageError, match="no layer 'nope'"):
        layer_maps(tmp_path / "digits.onnx", "nope", pixels)


def test_processors_that_saturate_show_layers_by_the_precise_kernels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, model = digits("float32")
    onnx.save(model, tmp_path / "digits.onnx")
    monkeypatch.setattr("edgecv_runtime.ort.saturates_int8", lambda: True)
    seen, real = [], onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *a, **k: seen.append(a[1]) or real(*a, **k))
    layer_maps(tmp_path / "digits.onnx", "conv_2_1", models.digits()[0][:1, ..., None] / np.float32(255))
    assert [one.get_session_config_entry("session.x64quantprecision") for one in seen] == ["1"]


def test_weights_are_the_tflite_files_own() -> None:
    _, content, model = digits("float32")
    flat = load(content)
    raw = {bytes(b.data) for b in flat.buffers if b.data is not None}
    dense = next(v for k, v in constants(model).items() if v.dtype == np.int8 and v.ndim == 2)
    assert dense.tobytes() in raw
    conv = next(v for v in constants(model).values() if v.dtype == np.int8 and v.ndim == 4 and v.shape[0] == 16)
    assert np.ascontiguousarray(conv.transpose(0, 2, 3, 1)).tobytes() in raw


def test_activations_are_uint8_weights_int8_biases_int32() -> None:
    _, _, model = digits("float32")
    inferred = onnx.shape_inference.infer_shapes(model)
    kinds = {v.type.tensor_type.elem_type for v in inferred.graph.value_info}
    assert onnx.TensorProto.INT8 not in kinds
    assert onnx.TensorProto.UINT8 in kinds
    dtypes = {value.dtype.name for value in constants(model).values()}
    assert {"int8", "int32", "uint8"} <= dtypes


def test_the_file_says_what_it_needs_without_vnni() -> None:
    _, _, model = digits("float32")
    held = {entry.key: entry.value for entry in model.metadata_props}
    assert "session.x64quantprecision" in held["edgecv.x86_without_vnni"]


def test_the_file_loads_with_the_option_for_old_processors() -> None:
    _, _, model = digits("float32")
    pixels = models.digits()[0][:20, ..., None] / np.float32(255)
    np.testing.assert_array_equal(onnx_answers(model, pixels, precise=True), onnx_answers(model, pixels))


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
def test_steps_that_share_weights(cell: str) -> None:
    graph = frozen(clip_classifier(cell), "tflite")
    rng = np.random.default_rng(0)
    clips = (rng.normal(0, 1, (400, 4, 1, 1, 1)) + rng.normal(0, 1, (400, 4, 18, 18, 1))).astype(np.float32)
    content = int8_file(graph, clips[:30])
    model = from_tflite(content, inputs=graph.inputs, outputs=graph.outputs)
    held = {entry.key: entry.value for entry in model.metadata_props}
    assert held["edgecv.weights"] == "int8, uint8"
    wanted, found = tflite_answers(content, clips), onnx_answers(model, clips)
    assert np.bincount(wanted.argmax(1), minlength=3).min() >= 20
    assert (wanted.argmax(1) == found.argmax(1)).mean() >= 0.995
    np.testing.assert_array_equal(onnx_answers(model, clips, precise=True), found)


def test_answers_on_digits() -> None:
    _, content, model = digits("float32")
    pixels = models.digits()[0][:500, ..., None] / np.float32(255)
    wanted, found = tflite_answers(content, pixels), onnx_answers(model, pixels)
    assert len(set(wanted.argmax(1))) == 10
    assert (wanted.argmax(1) == found.argmax(1)).mean() >= 0.995


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_integer_inputs_and_outputs_stay(io: IoType) -> None:
    graph, content, model = digits(io)
    taken, given, _ = describe(model, graph.inputs, graph.outputs)
    taken_tflite, given_tflite, _ = describe_tflite(content, graph.inputs, graph.outputs)
    for ours, theirs in zip((*taken, *given), (*taken_tflite, *given_tflite), strict=True):
        assert (ours.name, ours.dtype, ours.shape) == (theirs.name, io, theirs.shape)
        assert ours.quantization == theirs.quantization
        assert ours.quantization is not None
    pixels = models.digits()[0][:50, ..., None]
    inputs = pixels if io == "uint8" else (pixels.astype(np.int16) - 128).astype(np.int8)
    wanted, found = tflite_answers(content, inputs), onnx_answers(model, inputs)
    assert wanted.dtype == found.dtype == io
    assert np.abs(wanted.astype(int) - found.astype(int)).max() <= 2


@pytest.mark.parametrize("io", ["int8", "uint8"])
@pytest.mark.parametrize("channels", [1, 3])
def test_integer_maps_as_answers_keep_their_scales(io: IoType, channels: int) -> None:
    """Such an answer is moved after it is rounded: a mask by a Reshape, a picture by a Transpose."""
    import keras

    source = keras.Input((16, 16, 3), name="image")
    inner = keras.layers.Conv2D(16, 3, padding="same", activation="relu")(source)
    graph = frozen(keras.Model(source, keras.layers.Conv2D(channels, 1, activation="sigmoid")(inner)), "tflite")
    content = int8_file(graph, samples((16, 16, 3), 8), io)
    model = from_tflite(content, inputs=graph.inputs, outputs=graph.outputs)
    taken, given, _ = describe(model, graph.inputs, graph.outputs)
    taken_tflite, given_tflite, _ = describe_tflite(content, graph.inputs, graph.outputs)
    assert [io.quantization for io in (*taken, *given)] == [io.quantization for io in (*taken_tflite, *given_tflite)]


def test_a_picture_that_is_answered_as_well_gives_the_same_bytes_each_time() -> None:
    """The optimizers of tf2onnx went through sets of nodes in the order of their addresses."""
    import keras

    source = keras.Input((12, 12, 3), name="image")
    padded = keras.layers.ZeroPadding2D(2)(source)
    graph = frozen(keras.Model(source, [keras.layers.Conv2D(4, 3)(padded), padded]), "tflite")
    content = int8_file(graph, samples((12, 12, 3), 8))
    made = {from_tflite(content, inputs=graph.inputs, outputs=graph.outputs).SerializeToString() for _ in range(8)}
    assert len(made) == 1


def test_float_inputs_have_no_quantization() -> None:
    graph, _, model = digits("float32")
    taken, given, ops = describe(model, graph.inputs, graph.outputs)
    assert [(io.name, io.dtype, io.layout, io.quantization) for io in taken] == [("image", "float32", "NHWC", None)]
    assert [(io.name, io.shape, io.layout) for io in given] == [("answer_0", (1, 10), "none")]
    assert ops["Conv"] == 2


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_agree_with_tflite(name: str) -> None:
    model = network(NETWORKS[name])
    graph = frozen(model, "tflite")
    inputs = samples((16, 16, 3), 40)
    content = int8_file(graph, inputs)
    converted = from_tflite(content, inputs=graph.inputs, outputs=graph.outputs)
    wanted, found = tflite_answers(content, inputs), onnx_answers(converted, inputs)
    step = output_step(converted)
    assert wanted.std(0).max() > 2 * step
    assert np.abs(wanted - found).max() <= (TOLERANCE.get(name, 2) + 0.01) * step


def output_step(model: Any) -> float:
    last = next(node for node in model.graph.node if node.output[0] == model.graph.output[0].name)
    assert last.op_type == "DequantizeLinear"
    return float(constants(model)[last.input[1]])


@pytest.mark.parametrize(
    ("name", "forbidden"),
    [
        ("residual", {"Conv", "FusedConv", "Add", "Relu"}),
        ("dense_block", {"Conv", "FusedConv", "Add", "Mul", "Relu", "MaxPool"}),
        ("pooled_dense", {"Conv", "FusedConv", "Gemm", "MatMul", "QLinearMatMul", "AveragePool"}),
    ],
)
def test_onnx_runtime_fuses_to_integer_kernels(name: str, forbidden: set[str], tmp_path: Path) -> None:
    graph = frozen(network(NETWORKS[name]), "tflite")
    content = int8_file(graph, samples((16, 16, 3), 10))
    path = tmp_path / "optimized.onnx"
    onnx_session(from_tflite(content, inputs=graph.inputs, outputs=graph.outputs), optimized=str(path))
    ran = Counter(node.op_type for node in onnx.load(path).graph.node)
    assert not forbidden & set(ran)
    assert ran["QLinearConv"] >= 1


def test_the_same_file_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    graph, content, model = digits("float32")
    (tmp_path / "model.tflite").write_bytes(content)
    graph.save(tmp_path / "graph")
    code = (
        "import hashlib, pathlib, sys\n"
        "from edgecv_converters.graph.frozen import FrozenGraph\n"
        "from edgecv_converters.onnx.int8 import from_tflite\n"
        "folder = pathlib.Path(sys.argv[1]); graph = FrozenGraph.load(folder / 'graph')\n"
        "model = from_tflite(folder / 'model.tflite', inputs=graph.inputs, outputs=graph.outputs)\n"
        "print(hashlib.sha256(model.SerializeToString()).hexdigest())\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": "4711", "TF_CPP_MIN_LOG_LEVEL": "3"}
    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.split()[-1] == hashlib.sha256(model.SerializeToString()).hexdigest()


@pytest.mark.shared
def test_resnet8_agrees_on_real_images() -> None:
    if not SHARED.is_dir():
        pytest.skip("needs the models and images of ../shared")
    import tf_keras
    from PIL import Image

    model = tf_keras.models.load_model(SHARED / "models" / "resnet8_cifar10.h5", compile=False)

    def pictures(part: str, step: int) -> np.ndarray:
        files = sorted((SHARED / "data" / "cifar10_jpeg" / part).rglob("*.jpg"))[::step]
        return np.stack([np.asarray(Image.open(path).convert("RGB"), np.float32) for path in files])

    graph = frozen(model, "tflite")
    content = int8_file(graph, pictures("train", 40))
    converted = from_tflite(content, inputs=graph.inputs, outputs=graph.outputs)
    test = pictures("test", 1)
    assert len(test) == 1000
    agreed = tflite_answers(content, test).argmax(1) == onnx_answers(converted, test).argmax(1)
    assert agreed.mean() >= 0.995


@pytest.mark.shared
def test_keyword_spotting_agrees() -> None:
    if not SHARED.is_dir():
        pytest.skip("needs the models and images of ../shared")
    import tf_keras

    model = tf_keras.models.load_model(SHARED / "models" / "kws_dscnn_savedmodel", compile=False)
    inputs = np.random.default_rng(0).normal(0, 30, (300, 49, 10, 1)).astype(np.float32)
    graph = frozen(model, "tflite")
    content = int8_file(graph, inputs[:100])
    converted = from_tflite(content, inputs=graph.inputs, outputs=graph.outputs)
    wanted, found = tflite_answers(content, inputs), onnx_answers(converted, inputs)
    assert (wanted.argmax(1) == found.argmax(1)).mean() >= 0.995


def test_several_endpoints_are_paired_by_name() -> None:
    from ai_edge_litert.interpreter import Interpreter
    from edgecv_converters.tflite.convert import to_tflite

    from tests.integration.onnx_models import quiet

    graph = frozen(models.two_by_two(), "tflite")
    feeds = [{end.name: samples(end.shape, 1, seed)[0] for end in graph.inputs} for seed in range(20)]
    with quiet():
        content = to_tflite(graph, "int8", samples=lambda: iter(feeds))
    model = from_tflite(content, inputs=graph.inputs, outputs=graph.outputs)
    taken, given, _ = describe_tflite(content, graph.inputs, graph.outputs)
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    numbers = {d["name"]: d["index"] for d in (*interpreter.get_input_details(), *interpreter.get_output_details())}
    for io in taken:
        interpreter.set_tensor(numbers[io.tensor], feeds[0][io.name])
    interpreter.invoke()
    names = [end.name for end in graph.outputs]
    found = dict(zip(names, onnx_session(model).run(names, feeds[0]), strict=True))
    assert len(found) == 2
    for io in given:
        wanted = interpreter.get_tensor(numbers[io.tensor])
        np.testing.assert_allclose(found[io.name], wanted, atol=2.01 * np.ptp(wanted) / 100)
