"""What reads a stranger's artifact is a child process: its death is one error, and the caller goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from edgecv_converters.isolate import GIB, WorkerBugError, WorkerLimits, run_alone
from edgecv_runtime.errors import BackendError, ConversionError

from edgecv.convert.staging import write_zip
from edgecv.inspect import inspect
from edgecv.prove.evaluate import evaluate
from edgecv.prove.output import print_verification
from edgecv.prove.verify import verify
from edgecv.terminal.observer import Silent
from tests import bundles, misbehave
from tests.processes import comes_true, runs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A TMPDIR of the test's own."""
    folder = tmp_path / "T"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """Two artifacts that name the strongest colour."""
    root = tmp_path_factory.mktemp("bundles") / "m.edgecv"
    bundles.write_bundle(root)
    return root


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Labelled pictures."""
    path = tmp_path_factory.mktemp("data") / "data.npz"
    colours = np.zeros((3, bundles.SIZE, bundles.SIZE, 3), np.uint8)
    colours[[0, 1, 2], ..., [0, 1, 2]] = 200
    np.savez(path, image=colours, labels=np.arange(3))
    return path


def test_a_function_alone_gives_its_value(temporary):
    assert run_alone("answer", misbehave.answer, WorkerLimits(), value=21) == 42
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("function", "limits", "message"),
    [
        (misbehave.segfault, WorkerLimits(), r"^reading x\.tflite crashed \(SIGSEGV\)$"),
        (misbehave.leave, WorkerLimits(), r"^reading x\.tflite ended without a result \(exit status 7\)$"),
        (misbehave.hang, WorkerLimits(seconds=0.3), r"^reading x\.tflite took longer than 0\.3 s and was stopped$"),
        (misbehave.exhaust, WorkerLimits(memory=GIB // 4), r"^reading x\.tflite used more than 0\.25 GiB of memory"),
    ],
)
def test_each_death_is_one_error_that_says_what_to_do(function, limits, message, temporary):
    with pytest.raises(BackendError, match=message) as caught:
        run_alone("reading x.tflite", function, limits)
    assert "--keep-going" not in caught.value.hint
    assert "--time-limit" not in caught.value.hint
    assert list(temporary.iterdir()) == []


def test_errors_and_bugs_come_through(temporary):
    with pytest.raises(ConversionError, match="the op is unknown"):
        run_alone("refuse", misbehave.refuse, WorkerLimits())
    with pytest.raises(WorkerBugError, match="in stumble"):
        run_alone("stumble", misbehave.stumble, WorkerLimits())
    assert list(temporary.iterdir()) == []


def only_second_may_run(monkeypatch):
    """Every artifact but the second one goes over its time."""
    monkeypatch.setattr("edgecv_converters.isolate.pool.WATCH_SECONDS", 0.001)  # before it can have ended
    made = []

    def limits(seconds=1800.0):
        made.append(seconds)
        return WorkerLimits(seconds if len(made) == 2 else 0.0, 4 * GIB)

    monkeypatch.setattr(WorkerLimits, "of_machine", limits)


def test_verify_judges_the_other_artifacts_where_one_dies(bundle, monkeypatch, temporary):
    only_second_may_run(monkeypatch)
    found = verify(bundle, observer=Silent())
    first, second = found.parity
    assert (first.status, first.how) == ("failed", "did not run")
    assert "took longer than 0 s" in first.reason
    assert second.status == "passed"
    with pytest.raises(BackendError, match=f"^{first.artifact} did not run: ") as caught:
        print_verification(found, as_json=True)
    assert caught.value.exit_code == 1
    assert list(temporary.iterdir()) == []


def test_evaluate_says_which_artifact_died(bundle, pictures, monkeypatch, temporary):
    only_second_may_run(monkeypatch)
    options = {"target": None, "precision": None, "threads": 1, "observer": Silent()}
    with pytest.raises(BackendError, match=r"^evaluating onnx/model\.float32\.onnx took longer"):
        evaluate(bundle, pictures, **options)
    assert list(temporary.iterdir()) == []


def test_inspect_says_what_it_read(bundle, monkeypatch, temporary):
    monkeypatch.setattr(WorkerLimits, "of_machine", lambda: WorkerLimits(0.0, GIB))
    with pytest.raises(BackendError, match=r"^reading model\.float32\.onnx took longer than 0 s and was stopped$"):
        inspect(bundle / "onnx" / "model.float32.onnx")
    assert list(temporary.iterdir()) == []


LOADED = """
import sys
from pathlib import Path
from edgecv.terminal.observer import Silent
from edgecv.{module} import {function}
{call}
native = {{"ai_edge_litert", "onnxruntime", "onnx", "coremltools", "tensorflow", "keras"}}
print(*sorted(native & {{name.partition(".")[0] for name in sys.modules}}))
"""
CALLS = {
    "prove.verify": ("verify", "verify(Path({bundle!r}), observer=Silent())"),
    "prove.evaluate": (
        "evaluate",
        "evaluate(Path({bundle!r}), Path({pictures!r}), target=None, precision=None, threads=1, observer=Silent())",
    ),
    "inspect": ("inspect", "inspect(Path({bundle!r}, 'onnx', 'model.float32.onnx'))"),
}


@pytest.mark.parametrize("module", CALLS)
def test_no_native_runtime_is_loaded_in_the_caller(module, bundle, pictures):
    function, call = CALLS[module]
    code = LOADED.format(module=module, function=function, call=call.format(bundle=str(bundle), pictures=str(pictures)))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "\n"


KILLED = """
import sys
from pathlib import Path
from edgecv_converters.isolate import WorkerLimits, children
from tests import misbehave
with children() as pool:
    pool.submit("hang", misbehave.hang_with_child, WorkerLimits(), pids=Path(sys.argv[1]))
    sys.stdin.read()
"""


def test_a_killed_caller_leaves_no_process_and_no_temporary_file(tmp_path, temporary):
    pids = tmp_path / "pids"
    caller = subprocess.Popen([sys.executable, "-c", KILLED, str(pids)], cwd=ROOT, stdin=subprocess.PIPE)
    assert comes_true(pids.exists)
    caller.send_signal(signal.SIGKILL)
    caller.communicate()
    for pid in map(int, pids.read_text().split()):
        assert comes_true(lambda pid=pid: not runs(pid))
    assert comes_true(lambda: list(temporary.iterdir()) == [])


ZIPPED = """
import sys
from pathlib import Path
from edgecv_converters.isolate import WorkerLimits
from edgecv.terminal.observer import Silent
from edgecv.prove.verify import verify
class Told(Silent):
    def job(self, job):
        Path(sys.argv[2]).touch()
        sys.stdin.read()
verify(Path(sys.argv[1]), observer=Told())
"""


def test_a_zip_that_was_unpacked_goes_with_a_killed_caller(bundle, tmp_path, temporary):
    write_zip(bundle, tmp_path / "m.edgecv.zip")
    told = tmp_path / "told"
    words = [sys.executable, "-c", ZIPPED, str(tmp_path / "m.edgecv.zip"), str(told)]
    caller = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE)
    assert comes_true(told.exists)
    assert list(temporary.iterdir())
    caller.send_signal(signal.SIGKILL)
    caller.communicate()
    assert comes_true(lambda: list(temporary.iterdir()) == [])
