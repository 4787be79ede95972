"""Whoever calls edgecv in a stranger's folder runs none of its files, and leaves none of edgecv's anywhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from edgecv_converters.isolate import WorkerLimits, WorkerPool
from edgecv_converters.source.custom import import_last
from edgecv_runtime import interpreter
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.bench.measure import measure_bundle
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import EdgecvError

from tests import bundles, misbehave
from tests.processes import comes_true, runs

pytestmark = pytest.mark.cold_hosts
FILES = ("sitecustomize.py", "usercustomize.py", "random.py", "json.py", "numpy/__init__.py", "msgspec.py")
MODULES = ("random", "json", "numpy", "msgspec")
STARTED_THERE = f"""
import sys
from pathlib import Path
from edgecv_converters.isolate import WorkerLimits, WorkerPool
from edgecv_runtime.bench.messages import Open, Opened
from edgecv_runtime.bench.process import Worker
from edgecv_runtime.errors import BackendError
from tests import misbehave

with WorkerPool(Path(sys.argv[1]), jobs=1, preload=("numpy",)) as pool:
    pool.submit("imports", misbehave.surroundings, WorkerLimits(), modules={MODULES}).result()
with Worker() as worker:
    try:
        worker.ask(Open(bundle="/gone", artifact="x", backend="onnx", threads=1, samples=""), Opened)
    except BackendError as error:
        print(error.message)
"""


@pytest.fixture
def strange(tmp_path):
    """A folder full of modules that leave a mark when they run."""
    folder = tmp_path / "strange"
    for name in FILES:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write(__name__ + ' ')\nraise SystemExit(9)\n")
    return folder


def test_no_module_of_the_working_directory_runs_in_a_worker(strange, tmp_path):
    run = subprocess.run(
        [sys.executable, "-P", "-c", STARTED_THERE, str(tmp_path / "staging")],
        cwd=strange, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert not (tmp_path / "ran").exists()
    assert run.returncode == 0, run.stderr
    assert run.stdout == "/gone does not exist\n"


@pytest.mark.parametrize("entry", ["", ".", "{here}", "{here}/", "{link}"])
def test_no_spelling_of_the_working_directory_is_on_the_search_path(tmp_path, monkeypatch, entry):
    here, link = tmp_path / "here", tmp_path / "link"
    here.mkdir()
    link.symlink_to(here)
    monkeypatch.chdir(here)
    monkeypatch.setattr(sys, "path", [entry.format(here=here, link=link), str(tmp_path), "deeper"])
    assert interpreter.search_path() == [str(tmp_path), str(here / "deeper")]
    assert interpreter.clean_environment()["PYTHONPATH"] == os.pathsep.join([str(tmp_path), str(here / "deeper")])


def test_a_working_directory_that_is_gone_is_no_obstacle(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setattr(sys, "path", ["", "deeper", *sys.path])
    assert interpreter.search_path() == [entry for entry in sys.path[2:] if os.path.isabs(entry)]  # noqa: PTH117
    with WorkerPool(tmp_path / "staging", jobs=1) as pool:
        assert pool.submit("answer", misbehave.answer, WorkerLimits(), value=4).result() == 8


def test_a_checkout_stays_importable_where_it_is_the_working_directory(monkeypatch):
    own = Path(interpreter.__file__).resolve().parents[1]
    monkeypatch.chdir(own)
    monkeypatch.setattr(sys, "path", [str(own)])
    assert interpreter.search_path() == [str(own)]


def test_a_worker_works_in_staging_and_keeps_its_temporary_files_there(tmp_path):
    with WorkerPool(tmp_path / "staging", jobs=1) as pool:
        path, here, temporary = pool.submit("look", misbehave.surroundings, WorkerLimits(), modules=()).result()
    assert here.is_relative_to(tmp_path / "staging")
    assert temporary.is_relative_to(tmp_path / "staging")
    assert str(Path.cwd()) not in path or Path.cwd() == Path(__file__).parents[2]


def test_the_user_s_own_modules_come_last(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", ["/first"])
    import_last(tmp_path)
    import_last(tmp_path)
    assert sys.path == ["/first", str(tmp_path)]


IMPORTING = """
import sys, time
from pathlib import Path
from edgecv_converters.isolate import WorkerPool
with WorkerPool(Path(sys.argv[1]), litter=Path(sys.argv[2]), preload=("tests.holds_the_lock",)) as pool:
    print(pool._host.pid, flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only there does the host import before it listens")
def test_a_host_that_imports_ends_with_whoever_started_it(tmp_path):
    litter = tmp_path / "litter"
    owner = subprocess.Popen(
        [sys.executable, "-c", IMPORTING, str(litter / "work"), str(litter)],
        stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    host = int(owner.stdout.readline())
    assert comes_true(lambda: b"fork_server" in Path(f"/proc/{host}/cmdline").read_bytes())
    time.sleep(1)  # so that it imports
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    assert comes_true(lambda: not runs(host), seconds=5)
    assert comes_true(lambda: not litter.exists(), seconds=5)


def test_leaving_while_the_host_imports_takes_no_time_and_no_staging(tmp_path):
    began = time.monotonic()
    with WorkerPool(tmp_path / "work", litter=tmp_path, preload=("tests.holds_the_lock",)):
        time.sleep(1)
    assert time.monotonic() - began < 10
    time.sleep(0.2)
    assert (tmp_path / "work").is_dir()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (misbehave.find_the_disk_full, r"weights\.bin: No space left on device"),
        (misbehave.answer_more_than_a_file_may_hold, r"File too large"),
    ],
)
def test_a_full_disk_is_one_error_and_no_bug(tmp_path, function, message):
    with WorkerPool(tmp_path / "staging", jobs=1) as pool, pytest.raises(EdgecvError, match=message) as caught:
        pool.submit("write", function, WorkerLimits()).result()
    assert caught.value.exit_code == 1
    assert caught.value.hint


def test_a_bundle_is_measured_by_a_relative_path(tmp_path, monkeypatch):
    bundles.write_bundle(tmp_path / "m.edgecv")
    monkeypatch.chdir(tmp_path)
    options = Options(rounds=2, seconds=0.01, warm_up_seconds=0.0, threads=(1,), precisions=("float32",), peaks=False)
    with Bundle.load(Path("m.edgecv")) as bundle:
        result = measure_bundle(bundle, options)
    assert [row.not_run for row in result.rows] == [None]


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    """A conversion to every target from a strange folder, with its own TMPDIR and umask."""
    import keras

    folder = tmp_path_factory.mktemp("strange")
    (folder / "T").mkdir()
    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3), keras.layers.GlobalAveragePooling2D()]
    keras.Sequential([*layers, keras.layers.Dense(3, activation="softmax")]).save(folder / "model.keras")
    for name in FILES:
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"open({str(folder / 'ran')!r}, 'a').write(__name__)\nraise SystemExit(9)\n")
    words = ["-m", "edgecv", "convert", "model.keras", "-o", "out.edgecv", "-p", "rescale"]
    run = subprocess.run(
        [sys.executable, "-P", *words], cwd=folder, env=os.environ | {"TMPDIR": str(folder / "T")}, umask=0o027,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return folder


def test_a_conversion_runs_nothing_of_the_folder_and_leaves_no_temporary_file(converted):
    assert not (converted / "ran").exists()
    assert list((converted / "T").iterdir()) == []
    assert {path.name for path in converted.iterdir()} == {
        "T", "model.keras", "out.edgecv", *(name.partition("/")[0] for name in FILES)
    }  # fmt: skip


def test_every_file_of_a_bundle_is_readable_as_the_umask_says(converted):
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in (converted / "out.edgecv").rglob("*")}
    assert modes == {(False, 0o640), (True, 0o750)}
    with Bundle.load(converted / "out.edgecv") as bundle:
        bundle.verify_integrity()
