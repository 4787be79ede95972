"""Bundles from strangers: what is no regular file, leads outside, is listed nowhere or does not fit is one error."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import socket
from pathlib import Path

import msgspec
import pytest
from edgecv_runtime.bundle import Bundle, encode_manifest
from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.errors import BundleError

from tests import bundles

PATIENCE = 20  # seconds: what hangs is to fail, not to wait


@pytest.fixture(autouse=True)
def deadline():
    def late(_number, _frame):
        raise TimeoutError("it waits for ever")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(PATIENCE)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "colours.edgecv"
    bundles.write_bundle(root)
    return root


@pytest.fixture
def root(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "colours.edgecv"))


def check_refused(root, *words):
    """The error of loading and verifying, whose message has these words and no thousands of letters."""
    with pytest.raises(BundleError) as caught:
        Bundle.load(root).verify_integrity()
    assert all(word in caught.value.message for word in words), caught.value.message
    assert len(caught.value.message) < 1000
    return caught.value


def pipe(path):
    os.mkfifo(path)


def device(path):
    path.symlink_to("/dev/zero")


def sock(path):
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's path has at most some hundred letters
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


FILES = ("bundle.json", "labels.txt", "golden/golden.json", "golden/000.png", "golden/000.input.0.bin")
ARTIFACT = "onnx/model.int8.onnx"


@pytest.mark.parametrize("make", [pipe, device, sock, Path.mkdir])
@pytest.mark.parametrize("name", [*FILES, ARTIFACT])
def test_what_is_no_regular_file_is_refused_without_being_read(root, name, make):
    (root / name).unlink()
    make(root / name)
    check_refused(root, name)


@pytest.mark.parametrize("name", ["bundle.json", "labels.txt", "golden/golden.json", "golden/000.input.0.bin"])
def test_a_file_of_six_gigabytes_is_refused_by_its_size(root, name):
    with (root / name).open("ab") as file:
        file.truncate(6 << 30)
    check_refused(root, name)


@pytest.mark.parametrize("name", [*FILES, ARTIFACT])
def test_a_link_that_leaves_the_bundle_is_refused(root, tmp_path, name):
    shutil.move(root / name, tmp_path / "outside")
    (root / name).symlink_to(tmp_path / "outside")
    error = check_refused(root, name, "is a link that leads outside the bundle")
    assert "cp -rL" in error.hint


@pytest.mark.parametrize("folder", ["onnx", "golden"])
def test_a_linked_folder_that_leaves_the_bundle_is_refused(root, tmp_path, folder):
    shutil.move(root / folder, tmp_path / "outside")
    (root / folder).symlink_to(tmp_path / "outside")
    check_refused(root, f"{folder}/", "outside the bundle")


def test_links_within_the_bundle_and_to_it_are_followed(root, tmp_path):
    shutil.move(root / "labels.txt", root / "names.txt")
    (root / "labels.txt").symlink_to("names.txt")
    (tmp_path / "link.edgecv").symlink_to(root)
    with Bundle.load(tmp_path / "link.edgecv") as bundle:
        bundle.verify_integrity()
        assert bundle.path(bundle.manifest.artifacts[0]).is_file()


def package(root, fill):
    """The bundle with one more artifact, a folder, whose digest is taken before `fill` adds to it."""
    folder = root / "coreml" / "model.float32.mlpackage"
    (folder / "Data").mkdir(parents=True)
    (folder / "Data" / "model.mlmodel").write_bytes(b"model")
    manifest = Bundle.load(root).manifest
    made = {"file": "coreml/model.float32.mlpackage", "sha256": sha256_tree(folder), "bytes": tree_bytes(folder)}
    more = msgspec.structs.replace(manifest.artifacts[0], target="coreml", **made)
    changed = msgspec.structs.replace(manifest, artifacts=(*manifest.artifacts, more))
    (root / "bundle.json").write_bytes(encode_manifest(changed))
    Bundle.load(root).verify_integrity()
    fill(folder / "Data")


UNCOVERED = {
    "pipe": lambda folder: pipe(folder / "x"),
    "link out": lambda folder: (folder / "x").symlink_to("/etc/hostname"),
    "link to a folder": lambda folder: (folder / "x").symlink_to("."),
    "link to itself": lambda folder: (folder / "x").symlink_to("x"),
    "no UTF-8": lambda folder: (Path(os.fsdecode(os.fsencode(folder) + b"/\xff"))).write_bytes(b""),
    "another file": lambda folder: (folder / "weights.bin").write_bytes(b""),
}


@pytest.mark.parametrize("fill", UNCOVERED.values(), ids=UNCOVERED)
def test_what_no_digest_covers_is_not_in_an_artifacts_folder(root, fill):
    package(root, fill)
    check_refused(root, "coreml/model.float32.mlpackage")


@pytest.mark.parametrize(
    "make", [pipe, lambda path: path.symlink_to("nowhere"), lambda path: path.symlink_to("."), Path.touch]
)
@pytest.mark.parametrize("folder", ["onnx", "golden", "tflite", "models"])
def test_what_lies_among_the_files_and_is_not_listed_is_refused(root, folder, make):
    if folder == "models":  # wherever artifacts lie, nothing else does
        shutil.move(root / "onnx", root / "models")
        bundles.edit_manifest(
            root, lambda content: [a.update(file=a["file"].replace("onnx/", "models/")) for a in content["artifacts"]]
        )
    (root / folder).mkdir(exist_ok=True)
    make(root / folder / "w.bin")
    check_refused(root, f"{folder}/w.bin", "is not listed")


def test_an_artifact_at_the_top_has_nothing_unlisted_beside_it(root):
    shutil.move(root / ARTIFACT, root / "model.onnx")
    bundles.edit_manifest(root, lambda content: content["artifacts"][1].update(file="model.onnx"))
    Bundle.load(root).verify_integrity()
    (root / "w.bin").touch()
    check_refused(root, "w.bin is not listed")


NAMES = {
    "NUL": "onnx/\0x",
    "long": "onnx/" + "x" * 100_000,
    "long part": "onnx/" + "x" * 256,
    "many parts": "x/" * 40 + "x",
    "dot": ".",
    "empty": "",
    "parent": "onnx/../../x",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
@pytest.mark.parametrize("place", ["artifact", "golden"])
def test_a_name_that_no_file_of_a_bundle_has_is_refused(root, name, place):
    bundles.edit_manifest(root, lambda c: (c["artifacts"][0] if place == "artifact" else c["golden"]).update(file=name))
    check_refused(root, "the bundle names the path")


def test_a_bundle_of_an_impossible_name_does_not_exist():
    for name in ("x" * 5000, "x\0y"):
        with pytest.raises(BundleError, match="does not exist"):
            Bundle.load(name)


def test_an_artifacts_size_is_checked(root):
    bundles.edit_manifest(root, lambda content: content["artifacts"][0].update(bytes=1))
    check_refused(root, "onnx/model.float32.onnx was changed")


def artifact(**fields):
    return lambda content: content["artifacts"][1].update(fields)


def taken(**fields):
    return lambda content: content["artifacts"][1]["inputs"][0].update(fields)


def head(**fields):
    return lambda content: content["heads"][0].update(fields)


def given(**fields):
    return lambda content: content["artifacts"][1]["outputs"][0].update(fields)


def both(side, name):
    """The artifact and the model have a tensor twice."""

    def change(content):
        for place in (content, content["artifacts"][0], content["artifacts"][1]):
            place[side] = place[side] * 2

    return change, f"lists the {side.removesuffix('s')} {name!r} twice"


BIG = 10**30
MISFITS = {
    "an axis less": (taken(shape=[1, 4, 3]), "has the shape (1, 4, 3), the model's is (1, 4, 4, 3)"),
    "another size": (taken(shape=[1, 8, 8, 3]), "has the shape (1, 8, 8, 3)"),
    "another layout": (taken(layout="NCHW"), "(layout NCHW)"),
    "other channels": (taken(shape=[1, 4, 4, 1]), "has the shape (1, 4, 4, 1)"),
    "batch": (taken(shape=[2, 4, 4, 3]), "have the batches 1, 2"),
    "outputs": (given(shape=[1, 4]), "has the shape (1, 4)"),
    "huge axis": (given(shape=[1, BIG]), "has the shape (1, 1000"),
    "size": (lambda c: c["preprocess"]["image"].update(size=[8, 8]), "size must be the input's, (4, 4), got (8, 8)"),
    "colour": (lambda c: c["preprocess"]["image"].update(color="gray"), "has 3 channel(s)"),
    "no tensor": (taken(tensor=""), "has no tensor's name"),
    "precision": (artifact(precision="velvet"), "has the precision 'velvet'"),
    "precision of another": (artifact(precision="palette4"), "has the precision 'palette4', which no onnx"),
    "bytes": (artifact(bytes=-1), "$.artifacts[1].bytes"),
    "digest": (artifact(sha256="../x"), "$.artifacts[1].sha256"),
    "count": (lambda c: c["golden"].update(count=-2), "$.golden.count"),
    "tiny scale": (taken(quantization={"scale": 1e-50, "zero_point": 0}), "the scale of 'image'"),
    "huge scale": (taken(quantization={"scale": 1e300, "zero_point": 0}), "the scale of 'image'"),
    "zero point": (taken(quantization={"scale": 1, "zero_point": 128}), "must be in -128..127, got 128"),
    "far zero point": (taken(quantization={"scale": 1, "zero_point": BIG}), "must be in -128..127"),
    "float scale": (taken(dtype="float32"), "is float32, which has no scale"),
    "no scale": (taken(quantization=None), "is int8 without a scale"),
    "two inputs": both("inputs", "image"),
    "two outputs": both("outputs", "colour"),
    "preprocess of none": (lambda c: c["preprocess"].update(x=c["preprocess"]["image"]), "an input that the model"),
    "labels": (head(labels=["a"]), "has 1 labels for 3 answers"),
    "no labels": (head(labels=[]), "its list of labels is empty"),
    "by label": (lambda c: (c.update(labels=None), head(labels=None)(c), given(by_label=True)(c)), "is by_label"),
    "head": (lambda c: c.update(heads=[[]]), "Expected `object`"),
    "head's kind": (head(kind=["binary"]), "Expected `str`"),
    "heads": (lambda c: c.update(heads={"kind": "keypoints"}), "Expected `array`"),
    "newer head": (lambda c: c.update(heads=[{"kind": "x" * 100_000, "name": [{}]}]), "newer edgecv only"),
    "newer artifact": (artifact(target="openvino", bytes=-1), "an artifact for openvino: Expected `int` >= 0"),
    "newer artifact elsewhere": (artifact(target="openvino", file="/etc/passwd"), "which leaves it"),
    "output of two heads": (
        lambda c: c["heads"].append({"kind": "rays", "name": "k", "outputs": ["colour"]}),
        "belongs to several heads",
    ),
    "normalize": (taken(normalize={}), "normalizes by itself"),
    "unknown key": (lambda c: c.update({"x" * 100_000: 1}), "unknown field"),
    "version": (lambda c: c.update(schema_version=10**18), "schema version is 1000"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), MISFITS.values(), ids=MISFITS)
def test_a_manifest_that_does_not_fit_is_refused_when_it_is_loaded(root, change, words):
    bundles.edit_manifest(root, change)
    check_refused(root, words)


@pytest.mark.parametrize(
    "text",
    [b'"\xff\xfe"', rb'"\ud800"', rb'"a\udc00b"', b"[" * 100_000, b"NaN", b"1e999", b"9" * 5000],
    ids=["no UTF-8", "half a pair", "other half", "deep", "NaN", "infinite", "digits"],
)
def test_text_that_is_none_is_refused(root, text):
    data = (root / "bundle.json").read_bytes()
    (root / "bundle.json").write_bytes(data.replace(b'"colours"', text, 1))
    check_refused(root, "bundle.json")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda case: case.update(inputs={"other": case["inputs"]["image"]}), "does not have the model's tensors"),
        (lambda case: case.update(answers={}), "does not have an answer of each head"),
        (lambda case: case.update(answers={"x": case["answers"]["colour"]}), "does not have an answer of each head"),
        (lambda case: case["answers"].update(x=case["answers"]["colour"]), "does not have an answer of each head"),
        (lambda case: case.pop("answers"), "missing required field `answers`"),
        (lambda case: case["answers"]["colour"].update(label="red"), "unknown field `label`"),
        (lambda case: case["answers"]["colour"].update(decisions=[0.5]), "Expected `int"),
        (lambda case: case["answers"]["colour"]["scores"].update(file="../x"), "names the path '../x'"),
    ],
    ids=["inputs", "no answers", "other head", "one more head", "key", "unknown key", "half a class", "path"],
)
def test_golden_cases_have_the_models_tensors_and_answers(root, change, words):
    index = root / "golden" / "golden.json"
    content = json.loads(index.read_bytes())
    change(content["cases"][0])
    index.write_text(json.dumps(content))
    digest = hashlib.sha256(index.read_bytes()).hexdigest()
    bundles.edit_manifest(root, lambda manifest: manifest["golden"].update(sha256=digest))
    check_refused(root, words)
