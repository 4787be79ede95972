"""Converters that refuse, crash, hang, run out of memory, or lose their parent: one error, and nothing left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.command import edgecv

REPOSITORY = Path(__file__).resolve().parents[2]
CUSTOM = ("--custom-objects", "tests.custom_layers")


def save(model_layers, path):
    import keras

    model = keras.Sequential([keras.Input((8, 8, 3), name="image"), *model_layers])
    model.save(path)
    return path


@pytest.fixture(scope="module")
def erf_model(tmp_path_factory):
    import keras

    from tests.custom_layers import ErfLayer

    layers = [keras.layers.Conv2D(4, 3), ErfLayer(name="bell"), keras.layers.Flatten(), keras.layers.Dense(3)]
    return save(layers, tmp_path_factory.mktemp("erf") / "erf.keras")


def trap_model(folder, kind):
    """The layer is harmless while the model is built and saved, and springs when it is loaded."""
    import zipfile

    from tests.custom_layers import TrapLayer

    path = save([TrapLayer(kind="none", name="trap")], folder / "trap.keras")
    armed = folder / "armed.keras"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(armed, "w") as target:
        for entry in source.infolist():
            data = source.read(entry)
            if entry.filename == "config.json":
                data = data.replace(b'"kind": "none"', f'"kind": "{kind}"'.encode())
            target.writestr(entry, data)
    path.unlink()
    return armed


def workers(place: Path) -> list[int]:
    """Every worker host and worker with its staging below `place` that is still there."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0] if command else "Z"
        except (FileNotFoundError, ProcessLookupError):
            continue
        if b"isolate.fork_server" in command and str(place).encode() in command and state != "Z":
            found.append(int(entry.name))
    return found


def gone(condition, seconds=20.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.05)
    return condition()


def test_an_op_that_tflite_lacks_is_named_with_its_layer(erf_model, tmp_path):
    result = edgecv("convert", erf_model, "-o", tmp_path / "x.edgecv", "-p", "none", "-t", "tflite,onnx", *CUSTOM)
    assert result.code == 1
    assert "TFLite has no kernel for Erf (layer bell)" in result.message
    assert "--keep-going writes the bundle with what worked (onnx float32)" in result.message
    assert list(tmp_path.iterdir()) == []


def test_what_one_target_refuses_does_not_take_the_others_down(erf_model, tmp_path):
    out = tmp_path / "x.edgecv"
    result = edgecv("convert", erf_model, "-o", out, "-p", "none", *CUSTOM)
    assert result.code == 0, result.err
    assert "note: tflite float32 is left out: TFLite has no kernel for Erf (layer bell)" in result.message
    assert re.search(r"tflite +float32 +refused", result.out)
    report = json.loads((out / "report.json").read_text())
    assert [artifact["target"] for artifact in report["artifacts"]] == ["onnx", "coreml"]
    [failure] = report["failures"]
    assert (failure["target"], failure["precision"]) == ("tflite", "float32")
    assert "Erf" in failure["log_tail"]
    assert edgecv("verify", out).code == 0


def test_other_int8_artifacts_say_that_they_need_the_quantization_of_tflite(erf_model, digits_folder, tmp_path):
    out = tmp_path / "x.edgecv"
    data = ("--calibrate", digits_folder / "test", "--samples", "10", "--keep-going")
    result = edgecv("convert", erf_model, "-o", out, "-p", "none", "-q", "int8,coreml:weights8", *data, *CUSTOM)
    assert result.code == 0, result.err
    for name in ("onnx int8", "coreml int8"):
        assert f"{name} is left out: {name} needs tflite int8, which did not convert" in result.message
    assert [path.name for path in sorted(out.glob("*/*.*")) if path.is_dir()] == ["model.weights8.mlpackage"]


def test_a_hidden_carrier_is_not_in_the_bundle(digits_model, digits_folder, tmp_path):
    out = tmp_path / "x.edgecv"
    data = ("--calibrate", digits_folder / "test", "--samples", "20")
    result = edgecv("convert", digits_model, "-o", out, "-p", "rescale", "-q", "int8", "-t", "onnx", *data)
    assert result.code == 0, result.err
    assert not (out / "tflite").exists()
    report = json.loads((out / "report.json").read_text())
    assert [artifact["file"] for artifact in report["artifacts"]] == ["onnx/model.int8.onnx"]
    assert report["parity"][0]["twin"] is None


@pytest.mark.cold_hosts
@pytest.mark.parametrize(
    ("kind", "limits", "message"),
    [
        ("segfault", (), "source model crashed (SIGSEGV)"),
        ("hang", ("--time-limit", "6"), "source model took longer than 6 s and was stopped"),
        ("exhaust", ("--memory-limit", "1.5"), "source model used more than 1.5 GiB of memory and was stopped"),
    ],
)
def test_each_way_to_die_is_one_error(tmp_path, kind, limits, message):
    model = trap_model(tmp_path, kind)
    result = edgecv("convert", model, "-o", tmp_path / "x.edgecv", "-p", "none", "-t", "onnx", *CUSTOM, *limits)
    assert result.code == 1
    assert message in result.message
    assert result.message.count("error:") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["armed.keras"]
    assert gone(lambda: workers(tmp_path) == [])


def call_in_background(*arguments, code="from edgecv.__main__ import main; main()"):
    path = os.pathsep.join(str(REPOSITORY / part) for part in (".", "converters", "runtime"))
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("moment", [0.3, 3.0, 5.0])
def test_kill_9_leaves_nothing(digits_model, tmp_path, moment):
    process = call_in_background("convert", digits_model, "-o", tmp_path / "x.edgecv", "-p", "rescale")
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert gone(lambda: workers(tmp_path) == [])
    assert gone(lambda: [path.name for path in tmp_path.iterdir()] in ([], ["x.edgecv"]))
    if (tmp_path / "x.edgecv").exists():
        assert edgecv("verify", tmp_path / "x.edgecv").code == 0


def test_interrupt_is_clean(digits_model, tmp_path):
    process = call_in_background("convert", digits_model, "-o", tmp_path / "x.edgecv", "-p", "rescale")
    assert gone(lambda: list(tmp_path.iterdir()) != [])  # it has begun
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "error: interrupted\nhint: Nothing was written" in err
    assert "Traceback" not in err
    assert gone(lambda: workers(tmp_path) == [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.cold_hosts
def test_a_converter_that_is_killed_does_not_take_the_others_along(digits_model, tmp_path, monkeypatch):
    """A real worker, at work on Core ML, dies by SIGSEGV; TFLite and ONNX are written all the same."""
    from edgecv.convert import pipeline

    shot = threading.Event()
    submit = pipeline.WorkerPool.submit

    def submit_and_shoot(self, name, *arguments, **options):
        job = submit(self, name, *arguments, **options)
        if name == "convert coreml float16":
            threading.Thread(target=shoot, args=(job,), daemon=True).start()
        return job

    def shoot(job):
        while job.pid is None:
            time.sleep(0.005)
        os.kill(job.pid, signal.SIGSEGV)
        shot.set()

    monkeypatch.setattr(pipeline.WorkerPool, "submit", submit_and_shoot)
    out = tmp_path / "x.edgecv"
    result = edgecv("convert", digits_model, "-o", out, "-p", "rescale", "--keep-going")
    assert shot.is_set()
    assert result.code == 0, result.err
    assert "coreml float16 is left out: convert coreml float16 crashed (SIGSEGV)" in result.message
    assert "not made" in result.out
    assert [path.name for path in sorted(out.iterdir())][:3] == ["bundle.json", "golden", "onnx"]
    assert edgecv("verify", out).code == 0


@pytest.mark.parametrize(
    ("moment", "left"),
    [("pipeline.assemble = kill", []), ("subprocess.Popen.wait = kill", ["x.edgecv"])],
    ids=["while the report is written", "while the host of the workers ends"],
)
def test_kill_9_at_the_end_leaves_nothing_beside_the_bundle(digits_model, tmp_path, moment, left):
    code = (
        "import os, signal, subprocess\n"
        "from edgecv.__main__ import main\n"
        "from edgecv.convert import pipeline\n"
        "def kill(*_, **__):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "def arm(*arguments, real=pipeline.assemble):\n"
        f"    {moment}\n"
        "    return (kill if pipeline.assemble is kill else real)(*arguments)\n"
        "pipeline.assemble = arm\n"
        "main()\n"
    )
    process = call_in_background(
        "convert", digits_model, "-o", tmp_path / "x.edgecv", "-p", "rescale", "-t", "tflite", code=code
    )
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert gone(lambda: [path.name for path in tmp_path.iterdir()] == left)
