"""A trained model with two heads, an age by regression and a gender by binary, through every command."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import SpecError
from edgecv_runtime.schema import HeadSpec
from PIL import Image

import edgecv as package
from tests import models
from tests.command import edgecv

AGE = HeadSpec(name="age", kind="regression", outputs=("age",))
GENDER = HeadSpec(name="gender", kind="binary", outputs=("gender",), labels=models.PEOPLE_LABELS, thresholds=(0.5,))


@pytest.fixture(scope="module")
def bundle(people_model, people_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("bundle") / "people.edgecv"
    result = edgecv(
        *("convert", people_model, "-o", out, "-p", "rescale", "-q", "float32,int8", "-t", "tflite,onnx"),
        *("--calibrate", people_data / "calibration.npz", "--evaluate", people_data / "test.npz"),
        *("--head", f"gender:binary={people_data / 'labels.txt'}"),
    )
    assert result.code == 0, result.err
    assert "people: regression, binary" in result.out
    return out


def test_every_output_has_a_head_and_all_artifacts_are_proven(bundle):
    with Bundle.load(bundle) as opened:
        opened.verify_integrity()
        manifest = opened.manifest
    assert manifest.heads == (AGE, GENDER)
    assert manifest.labels == models.PEOPLE_LABELS
    assert (bundle / "labels.txt").read_text().split() == ["female", "male"]
    assert [parity.status for parity in manifest.parity] == ["passed"] * 4
    for parity in manifest.parity:
        assert parity.comparisons["evaluation"].agreement >= 0.97  # of the genders
        assert parity.accuracy.count == 120
        assert parity.accuracy.reference_accuracy > 0.95


def test_the_report_measures_each_head_with_its_own_metric(bundle):
    report = json.loads((bundle / "report.json").read_text())
    assert report["task"] == "regression, binary"
    assert [row["label"] for row in report["classes"]] == ["female", "male"]
    assert [(row["artifact"].split("/")[0], row["head"]) for row in report["heads"]] == [
        ("tflite", "age"),
        ("tflite", "age"),
        ("onnx", "age"),
        ("onnx", "age"),
    ]
    (column,) = report["heads"][0]["reference_metrics"]["columns"]
    assert column["mae"] < 2
    assert column["r2"] > 0.95
    page = (bundle / "report.html").read_text()
    assert "mean absolute error" in page


def test_python_gets_an_answer_of_each_head(bundle, people_data):
    (file, *_) = sorted((people_data / "test" / "male").iterdir())
    _, ages, _ = models.people(120, 2)
    with package.load(bundle, precision="float32") as predictor:
        answer = predictor.predict(file)
    age, gender = answer.answers
    assert (age.head, age.kind, gender.head, gender.kind) == ("age", "regression", "gender", "binary")
    assert abs(float(age.scores[0]) - ages[int(file.stem)]) < 6
    assert (gender.label, gender.index) == ("male", 1)
    assert (answer.label, answer.scores[0]) == (None, age.scores[0])
    with package.load(bundle, thresholds={"gender": [1.0]}) as predictor:
        assert predictor.predict(file).answers[1].label == "female"
    with pytest.raises(SpecError, match="no head named 'age' has thresholds"):
        package.load(bundle, thresholds={"age": [1.0]})


def test_run_prints_and_draws_all_heads(bundle, people_data, tmp_path):
    call = ("run", bundle, people_data / "test" / "male")
    line = edgecv(*call, "--top", "1").out.splitlines()[0].split()
    assert [line[1], line[3], line[4]] == ["age", "gender", "male"]
    found = [json.loads(line) for line in edgecv(*call, "--json").out.splitlines()]
    assert [one["head"] for one in found[0]["answers"]] == ["age", "gender"]
    assert found[0]["outputs"] == found[0]["answers"][0]["outputs"]
    assert found[0]["answers"][1]["label"] == "male"
    held = [json.loads(line) for line in edgecv(*call, "--json", "--threshold", "gender:1").out.splitlines()]
    assert {one["answers"][1]["label"] for one in held} == {"female"}
    assert edgecv(*call, "--save", tmp_path / "drawn").code == 0
    (drawn, *_) = sorted((tmp_path / "drawn").rglob("*.png"))
    rows = np.asarray(Image.open(drawn))[:, :60].reshape(264, -1)
    assert (rows == 255).any(1)[:19].any()
    assert (rows == 255).any(1)[19:38].any()


def test_evaluate_takes_labels_by_head(bundle, people_data):
    result = edgecv("evaluate", bundle, people_data / "test.npz", "--precision", "float32", "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert [(one["artifact"].split("/")[0], one["head"], one["kind"]) for one in found] == [
        ("tflite", "age", "regression"),
        ("tflite", "gender", "binary"),
        ("onnx", "age", "regression"),
        ("onnx", "gender", "binary"),
    ]
    _, ages, _ = models.people(120, 2)
    pixels = np.load(people_data / "test.npz")["picture"] / np.float32(255)
    answers = models.trained_people().predict(pixels, verbose=0)[0][:, 0]
    (column,) = found[2]["columns"]
    assert column["mae"] == pytest.approx(np.abs(answers - ages).mean(), abs=1e-3)
    assert column["rmse"] == pytest.approx(np.sqrt(np.square(answers - ages).mean()), abs=1e-3)
    assert found[3]["accuracy"] > 0.95
    text = edgecv("evaluate", bundle / "onnx" / "model.float32.onnx", people_data / "test.npz").out
    assert "model.float32.onnx, age: mean absolute error" in text
    assert "MAE" in text
    assert "true class (rows)" in text


def test_a_folder_s_classes_are_those_of_the_only_head_that_has_some(bundle, people_data):
    result = edgecv("evaluate", bundle / "onnx" / "model.float32.onnx", people_data / "test", "--json")
    (found,) = json.loads(result.out)
    assert (found["head"], found["count"]) == ("gender", 120)


def test_verify_and_inspect_name_both_heads(bundle):
    assert edgecv("verify", bundle).code == 0
    text = edgecv("inspect", bundle).out
    assert "head age" in text
    assert "yes from 0.5 on" in text
    assert "2: female, male" in text


def test_a_model_shows_its_heads(people_model):
    found = json.loads(edgecv("inspect", people_model, "--json").out)
    assert [(head["name"], head["kind"]) for head in found["heads"]] == [("age", "regression"), ("gender", "binary")]


def test_a_short_form_for_one_head_is_refused(people_model, tmp_path):
    result = edgecv("convert", people_model, "-o", tmp_path / "p.edgecv", "-p", "rescale", "--task", "binary")
    assert result.code == 2, result.err
    assert "--task is for a model with one head" in result.message
    assert not (tmp_path / "p.edgecv").exists()


def test_labels_that_could_be_of_several_heads_are_refused(bundle, people_data, tmp_path):
    copy = shutil.copytree(bundle, tmp_path / "two.edgecv")
    content = json.loads((copy / "bundle.json").read_text())
    content["heads"][0] |= {"kind": "binary", "thresholds": [0.5]}
    (copy / "bundle.json").write_text(json.dumps(content))
    result = edgecv("evaluate", copy, people_data / "test", "--target", "onnx")
    assert result.code == 1
    assert "several heads choose one class: age, gender" in result.message
    assert "one array of labels for each head, named like it: age, gender" in result.message
