"""Running real ONNX files, and every way in which a runtime may refuse."""

from __future__ import annotations

import platform
import subprocess
import sys

import msgspec
import numpy as np
import onnxruntime
import pytest
from edgecv_runtime import formats
from edgecv_runtime.backends import litert, open_backend, run_float
from edgecv_runtime.backends.onnx import open_session
from edgecv_runtime.backends.onnx_cuda import BoundSession
from edgecv_runtime.errors import BackendError, BundleError, MissingDependencyError
from edgecv_runtime.preprocess import quantize

from tests import bundles

PICTURE = bundles.plain((30, 20, 12)).resize((bundles.SIZE, bundles.SIZE))
VALUES = np.asarray(PICTURE, np.float32)[None]
WANTED = bundles.softmax(PICTURE)


@pytest.fixture(params=["float32-NHWC", "float32-NCHW", "int8-NHWC", "int8-NCHW"])
def made(request, tmp_path):
    """A file and its record, of every dtype and layout."""
    dtype, layout = request.param.split("-")
    file = tmp_path / "m.onnx"
    bundles.write_onnx(file, integers=dtype == "int8", layout=layout)
    return bundles.onnx_artifact(file, "onnx/m.onnx", integers=dtype == "int8", layout=layout), file


@pytest.fixture
def plain(tmp_path):
    file = tmp_path / "m.onnx"
    bundles.write_onnx(file)
    return bundles.onnx_artifact(file, "onnx/m.onnx"), file


def test_real_values_go_in_and_come_out(made):
    artifact, file = made
    outputs = run_float(open_backend(artifact, file), artifact, {"image": VALUES})
    assert set(outputs) == {"colour"}
    assert outputs["colour"].dtype == np.float32
    assert np.allclose(outputs["colour"], WANTED, atol=0.003 if artifact.precision == "int8" else 1e-6)


def test_run_takes_and_gives_raw_tensors_by_the_sources_names(tmp_path):
    file = tmp_path / "m.onnx"
    bundles.write_onnx(file, integers=True)
    artifact = bundles.onnx_artifact(file, "onnx/m.onnx", integers=True)
    raw = open_backend(artifact, file).run({"image": quantize(VALUES, bundles.PIXELS, "int8")})
    assert raw["colour"].dtype == np.int8
    assert np.abs(raw["colour"] - (WANTED * 256 - 128)).max() <= 1


def test_the_info_says_what_runs(plain):
    info = open_backend(*plain, threads=2).info
    assert info.name == "onnxruntime"
    assert info.version == onnxruntime.__version__
    assert info.providers == ("CPUExecutionProvider",)
    assert info.threads == 2


@pytest.fixture
def options(monkeypatch):
    """The options of every session that is opened, as ONNX Runtime gets them."""
    seen = []
    real = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *a, **k: seen.append(a[1]) or real(*a, **k))
    return seen


def test_sessions_have_the_threads_asked_for(plain, options):
    open_backend(*plain, threads=2)
    assert options[0].intra_op_num_threads == 2


@pytest.mark.parametrize("saturates", [True, False])
def test_processors_that_saturate_get_the_precise_kernels(plain, options, monkeypatch, saturates):
    monkeypatch.setattr("edgecv_runtime.ort.saturates_int8", lambda: saturates)
    open_backend(*plain)
    if saturates:
        assert options[0].get_session_config_entry("session.x64quantprecision") == "1"
    else:
        with pytest.raises(RuntimeError, match="x64quantprecision"):
            options[0].get_session_config_entry("session.x64quantprecision")


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this build has CUDA")
def test_cuda_is_never_silently_the_cpu(plain):
    with pytest.raises(BackendError, match="no CUDAExecutionProvider here") as caught:
        open_backend(*plain, backend="onnx-cuda")
    assert 'pip install "edgecv[onnx-gpu]"' in caught.value.hint


@pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider' is not in available provider names")
@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this build has CUDA")
def test_a_fallback_to_the_cpu_is_an_error(plain, monkeypatch):
    """Where ONNX Runtime lists CUDA but cannot use it, the real session falls back, and only its providers tell."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    with pytest.raises(BackendError, match="asked for CUDAExecutionProvider, ONNX Runtime fell back to CPUExecution"):
        open_backend(*plain, backend="onnx-cuda")


@pytest.mark.parametrize("integers", [False, True])
def test_bound_buffers_give_the_same_answers_again_and_again(tmp_path, integers):
    """The CUDA back end's way, with its buffers on the CPU: there is no GPU where the tests run."""
    file = tmp_path / "m.onnx"
    bundles.write_onnx(file, integers=integers)
    artifact = bundles.onnx_artifact(file, "onnx/m.onnx", integers=integers)
    session, _ = open_session(artifact, file, 1, provider="CPUExecutionProvider", extra="onnx")
    bound, plain = BoundSession(session, artifact, device="cpu"), open_backend(artifact, file)
    kept = []
    for value in (10, 200, 90):
        inputs = {"image": np.full(artifact.inputs[0].shape, value, np.float32).astype(artifact.inputs[0].dtype)}
        inputs["image"][..., 0] //= 2
        kept.append((bound.run(inputs)["colour"], plain.run(inputs)["colour"]))
    for ours, theirs in kept:  # compared after the last run: an output must not be overwritten by the next one
        assert np.array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


def test_bound_buffers_refuse_another_shape(plain):
    session, _ = open_session(*plain, 1, provider="CPUExecutionProvider", extra="onnx")
    with pytest.raises(BackendError, match=r"'image' takes \[1, 4, 4, 3\], got \[1, 2, 4, 3\]"):
        BoundSession(session, plain[0], device="cpu").run({"image": VALUES[:, :2]})


def test_a_closed_model_says_so(plain):
    backend = open_backend(*plain)
    backend.close()
    with pytest.raises(BackendError, match="the model was closed"):
        backend.run({"image": VALUES})


def test_unknown_and_unfit_backends_list_the_others(plain):
    with pytest.raises(BackendError, match="unknown backend 'gpu'") as caught:
        open_backend(*plain, backend="gpu")
    assert caught.value.hint == f"Backends are {', '.join(formats.BACKENDS)}"
    with pytest.raises(BackendError, match="litert does not run onnx files") as caught:
        open_backend(*plain, backend="litert")
    assert caught.value.hint == "Use onnx, onnx-cuda"
    with pytest.raises(BackendError, match="threads must be at least 1, got 0"):
        open_backend(*plain, threads=0)


@pytest.mark.parametrize(("target", "suffix"), [("onnx", "onnx"), ("tflite", "tflite")])
@pytest.mark.parametrize("data", [b"", b"no model at all"], ids=["empty", "text"])
def test_a_file_that_is_no_model_is_named(plain, tmp_path, target, suffix, data):
    artifact = msgspec.structs.replace(plain[0], target=target, file=f"{target}/bad.{suffix}")
    file = tmp_path / f"bad.{suffix}"
    file.write_bytes(data)
    with pytest.raises(BundleError, match=rf"{target}/bad\.{suffix} is damaged: \S"):
        open_backend(artifact, file)


def test_inputs_of_another_shape_are_refused(plain):
    artifact, file = plain
    with pytest.raises(BackendError, match="ONNX Runtime failed: "):
        run_float(open_backend(artifact, file), artifact, {"image": VALUES[:, :2]})


@pytest.mark.skipif(platform.system() == "Darwin", reason="Core ML runs here")
def test_core_ml_says_that_it_needs_a_mac(plain):
    with pytest.raises(BackendError, match="Core ML runs on macOS only") as caught:
        open_backend(msgspec.structs.replace(plain[0], target="coreml"), plain[1])
    assert caught.value.hint


@pytest.mark.parametrize(
    ("target", "missing", "extra"),
    [
        ("onnx", ["onnxruntime"], "onnx"),
        ("tflite", ["ai_edge_litert.interpreter", "tflite_runtime.interpreter"], "litert"),
    ],
)
def test_a_missing_runtime_comes_with_its_install_line(plain, monkeypatch, target, missing, extra):
    for module in missing:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingDependencyError, match=r"is .*installed") as caught:
        open_backend(msgspec.structs.replace(plain[0], target=target), plain[1])
    assert f'pip install "edgecv[{extra}]"' in caught.value.hint


def test_closing_twice_is_harmless(plain):
    backend = open_backend(*plain)
    assert backend.close() is None
    assert backend.close() is None


def test_nothing_is_written_to_the_terminal(plain):
    artifact, file = plain
    code = f"""
import msgspec, pathlib
from edgecv_runtime.backends import open_backend
from edgecv_runtime.schema import Artifact
artifact = msgspec.json.decode({msgspec.json.encode(artifact)!r}, type=Artifact)
open_backend(artifact, pathlib.Path({str(file)!r})).close()
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert (run.stdout, run.stderr) == ("", "")


def test_an_old_interpreter_names_the_operation_that_it_lacks():
    text = "Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'.\n\nRegistration failed.\n"
    assert litert._reason(RuntimeError(text)).startswith("Didn't find op for builtin opcode 'FULLY_CONNECTED'")
    assert "install a newer one" in litert._hint(RuntimeError(text))
    assert litert._reason(ValueError("a\nb\n")) == "b"
    assert litert._reason(ValueError("")) == "ValueError"


def test_numpy_2_under_an_interpreter_made_for_numpy_1_comes_with_its_remedy():
    error = SystemError("<built-in method ...> returned a result with an exception set")
    assert 'pip install "numpy<2"' in litert._hint(error)
    assert litert._hint(ValueError("x")) is None
