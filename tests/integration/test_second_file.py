"""A model that is too large for one ONNX file, end to end: the bound is made small, all else is as for a large one."""

from __future__ import annotations

import json
import shutil

import numpy as np
import onnx
import pytest
from edgecv_converters.graph.passes.runner import canonical
from edgecv_converters.onnx.float import to_onnx
from edgecv_converters.source import load_source
from edgecv_converters.targets import find
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.predictor import load

from edgecv.convert import conversion
from tests import second_file
from tests.command import edgecv

FLOATS = ("-t", "onnx", "-q", "float32", "-q", "float16", "--preprocess", "rescale")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    inputs = keras.Input((16, 16, 1))
    values = layers.Dense(1024, activation="relu", name="wide")(
        layers.Flatten()(layers.Conv2D(4, 3, name="conv")(inputs))
    )
    path = tmp_path_factory.mktemp("wide") / "wide.keras"
    keras.Model(inputs, layers.Dense(10, activation="softmax", name="digit")(values)).save(path)
    return path


@pytest.fixture(scope="module")
def one_file(model, digits_folder, tmp_path_factory):
    return converted(model, digits_folder, tmp_path_factory.mktemp("one") / "wide.edgecv")


@pytest.fixture(scope="module")
def two_files(model, digits_folder, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "convert_artifact", second_file.convert_in_two_files)
        return converted(model, digits_folder, tmp_path_factory.mktemp("two") / "wide.edgecv")


def converted(model, data, out, *more):
    result = edgecv("convert", model, "-o", out, *FLOATS, "--evaluate", data / "test", *more)
    assert result.code == 0, result.err
    return out


def answers(root, precision):
    with load(root, precision=precision) as predictor:
        pixels = np.random.default_rng(7).random((1, 16, 16, 1), np.float32)
        return predictor.predict_tensor({predictor.manifest.inputs[0].name: pixels}).outputs["digit"]


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_both_forms_give_the_same_bits(one_file, two_files, precision):
    assert answers(one_file, precision).tobytes() == answers(two_files, precision).tobytes()


def test_the_manifest_names_the_second_files(one_file, two_files):
    with Bundle.load(two_files) as bundle:
        bundle.verify_integrity()
        artifacts = bundle.manifest.artifacts
    assert [artifact.data.file for artifact in artifacts] == [
        "onnx/model.float32.onnx.data",
        "onnx/model.float16.onnx.data",
    ]
    assert [artifact.parity for artifact in artifacts] == ["passed", "passed"]
    wide = 4 * 14 * 14 * 1024
    assert [artifact.data.bytes for artifact in artifacts] == [4 * wide, 2 * wide]
    assert all(artifact.bytes < second_file.MOST for artifact in artifacts)
    assert not list(one_file.rglob("*.data"))
    assert b'"data"' not in (one_file / "bundle.json").read_bytes()


def test_the_same_model_gives_the_same_bytes(model, digits_folder, two_files, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "convert_artifact", second_file.convert_in_two_files)
    again = converted(model, digits_folder, tmp_path / "wide.edgecv")
    for name in ("bundle.json", "onnx/model.float32.onnx", "onnx/model.float16.onnx.data"):
        assert (again / name).read_bytes() == (two_files / name).read_bytes()


def test_a_batch(model, digits_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "convert_artifact", second_file.convert_in_two_files)
    out = converted(model, digits_folder, tmp_path / "wide.edgecv", "--batch", "4")
    with Bundle.load(out) as bundle:
        assert [(artifact.batch, artifact.parity) for artifact in bundle.manifest.artifacts] == [(4, "passed")] * 2
    assert len(list(out.rglob("*.data"))) == 2


@pytest.mark.parametrize(
    "command",
    [
        ("verify",),
        ("evaluate",),
        ("run",),
        ("bench", "--seconds", "0.1"),
        ("bench", "--seconds", "0.1", "--profile"),
        ("inspect",),
    ],
    ids=" ".join,
)
def test_every_command_takes_it(two_files, digits_folder, command):
    folder = digits_folder / "test"
    more = {"evaluate": [folder], "run": [next(folder.rglob("*.png"))]}.get(command[0], [])
    result = edgecv(command[0], two_files, *more, *command[1:])
    assert result.code == 0, result.err


def test_it_is_looked_into_and_explained(two_files, digits_folder):
    file = two_files / "onnx" / "model.float32.onnx"
    result = edgecv("inspect", file, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["bytes"] == file.stat().st_size + 4 * 4 * 14 * 14 * 1024
    maps = find("onnx").layer_maps(file, "conv", np.ones((1, 1, 16, 16, 1), np.float32)[0][None][:, 0])
    assert maps.shape == (1, 14, 14, 4)


def test_a_damaged_second_file_fails(two_files, digits_folder, tmp_path):
    root = shutil.copytree(two_files, tmp_path / "wide.edgecv")
    data = root / "onnx" / "model.float32.onnx.data"
    changed = bytearray(data.read_bytes())
    changed[1000] ^= 1
    data.write_bytes(changed)
    picture = next((digits_folder / "test").rglob("*.png"))
    for command in (("verify", root), ("run", root, picture), ("export", "android", root, tmp_path / "app")):
        result = edgecv(*command)
        assert result.code == 1, command
        assert "onnx/model.float32.onnx.data was changed since the bundle was made" in result.message
    data.write_bytes(data.read_bytes()[:-4])
    second_file.record(root)
    result = edgecv("verify", root)
    assert result.code == 1
    assert "reaches beyond the end of model.float32.onnx.data" in result.message


def test_a_zip_of_it_and_no_app(model, digits_folder, two_files, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion, "convert_artifact", second_file.convert_in_two_files)
    out = converted(model, digits_folder, tmp_path / "wide.edgecv.zip")
    assert edgecv("verify", out).code == 0
    assert answers(out, "float32").tobytes() == answers(two_files, "float32").tobytes()
    result = edgecv("export", "android", two_files, tmp_path / "app")
    assert result.code == 1
    assert "has its numbers in a second file" in result.message


def test_without_a_file_a_model_holds_all(model):
    frozen = canonical(load_source(model).freeze(), find("onnx").passes)
    made = to_onnx(frozen, most=1)
    assert all(tensor.data_location == onnx.TensorProto.DEFAULT for tensor in made.graph.initializer)
