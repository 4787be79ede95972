"""An .onnx file is walked before ONNX Runtime gets it: damage, and whatever names another file, is one error."""

from __future__ import annotations

import random
import subprocess
import sys

import msgspec
import numpy as np
import onnx
import pytest
from edgecv_converters.onnx.inspect import inspect_onnx
from edgecv_runtime.backends.structure.onnx import MOST_NESTED, check_onnx
from edgecv_runtime.bundle import encode_manifest
from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.errors import BundleError
from edgecv_runtime.predictor import load
from onnx import TensorProto, helper, numpy_helper

from edgecv.inspect import tables
from tests import bundles


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "whole.onnx"
    bundles.write_onnx(path, integers=True)
    return path


def external(tensor):
    """Take a constant's bytes from a file beside the model."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "w.bin"), ("offset", "0"), ("length", "4")):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value


def in_initializer(model):
    external(model.graph.initializer[0])


def location_alone(model):
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL


def entries_alone(model):
    external(model.graph.initializer[0])
    model.graph.initializer[0].ClearField("data_location")


def in_attribute(model):
    node = helper.make_node("Constant", [], ["c"], value=numpy_helper.from_array(np.zeros(1, np.float32)))
    external(node.attribute[0].t)
    model.graph.node.append(node)


def in_list_of_tensors(model):
    node = helper.make_node("Constant", [], ["c"])
    node.attribute.append(helper.make_attribute("values", [numpy_helper.from_array(np.zeros(1, np.float32))]))
    external(node.attribute[0].tensors[0])
    model.graph.node.append(node)


def in_branch(model):
    inner = onnx.ModelProto()
    inner.CopyFrom(model)
    in_attribute(inner)
    model.graph.node.append(helper.make_node("If", ["b"], ["y"], then_branch=inner.graph, else_branch=inner.graph))


def in_list_of_graphs(model):
    inner = onnx.ModelProto()
    inner.CopyFrom(model)
    in_initializer(inner)
    node = helper.make_node("Loops", [], ["y"])
    node.attribute.append(helper.make_attribute("bodies", [inner.graph]))
    model.graph.node.append(node)


def compiled(model):
    """A node that ONNX Runtime replaces by a file that it names."""
    model.graph.node.append(
        helper.make_node("EPContext", [], ["y"], domain="com.microsoft", embed_mode=0, ep_cache_context="../x.bin")
    )


def nested(model):
    for _ in range(MOST_NESTED):
        graph = helper.make_graph([helper.make_node("If", ["b"], ["y"], then_branch=model.graph)], "g", [], [])
        model.graph.CopyFrom(graph)


def ill(word):
    return lambda data: data.replace(word, b"\xff" * len(word))


HARM = {
    "initializer": (in_initializer, "external file (location, w.bin"),
    "location alone": (location_alone, "external file"),
    "entries alone": (entries_alone, "external file"),
    "attribute": (in_attribute, "external file"),
    "tensors": (in_list_of_tensors, "external file"),
    "branch": (in_branch, "external file"),
    "graphs": (in_list_of_graphs, "external file"),
    "compiled": (compiled, "operators of the domain 'com.microsoft'"),
    "other domain": (lambda m: m.opset_import.append(helper.make_opsetid("x", 1)), "operators of the domain 'x'"),
    "sparse": (lambda m: m.graph.sparse_initializer.add(), "sparse constants"),
    "sparse attribute": (lambda m: m.graph.node[0].attribute.add().sparse_tensor.dims.append(1), "sparse constants"),
    "function": (lambda m: m.functions.add(name="f", domain=""), "functions"),
    "training": (lambda m: m.training_info.add(), "a way to train it"),
    "nested": (nested, "nested more than"),
    "long name": (lambda m: setattr(m.graph, "name", "x" * 100_000), "a text of 100,000 bytes"),
}


@pytest.mark.parametrize(("change", "words"), HARM.values(), ids=HARM)
def test_what_takes_from_elsewhere_is_refused(whole, tmp_path, change, words):
    model = onnx.load(whole)
    change(model)
    (tmp_path / "bad.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(BundleError, match=r"onnx/bad\.onnx is damaged") as caught:
        check_onnx(tmp_path / "bad.onnx", "onnx/bad.onnx")
    assert words in caught.value.message


def test_a_bundle_with_such_a_file_is_refused_though_its_digest_fits(tmp_path):
    manifest = bundles.write_bundle(tmp_path)
    artifact = manifest.artifacts[1]
    file = tmp_path / artifact.file
    model = onnx.load(file)
    in_initializer(model)
    file.write_bytes(model.SerializeToString())
    (file.parent / "w.bin").write_bytes(bytes(4))
    changed = msgspec.structs.replace(artifact, sha256=sha256_tree(file), bytes=tree_bytes(file))
    (tmp_path / "bundle.json").write_bytes(encode_manifest(msgspec.structs.replace(manifest, artifacts=(changed,))))
    with pytest.raises(BundleError, match=r"onnx/model\.int8\.onnx is damaged.*external file \(location, w\.bin"):
        load(tmp_path)


DAMAGE = {
    "empty": lambda _: b"",
    "text": lambda _: b"no model at all",
    "cut": lambda data: data[:-1],
    "half": lambda data: data[: len(data) // 2],
    "node's name": ill(b"Softmax"),
    "tensor's name": ill(b"pixels_q"),
    "graph's name": ill(b"strongest_colour"),
    "no graph": lambda _: b"\x08\x08",
    "two graphs": lambda data: data * 2,
    "endless number": lambda data: b"\xff" * 20 + data,
    "group": lambda data: b"\x0b" + data,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damage_is_refused(whole, tmp_path, damage):
    (tmp_path / "bad.onnx").write_bytes(damage(whole.read_bytes()))
    with pytest.raises(BundleError, match=r"bad\.onnx is damaged: \S"):
        check_onnx(tmp_path / "bad.onnx", "bad.onnx")


@pytest.mark.parametrize("word", [b"Softmax", b"pixels_q", b"scores_q", b"tenth", b"logits"])
def test_inspect_refuses_names_that_are_no_text(whole, tmp_path, word):
    (tmp_path / "bad.onnx").write_bytes(ill(word)(whole.read_bytes()))
    with pytest.raises(BundleError, match=r"bad\.onnx"):
        inspect_onnx(tmp_path / "bad.onnx")


@pytest.mark.parametrize("integers", [False, True])
def test_a_whole_file_passes(tmp_path, integers):
    bundles.write_onnx(tmp_path / "m.onnx", integers=integers)
    check_onnx(tmp_path / "m.onnx", "m.onnx")


def mutations(data, count):
    draw = random.Random(3)
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(draw.choice((1, 1, 2, 4))):
            changed[draw.randrange(len(changed))] = draw.choice((0, 1, 2, 0x7F, 0x80, 0xFF, draw.randrange(256)))
        yield bytes(changed)


RUN = """
import sys
from pathlib import Path
import onnxruntime
options = onnxruntime.SessionOptions()
options.log_severity_level = 4
for path in sorted(Path(sys.argv[1]).glob("*.onnx")):
    try:
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception:
        pass
"""


def test_random_damage_is_one_error_or_does_no_harm(whole, tmp_path):
    """Nothing but a BundleError comes of the walk and of inspect, and what passes does not end the process."""
    pytest.importorskip("onnxruntime")
    passed = 0
    for number, data in enumerate(mutations(whole.read_bytes(), 400)):
        file = tmp_path / f"{number:04}.onnx"
        file.write_bytes(data)
        try:
            found = inspect_onnx(file)
            tables(found)
            msgspec.json.encode(found)
        except BundleError as error:
            assert file.name in error.message  # noqa: PT017 - most pass
        try:
            check_onnx(file, file.name)
        except BundleError:
            file.unlink()
        else:
            passed += 1
    assert 20 < passed < 380
    done = subprocess.run([sys.executable, "-c", RUN, tmp_path], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_inspect_reads_no_other_file(whole, tmp_path, monkeypatch):
    model = onnx.load(whole)
    scale = next(tensor for tensor in model.graph.initializer if tensor.name == "one")
    external(scale)
    (tmp_path / "w.bin").write_bytes(np.float32(7).tobytes())
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    monkeypatch.chdir(tmp_path)
    found = inspect_onnx(tmp_path / "m.onnx")
    assert found.inputs[0].quantization is None or found.inputs[0].quantization.scale != 7
