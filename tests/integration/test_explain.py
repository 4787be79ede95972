"""`edgecv explain` and `convert --explain` as a person calls them, on a trained network and on its converted files."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil

import msgspec
import numpy as np
import pytest
from edgecv_converters.explain.insides import InsideOrder
from edgecv_runtime.bundle import encode_manifest, read_manifest
from edgecv_runtime.digest import sha256_tree, tree_bytes
from PIL import Image

import edgecv
from benchmarks.explain import halved
from edgecv.explain.request import request_of
from edgecv.explain.run import explain_pictures, find_pictures
from edgecv.terminal.observer import Silent
from tests.command import edgecv as command

FILES = ("tflite/model.float32.tflite", "tflite/model.int8.tflite")


@pytest.fixture(scope="module")
def converted(digits_model, digits_folder, tmp_path_factory):
    """A bundle with a float32 and an int8 file, and what the command said: its gate on maps cannot be kept."""
    out = tmp_path_factory.mktemp("explained") / "digits.edgecv"
    result = command(
        *("convert", digits_model, "-q", "float32,int8", "-t", "tflite", "-p", "rescale", "-o", out),
        *("--calibrate", digits_folder / "train", "--evaluate", digits_folder / "test", "--explain", 3),
        *("--gate", "int8:explanation=1", "--keep-failing"),
    )
    return out, result


def test_convert_compares_where_the_artifacts_look_and_holds_the_gate(converted):
    out, result = converted
    assert result.code == 3
    assert "explanation is 0.9" in result.message
    assert "the gate is 1" in result.message
    manifest = read_manifest(out).manifest
    gates = {one.artifact: [gate for gate in one.gates if gate.name == "explanation"] for one in manifest.parity}
    assert gates[FILES[0]] == []
    assert not gates[FILES[1]][0].passed
    report = json.loads((out / "report.json").read_text())
    by_file = {one["artifact"]: one for one in report["maps"]}
    assert by_file[FILES[0]]["rank_correlation"] > 0.9999
    assert len(by_file[FILES[1]]["pairs"]) == 3
    assert gates[FILES[1]][0].value == by_file[FILES[1]]["rank_correlation"] > 0.9
    page = (out / "report.html").read_text()
    assert "Where it looks" in page
    assert "Rank correlation of maps of importance" in page
    assert "at least 1" in page
    assert page.count("data:image/png;base64,") == 3 * 4  # the input, the source, and two files
    assert "img-src data:" in page
    assert "script-src" not in page


def test_a_keras_model_is_explained_on_a_page_that_needs_nothing_else(digits_model, digits_folder, tmp_path):
    pictures = [digits_folder / "test" / "3" / f"00{number}.png" for number in range(2)]
    result = command(
        *("explain", digits_model, *pictures, "-p", "rescale", "-m", "gradcam", "-m", "rise", "-m"),
        *("integrated-gradients", "--masks", 60, "--sanity", "--class", 3, "-o", tmp_path / "why", "--json"),
        *("--filters", "--feature-maps", "conv_2", "--channel", 5),
    )
    assert result.code == 0, result.err
    report = json.loads(result.out)
    assert report == json.loads((tmp_path / "why" / "explain.json").read_text())
    assert [one["method"] for one in report["summaries"]] == ["gradcam", "rise", "integrated-gradients"]
    assert report["summaries"][0]["layer"] == "conv_2"
    assert all(one["explained"] == "3" for picture in report["pictures"] for one in picture["maps"])
    assert all(-1 <= one["shuffled"] <= 1 for picture in report["pictures"] for one in picture["maps"])
    assert all(picture["maps"][2]["missing"] <= 0.01 for picture in report["pictures"])
    assert report["summaries"][1]["better_than_random"] == 1
    for picture in report["pictures"]:
        for one in picture["maps"]:
            assert size_of(tmp_path / "why" / one["file"]) == (480, 480)
    with np.load(tmp_path / "why" / "maps.npz") as arrays:
        assert {array.shape for array in arrays.values()} == {(2, 16, 16)}
    page = (tmp_path / "why" / "explain.html").read_text()
    assert [name for name, _ in report["strongest"]] in (["000.png", "001.png"], ["001.png", "000.png"])
    assert report["strongest"][0][1] >= report["strongest"][1][1]
    assert size_of(tmp_path / "why" / "filters.png") == (8 * 68 - 4, 64)
    assert size_of(tmp_path / "why" / "0001_maps.png") == (8 * 68 - 4, 2 * 68 - 4)
    assert "Strongest pictures of channel 5 of conv_2" in page
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert page.count("<polyline") == 6 * (4 + 3)


def size_of(file):
    with Image.open(file) as image:
        return image.size


def explained(bundle, picture, out, *more):
    result = command("explain", bundle, picture, "-o", out, "--json", *more)
    assert result.code == 0, result.err
    return json.loads(result.out)


def first_convolution(path):
    import keras

    return next(layer.name for layer in keras.models.load_model(path).layers if "Conv" in type(layer).__name__)


def test_the_int8_file_is_compared_with_the_float_one_and_a_planted_fault_is_named(
    converted, digits_model, digits_folder, tmp_path
):
    bundle, _ = converted
    pictures = digits_folder / "test" / "5"
    report = explained(bundle, pictures, tmp_path / "plain", "--no-curves")
    float32, int8 = report["summaries"]
    assert (float32["model"], int8["model"]) == FILES
    assert float32["rank_correlation"] is None
    assert int8["rank_correlation"] > 0.95
    assert int8["moved"] == 0
    assert "looks at the same places" in (tmp_path / "plain" / "explain.html").read_text()
    shutil.copytree(bundle, tmp_path / "faulty.edgecv")
    plant(tmp_path / "faulty.edgecv", layer=0)
    worse = explained(tmp_path / "faulty.edgecv", pictures, tmp_path / "faulty", "--no-curves")["summaries"][1]
    assert worse["rank_correlation"] < int8["rank_correlation"] - 0.02
    assert worse["top_overlap"] < 0.9 < int8["top_overlap"]
    departing = worse["departing"]
    assert int8["departing"] is None
    assert departing["layer"] == first_convolution(digits_model)
    assert departing["snr_db"] == pytest.approx(6.0, abs=0.5)  # half of a result is missing
    page = (tmp_path / "faulty" / "explain.html").read_text()
    assert f"departs from {FILES[0]} first in layer {departing['layer']}" in page
    assert f"{FILES[1]} looks at the same places" not in page
    assert re.search(rf"{re.escape(FILES[1])} looks (?:elsewhere on|at nearly the same places)", page)
    assert f"Most on {worse['moved_most'][0]}" in page


def test_the_inside_of_a_file_is_shown_as_the_device_computes_it(converted, digits_model, digits_folder, tmp_path):
    bundle, _ = converted
    pictures = find_pictures([digits_folder / "test" / "5"])[:2]
    maps = {}
    for name, path, options in (
        ("keras", digits_model, {"preprocess": "rescale"}),
        ("float32", bundle, {"precision": "float32"}),
        ("int8", bundle, {"precision": "int8"}),
    ):
        settings = {"curves": False, "inside": InsideOrder(layer="conv_2"), **options}
        found = explain_pictures(request_of(path, ("occlusion",), settings), pictures, Silent()).inside
        maps[name] = np.stack(found.maps)
    np.testing.assert_allclose(maps["float32"], maps["keras"], atol=1e-4)
    off = np.abs(maps["int8"] - maps["keras"]).mean() / np.abs(maps["keras"]).mean()
    assert 1e-4 < off < 0.2
    for more, words in (("nope", "no layer 'nope'"), ("conv_2 --filters", "a Keras model's")):
        refused = command(
            *("explain", bundle, digits_folder / "test" / "5", "-o", tmp_path / "no", "--no-curves"),
            *("--feature-maps", *more.split()),
        )
        assert refused.code == 2
        assert words in refused.message


def plant(bundle, layer):
    """Halve the scale of one convolution of the int8 file, and have the manifest say that this is the file."""
    file = bundle / FILES[1]
    file.write_bytes(halved(file.read_bytes(), layer))
    manifest = read_manifest(bundle).manifest
    artifacts = tuple(
        msgspec.structs.replace(one, sha256=sha256_tree(file), bytes=tree_bytes(file)) if one.file == FILES[1] else one
        for one in manifest.artifacts
    )
    (bundle / "bundle.json").write_bytes(encode_manifest(msgspec.structs.replace(manifest, artifacts=artifacts)))


def test_python_gets_arrays(converted, digits_folder):
    bundle, _ = converted
    with Image.open(digits_folder / "test" / "7" / "001.png") as image:
        picture = image.resize((40, 32))
    found = edgecv.explain(bundle, picture, precision="int8", method="occlusion", window=0.2, stride=0.1, wanted="7")
    assert (found.title, found.method, found.model) == ("7", "occlusion", FILES[1])
    assert found.values.shape == (16, 16)
    assert found.picture.shape == (32, 40)
    assert found.curves is None
    assert 0 <= found.score <= 1
    with pytest.raises(TypeError, match="no option 'magic'"):
        edgecv.explain(bundle, picture, magic=1)


@pytest.mark.parametrize(
    ("more", "code", "word"),
    [
        (("--method", "gradcam"), 2, "needs gradients"),
        (("--method", "magic"), 2, "unknown method 'magic'"),
        (("--sanity",), 2, "--sanity shuffles weights"),
        (("--class", "eleven"), 2, "has no answer 'eleven'"),
        (("--head", "nope"), 2, "no head named 'nope'"),
        (("--precision", "int4"), 1, "no such artifact"),
        (("--masks", "0", "--method", "rise"), 2, "masks must be in"),
    ],
)
def test_what_cannot_be_explained_is_said(converted, digits_folder, tmp_path, more, code, word):
    bundle, _ = converted
    picture = digits_folder / "test" / "1" / "000.png"
    result = command("explain", bundle, picture, "-o", tmp_path / "why", "--no-curves", *more)
    assert result.code == code, result.err
    assert word in result.message
    assert "hint:" in result.err or code == 2
    assert "Traceback" not in result.err
    assert not (tmp_path / "why").exists()


def test_places_and_pictures_are_checked_first(converted, digits_folder, tmp_path):
    bundle, _ = converted
    missing = command("explain", bundle, tmp_path / "no.png", "-o", tmp_path / "why")
    assert "no.png does not exist" in missing.message
    (tmp_path / "no.png").write_text("no picture")
    broken = command("explain", bundle, tmp_path / "no.png", "-o", tmp_path / "why")
    assert broken.code == 1
    assert "Traceback" not in broken.err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept.txt").write_text("mine")
    taken = command("explain", bundle, tmp_path / "no.png", "-o", tmp_path / "mine", "--force")
    assert "something else" in taken.message
    assert (tmp_path / "mine" / "kept.txt").read_text() == "mine"
    unexplained = command("convert", "x.keras", "--gate", "explanation=0.7")
    assert "--explain" in unexplained.message
