"""Core ML packages are proven without a Mac: what is wrong in the saved file fails, with the layer's name."""

from __future__ import annotations

import json
import re
import shutil
import struct
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from edgecv_converters.coreml.describe import describe
from edgecv_converters.coreml.names import identifier
from edgecv_converters.coreml.reference import HOW, ReferenceCoreML
from edgecv_converters.graph.node_sketches import sketches
from edgecv_converters.mil import load_program
from edgecv_converters.targets import find
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.digest import sha256_tree, tree_bytes

from tests import models
from tests.command import edgecv
from tests.integration.coreml_int8_models import graph_of, int8_of, package_of, pairs
from tests.integration.test_coreml_int8 import digits

WEIGHTS = Path("Data/com.apple.CoreML/weights/weight.bin")
MODEL = Path("Data/com.apple.CoreML/model.mlmodel")
PACKAGE = "coreml/model.float16.mlpackage"
FLOAT16 = 1  # the weight file's number for it


@pytest.fixture(scope="module")
def bundle(digits_model, digits_folder, tmp_path_factory):
    """A bundle with a float16 package alone."""
    out = tmp_path_factory.mktemp("coreml_proof") / "digits.edgecv"
    data = ("--evaluate", digits_folder / "test")
    result = edgecv("convert", digits_model, "-o", out, "-p", "rescale", "-q", "coreml:float16", *data)
    assert result.code == 0, result.err
    return out


@pytest.fixture
def copy(bundle, tmp_path):
    """The bundle once more, to be spoiled."""
    return Path(shutil.copytree(bundle, tmp_path / "digits.edgecv"))


def spoil(folder, operation, parameter, change):
    """Change a stored parameter of an operation in place; the bundle's digests then say that this is as it should be.

    Args:
        folder: The bundle.
        operation: A part of the operation's name.
        parameter: "weight" or "bias".
        change: From the stored values, float32 in their shape, to others.
    """
    package = folder / PACKAGE
    model, block = opened(package)
    (user,) = (op for op in block.operations if parameter in op.inputs and operation in op.outputs[0].name)
    name = user.inputs[parameter].arguments[0].name
    (constant,) = (op for op in block.operations if op.outputs[0].name == name)
    shape = [dimension.constant.size for dimension in constant.outputs[0].type.tensorType.dimensions]
    value = constant.attributes["val"]
    if value.WhichOneof("value") == "immediateValue":
        tensor = value.immediateValue.tensor.bytes
        tensor.values = changed(tensor.values, shape, change)
        (package / MODEL).write_bytes(model.SerializeToString(deterministic=True))
    else:
        data = bytearray((package / WEIGHTS).read_bytes())
        sentinel, kind, size, place = struct.unpack_from("<IIQQ", data, value.blobFileValue.offset)
        assert (sentinel, kind) == (0xDEADBEEF, FLOAT16)
        data[place : place + size] = changed(bytes(data[place : place + size]), shape, change)
        (package / WEIGHTS).write_bytes(data)
    sign(folder)


def changed(data, shape, change):
    """Other float16 values for the stored ones."""
    values = np.frombuffer(data, np.float16).reshape(shape).astype(np.float32)
    return change(values).astype(np.float16).tobytes()


def opened(package):
    """The package's protobuf message, and its program's operations."""
    from coremltools.proto import Model_pb2

    model = Model_pb2.Model.FromString((package / MODEL).read_bytes())
    return model, next(iter(model.mlProgram.functions["main"].block_specializations.values()))


def sign(folder):
    """Let the manifest hold the digest of the package as it is now."""
    manifest = json.loads((folder / "bundle.json").read_text())
    package = folder / PACKAGE
    manifest["artifacts"][0] |= {"sha256": sha256_tree(package), "bytes": tree_bytes(package)}
    (folder / "bundle.json").write_text(json.dumps(manifest))


def failure(folder, code=3):
    """What `edgecv verify` says of a bundle that must fail."""
    result = edgecv("verify", folder)
    assert result.code == code, result.out + result.err
    return result.message


def test_it_passes_by_reference_evaluation(bundle):
    with Bundle.load(bundle) as loaded:
        (parity,) = loaded.manifest.parity
        (artifact,) = loaded.manifest.artifacts
    assert (parity.status, parity.how, artifact.parity) == ("passed", HOW, "passed")
    assert parity.comparisons["evaluation"].count == 200
    assert parity.accuracy.count == 200
    verified = edgecv("verify", bundle)
    assert verified.code == 0, verified.err
    assert "reference evaluation" in verified.out


def test_swapped_channels_are_found(copy):
    def swap(weight):
        weight[:, [0, 1]] = weight[:, [1, 0]]
        return weight

    spoil(copy, "conv_2", "weight", swap)
    assert "the first suspect is the conv of layer conv_2: its result is" in failure(copy)


def test_a_wrong_bias_is_found(copy):
    def shift(bias):
        bias[3] += 1
        return bias

    spoil(copy, "conv_1", "bias", shift)
    assert "the first suspect is the conv of layer conv_1: its result is" in failure(copy)


def biased(x, y):
    """A dense layer whose bias is much larger than its product, which the int8 file is named after."""
    import tensorflow as tf

    weight = np.random.default_rng(0).normal(0, 0.05, (x.shape[-1], 8)).astype(np.float32)
    with tf.name_scope("dense"):
        product = tf.matmul(tf.reshape(x, (-1, x.shape[-1])), weight, name="MatMul")
        far = tf.nn.bias_add(product, np.linspace(-5, 5, 8, dtype=np.float32), name="BiasAdd")
    return {"answer": tf.nn.softmax(far)}


@pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")  # coremltools' own temporary folders
@pytest.mark.parametrize("name", ["digits", "biased"])
def test_an_int8_program_that_is_right_has_no_suspect_by_other_names(name, tmp_path):
    """A product before its activation is not held against the result, nor one with a bias against one without."""
    if name == "digits":
        graph, data = digits("float32")
        sample = {"image": models.digits()[0][:1, ..., None] / np.float32(255)}
    else:
        graph = graph_of(biased)
        data, sample = int8_of(graph, pairs(40)), pairs(1)[0]
    package = tmp_path / "model.mlpackage"
    program = package_of(data, graph, package, "float32")
    known = sketches(graph, sample)
    products = {o.name for o in program.operations if o.type in {"conv", "linear", "relu"}}
    assert products & {identifier(one.node) for one in known}
    taken, given, _, _ = describe(package, graph.inputs, graph.outputs)
    with closing(ReferenceCoreML(package, taken, given)) as backend:
        suspect = backend.suspect({io.name: sample[io.name] for io in taken}, known)
    assert suspect is None or suspect.deviation < 0.05


def test_a_transposed_kernel_is_found(copy):
    spoil(copy, "conv_2", "weight", lambda weight: weight.swapaxes(2, 3))
    assert "the first suspect is the conv of layer conv_2: its result is" in failure(copy)


def test_an_overflow_is_found(copy):
    spoil(copy, "conv_1", "weight", lambda weight: weight * 60000 / np.abs(weight).max())
    message = failure(copy)
    assert re.search(r"float16 overflows in \S*conv_\d\S* \(conv\), fed with values up to", message)
    assert "the first suspect is the conv of layer conv_" in message


def test_a_bundle_without_sketches_still_fails_on_what_the_outputs_say(copy):
    golden = copy / "golden" / "golden.json"
    content = json.loads(golden.read_text())
    content["layers"] = []
    golden.write_text(json.dumps(content))
    manifest = json.loads((copy / "bundle.json").read_text())
    manifest["golden"]["sha256"] = sha256(golden.read_bytes()).hexdigest()
    (copy / "bundle.json").write_text(json.dumps(manifest))
    spoil(copy, "digits_digit", "bias", lambda bias: bias[::-1])
    message = failure(copy)
    assert "parity failed for coreml/model.float16.mlpackage" in message
    assert "suspect" not in message


def test_an_operation_that_the_evaluator_does_not_know_is_named(copy):
    package = copy / PACKAGE
    model, block = opened(package)
    next(op for op in block.operations if op.type == "relu").type = "rectify"
    (package / MODEL).write_bytes(model.SerializeToString(deterministic=True))
    sign(copy)
    assert "does not know the operation type 'rectify'" in failure(copy, code=1)


def huge_inside():
    """A model whose first layer gives values beyond float16's, which the second brings back."""
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1), name="image"),
            layers.Conv2D(4, 3, activation="relu", name="large"),
            layers.Conv2D(4, 3, activation="relu", name="small"),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(3, activation="softmax", name="scores"),
        ],
        name="huge",
    )
    for name, factor in {"large": 1e6, "small": 1e-6}.items():
        kernel, bias = model.get_layer(name).get_weights()
        model.get_layer(name).set_weights([kernel * np.float32(factor), bias])
    return model


def test_what_overflows_float16_stays_in_float32(tmp_path, digits_folder):
    path = tmp_path / "huge.keras"
    huge_inside().save(path)
    out = tmp_path / "huge.edgecv"
    result = edgecv("convert", path, "-o", out, "-p", "rescale", "-q", "coreml:float16", "--task", "regression")
    assert result.code == 0, result.err
    assert "float16 overflows in" in result.message
    assert "which stay float32" in result.message
    program = load_program(out / PACKAGE)
    wide = {op.name: op.outputs[0].dtype for op in program.operations if op.type in {"conv", "softmax"}}
    large = next(dtype for name, dtype in wide.items() if "large" in name)
    assert large == "float32"
    assert wide[next(name for name in wide if "scores" in name)] == "float16"


def test_a_mac_would_run_core_ml_as_well(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert find("coreml").methods() == ("reference", "runtime")
    assert find("tflite").methods() == ("runtime",)
    monkeypatch.setattr(sys, "platform", "linux")
    assert find("coreml").methods() == ("reference",)


def test_the_bundle_and_the_package_name_each_other(bundle):
    manifest = json.loads((bundle / "bundle.json").read_text())
    assert load_program(bundle / PACKAGE).metadata["edgecv.bundle"] == manifest["identity"]


def test_evaluate_runs_a_package_that_is_asked_for(bundle, digits_folder):
    result = edgecv("evaluate", bundle / PACKAGE, digits_folder / "test")
    assert result.code == 0, result.err
    assert "coreml/model.float16.mlpackage" in result.out
