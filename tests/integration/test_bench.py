"""`edgecv bench` as a person uses it: LiteRT and ONNX Runtime on a real bundle, every reference, and wrong calls."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.bench.result import Result, decode_result

import edgecv as package
from tests import bundles
from tests.command import edgecv

QUICK = ("--seconds", "0.06", "--rounds", "3", "--warm-up", "0", "--threads", "1", "--no-peak")
FILES = ("tflite/model.float32.tflite", "tflite/model.int8.tflite", "onnx/model.float32.onnx", "onnx/model.int8.onnx")


@pytest.fixture(scope="module")
def bundle(digits_model, digits_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "digits.edgecv"
    made = edgecv(
        *("convert", digits_model, "-o", out, "--quantize", "float32,int8", "--preprocess", "rescale"),
        *("--target", "tflite,onnx", "--calibrate", digits_folder / "train", "--samples", "40"),
    )
    assert made.code == 0, made.err
    return out


@pytest.fixture(scope="module")
def data(digits_folder):
    return ("--data", digits_folder / "test")


@pytest.fixture(scope="module")
def recorded(bundle, data, tmp_path_factory):
    """A reference that was recorded on the CPU."""
    path = tmp_path_factory.mktemp("recorded") / "ref.json"
    made = edgecv("bench", bundle, *QUICK, *data, "--target", "onnx", "--record-reference", path)
    assert made.code == 0, made.err
    assert "There is no CUDA here: the recorded reference ran on CPUExecutionProvider" in made.message
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A bundle that is there at once, for what needs no real model."""
    root = tmp_path_factory.mktemp("small") / "colours.edgecv"
    bundles.write_bundle(root)
    return root


def result_of(*words: object) -> Result:
    done = edgecv("bench", *words, *QUICK, "--json")
    assert done.code == 0, done.err
    return decode_result(done.out.encode(), "stdout")


def test_every_artifact_is_measured_and_compared(bundle, data):
    result = result_of(bundle, *data)
    assert [row.artifact for row in result.rows] == list(FILES)
    assert [row.library.name for row in result.rows] == ["ai-edge-litert"] * 2 + ["onnxruntime"] * 2
    assert (result.settings.input, result.settings.data, result.settings.inputs) == ("pictures", "evaluation", 32)
    for row in result.rows:
        assert row.correct.count == 200
        assert row.correct.interval[0] < row.correct.accuracy < row.correct.interval[1]
        assert abs(row.correct.lost - row.correct.gained) == round(
            200 * abs(row.correct.accuracy - row.correct.reference_accuracy)
        )
        assert sum(item.count for item in row.classes) == 200
        assert sum(item.correct for item in row.classes) == round(200 * row.correct.accuracy)
        assert [item.label for item in row.classes] == list("0123456789")
        assert {name: item.count for name, item in row.comparisons.items()} == {"golden": 8, "evaluation": 200}
        assert row.multiply_adds_per_second == pytest.approx(
            1e6 * result.multiply_adds / row.inference.p50_us, rel=1e-3
        )
        assert row.peak_share is None
    floats = [row for row in result.rows if row.precision == "float32"]
    assert [row.comparisons["evaluation"].agreement for row in floats] == [1, 1]
    assert min(row.comparisons["golden"].snr_db for row in floats) > 80
    ints = [row for row in result.rows if row.precision == "int8"]
    assert all(15 < row.comparisons["golden"].snr_db < 60 for row in ints)
    assert [row.bytes for row in result.rows] == [(bundle / file).stat().st_size for file in FILES]


def test_every_operation_is_timed(bundle):
    rows = {row.artifact: row for row in result_of(bundle, "--profile").rows}
    assert list(rows) == list(FILES)
    for row in rows.values():
        assert row.profile.not_profiled is None
        assert 10 <= row.profile.runs <= 100
        assert all(operation.layer for operation in row.profile.operations)
        assert 0 < sum(operation.us for operation in row.profile.operations) < 2 * row.profile.total_us
    for file in ("tflite/model.float32.tflite", "onnx/model.float32.onnx"):
        assert {operation.numbers for operation in rows[file].profile.operations} == {"float"}
    for file, turned in (("tflite/model.int8.tflite", "Convert (NC)"), ("onnx/model.int8.onnx", "QuantizeLinear")):
        operations = rows[file].profile.operations
        assert operations[0].operator == turned
        assert operations[0].numbers == operations[-1].numbers == "conversion"
        assert {operation.numbers for operation in operations[1:-1]} == {"integer"}
    convolutions = [
        {operation.layer for operation in row.profile.operations if "Conv" in operation.operator[:11]}
        for row in (rows["tflite/model.int8.tflite"], rows["onnx/model.int8.onnx"])
    ]
    assert convolutions[0]
    assert {layer for layer in convolutions[0] if "Conv" in layer or "Relu" in layer} & convolutions[1]


def test_the_bundles_own_answers_and_a_float_artifact_are_the_reference(bundle, data):
    golden, evaluation = result_of(bundle, *data, "--target", "onnx").references
    assert (golden.on, golden.kind, golden.count) == ("golden", "golden", 8)
    assert "Keras on CPU" in golden.description
    assert (evaluation.on, evaluation.kind, evaluation.count) == ("evaluation", "artifact", 200)
    assert evaluation.description.startswith("float32 artifact onnx/model.float32.onnx, run here on onnxruntime")
    assert evaluation.library.providers == ("CPUExecutionProvider",)
    assert evaluation.inference.count >= 3
    assert evaluation.correct.accuracy > 0.9


def test_keras_itself_is_the_reference(bundle, data, digits_model):
    result = result_of(bundle, *data, "--model", digits_model, "--target", "tflite")
    assert [(item.on, item.kind) for item in result.references] == [("golden", "keras"), ("evaluation", "keras")]
    first = result.rows[0]
    assert first.comparisons["golden"].max_abs_error < 1e-5
    assert first.comparisons["evaluation"].agreement == 1
    assert result.references[1].correct.accuracy == first.correct.reference_accuracy == first.correct.accuracy


def test_another_model_is_no_reference(bundle, tmp_path):
    other = tmp_path / "other.keras"
    other.write_bytes(b"another")
    done = edgecv("bench", bundle, *QUICK, "--model", other)
    assert done.code == 1
    assert "other.keras is not the model that the bundle digits was made from" in done.message
    assert "does not exist" in edgecv("bench", bundle, *QUICK, "--model", "none.keras").message


def test_a_recorded_reference_says_what_ran(recorded, bundle):
    content = json.loads(recorded.read_text())
    assert content["name"] == "digits"
    assert content["identity"] == json.loads((bundle / "bundle.json").read_text())["identity"]
    assert content["row"]["library"]["providers"] == ["CPUExecutionProvider"]
    assert content["row"]["inference"]["p50_us"] > 0
    assert content["machine"]["versions"]["onnxruntime"]
    assert {name: len(item["digests"]) for name, item in content["sets"].items()} == {"golden": 8, "evaluation": 200}


def test_rows_are_compared_with_a_recorded_reference(recorded, bundle, data):
    result = result_of(bundle, *data, "--reference", recorded, "--target", "tflite")
    for item in result.references:
        assert item.kind == "recorded"
        assert "onnx/model.float32.onnx on onnxruntime" in item.description
        assert "CPUExecutionProvider" in item.description
        assert item.inference.p50_us > 0
        assert item.machine.cpu in item.description
    assert result.references[1].correct.reference_accuracy is None
    assert result.rows[0].comparisons["evaluation"].agreement == 1
    assert result.rows[1].comparisons["evaluation"].snr_db < 60


def test_the_order_of_samples_does_not_matter(recorded, bundle, digits_folder, tmp_path):
    """Answers are found by what went in, not by their place."""
    for number, file in enumerate(sorted((digits_folder / "test" / "7").iterdir())[:5]):
        place = tmp_path / "some" / "7" / f"{9 - number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
    result = result_of(bundle, "--data", tmp_path / "some", "--reference", recorded, "--precision", "float32")
    assert [row.comparisons["evaluation"].count for row in result.rows] == [5, 5]
    assert max(row.comparisons["evaluation"].max_abs_error for row in result.rows) < 1e-5


def test_a_reference_for_other_samples_is_refused(recorded, bundle, digits_folder):
    done = edgecv("bench", bundle, *QUICK, "--data", digits_folder / "train", "--reference", recorded)
    assert done.code == 1
    assert re.search(r"the reference has no answer to \d{3} of the 600 evaluation samples", done.message)
    assert "hint: Record it again there" in done.message


def test_a_reference_for_another_bundle_is_refused(recorded, small):
    done = edgecv("bench", small, *QUICK, "--reference", recorded)
    assert done.code == 1
    assert re.search(r"ref.json was recorded for another bundle: digits [0-9a-f]{12}, not colours", done.message)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: b"{}", "is no recorded reference"),
        (lambda data: data.replace(b'"sets"', b'"gets"'), "unknown field"),
        (lambda data: re.sub(rb'("shape": \[\s*)8,', rb"\g<1>7,", data), "the reference is damaged"),
        (lambda data: re.sub(rb'("shape": \[\s*)8,(\s*)10', rb"\g<1>10,\g<2>8", data), "10 answers to 8 samples"),
    ],
)
def test_a_damaged_reference_is_refused(recorded, bundle, tmp_path, change, words):
    path = tmp_path / "ref.json"
    changed = change(recorded.read_bytes())
    assert changed != recorded.read_bytes()
    path.write_bytes(changed)
    done = edgecv("bench", bundle, *QUICK, "--reference", path)
    assert done.code == 1
    assert words in done.message


def test_a_gpu_that_is_not_there_is_never_the_reference(small, tmp_path, monkeypatch):
    """An ONNX Runtime that was built for CUDA, on a machine without a GPU: said, and not taken for one."""
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CUDAExecutionProvider"])
    done = edgecv("bench", small, *QUICK, "--json")
    result = decode_result(done.out.encode(), "stdout")
    assert [item.kind for item in result.references] == ["golden"]
    assert "The GPU is not the reference: ONNX Runtime has no CUDAExecutionProvider here" in done.message
    not_run = {row.title: row.not_run for row in result.rows if row.not_run}
    assert set(not_run) == {"onnx float32 on onnx-cuda, 1 thread", "onnx int8 on onnx-cuda, 1 thread"}
    done = edgecv("bench", small, *QUICK, "--record-reference", tmp_path / "ref.json")
    assert done.code == 1
    assert "the reference was not recorded, onnx float32 on onnx-cuda, 1 thread did not run" in done.message
    assert not (tmp_path / "ref.json").exists()
    done = edgecv("bench", small, *QUICK, "--record-reference", tmp_path / "ref.json", "--backend", "onnx")
    assert done.code == 0


def test_a_bundle_that_does_not_know_its_accuracy_is_still_measured(small, tmp_path):
    """Without float32 there is no reference for labelled samples; without a labels file the indices are the labels."""
    root = tmp_path / "int8.edgecv"
    shutil.copytree(small, root)
    manifest = json.loads((root / "bundle.json").read_text())
    manifest["artifacts"] = manifest["artifacts"][1:]
    (root / "bundle.json").write_text(json.dumps(manifest))
    (root / "onnx" / "model.float32.onnx").unlink()
    np.savez(tmp_path / "data.npz", image=np.full((3, 5, 5, 3), 90, np.uint8), labels=np.array([0, 1, 2]))
    done = edgecv("bench", root, *QUICK, "--data", tmp_path / "data.npz", "--json")
    result = decode_result(done.out.encode(), "stdout")
    assert result.rows[0].correct.accuracy == pytest.approx(1 / 3)
    assert result.rows[0].correct.reference_accuracy is None
    assert set(result.rows[0].comparisons) == {"golden"}
    assert "There is no reference for the samples of --data" in done.message


def test_tensor_models_are_measured_with_tensors(tmp_path):
    root = tmp_path / "tensors.edgecv"
    manifest = bundles.write_bundle(root)
    spec = msgspec.structs.replace(manifest.preprocess["image"], kind="tensor", size=None)
    golden = json.loads((root / "golden" / "golden.json").read_text())
    for case in golden["cases"]:
        case["image"] = case["image_sha256"] = None
    from hashlib import sha256

    index = json.dumps(golden).encode()
    (root / "golden" / "golden.json").write_bytes(index)
    changed = msgspec.structs.replace(
        manifest,
        preprocess={"image": spec},
        golden=msgspec.structs.replace(manifest.golden, sha256=sha256(index).hexdigest()),
    )
    (root / "bundle.json").write_bytes(msgspec.json.encode(changed))
    result = result_of(root)
    assert (result.settings.input, result.settings.inputs) == ("tensors", 2)
    assert result.rows[0].comparisons["golden"].agreement == 1


def test_a_table_is_printed_and_the_page_written(bundle, tmp_path):
    page = tmp_path / "report.html"
    done = edgecv("bench", bundle, *QUICK, "--precision", "int8", "--html", page)
    assert done.code == 0
    assert "TFLite int8" in done.out
    assert "ONNX int8" in done.out
    assert page.read_text().startswith("<!doctype html>")
    again = edgecv("bench", bundle, *QUICK, "--html", page)
    assert again.code == 2
    assert "report.html exists" in again.message
    assert "--force" in again.message


def test_markdown_is_printed_as_it_is(small):
    done = edgecv("bench", small, *QUICK, "--markdown")
    assert done.out.startswith("### colours")
    assert max(map(len, done.out.splitlines())) > 120


def test_a_result_can_be_shown_again(small, tmp_path):
    path = tmp_path / "result.json"
    path.write_bytes(edgecv("bench", small, *QUICK, "--json").out.encode())
    done = edgecv("bench", "--import", path)
    assert done.code == 0
    assert "ONNX int8" in done.out
    both = json.loads(edgecv("bench", "--import", path, "--import", path, "--json").out)
    assert [item["place"]["kind"] for item in both] == ["import", "import"]


def test_what_makes_it_unstable_is_said_and_no_error(small, monkeypatch):
    monkeypatch.setattr("edgecv_runtime.bench.stability.MOST_DRIFT", -1.0)
    done = edgecv("bench", small, *QUICK, "--json")
    assert done.code == 0
    assert decode_result(done.out.encode(), "stdout").stable is False
    assert "The times are not to be relied on: " in done.message


def test_from_python(small):
    result = package.benchmark(small, options=Options(rounds=2, seconds=0.01, warm_up_seconds=0, peaks=False))
    assert [row.target for row in result.rows if row.threads == 1] == ["onnx", "onnx"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "no bundle was given"),
        (("BUNDLE", "--threads", "0"), 2, "--threads must be 1 to 256"),
        (("BUNDLE", "--threads", "1;2"), 2, "--threads '1;2' is no list of numbers"),
        (("BUNDLE", "--rounds", "1"), 2, "--rounds must be at least 2"),
        (("BUNDLE", "--json", "--markdown"), 2, "--json and --markdown both print to stdout"),
        (("BUNDLE", "--backend", "tensorrt"), 1, "Backends are litert, onnx, onnx-cuda, coreml"),
        (("BUNDLE", "--backend", "litert"), 1, "no artifact of the bundle colours fits what was asked for"),
        (("BUNDLE", "--precision", "int4"), 1, "It has onnx float32, onnx int8"),
        (("BUNDLE", "--backend", "onnx-cuda"), 1, "nothing could be measured; onnx float32 on onnx-cuda, 1 thread"),
        (("BUNDLE", "--data", "PLACE"), 1, "has no labels"),
        (("BUNDLE", "--data", "none"), 1, "none does not exist"),
        (("BUNDLE", "--reference", "none.json"), 1, "none.json cannot be read"),
        (("BUNDLE", "--reference", "r.json", "--model", "m.keras"), 2, "--reference and --model are two references"),
        (("BUNDLE", "--record-reference", "r.json", "--precision", "int8"), 2, "recorded of ONNX float32"),
        (("BUNDLE", "--record-reference", "r.json", "--device", "adb"), 2, "--record-reference is for this machine"),
        (("BUNDLE", "--import", "r.json", "--data", "PLACE"), 2, "--data has no use with --import"),
        (("BUNDLE", "--data", "none", "--device", "adb", "--device", "usb:1"), 2, "usb:1"),
        (("--device", "adb", "--import", "r.json"), 2, "--device needs the bundle"),
        (("--import", "none.json"), 1, "none.json cannot be read"),
        (("BUNDLE", "--html", "PLACE/none/r.html"), 1, "cannot be written"),
        (("PLACE",), 1, "bundle.json cannot be read"),
    ],
)
def test_wrong_calls_say_what_is_wrong(small, tmp_path, words, code, said):
    (tmp_path / "a.png").write_bytes((small / "golden" / "000.png").read_bytes())
    names = {"BUNDLE": small, "PLACE": tmp_path}
    call = [str(word).replace("PLACE/", f"{tmp_path}/") if word not in names else names[word] for word in words]
    quick = [] if {"--threads", "--rounds"} & set(words) else QUICK
    done = edgecv("bench", *call, *quick)
    assert (done.code, done.out) == (code, ""), done.err
    assert said in done.message
    assert {path.name for path in tmp_path.iterdir()} == {"a.png"}


def workers_of(parent: int) -> list[int]:
    try:
        found = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [int(pid) for pid in found if b"bench.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    except OSError:
        return []


def test_ctrl_c_ends_everything(small):
    words = [sys.executable, "-m", "edgecv", "bench", str(small), "--seconds", "60", "--threads", "1", "--no-peak"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while len(started := workers_of(process.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        handles = [os.pidfd_open(pid) for pid in started]
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "error: interrupted" in err
    assert len(handles) == 2
    for pid, handle in zip(started, handles, strict=True):
        os.close(handle)
        assert not Path(f"/proc/{pid}").exists()
