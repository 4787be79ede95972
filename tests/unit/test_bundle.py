"""Reading bundles: whole ones, damaged ones, and those that mean harm."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import zipfile
from pathlib import Path

import msgspec
import pytest
from edgecv_runtime.bundle import Bundle, encode_manifest, read_manifest
from edgecv_runtime.errors import BundleError, LeftOutWarning
from edgecv_runtime.predictor import load
from edgecv_runtime.schema import Fit, Preprocess, QuantParams

from tests import bundles


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "colours.edgecv"
    bundles.write_bundle(root)
    return root


@pytest.fixture
def root(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "colours.edgecv"))


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """Where temporary folders go, to see what is left."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def pack(root, path, prefix="", method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(root.rglob("*")):
            archive.write(file, prefix + file.relative_to(root).as_posix())
    return path


def edit(root, change):
    """Change the decoded bundle.json in place."""
    content = json.loads((root / "bundle.json").read_bytes())
    change(content)
    (root / "bundle.json").write_text(json.dumps(content))


def test_a_bundle_is_read_back_as_it_was_written(whole):
    with Bundle.load(whole) as bundle:
        assert encode_manifest(bundle.manifest) == (whole / "bundle.json").read_bytes()
        assert bundle.root == whole
        assert [case.id for case in bundle.golden().cases] == ["red", "blue"]
        bundle.verify_integrity()
    assert whole.is_dir()


def test_artifacts_are_found_by_target_and_precision(whole):
    bundle = Bundle.load(str(whole))
    assert bundle.artifact().precision == "float32"
    assert bundle.artifact(precision="int8").file == "onnx/model.int8.onnx"
    assert bundle.path(bundle.artifact("onnx", "int8")) == whole / "onnx" / "model.int8.onnx"
    with pytest.raises(BundleError, match="the bundle colours has no tflite int8") as caught:
        bundle.artifact("tflite", "int8")
    assert caught.value.hint == "It has onnx float32, onnx int8"


@pytest.mark.parametrize("prefix", ["", "colours.edgecv/"], ids=["flat", "nested"])
def test_a_zip_is_unpacked_and_removed(whole, tmp_path, scratch, prefix):
    with Bundle.load(pack(whole, tmp_path / "c.edgecv.zip", prefix)) as bundle:
        bundle.verify_integrity()
        assert bundle.root.is_relative_to(scratch)
    assert not list(scratch.iterdir())


def test_the_manifest_is_indented_and_stable(whole):
    data = encode_manifest(read_manifest(whole).manifest)
    assert data.startswith(b'{\n  "schema_version": 2,\n  "name": "colours",\n')
    assert data.endswith(b"}\n")


CHANGES = {
    "artifact": ("onnx/model.int8.onnx", "onnx/model.int8.onnx was changed"),
    "labels": ("labels.txt", "labels.txt does not hold the labels"),
    "golden list": ("golden/golden.json", "golden/golden.json was changed"),
    "golden picture": ("golden/001.png", "golden/001.png was changed"),
    "golden tensor": ("golden/000.input.0.bin", "golden/000.input.0.bin was changed"),
}


@pytest.mark.parametrize(("file", "message"), CHANGES.values(), ids=CHANGES)
def test_a_changed_file_is_named(root, file, message):
    with (root / file).open("ab") as stream:
        stream.write(b"\n")
    with pytest.raises(BundleError, match=message):
        Bundle.load(root, verify=False).verify_integrity()


@pytest.mark.parametrize("file", [file for file, _ in CHANGES.values()])
def test_a_missing_file_is_named(root, file):
    (root / file).unlink()
    with pytest.raises(BundleError, match=file):
        Bundle.load(root, verify=False).verify_integrity()


@pytest.mark.parametrize("file", ["tflite/extra.tflite", "onnx/model.int8.onnx.bak", "coreml/a/b", "golden/x.png"])
def test_a_file_that_is_not_listed_is_named(root, file):
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_bytes(b"x")
    bundle = Bundle.load(root)
    with pytest.raises(BundleError, match=f"{file} is not listed"):
        bundle.verify_integrity()


def test_loading_checks_the_artifacts_unless_told_not_to(root):
    (root / "onnx/model.int8.onnx").write_bytes(b"other")
    with pytest.raises(BundleError, match="was changed since"):
        Bundle.load(root)
    assert Bundle.load(root, verify=False).manifest.name == "colours"


def first_artifact(**fields):
    return lambda content: content["artifacts"][0].update(fields)


def first_input(**fields):
    return lambda content: content["artifacts"][0]["inputs"][0].update(fields)


def first_head(**fields):
    return lambda content: content["heads"][0].update({"kind": "multilabel", "thresholds": [0.5], **fields})


BAD = {
    "newer": (lambda c: c.update(schema_version=3), "made by a newer edgecv: its schema version is 3"),
    "older": (lambda c: c.update(schema_version=1), "made by an older edgecv: its schema version is 1"),
    "no version": (lambda c: c.pop("schema_version"), "has no schema_version"),
    "version 0": (lambda c: c.update(schema_version=0), "has no schema_version"),
    "type": (lambda c: c.update(name=3), r"Expected `str`, got `int` - at `\$.name`"),
    "no preprocess": (lambda c: c.update(preprocess={}), "does not say how the input 'image' is preprocessed"),
    "missing field": (lambda c: c.pop("preprocess"), "missing required field `preprocess`"),
    "no artifacts": (lambda c: c.update(artifacts=[]), "lists no artifacts"),
    "absolute": (first_artifact(file="/etc/passwd"), "names the path '/etc/passwd', which leaves it"),
    "parent": (first_artifact(file="onnx/../../x"), "which leaves it"),
    "backslash": (first_artifact(file="..\\x"), "which leaves it"),
    "drive": (first_artifact(file="C:/x"), "which leaves it"),
    "golden outside": (lambda c: c["golden"].update(file="../golden.json"), "which leaves it"),
    "inputs": (first_artifact(inputs=[]), "the inputs of onnx/model.float32.onnx are not the model's"),
    "no inputs": (lambda c: c.update(inputs=[]), "lists no inputs"),
    "no outputs": (lambda c: c.update(outputs=[]), "lists no outputs"),
    "no heads": (lambda c: c.update(heads=[]), "lists no heads"),
    "no outputs of a head": (first_head(outputs=[]), "head 'colour': it has no output"),
    "unknown output": (first_head(outputs=["shape"]), "head 'colour' is of the output 'shape'"),
    "head twice": (lambda c: c["heads"].append(c["heads"][0]), "lists the head 'colour' twice"),
    "output twice": (
        lambda c: c["heads"].append(c["heads"][0] | {"name": "other"}),
        "the output 'colour' belongs to several heads",
    ),
    "output of no head": (
        lambda c: c["outputs"].append({"name": "size", "shape": [1, 2], "dtype": "float32"}),
        "the output 'size' belongs to no head",
    ),
    "kind": (first_head(kind="Multi label"), "Expected `str` matching regex"),
    "threshold": (first_head(thresholds=[2]), r"head 'colour': thresholds must be in 0\.\.1"),
    "thresholds": (first_head(thresholds=[0.1, 0.2]), "one for each of 3 labels, got 2"),
    "no thresholds": (first_head(thresholds=[]), "one for each of 3 labels, got 0"),
    "thresholds of no use": (first_head(kind="classification"), "a classification head has no thresholds, got 1"),
    "activation": (first_head(activation="tanh"), "Invalid enum value 'tanh'"),
    "labels": (first_head(labels=["a", "b"]), "it has 2 labels for 3 answers"),
    "other labels": (lambda c: c.update(labels=["a", "b", "c"]), "its labels are not those of the first head"),
    "dtype": (first_input(dtype="object"), "'image' in onnx/model.float32.onnx has the dtype 'object'"),
    "no batch": (first_input(shape=[]), r"'image' in onnx/model.float32.onnx has the shape \(\)"),
    "negative": (first_input(shape=[1, -4, 4, 3]), r"has the shape \(1, -4, 4, 3\)"),
    "huge": (first_input(shape=[1, 10**6, 10**6, 3]), r"has the shape \(1, 1000000"),
    "count": (lambda c: c["golden"].update(count=9), "lists 2 cases, bundle.json has 9"),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_a_manifest_that_cannot_be_is_refused(root, change, message):
    edit(root, change)
    with pytest.raises(BundleError, match=message):
        Bundle.load(root).golden()


def test_an_older_bundle_comes_with_the_line_that_makes_it_anew(root):
    edit(root, lambda c: c.update(schema_version=1))
    with pytest.raises(BundleError) as caught:
        Bundle.load(root)
    assert "edgecv convert MODEL -o NAME.edgecv" in caught.value.hint


def add_newer_artifact(root):
    """An artifact of a target that nobody knows, with a key that nobody knows, and its proof."""
    file = root / "openvino" / "model.int8.xml"
    file.parent.mkdir()
    file.write_bytes(b"<net/>")
    listed = {"file": "openvino/model.int8.xml", "sha256": hashlib.sha256(b"<net/>").hexdigest(), "bytes": 6}
    artifact = {"target": "openvino", "precision": "int8-next", "streams": 4, **listed}
    parity = {"artifact": "openvino/model.int8.xml", "status": "passed", "how": "OpenVINO", "latency_gate": 3}
    edit(root, lambda c: (c["artifacts"].insert(0, artifact), c["parity"].append(parity)))
    return file


def test_an_artifact_of_an_unknown_target_is_left_out_and_said(root, tmp_path):
    file = add_newer_artifact(root)
    said = "the artifact openvino/model.int8.xml is for the target openvino, which this edgecv does not know"
    bundle = Bundle.load(root)
    assert bundle.left_out == (said,)
    assert [artifact.target for artifact in bundle.manifest.artifacts] == ["onnx", "onnx"]
    assert bundle.manifest.parity == ()
    bundle.verify_integrity()
    with pytest.warns(LeftOutWarning, match="openvino"):
        predictor = load(root)
    with predictor:
        assert predictor.predict(bundles.plain((200, 10, 10))).label == "red"
    with Bundle.load(pack(root, tmp_path / "c.edgecv.zip")) as packed:
        packed.verify_integrity()
        assert packed.left_out == (said,)
    file.write_bytes(b"<bad/>")
    with pytest.raises(BundleError, match=r"openvino/model\.int8\.xml was changed"):
        bundle.verify_integrity()
    (root / "openvino" / "stranger").write_bytes(b"x")
    file.write_bytes(b"<net/>")
    with pytest.raises(BundleError, match="openvino/stranger is not listed"):
        bundle.verify_integrity()


def test_a_head_of_an_unknown_kind_is_left_out_and_said(tmp_path):
    bundles.write_two_outputs(tmp_path)
    edit(tmp_path, lambda c: c["heads"][1].update(kind="rays", points=17))
    bundle = Bundle.load(tmp_path)
    assert bundle.left_out == ('the head "warm" is of the kind rays, which this edgecv does not know',)
    with pytest.warns(LeftOutWarning, match="rays"):
        predictor = load(tmp_path)
    with predictor:
        answer = predictor.predict(bundles.plain((200, 10, 10)))
    assert [one.head for one in answer.answers] == ["colour"]
    assert answer.outputs.keys() == {"colour", "warm"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: [one.update(target="openvino") for one in c["artifacts"]], "holds artifacts of a newer edgecv only"),
        (lambda c: c["heads"][0].update(kind="rays"), "holds heads of a newer edgecv only"),
        (lambda c: c["artifacts"][0].update(target="openvino", file="../x"), "which leaves it"),
        (lambda c: c["artifacts"][0].update(target="openvino", sha256="?"), "an artifact for openvino: Expected `str`"),
        (lambda c: c["artifacts"][0].update(target="Open VINO"), "Expected `str` matching regex"),
    ],
)
def test_a_bundle_of_newer_things_only_is_refused(root, change, message):
    edit(root, change)
    with pytest.raises(BundleError, match=message):
        Bundle.load(root)


@pytest.mark.parametrize(
    "spec",
    [
        Preprocess(),
        Preprocess(size=(4, 4), fit=Fit(mode="resize_crop")),
        Preprocess(size=(4, 4), fit=Fit(mode="letterbox", pad=(1, 2))),
    ],
    ids=["size", "fit", "pad"],
)
def test_a_preprocessing_that_cannot_be_is_refused(tmp_path, spec):
    bundles.write_bundle(tmp_path, preprocess={"image": spec})
    with pytest.raises(BundleError, match="preprocess of 'image'"):
        Bundle.load(tmp_path)


def test_a_scale_of_zero_is_refused(tmp_path):
    manifest = bundles.write_bundle(tmp_path)
    artifact = manifest.artifacts[1]
    io = msgspec.structs.replace(artifact.inputs[0], quantization=QuantParams(scale=0.0, zero_point=0))
    changed = msgspec.structs.replace(artifact, inputs=(io,))
    bundles.write_bundle(tmp_path, artifacts=(changed,))
    with pytest.raises(BundleError, match=r"scale of 'image' in onnx/model\.int8\.onnx must be over 0"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize(
    ("change", "known"),
    [
        (lambda c: c.update(colour=1), "schema_version, name, inputs"),
        (lambda c: c["heads"][0].update(colour=1), "name, kind, outputs, labels, activation, thresholds"),
        (lambda c: c["preprocess"]["image"]["fit"].update(colour=1), "mode, fraction, shorter, pad"),
        (lambda c: c["artifacts"][1]["inputs"][0].update(colour=1), "name, tensor, shape, dtype, layout"),
        (lambda c: c["artifacts"][1]["inputs"][0]["quantization"].update(colour=1), "scale, zero_point"),
        (lambda c: c["provenance"]["cpu"].update(colour=1), "architecture, flags"),
    ],
)
def test_an_unknown_key_comes_with_the_known_ones(root, change, known):
    edit(root, change)
    with pytest.raises(BundleError, match="unknown field `colour`") as caught:
        Bundle.load(root)
    assert caught.value.hint.startswith(f"Known keys there are {known}")


@pytest.mark.parametrize(
    "data", [b"", b"[1]", b"{", b"\xff\xfe", b"[" * 100_000], ids=["empty", "list", "cut", "binary", "deep"]
)
def test_a_manifest_that_is_no_json_is_refused(root, data):
    (root / "bundle.json").write_bytes(data)
    with pytest.raises(BundleError, match=r"bundle\.json"):
        Bundle.load(root)


def test_what_is_no_bundle_is_refused(tmp_path):
    with pytest.raises(BundleError, match="nothing does not exist"):
        Bundle.load(tmp_path / "nothing")
    with pytest.raises(BundleError, match=r"bundle\.json cannot be read"):
        Bundle.load(tmp_path)
    text = tmp_path / "notes.zip"
    text.write_bytes(b"no zip")
    with pytest.raises(BundleError, match=r"notes\.zip is not a readable \.zip"):
        Bundle.load(text)


@pytest.mark.parametrize("name", ["../outside.txt", "/tmp/outside.txt", "a/../../outside.txt", "..\\outside.txt"])
def test_a_zip_that_writes_outside_is_refused(tmp_path, scratch, name):
    path = tmp_path / "evil.edgecv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(BundleError, match="which leaves it"):
        Bundle.load(path)
    assert not list(scratch.iterdir())
    assert not (tmp_path / "outside.txt").exists()


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path, scratch):
    path = tmp_path / "bomb.edgecv.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bundle.json", b"\0" * 50_000_000)
    assert path.stat().st_size < 50_000
    with pytest.raises(BundleError, match="unpacks to"):
        Bundle.load(path)
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_of_another_method_is_refused(whole, tmp_path, scratch, method):
    with pytest.raises(BundleError, match="neither store nor deflate"):
        Bundle.load(pack(whole, tmp_path / "c.edgecv.zip", method=method))
    assert not list(scratch.iterdir())


def test_a_damaged_zip_is_refused(whole, tmp_path, scratch):
    path = pack(whole, tmp_path / "c.edgecv.zip")
    data = bytearray(path.read_bytes())
    data[200:400] = bytes(200)
    path.write_bytes(data)
    with pytest.raises(BundleError):
        Bundle.load(path)
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_zip_cut_short_is_refused(whole, tmp_path, scratch, share):
    path = pack(whole, tmp_path / "c.edgecv.zip")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(BundleError, match=r"c\.edgecv\.zip is not a readable \.zip"):
        Bundle.load(path)
    assert not list(scratch.iterdir())


def edit_golden(root, change):
    """Change the first golden case in place, with a digest that fits."""
    path = root / "golden/golden.json"
    content = json.loads(path.read_bytes())
    change(content["cases"][0])
    path.write_text(json.dumps(content))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    edit(root, lambda manifest: manifest["golden"].update(sha256=digest))


GOLDEN = {
    "parent": (lambda case: case["inputs"]["image"].update(file="../labels.txt"), "which leaves it"),
    "absolute": (lambda case: case["outputs"]["colour"].update(file="/etc/passwd"), "'/etc/passwd', which leaves it"),
    "picture": (lambda case: case.update(image="../../x.png"), "which leaves it"),
    "missing": (lambda case: case.update(image="009.png"), "golden/009.png is missing"),
    "digest": (lambda case: case.update(image_sha256="0" * 64), "golden/000.png was changed"),
    "not vouched for": (lambda case: case.update(image_sha256=None), "golden/000.png is not listed"),
    "unknown key": (lambda case: case.update(colour="red"), "unknown field `colour`"),
}


@pytest.mark.parametrize(("change", "message"), GOLDEN.values(), ids=GOLDEN)
def test_a_golden_list_that_cannot_be_is_refused(root, change, message):
    edit_golden(root, change)
    with pytest.raises(BundleError, match=message):
        Bundle.load(root).verify_integrity()


def test_an_unknown_key_of_a_golden_case_comes_with_the_known_ones(root):
    edit_golden(root, lambda case: case.update(colour="red"))
    with pytest.raises(BundleError) as caught:
        Bundle.load(root).golden()
    assert caught.value.hint == "Known keys there are id, image, image_sha256, inputs, outputs, answers, source"
