"""What the doctor finds here, and what it would find elsewhere."""

import getpass
import io
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from edgecv_runtime import cpu
from edgecv_runtime.formats import KNOWN

from edgecv import doctor, machine
from edgecv.terminal.console import PlainConsole

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def without(monkeypatch):
    """Make `machine.versions` forget some packages, or know other versions."""

    def change(*missing, **more):
        everything = machine.versions(machine.tools() + machine.CAMERA)
        known = {name: version for name, version in everything.items() if name not in missing}
        known.update({name.replace("_", "-"): version for name, version in more.items()})
        monkeypatch.setattr(machine, "versions", lambda *_: known)
        return {check.component: check for check in doctor.examine()}

    return change


def test_this_installation_is_ready():
    checks = doctor.examine()
    assert doctor.targets_ready(checks) == dict.fromkeys(KNOWN, True)
    found = {check.component: check for check in checks}
    assert found["tensorflow"].version == metadata.version("tensorflow")
    assert found["litert"].version == f"{metadata.version('ai-edge-litert')} (ai-edge-litert)"
    assert not any(check.status == "missing" for check in checks)


def test_what_is_missing_has_its_install_line(without):
    found = without("coremltools", "onnxruntime", "tf-keras")
    assert found["coremltools"].status == "missing"
    assert found["coremltools"].install == 'pip install "edgecv[convert]"'
    assert found["onnxruntime"].install == 'pip install "edgecv[onnx]"'
    assert found["tf-keras"].status == "warning"
    ready = doctor.targets_ready(tuple(found.values()))
    assert (ready["tflite"], ready["onnx"], ready["coreml"]) == (True, False, False)


def test_a_missing_camera_is_no_obstacle(without):
    found = without("opencv-python-headless")["opencv"]
    assert (found.status, found.install) == ("warning", 'pip install "edgecv[camera]"')
    assert without("opencv-python-headless", opencv_python="4.6.0")["opencv"].version == "4.6.0 (opencv-python)"


def test_either_interpreter_will_do(without):
    found = without("ai-edge-litert", tflite_runtime="2.14.0")
    assert found["litert"].version == "2.14.0 (tflite-runtime)"
    assert found["litert"].status == "ok"


def test_an_untested_version_is_said(without):
    check = without(tf2onnx="1.99")["tf2onnx"]
    tested = doctor.tested_versions()["tf2onnx"]
    assert (check.status, check.note) == ("warning", f"tested with {tested}")
    assert check.install == f'pip install "tf2onnx=={tested}"'


def test_both_onnxruntimes_are_one_too_many_and_cuda_is_tried(without):
    import onnxruntime

    found = without(onnxruntime_gpu="1.31.1")
    assert "own the same module" in found["onnxruntime twice"].note
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        assert (found["CUDA"].status, found["CUDA"].version) == ("warning", None)
    assert "CUDA" not in without("onnxruntime-gpu")


def test_the_model_that_tries_cuda_is_a_real_one():
    import numpy as np
    import onnxruntime

    session = onnxruntime.InferenceSession(doctor._IDENTITY, providers=["CPUExecutionProvider"])
    assert session.run(None, {"x": np.array([2.5], np.float32)})[0] == 2.5


def test_no_converter_is_imported():
    heavy = "('tensorflow', 'keras', 'onnx')"
    code = f"import sys, edgecv.doctor as d; d.examine(); print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_the_table_fits_eighty_columns(without):
    found = without("coremltools", onnxruntime_gpu="1.31.1")
    console = PlainConsole(width=80, force_terminal=False, record=True, file=io.StringIO())
    console.print(doctor.table(tuple(found.values())))
    text = console.export_text()
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "tflite ready, onnx ready, coreml not ready" in text
    assert 'pip install "edgecv[convert]"' in text
    assert "\x1b" not in text


def test_a_wheel_has_its_tested_versions_with_it(tmp_path, monkeypatch):
    """There the constraints lie inside the package; `test_the_wheel_holds_what_an_export_copies` looks that they do."""
    (tmp_path / "edgecv").mkdir()
    (tmp_path / "edgecv/constraints.txt").write_text("# these\ntf_keras==2.21.0\n")
    monkeypatch.setattr(doctor.resources, "files", lambda package: tmp_path / package)
    assert doctor.tested_versions() == {"tf-keras": "2.21.0"}


def test_tested_versions_cover_what_is_checked():
    names = {name for package in doctor.packages() for name in package.distributions}
    assert names - set(doctor.tested_versions()) == {*("onnxruntime-gpu", "tflite-runtime", "opencv-python", "opencv")}


def test_the_machine_line_is_anonymous():
    line = machine.machine_line()
    assert cpu.architecture() in line
    assert platform.node() not in line
    assert getpass.getuser() not in line.split()
    assert set(cpu.cpu_flags()) <= set(cpu.INT8_FLAGS)
    assert machine.versions()["edgecv"] == metadata.version("edgecv")


@pytest.mark.parametrize(
    ("text", "flags", "model"),
    [
        ("model name\t: Xeon\nflags\t\t: sse avx2 avx512_vnni\n", ("avx2", "avx512_vnni"), "Xeon"),
        ("Features\t: fp asimd asimddp i8mm\nModel\t\t: Raspberry Pi 5\n", ("asimddp", "i8mm"), "Raspberry Pi 5"),
        ("", (), cpu.architecture()),
    ],
)
def test_processors_are_read(monkeypatch, text, flags, model):
    monkeypatch.setattr(cpu, "_cpuinfo", lambda: text)
    monkeypatch.setattr(cpu, "_sysctl", lambda _: "")
    assert cpu.cpu_flags.__wrapped__() == flags
    assert cpu.cpu_model.__wrapped__() == model


@pytest.mark.parametrize(
    ("architecture", "flags", "saturates"),
    [
        ("x86_64", ("avx2",), True),
        ("x86_64", ("avx2", "avx_vnni"), False),
        ("x86_64", (), True),
        ("aarch64", (), False),
    ],
)
def test_only_x86_without_vnni_saturates(monkeypatch, architecture, flags, saturates):
    monkeypatch.setattr(cpu, "architecture", lambda: architecture)
    monkeypatch.setattr(cpu, "cpu_flags", lambda: flags)
    assert cpu.saturates_int8() is saturates
