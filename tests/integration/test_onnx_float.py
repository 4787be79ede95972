"""float32 and float16 ONNX against the Keras model they came from."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from edgecv_converters.graph.freeze import freeze
from edgecv_converters.onnx.describe import describe
from edgecv_converters.onnx.float import to_onnx
from edgecv_converters.onnx.float16 import to_float16
from edgecv_converters.onnx.int8 import from_tflite
from edgecv_runtime.errors import ConversionError
from edgecv_runtime.schema import TensorSpec
from onnx import TensorProto, helper, numpy_helper

from tests import models
from tests.integration.onnx_models import (
    NETWORKS,
    frozen,
    int8_file,
    network,
    onnx_answers,
    onnx_session,
    samples,
)


@pytest.mark.parametrize("name", NETWORKS)
def test_float32_and_float16_agree_with_keras(name: str) -> None:
    model = network(NETWORKS[name])
    inputs = samples((16, 16, 3), 4)
    wanted = np.asarray(model(inputs, training=False))
    converted = to_onnx(frozen(model, "onnx"))
    spread = float(wanted.std())
    assert spread > 1e-2
    np.testing.assert_allclose(onnx_answers(converted, inputs), wanted, atol=2e-5 * max(1, spread))
    np.testing.assert_allclose(onnx_answers(to_float16(converted), inputs), wanted, atol=1e-2 * max(1, spread))


def test_several_endpoints_keep_names_and_order() -> None:
    model = models.two_by_two()
    graph = frozen(model, "onnx")
    converted = to_onnx(graph)
    given = {end.name: samples(end.shape, 1)[0] for end in graph.inputs}
    assert [value.name for value in converted.graph.input] == [tensor.name for tensor in model.inputs]
    found = onnx_session(converted).run([end.name for end in graph.outputs], given)
    wanted = model([given[tensor.name] for tensor in model.inputs], training=False)
    wanted = list(wanted.values()) if isinstance(wanted, dict) else list(wanted)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, np.asarray(theirs), atol=1e-5)
    taken, outputs, _ = describe(converted, graph.inputs, graph.outputs)
    assert [(io.name, io.shape) for io in taken] == [(end.name, end.shape) for end in graph.inputs]
    assert [(io.name, io.shape) for io in outputs] == [(end.name, end.shape) for end in graph.outputs]


def test_description_of_an_image_input() -> None:
    graph = frozen(network(NETWORKS["residual"]), "onnx")
    taken, _, ops = describe(to_onnx(graph), graph.inputs, graph.outputs)
    assert (taken[0].shape, taken[0].dtype, taken[0].layout) == ((1, 16, 16, 3), "float32", "NHWC")
    assert ops["Conv"] == 2


def test_float16_is_half_the_size_with_float32_endpoints() -> None:
    full = to_onnx(frozen(network(NETWORKS["dense_block"]), "onnx"))
    half = to_float16(full)
    kinds = {value.type.tensor_type.elem_type for value in (*half.graph.input, *half.graph.output)}
    assert kinds == {TensorProto.FLOAT}
    weights = [numpy_helper.to_array(t) for t in half.graph.initializer if len(t.dims) > 1]
    assert weights
    assert {w.dtype for w in weights if w.dtype != np.int64} == {np.dtype(np.float16)}


def test_a_weight_beyond_float16_is_named() -> None:
    model = to_onnx(frozen(network(NETWORKS["residual"]), "onnx"))
    tensor = next(t for t in model.graph.initializer if len(t.dims) == 4)
    values = numpy_helper.to_array(tensor).copy()
    values.flat[3] = 7e4
    name = tensor.name
    tensor.CopyFrom(numpy_helper.from_array(values, name))
    with pytest.raises(ConversionError, match="70000") as caught:
        to_float16(model)
    assert name in caught.value.message


def test_an_op_without_an_onnx_form_is_named_with_its_layer() -> None:
    import tensorflow as tf

    def call(tensors: Any) -> list[Any]:
        with tf.name_scope("model"), tf.name_scope("odd_layer"):
            return [tf.math.bessel_i0(tensors[0])]

    graph = freeze(call, [TensorSpec(name="x", shape=(1, 4), dtype="float32")], ["y"])
    with pytest.raises(ConversionError, match=r"BesselI0") as caught:
        to_onnx(graph)
    assert "odd_layer" in caught.value.message
    assert caught.value.hint


def test_a_file_that_is_no_tflite_is_a_domain_error() -> None:
    graph = frozen(network(NETWORKS["residual"]), "tflite")
    with pytest.raises(ConversionError):
        from_tflite(b"no flatbuffer at all", inputs=graph.inputs, outputs=graph.outputs)


@pytest.mark.parametrize("opset", [13, 17])
def test_the_opset_is_the_one_asked_for(opset: int) -> None:
    graph = frozen(network(NETWORKS["residual"]), "onnx")
    model = to_onnx(graph, opset=opset)
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
    assert model.producer_name == "edgecv"
    onnx.checker.check_model(model, full_check=True)
    content = int8_file(frozen(network(NETWORKS["residual"]), "tflite"), samples((16, 16, 3), 5))
    int8 = from_tflite(content, inputs=graph.inputs, outputs=graph.outputs, opset=opset)
    assert [entry.version for entry in int8.opset_import] == [opset]


def test_the_same_graph_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    graph = frozen(network(NETWORKS["squeeze_excite"]), "onnx")
    graph.save(tmp_path / "graph")
    code = (
        "import hashlib, pathlib, sys\n"
        "from edgecv_converters.graph.frozen import FrozenGraph\n"
        "from edgecv_converters.onnx.float import to_onnx\n"
        "model = to_onnx(FrozenGraph.load(pathlib.Path(sys.argv[1])))\n"
        "print(hashlib.sha256(model.SerializeToString()).hexdigest())\n"
    )
    environment = os.environ | {"PYTHONHASHSEED": "99", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", code, str(tmp_path / "graph")]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    to_onnx(frozen(network(NETWORKS["residual"]), "onnx"))  # moves tf2onnx's own counter of names
    assert run.stdout.split()[-1] == hashlib.sha256(to_onnx(graph).SerializeToString()).hexdigest()


def test_names_of_inputs_and_outputs_may_be_the_names_of_inner_tensors() -> None:
    model = to_onnx(frozen(network(NETWORKS["residual"]), "onnx"))
    inner = next(node.output[0] for node in model.graph.node if node.op_type == "Conv")
    taken = helper.make_tensor_value_info(inner, TensorProto.FLOAT, [1])
    from edgecv_converters.graph.frozen import Endpoint
    from edgecv_converters.onnx.canonical import name_endpoints

    old = model.graph.input[0].name
    ends = [Endpoint(name=taken.name, tensor=f"{old}:0", shape=(1, 16, 16, 3), dtype="float32")]
    outs = [Endpoint(name=taken.name, tensor="answer_0:0", shape=(1, 4), dtype="float32")]
    before = onnx_answers(model, samples((16, 16, 3), 2))
    name_endpoints(model, ends, outs)
    onnx.checker.check_model(model, full_check=True)
    assert (model.graph.input[0].name, model.graph.output[0].name) == (inner, f"{inner}_output")
    np.testing.assert_array_equal(onnx_answers(model, samples((16, 16, 3), 2)), before)
