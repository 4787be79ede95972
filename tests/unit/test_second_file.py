"""An ONNX model with a second file: it runs, and nothing else than that file, whole, is read beside it."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import msgspec
import onnx
import pytest
from edgecv_converters.onnx.inspect import inspect_onnx
from edgecv_runtime.bench.profilers.onnx import profile
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BundleError
from edgecv_runtime.predictor import load
from edgecv_runtime.preprocess import Preprocessor

from edgecv.convert.staging import write_zip
from edgecv.export.slim import choose, write_slim
from tests import bundles, second_file
from tests.second_file import FIRST, SECOND

RED = bundles.plain((200, 10, 10))
PIXELS = Preprocessor(bundles.PREPROCESS)(RED)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "colours.edgecv"
    second_file.write_bundle(root)
    return root


@pytest.fixture
def root(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "colours.edgecv"))


def opened(root):
    return load(root, target="onnx", precision="float32")


def scores(root):
    with opened(root) as predictor:
        return predictor.predict_tensor({"image": PIXELS}).outputs["colour"]


def test_it_answers_as_one_file_does(whole, tmp_path):
    bundles.write_bundle(tmp_path)
    assert scores(whole).tobytes() == scores(tmp_path).tobytes()
    Bundle.load(whole).verify_integrity()


def test_other_bundles_do_not_have_the_key(tmp_path):
    bundles.write_bundle(tmp_path)
    assert all("data" not in artifact for artifact in json.loads((tmp_path / "bundle.json").read_bytes())["artifacts"])


@pytest.mark.parametrize("command", ["zip", "slim"])
def test_it_travels_with_its_second_file(whole, tmp_path, command):
    copy = tmp_path / ("c.edgecv.zip" if command == "zip" else "c.edgecv")
    if command == "zip":
        write_zip(whole, copy)
    else:
        with Bundle.load(whole) as bundle:
            write_slim(bundle, bundle.manifest.artifacts, copy)
    with Bundle.load(copy) as bundle:
        bundle.verify_integrity()
    assert scores(copy).tobytes() == scores(whole).tobytes()


def test_its_size_is_of_both_files(whole):
    artifact = Bundle.load(whole).manifest.artifacts[0]
    assert artifact.size == artifact.bytes + 12 == inspect_onnx(whole / FIRST).bytes


def test_it_is_profiled(whole):
    with Bundle.load(whole) as bundle:
        artifact = bundle.manifest.artifacts[0]
        found = profile(artifact, bundle.path(artifact), 1, {"image": PIXELS.transpose(0, 3, 1, 2).copy()}, 0.01)
    assert [operation.operator for operation in found.operations] == ["ReduceMean", "Mul", "Softmax"]


def test_apps_get_the_other_artifacts_alone(whole):
    with Bundle.load(whole) as bundle:
        assert [artifact.precision for artifact in choose(bundle, ["onnx"], ())] == ["int8"]
        with pytest.raises(BundleError, match=r"onnx/model\.float32\.onnx has its numbers in a second file") as caught:
            choose(bundle, ["onnx"], ["onnx:float32"])
    assert "--quantize" in caught.value.hint


DAMAGE = {
    "missing": (lambda file: file.unlink(), "is missing"),
    "changed": (lambda file: file.write_bytes(bytes(12)), "was changed"),
    "longer": (lambda file: file.write_bytes(file.read_bytes() + b"x"), "was changed"),
    "a folder": (lambda file: (file.unlink(), file.mkdir(), (file / "x").write_bytes(bytes(12))), "was changed"),
}


@pytest.mark.parametrize(("damage", "words"), DAMAGE.values(), ids=DAMAGE)
def test_damage_is_found(root, damage, words):
    damage(root / SECOND)
    for call in (lambda: Bundle.load(root), lambda: Bundle.load(root, verify=False).verify_integrity()):
        with pytest.raises(BundleError, match=rf"onnx/model\.float32\.onnx\.data {words}"):
            call()


def link(root, place):
    (root / SECOND).unlink()
    (root / SECOND).symlink_to(place)


def test_links_are_refused(root, tmp_path):
    (tmp_path / "outside").write_bytes((root / SECOND).read_bytes())
    (root / "inside").write_bytes((root / SECOND).read_bytes())
    link(root, tmp_path / "outside")
    with pytest.raises(BundleError, match="leads outside the bundle"):
        opened(root)
    link(root, root / "inside")
    with pytest.raises(BundleError, match=r"model\.float32\.onnx\.data is a link"):
        opened(root)


FORMS = {
    "another name": (lambda one: one["data"].update(file="onnx/other.data"), "not its own"),
    "outside": (lambda one: one["data"].update(file="../model.float32.onnx.data"), "leaves it"),
    "absolute": (lambda one: one["data"].update(file="/etc/passwd"), "leaves it"),
    "no digest": (lambda one: one["data"].pop("sha256"), "sha256"),
    "another key": (lambda one: one["data"].update(offset=4), "offset"),
    "null": (lambda one: one.update(data=None), "data"),
    "another format": (lambda one: one.update(target="tflite"), "no tflite artifact has"),
}


@pytest.mark.parametrize(("change", "words"), FORMS.values(), ids=FORMS)
def test_a_manifest_that_cannot_be_is_refused(root, change, words):
    bundles.edit_manifest(root, lambda content: change(content["artifacts"][0]))
    with pytest.raises(BundleError) as caught:
        Bundle.load(root)
    assert words in caught.value.message


def place(**changed):
    """Say another place of the constant than its own."""

    def change(model):
        tenth = next(tensor for tensor in model.graph.initializer if tensor.name == "tenth")
        said = {entry.key: entry.value for entry in tenth.external_data} | changed
        del tenth.external_data[:]
        for key, value in said.items():
            if value is not None:
                tenth.external_data.add(key=key, value=value)

    return change


def inline(model):
    tenth = next(tensor for tensor in model.graph.initializer if tensor.name == "tenth")
    tenth.ClearField("external_data")
    tenth.ClearField("data_location")
    tenth.raw_data = bytes(4)


def twice(model):
    tenth = next(tensor for tensor in model.graph.initializer if tensor.name == "tenth")
    tenth.external_data.add(key="location", value="bundle.json")


def attribute(model):
    constant = onnx.helper.make_node("Constant", [], ["c"], value=onnx.helper.make_tensor("v", 1, [1], [0.0]))
    second_file.set_place(constant.attribute[0].t, location="model.float32.onnx.data", offset=0, length=4)
    model.graph.node.append(constant)


PLACES = {
    "another file": (place(location="../bundle.json"), r"in an external file \(\.\./bundle\.json\)"),
    "an absolute path": (place(location="/etc/passwd"), r"in an external file \(/etc/passwd\)"),
    "a way to it": (place(location="./model.float32.onnx.data"), "in an external file"),
    "beyond the end": (place(offset="9"), "reaches beyond the end of model.float32.onnx.data"),
    "a huge length": (place(length=str(1 << 62)), "reaches beyond the end"),
    "before the begin": (place(offset="-4"), "lies at '-4'"),
    "no number": (place(offset="0x4"), "lies at '0x4'"),
    "no number that ends": (place(offset="9" * 5000), "lies at '999"),
    "no length": (place(length=None), "does not say where"),
    "another key": (place(checksum="00"), "does not say where"),
    "said twice": (twice, "says its location twice"),
    "location alone": (place(location=None, offset=None, length=None), "does not say where"),
    "nothing in it": (inline, "takes nothing from model.float32.onnx.data"),
    "an attribute": (attribute, "lies in an external file"),
}


@pytest.mark.parametrize(("change", "words"), PLACES.values(), ids=PLACES)
def test_a_model_that_reads_anything_else_is_refused_though_the_digests_fit(root, change, words):
    model = onnx.load(root / FIRST, load_external_data=False)
    change(model)
    second_file.write_first(root, model)
    with pytest.raises(BundleError, match=rf"onnx/model\.float32\.onnx is damaged.*{words}"):
        opened(root)


def test_a_second_file_that_the_manifest_does_not_have_is_refused(root):
    bundles.edit_manifest(root, lambda content: content["artifacts"][0].pop("data"))
    with pytest.raises(BundleError, match=r"model\.float32\.onnx is damaged.*external file"):
        opened(root)
    with pytest.raises(BundleError, match=r"model\.float32\.onnx\.data is not listed"):
        Bundle.load(root).verify_integrity()


def test_a_zip_has_no_more_of_it_than_is_said(whole, tmp_path):
    path = tmp_path / "c.edgecv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(path for path in whole.rglob("*") if path.is_file()):
            name = file.relative_to(whole).as_posix()
            archive.writestr(name, file.read_bytes() + b"x" * (name == SECOND))
    with pytest.raises(BundleError, match=r"onnx/model\.float32\.onnx\.data in .* has more bytes than bundle\.json"):
        Bundle.load(path)


def test_one_of_an_unknown_format_is_checked_too(root):
    bundles.edit_manifest(root, lambda content: content["artifacts"][0].update(target="openvino"))
    bundle = Bundle.load(root)
    bundle.verify_integrity()
    (listed,) = bundle.unread.files
    assert [part.file for part in listed.parts] == [FIRST, SECOND]
    assert msgspec.to_builtins(listed.data)["sha256"] == hashlib.sha256((root / SECOND).read_bytes()).hexdigest()
    (root / SECOND).write_bytes(bytes(12))
    with pytest.raises(BundleError, match=r"onnx/model\.float32\.onnx\.data was changed"):
        bundle.verify_integrity()
