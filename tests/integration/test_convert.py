"""`edgecv convert`, end to end, on small trained models."""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
import sys
import zipfile

import numpy as np
import pytest
from edgecv_converters.data import open_samples
from edgecv_converters.parity.gates import GateConfig
from edgecv_converters.parity.golden import check_golden
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.digest import sha256_tree
from edgecv_runtime.errors import GateError
from edgecv_runtime.predictor import load
from PIL import Image

import edgecv as package
from edgecv.convert.pipeline import convert
from edgecv.convert.request import from_options
from edgecv.prove import verify as verifying
from edgecv.prove.output import print_verification
from edgecv.serve.proving import prove
from edgecv.terminal.observer import Silent
from tests import models, tflite_metadata
from tests.command import edgecv

INT8 = ("--quantize", "int8", "--preprocess", "rescale")


@pytest.fixture(scope="module")
def data(digits_folder):
    return ("--calibrate", digits_folder / "train", "--evaluate", digits_folder / "test", "--samples", "60")


@pytest.fixture(scope="module")
def bundle(digits_model, data, tmp_path_factory):
    """The int8 bundle for three targets that several tests look at."""
    out = tmp_path_factory.mktemp("bundle") / "digits.edgecv"
    result = edgecv("convert", digits_model, "-o", out, *INT8, *data)
    assert result.code == 0, result.err
    return out


def test_bundle_has_all_targets_and_proofs(bundle):
    with Bundle.load(bundle) as loaded:
        loaded.verify_integrity()
        manifest = loaded.manifest
    assert [artifact.file for artifact in manifest.artifacts] == [
        "tflite/model.int8.tflite",
        "onnx/model.int8.onnx",
        "coreml/model.int8.mlpackage",
    ]
    assert [parity.status for parity in manifest.parity] == ["passed", "passed", "passed"]
    assert manifest.parity[2].how == "reference evaluation of the saved program"
    for twin in manifest.parity[1:]:
        assert {"twin", "twin_fall_db"} <= {gate.name for gate in twin.gates}
    assert manifest.labels == tuple("0123456789")
    assert manifest.quantization.calibration.count == 60
    assert {path.name for path in bundle.iterdir()} == {
        *("bundle.json", "labels.txt", "tflite", "onnx", "coreml", "golden", "report.json", "report.html")
    }


def test_the_proof_measures_accuracy_and_the_twins(bundle):
    report = json.loads((bundle / "report.json").read_text())
    tflite, onnx, coreml = report["parity"]
    assert tflite["accuracy"]["count"] == 200
    assert tflite["accuracy"]["accuracy"] >= tflite["accuracy"]["reference_accuracy"] - 0.02
    assert tflite["accuracy"]["reference_accuracy"] > 0.9
    assert onnx["twin"]["other"] == "tflite/model.int8.tflite"
    assert onnx["twin"]["agreement"] >= 0.995
    assert [gate["name"] for gate in onnx["gates"]] == ["snr_db", "agreement", "max_drop", "twin", "twin_fall_db"]
    assert coreml["twin"]["other"] == "tflite/model.int8.tflite"
    assert coreml["twin"]["agreement"] >= 0.99
    assert coreml["twin"]["count"] == 200


def test_files_say_what_they_are(bundle):
    import onnx

    data = (bundle / "tflite" / "model.int8.tflite").read_bytes()
    assert tflite_metadata.files(data) == {"labels.txt": "".join(f"{digit}\n" for digit in range(10))}
    told = tflite_metadata.metadata(data)
    assert told.text(0) == "digits"
    assert told.tables(3)[0].tables(2)[0].tables(4)[0].union(1).floats(1) == [255.0]
    assert all(start % 16 == 0 for start, count in tflite_metadata.buffers(data) if count)
    properties = {entry.key: entry.value for entry in onnx.load(bundle / "onnx" / "model.int8.onnx").metadata_props}
    assert properties["edgecv.bundle"] == json.loads((bundle / "bundle.json").read_text())["identity"]
    assert (properties["imgsz"], properties["task"]) == ("[16, 16]", "classify")


def test_a_tflite_file_without_metadata(digits_model, digits_folder, tmp_path):
    out = tmp_path / "plain.edgecv"
    result = edgecv(
        "convert", digits_model, "-o", out, "-t", "tflite", "--no-tflite-metadata", "--preprocess", "rescale"
    )
    assert result.code == 0, result.err
    assert tflite_metadata.metadata((out / "tflite" / "model.float32.tflite").read_bytes()) is None


def test_both_int8_files_carry_one_quantization(bundle):
    import onnx
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(bundle / "tflite/model.int8.tflite"))
    scales = {
        round(float(scale), 9)
        for detail in interpreter.get_tensor_details()
        for scale in detail["quantization_parameters"]["scales"]
        if detail["dtype"] == np.int8
    }
    model = onnx.load(str(bundle / "onnx/model.int8.onnx"))
    constants = {item.name: onnx.numpy_helper.to_array(item) for item in model.graph.initializer}
    carried = {
        round(float(scale), 9)
        for node in model.graph.node
        if node.op_type == "QuantizeLinear"
        for scale in constants[node.input[1]].reshape(-1)
    }
    assert carried
    assert carried <= scales
    zeros = [constants[node.input[2]].dtype for node in model.graph.node if node.op_type == "QuantizeLinear"]
    assert set(zeros) == {np.dtype(np.uint8)}


def test_manifest_fits_its_published_schema(bundle):
    import jsonschema
    from edgecv_runtime.jsonschema import bundle_schema

    schema = jsonschema.Draft202012Validator(bundle_schema())
    manifest = json.loads((bundle / "bundle.json").read_text())
    assert list(schema.iter_errors(manifest)) == []
    assert list(schema.iter_errors({**manifest, "colour": "red"})) != []


def test_nothing_in_the_bundle_names_this_machine(bundle, digits_model):
    import getpass
    import socket

    text = (bundle / "bundle.json").read_text()
    assert str(digits_model.parent) not in text
    assert socket.gethostname() not in text
    assert f"/{getpass.getuser()}/" not in text


def test_verify_runs_it_again(bundle):
    result = edgecv("verify", bundle)
    assert result.code == 0, result.err
    assert "8 of 8 golden pictures equal to the bit" in result.out


def test_verify_names_the_changed_file(bundle, tmp_path):
    copy = shutil.copytree(bundle, tmp_path / "copy.edgecv")
    golden = copy / "golden" / "000.png"
    golden.write_bytes(golden.read_bytes() + b"\0")
    result = edgecv("verify", copy)
    assert result.code == 1
    assert "golden/000.png was changed since the bundle was made" in result.message


def planted(bundle, copy, change):
    """A copy with a wrong int8 ONNX file and a right digest, after `change` of its weights: only a run can tell."""
    shutil.copytree(bundle, copy)
    model = copy / "onnx" / "model.int8.onnx"
    import onnx

    wrong = onnx.load(str(model))
    for item in wrong.graph.initializer:
        values = onnx.numpy_helper.to_array(item)
        item.CopyFrom(onnx.numpy_helper.from_array(np.array(change(item.name, values), order="C"), item.name))
    onnx.save(wrong, str(model))
    manifest = json.loads((copy / "bundle.json").read_text())
    manifest["artifacts"][1]["sha256"] = sha256_tree(model)
    (copy / "bundle.json").write_text(json.dumps(manifest))
    return copy


def test_verify_fails_on_a_swapped_artifact_whose_digest_was_mended(bundle, tmp_path):
    """The classes are in the other order."""

    def reversed_classes(_, values):
        return np.flip(values, values.shape.index(10)) if 10 in values.shape else values

    result = edgecv("verify", planted(bundle, tmp_path / "copy.edgecv", reversed_classes))
    assert result.code == 3
    assert "onnx/model.int8.onnx" in result.message


def test_verify_and_serve_find_an_artifact_that_fell_far_below_its_record_and_keeps_all_other_bars(bundle, tmp_path):
    """The weights of a convolution are 1.3 times as large: int8's own bars hold, but the artifact had far more."""

    def larger(name, values):
        return np.float32(1.3) * values if "conv_2" in name and "weight/real/scale" in name else values

    copy = planted(bundle, tmp_path / "copy.edgecv", larger)
    result = edgecv("verify", copy)
    assert result.code == 3
    assert "onnx/model.int8.onnx: the signal-to-noise ratio of digit is" in result.message
    assert "below what was recorded when the artifact was made (on golden), the gate is 7 dB" in result.message
    assert edgecv("verify", copy, "--gate", "fall=off").code == 0
    with load(copy, target="onnx") as predictor, pytest.raises(GateError, match="below what was recorded"):
        prove(predictor)


def test_evaluate_agrees_with_the_report(bundle, digits_folder):
    result = edgecv("evaluate", bundle / "tflite/model.int8.tflite", digits_folder / "test", "--json")
    assert result.code == 0, result.err
    [measured] = json.loads(result.out)
    report = json.loads((bundle / "report.json").read_text())
    assert measured["accuracy"] == report["parity"][0]["accuracy"]["accuracy"]
    assert np.sum(measured["confusion"]) == 200


def test_predictor_reads_a_picture(bundle, digits_folder):
    picture = min((digits_folder / "test" / "7").glob("*.png"))
    with package.load(bundle) as predictor:
        answer = predictor.predict(picture)
        several = predictor.predict([picture, Image.open(picture), picture.read_bytes()])
    assert answer.label == "7"
    assert answer.score > 0.5
    assert [one.index for one in several] == [7, 7, 7]


@pytest.mark.cold_hosts
def test_same_inputs_give_the_same_bytes(bundle, digits_model, data, tmp_path):
    again = tmp_path / "digits.edgecv"
    assert edgecv("convert", digits_model, "-o", again, *INT8, *data).code == 0
    assert (again / "bundle.json").read_bytes() == (bundle / "bundle.json").read_bytes()


def test_every_precision_of_every_target_from_h5_to_a_zip(digits_h5, data, tmp_path):
    out = tmp_path / "all.edgecv.zip"
    precisions = "float32,float16,dynamic,int8,int16x8"
    result = edgecv("convert", digits_h5, "-o", out, "-q", precisions, "-p", "rescale", *data, "--json")
    assert result.code == 0, result.err
    made = [(artifact["target"], artifact["precision"]) for artifact in json.loads(result.out)["report"]["artifacts"]]
    assert len(made) == 11
    assert zipfile.is_zipfile(out)
    verified = edgecv("verify", out, "--json")
    assert verified.code == 0, verified.err
    assert [parity["status"] for parity in json.loads(verified.out)["parity"]] == ["passed"] * 11


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_savedmodel_with_integer_boundaries(digits_savedmodel, data, tmp_path, io):
    out = tmp_path / "digits.edgecv"
    steps = ("-q", "int8", "-t", "tflite,onnx", "-p", "rescale", "--io", io)
    result = edgecv("convert", digits_savedmodel, "-o", out, *steps, *data)
    assert result.code == 0, result.err
    with Bundle.load(out) as loaded:
        for artifact in loaded.manifest.artifacts:
            assert artifact.inputs[0].dtype == io
            assert artifact.outputs[0].quantization is not None


def test_float_without_data_is_proven_on_drawn_pictures(digits_model, tmp_path):
    out = tmp_path / "float.edgecv"
    result = edgecv("convert", digits_model, "-o", out, "-p", "rescale")
    assert result.code == 0, result.err
    assert "No data was given" in result.message
    with Bundle.load(out) as loaded:
        assert [artifact.precision for artifact in loaded.manifest.artifacts] == ["float32", "float32", "float16"]
        assert loaded.manifest.quantization is None


def test_live_model_from_python(tmp_path, digits_folder):
    import keras

    inputs = [keras.Input((16, 16, 1), name="picture"), keras.Input((4,), name="facts")]
    flat = keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(inputs[0]))
    joined = keras.layers.Concatenate()([flat, inputs[1]])
    outputs = [keras.layers.Dense(3, name="first")(joined), keras.layers.Dense(2, name="second")(joined)]
    model = keras.Model(inputs, outputs)
    made = package.convert(model, tmp_path / "two.edgecv", preprocess="rescale", targets=["tflite", "onnx"])
    assert [spec.name for spec in made.manifest.inputs] == ["picture", "facts"]
    assert [spec.shape for spec in made.manifest.outputs] == [(1, 3), (1, 2)]
    assert made.manifest.preprocess["facts"].kind == "tensor"
    assert {parity.status for parity in made.manifest.parity} == {"passed"}


def test_failed_gate_exits_three_and_writes_nothing(digits_model, data, tmp_path):
    out = tmp_path / "bad.edgecv"
    call = ("convert", digits_model, "-o", out, *INT8, *data, "--gate", "snr=200", "-t", "tflite")
    result = edgecv(*call)
    assert result.code == 3
    assert "parity failed for tflite/model.int8.tflite: snr_db is" in result.message
    assert "--keep-failing" in result.message
    assert "failed" in result.out
    assert list(tmp_path.iterdir()) == []
    assert edgecv(*call, "--keep-failing").code == 3
    assert json.loads((out / "bundle.json").read_text())["artifacts"][0]["parity"] == "failed"


def test_force_replaces_the_old_bundle_whole(bundle, digits_model, tmp_path):
    out = shutil.copytree(bundle, tmp_path / "digits.edgecv")
    call = ("convert", digits_model, "-o", out, "-p", "rescale", "-t", "tflite")
    assert edgecv(*call).code == 2
    assert (out / "onnx").exists()
    assert edgecv(*call, "--force").code == 0
    assert not (out / "onnx").exists()
    assert (out / "tflite/model.float32.tflite").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["digits.edgecv"]


def test_no_preprocessing_lists_the_presets(digits_model, tmp_path):
    result = edgecv("convert", digits_model, "-o", tmp_path / "x.edgecv")
    assert result.code == 2
    assert "nobody says how pictures are prepared" in result.message
    for name in ("none", "rescale", "tf", "torch", "caffe", "load_img", "image_dataset", "tensor"):
        assert name in result.message
    assert list(tmp_path.iterdir()) == []


def test_unreadable_images_are_counted_and_never_golden_and_too_many_are_an_error(digits_model, tmp_path):
    models.write_digits(tmp_path, train=10, test=0)
    folder = tmp_path / "train"
    first = open_samples(folder).choose(1000, 0).choose(8, 0).samples[0].location
    first.write_bytes(b"")
    call = ("convert", digits_model, *INT8, "-t", "tflite", "--calibrate", folder)
    result = edgecv(*call, "-o", tmp_path / "few.edgecv")
    assert result.code == 0, result.err
    assert "1 of the calibration images could not be read" in result.message
    assert json.loads((tmp_path / "few.edgecv" / "bundle.json").read_text())["golden"]["count"] == 8
    for file in [file for file in sorted(folder.rglob("*.png")) if file != first][:9]:
        file.write_text("no picture")
    result = edgecv(*call, "-o", tmp_path / "many.edgecv")
    assert result.code == 1
    assert "10 of 100 images" in result.message
    assert not (tmp_path / "many.edgecv").exists()


def test_wrong_number_of_classes_asks_for_labels(digits_model, digits_folder, tmp_path):
    folder = shutil.copytree(digits_folder / "test", tmp_path / "test")
    shutil.rmtree(folder / "3")
    result = edgecv("convert", digits_model, "-o", tmp_path / "x.edgecv", "-p", "rescale", "--evaluate", folder)
    assert result.code == 2
    assert "has 9 classes and the model tells 10 apart" in result.message
    assert "--labels FILE" in result.message


def test_a_model_that_scales_pixels_itself_needs_no_preprocessing(tmp_path):
    import keras

    inputs = keras.Input((16, 16, 3), name="photo")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    outputs = keras.layers.Dense(2, activation="softmax")(keras.layers.Flatten()(scaled))
    keras.Model(inputs, outputs).save(tmp_path / "own.keras")
    out = tmp_path / "own.edgecv"
    result = edgecv("convert", tmp_path / "own.keras", "-o", out, "-t", "tflite")
    assert result.code == 0, result.err
    assert "The model scales raw pixels itself: preprocessing is 'none' (0..255)" in result.message
    with Bundle.load(out) as loaded:
        assert loaded.manifest.preprocess["photo"].normalize.preset == "none"


def test_preprocessing_from_a_file_reaches_the_bundle_and_the_device(digits_model, digits_folder, tmp_path):
    (tmp_path / "prep.toml").write_text(
        "[fit]\nmode = 'letterbox'\npad = [7]\n[resize]\nsemantics = 'tf'\n[normalize]\nmean = 20\nstd = 200\n"
        "[unknown]\n"
    )
    call = ("convert", digits_model, "-o", tmp_path / "d.edgecv", "-t", "tflite", "-p", tmp_path / "prep.toml")
    refused = edgecv(*call)
    assert refused.code == 1
    assert "unknown key 'unknown'" in refused.message
    text = (tmp_path / "prep.toml").read_text().replace("[unknown]\n", "").replace("[fit]", "color = 'gray'\n[fit]")
    (tmp_path / "prep.toml").write_text(text)
    result = edgecv(*call, "--evaluate", digits_folder / "test", "--gate", "drop=off")
    assert result.code == 0, result.err
    with Bundle.load(tmp_path / "d.edgecv") as loaded:
        spec = loaded.manifest.preprocess[loaded.manifest.inputs[0].name]
    assert (spec.fit.mode, spec.fit.pad, spec.resize.semantics, spec.size) == ("letterbox", (7,), "tf", (16, 16))
    assert edgecv("verify", tmp_path / "d.edgecv").code == 0


def test_answers_that_are_decoded_otherwise_fail_the_check(bundle, tmp_path):
    copy = tmp_path / "copy.edgecv"
    shutil.copytree(bundle, copy)
    assert "answers: 8 of 8 golden cases decoded as they were recorded" in edgecv("verify", copy).out
    index, manifest = copy / "golden" / "golden.json", copy / "bundle.json"
    content = json.loads(index.read_bytes())
    for case in content["cases"][:3]:
        (answer,) = case["answers"].values()
        answer["decisions"] = [(answer["decisions"][0] + 1) % 10]
    index.write_text(json.dumps(content))
    digest = hashlib.sha256(index.read_bytes()).hexdigest()
    listed = json.loads(manifest.read_bytes())
    listed["golden"]["sha256"] = digest
    manifest.write_text(json.dumps(listed))
    result = edgecv("verify", copy)
    assert result.code == 3
    assert "answers: 5 of 8 golden cases decoded as they were recorded" in result.out
    assert "3 of 8 golden cases are decoded to other answers" in result.message


def shown_without(module, root, monkeypatch, capsys):
    """What `verify` prints where a package is not installed; its checks run here, and not in processes of their own."""
    with Bundle.load(root) as loaded, monkeypatch.context() as patch:
        patch.setitem(sys.modules, module, None)
        parity = tuple(check_golden(check) for check in verifying._checks(loaded, GateConfig.parse(()), 1))
    counts = {"files": 1, "kind": "image", "golden": 8, "pictures": 8, "preprocessing_equal": 8, "answers_equal": 8}
    print_verification(verifying.Verification(name="m", **counts, parity=parity), as_json=False)
    return " ".join(capsys.readouterr().out.split())


def test_class_names_and_hints_in_brackets_are_printed_as_they_are(
    bundle, digits_folder, tmp_path, monkeypatch, capsys
):
    labels = tmp_path / "labels.txt"
    manifest = json.loads((bundle / "bundle.json").read_text())
    copy = shutil.copytree(bundle, tmp_path / "copy.edgecv")
    manifest["labels"] = manifest["heads"][0]["labels"] = [f"[b]{number}" for number in range(10)]
    (copy / "bundle.json").write_text(json.dumps(manifest))
    labels.write_text("".join(f"{label}\n" for label in manifest["labels"]))
    shutil.copy(labels, copy / "labels.txt")
    folder = tmp_path / "test"
    for number in range(10):
        shutil.copytree(digits_folder / "test" / str(number), folder / f"[b]{number}")
    assert "[b]7" in edgecv("evaluate", copy, folder, "--target", "tflite").out
    assert 'pip install "edgecv[onnx]"' in shown_without("onnxruntime", copy, monkeypatch, capsys)


def test_what_nobody_ran_is_said_to_be_not_run(bundle, tmp_path, monkeypatch, capsys):
    copy = shutil.copytree(bundle, tmp_path / "phone.edgecv", ignore=shutil.ignore_patterns("tflite", "onnx"))
    manifest = json.loads((copy / "bundle.json").read_text())
    for part in ("artifacts", "parity"):
        del manifest[part][:2]
    (copy / "bundle.json").write_text(json.dumps(manifest))
    shown = shown_without("threadpoolctl", copy, monkeypatch, capsys)
    assert 'pip install "edgecv[convert]"' in shown
    assert "no artifact could be run here: only the files were checked" in shown


def test_inspect_counts_what_moves_integers_as_quantized(bundle):
    found = json.loads(edgecv("inspect", bundle / "onnx/model.int8.onnx", "--json").out)
    assert found["quantized_ops"] == 1.0


def test_logits_become_labels_over_their_thresholds(tmp_path):
    """A model that ends with logits says so in the bundle, and the device applies what is missing."""
    model = models.head(3, None)
    options = {"targets": ["tflite"], "task": "multilabel", "labels": ["a", "b", "c"], "thresholds": ["0.3", "b=0.99"]}
    outcome = package.convert(model, tmp_path / "m.edgecv", **options)
    (head,) = outcome.manifest.heads
    assert (head.activation, head.thresholds, head.labels) == ("sigmoid", (0.3, 0.99, 0.3), ("a", "b", "c"))
    features = np.float32([[1, -2, 3, 0.5, 1]])
    with package.load(tmp_path / "m.edgecv") as predictor:
        answer = predictor.predict_tensor(features)
    logits = model.predict(features, verbose=0)[0]
    assert np.allclose(answer.scores, 1 / (1 + np.exp(-logits)), atol=1e-5)
    wanted = {name for name, score, least in zip("abc", answer.scores, (0.3, 0.99, 0.3), strict=True) if score >= least}
    assert set(answer.labels) == wanted


def test_a_threshold_needs_a_task_that_has_one(digits_model, tmp_path):
    call = ("convert", digits_model, "-o", tmp_path / "m.edgecv", "-p", "rescale", "-t", "tflite", "--threshold", "0.2")
    result = edgecv(*call)
    assert result.code == 2
    assert "--threshold is for yes-or-no answers, and this model does classification" in result.message
    assert not (tmp_path / "m.edgecv").exists()


class Watching(Silent):
    """An observer that keeps the jobs."""

    def __init__(self):
        self.jobs = []

    def job(self, job):
        self.jobs.append(job)


@pytest.mark.parametrize(("jobs", "threads"), [(1, "1 thread"), (5, "2 threads")])
def test_so_many_jobs_run_at_the_same_time(jobs, threads, digits_model, tmp_path):
    """What they leave free is for the proofs: of five one is the source model's, and two are each artifact's."""
    options = {"targets": ["tflite", "onnx"], "preprocess": "rescale", "jobs": jobs}
    seen = Watching()
    outcome = convert(from_options(digits_model, tmp_path / "x.edgecv", options), seen)
    assert [parity.status for parity in outcome.manifest.parity] == ["passed", "passed"]
    assert {parity.how.rpartition(", ")[2] for parity in outcome.manifest.parity} == {threads}
    spans = sorted((job.since, job.since + job.seconds - job.worked) for job in seen.jobs)  # since the newest wait
    assert len(spans) == 5
    together = [later[0] < earlier[1] for earlier, later in itertools.pairwise(spans)]
    assert any(together) == (jobs > 1)
