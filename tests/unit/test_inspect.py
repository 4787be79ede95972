"""What `inspect` finds in ONNX files, Core ML packages, bundles and in what is none of them."""

import os
import zipfile

import msgspec
import numpy as np
import onnx
import pytest
from edgecv_runtime.bundle import encode_manifest
from edgecv_runtime.errors import BundleError, EdgecvError, SourceError
from edgecv_runtime.preprocess.presets import normalization
from edgecv_runtime.schema import Cpu, GoldenInfo, HeadSpec, Manifest, Preprocess, Provenance, TensorSpec
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from edgecv.inspect import inspect, tables
from edgecv.inspect.quiet import quiet_stderr
from edgecv.terminal.console import PlainConsole
from tests.unit.report_data import report


def shown(found):
    console = PlainConsole(width=80, force_terminal=False)
    with console.capture() as capture:
        for table in tables(found):
            console.print(table)
    text = capture.get()
    assert max(len(line) for line in text.splitlines()) <= 80
    return text


def qdq_model():
    """Quantized convolution and relu, then a float softmax; uint8 in."""
    rng = np.random.default_rng(1)
    constants = {
        "xs": np.float32(0.5),
        "xz": np.uint8(3),
        "w": rng.integers(-127, 128, (4, 3, 1, 1)).astype(np.int8),
        "ws": np.full(4, 0.1, np.float32),
        "wz": np.zeros(4, np.int8),
        "shift": np.ones((1, 4, 1, 1), np.float32),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "xs", "xz"], ["xf"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], axis=0),
        helper.make_node("Conv", ["xf", "wf"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "xs", "xz"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "xs", "xz"], ["d"]),
        helper.make_node("Add", ["d", "shift"], ["a"]),
        helper.make_node("Softmax", ["a"], ["y"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.UINT8, ["n", 3, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 2, 2])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_onnx_shares_and_ports(tmp_path):
    onnx.save(qdq_model(), tmp_path / "m.onnx")
    found = inspect(tmp_path / "m.onnx")
    assert found.format == "ONNX IR 8, opset 17"
    assert found.ops == {"Add": 1, "Conv": 1, "DequantizeLinear": 3, "QuantizeLinear": 1, "Relu": 1, "Softmax": 1}
    assert found.quantized_ops == 3 / 4
    assert found.weight_bytes == {"float32": 16, "int8": 12}
    assert found.quantized_weights == 12 / 28
    assert found.inputs[0].shape == (-1, 3, 2, 2)
    assert msgspec.to_builtins(found.inputs[0].quantization) == {"scale": 0.5, "zero_point": 3}
    assert found.outputs[0].quantization is None
    text = shown(found)
    assert "quantized ops      75.0" in text
    assert "scale 0.5, zero 3" in text
    assert msgspec.json.decode(msgspec.json.encode(found))["kind"] == "artifact"


def test_a_float_onnx_has_nothing_quantized(tmp_path):
    node = helper.make_node("Add", ["x", "b"], ["y"])
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    weight = numpy_helper.from_array(np.ones(1, np.float16), "b")
    graph = helper.make_graph([node], "g", ports[:1], ports[1:], [weight])
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx")
    found = inspect(tmp_path / "m.onnx")
    assert (found.quantized_ops, found.quantized_weights, found.weight_bytes) == (0, 0, {"float16": 2})


CLASSES = tuple(f"[red]class {n}" for n in range(10))


def manifest(**more):
    made = report()
    fields = {
        "schema_version": 2,
        "name": "resnet8",
        "identity": "1d" * 32,
        "inputs": (TensorSpec(name="image", shape=(1, 32, 32, 3), dtype="float32"),),
        "outputs": (TensorSpec(name="scores", shape=(1, 10), dtype="float32"),),
        "preprocess": {"image": Preprocess(size=(32, 32), color="bgr", normalize=normalization("caffe"))},
        "heads": (HeadSpec(name="scores", kind="classification", outputs=("scores",), labels=CLASSES),),
        "labels": CLASSES,
        "artifacts": made.artifacts,
        "quantization": made.quantization,
        "parity": made.parity,
        "provenance": Provenance(
            edgecv="0.1.0", source=made.source, recipe={}, versions={}, cpu=Cpu(architecture="x86_64", flags=())
        ),
        "golden": GoldenInfo(file="golden/golden.json", sha256="0" * 64, count=8),
    }
    return Manifest(**{**fields, **more})


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "resnet8.edgecv"
    folder.mkdir()
    (folder / "bundle.json").write_bytes(encode_manifest(manifest()))
    return folder


def test_a_bundle_in_words(bundle):
    found = inspect(bundle)
    text = " ".join(shown(found).split())
    assert "picture, upright by EXIF → bgr → stretched to 32" in text
    assert "(caffe)" in text
    assert "10: [red]class 0, [red]class 1" in text
    assert "golden cases 8" in text
    assert "tflite/model2.int8.tflite 89.2 kB not run 9" in text
    assert "200 calibration samples" in text
    assert found.manifest == manifest()


@pytest.mark.parametrize("prefix", ["", "resnet8.edgecv/"])
def test_a_zipped_bundle_is_the_same(bundle, tmp_path, prefix):
    packed = tmp_path / "r.edgecv.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(bundle / "bundle.json", f"{prefix}bundle.json")
    assert inspect(packed).manifest == inspect(bundle).manifest


def test_a_bundle_from_the_future(bundle):
    (bundle / "bundle.json").write_bytes(encode_manifest(manifest(schema_version=99)))
    with pytest.raises(BundleError, match="schema version is 99"):
        inspect(bundle)


@pytest.fixture
def wrong(tmp_path):
    (tmp_path / "empty.tflite").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "note.txt").write_text("hello")
    (tmp_path / "damaged.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3" + b"\xff" * 400)
    (tmp_path / "text.onnx").write_text("not a protobuf at all, really")
    (tmp_path / "hollow.onnx").write_bytes(b"")
    onnx.save(onnx.ModelProto(), tmp_path / "nothing.onnx")
    (tmp_path / "x.mlpackage").mkdir()
    (tmp_path / "x.mlpackage" / "Manifest.json").write_text("{}")
    (tmp_path / "r.edgecv").mkdir()
    (tmp_path / "r.edgecv" / "bundle.json").write_text("{")
    Image.new("RGB", (2, 2)).save(tmp_path / "cat.png")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent", "does not exist"),
        ("empty.tflite", "is empty"),
        ("damaged.tflite", "damaged TFLite"),
        ("text.onnx", "no ONNX model"),
        ("nothing.onnx", "is empty"),
        ("x.mlpackage", "damaged Core ML"),
        ("r.edgecv", "not JSON"),
        ("cat.png", "PNG"),
        ("folder", "folder"),
    ],
)
def test_wrong_things_are_one_clear_error(wrong, name, words):
    with pytest.raises(EdgecvError) as caught:
        inspect(wrong / name)
    assert words in caught.value.message
    assert caught.value.hint
    assert isinstance(caught.value, (BundleError, SourceError))


def chatter(error=None):
    with quiet_stderr():
        os.write(2, b"chatter")
        if error is not None:
            raise error


def test_native_chatter_is_held_back(capfd):
    chatter()
    with pytest.raises(SourceError):
        chatter(SourceError("explained"))
    assert capfd.readouterr().err == ""
    with pytest.raises(ZeroDivisionError):
        chatter(ZeroDivisionError())
    os.write(2, b", and back")
    assert capfd.readouterr().err == "chatter, and back"
