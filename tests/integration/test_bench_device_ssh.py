"""Benchmarks over ssh, against a real OpenSSH server on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.bench.result import encode_result
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import DataError, DeviceError

from edgecv.bench.devices import ssh
from edgecv.bench.devices.device import open_device
from edgecv.machine import versions
from edgecv.terminal.observer import Silent
from tests import loopback_sshd
from tests.bench_results import result_of
from tests.bundles import SIZE, write_bundle
from tests.command import edgecv

pytestmark = pytest.mark.skipif(loopback_sshd.missing() is not None, reason=loopback_sshd.missing() or "")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with loopback_sshd.serve(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "colours.edgecv"
    write_bundle(path)
    return path


@pytest.fixture
def device(server, monkeypatch):
    """Opens devices at the server; afterwards nothing may be left there."""

    def connect(text=server.address, python=sys.executable, limit=60.0, **client):
        folder = server.client(**client)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return open_device(text, python=str(python), time_limit=limit)

    yield connect
    for _ in range(200):
        left = list(server.temporary.iterdir())
        if not left:
            break
        time.sleep(0.05)
    assert left == []


class Watching(Silent):
    """Keeps what it is told, and acts when the benchmark first says that it measures."""

    def __init__(self, act=lambda: None):
        self.stages, self._act = [], act

    def stage(self, name, done, total):
        first = name.endswith(": measure") and self.stages[-1][0] != name
        self.stages.append((name, done, total))
        if first:
            self._act()


def interpreter(path: Path, before: str = "", options: str = "") -> Path:
    """A Python that is this one after a line of shell and with more options."""
    path.write_text(f'#!/bin/sh\n{before}\nexec {sys.executable} {options} "$@"\n')
    path.chmod(0o755)
    return path


def plant(monkeypatch, script: str) -> None:
    """In place of the benchmark the device runs a script of the test, in which `folder` is its private folder."""
    monkeypatch.setattr(ssh, "command", lambda *_, **__: ["-c", f"folder = '{{folder}}'\n{script}"])


def answering(bundle: Path, **changed: object) -> str:
    with Bundle.load(bundle) as opened:
        text = encode_result(result_of(opened, **changed)).decode()
    return f"open(folder + '/result.json', 'w').write({text!r})"


HANG = "import sys, time; print('measure: 10 %', file=sys.stderr, flush=True); time.sleep(60)"


def refused(device, bundle, observer=None) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        device.bench(bundle, Options(), observer or Silent())
    assert caught.value.hint
    return caught.value


def test_a_whole_benchmark(device, bundle, tmp_path):
    samples, answers = tmp_path / "samples", tmp_path / "answers"
    samples.mkdir()
    pixels = np.float32([[200, 10, 10], [10, 20, 210], [5, 90, 5]])[:, None, None].repeat(SIZE, 1).repeat(SIZE, 2)
    np.save(samples / "0.npy", pixels)
    options = Options(rounds=2, seconds=0.02, warm_up_seconds=0.1, threads=(1,), peaks=False)
    observer = Watching()
    result = device().bench(bundle, options, observer, samples=samples, answers=answers)
    assert result.settings.seconds == 0.02
    assert [row.precision for row in result.rows] == ["float32", "int8"]
    for number, row in enumerate(result.rows):
        assert row.not_run is None
        assert row.inference.p50_us > 0
        answered = np.load(answers / str(number) / "evaluation" / "0.npy")
        assert answered.argmax(1).tolist() == [0, 2, 1]
        assert np.load(answers / str(number) / "golden" / "0.npy").shape == (2, 3)
    assert f"{result.place.name}: measure" in {stage for stage, _, _ in observer.stages}


def test_the_result_comes_back_with_its_place(device, server, bundle, monkeypatch):
    plant(monkeypatch, answering(bundle))
    observer = Watching()
    result = device("ssh:alias").bench(bundle, Options(), observer)
    assert (result.place.kind, result.place.name) == ("ssh", "alias")
    with Bundle.load(bundle) as opened:
        assert result.rows == result_of(opened).rows
    stage, done, total = observer.stages[-1]
    assert stage == "copying to alias, kB"
    assert done == total > 100


def test_the_device_runs_this_runtime_on_the_very_files(device, bundle, monkeypatch):
    script = (
        "import sys, os, edgecv_runtime, importlib.metadata as m\n"
        "from edgecv_runtime.bundle import Bundle\n"
        "Bundle.load(folder + '/bundle.edgecv').verify_integrity()\n"
        "place = os.path.dirname(os.path.dirname(edgecv_runtime.__file__))\n"
        "sys.exit(f\"error: {place == folder} {m.version('edgecv')} {os.stat(folder).st_mode & 0o777:o}\")\n"
    )
    plant(monkeypatch, script)
    assert f"failed: True {versions()['edgecv']} 700" in refused(device(), bundle).message


def test_words_of_a_login_shell_are_no_message(device, bundle, monkeypatch, tmp_path):
    noisy = interpreter(tmp_path / "python", before='echo \'Welcome to {"kind": "done"}\'')
    plant(monkeypatch, answering(bundle))
    assert device(python=noisy).bench(bundle, Options(), Silent()).rows


@pytest.mark.parametrize(
    ("client", "message"),
    [
        ({"key": "stranger"}, "refused to log in"),
        ({"known": "no_hosts"}, "does not know the host key"),
        ({"known": "changed_hosts"}, "is not the one that ssh knows"),
    ],
)
def test_who_is_not_trusted(device, bundle, client, message):
    assert message in refused(device(**client), bundle).message


def test_nobody_listens(device, bundle):
    assert "takes no ssh connections" in refused(device(f"ssh:127.0.0.1:{loopback_sshd.free_port()}"), bundle).message


def test_no_such_machine(device, bundle):
    assert "no machine is called nowhere.invalid" in refused(device("ssh:nowhere.invalid"), bundle).message


def test_no_ssh_here(device, bundle, monkeypatch, tmp_path):
    found = device()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert refused(found, bundle).message == "ssh is not installed here"


def test_no_python_there(device, bundle):
    error = refused(device(python="/nowhere/python3"), bundle)
    assert "has no program /nowhere/python3" in error.message
    assert "--device-python" in error.hint


def test_an_old_python(device, bundle, tmp_path):
    old = tmp_path / "python"
    old.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys;sys.version_info=(3,9,2);$3" "$4"\n')
    old.chmod(0o755)
    assert "is Python 3.9, the runtime needs 3.11" in refused(device(python=old), bundle).message


def test_a_python_without_the_packages(device, bundle, tmp_path):
    error = refused(device(python=interpreter(tmp_path / "bare python", options="-S")), bundle)
    assert "lacks numpy, Pillow, msgspec, a backend" in error.message
    assert "-m pip install numpy Pillow msgspec ai-edge-litert" in error.hint


def test_too_little_room(device, bundle, monkeypatch):
    monkeypatch.setattr(ssh, "MARGIN", 1 << 60)
    error = refused(device(), bundle)
    assert "MB free for temporary files" in error.message
    assert "TMPDIR" in error.hint


def test_the_disk_fills_up_while_copying(device, bundle, monkeypatch, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", small]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here (needs root)")
    try:
        monkeypatch.setattr(ssh, "MARGIN", -(1 << 30))
        error = refused(device(python=interpreter(tmp_path / "python", before=f"export TMPDIR={small}")), bundle)
        assert "the disk of" in error.message
        assert "is full" in error.message
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_the_connection_dies_while_it_measures(device, server, bundle, monkeypatch):
    plant(monkeypatch, HANG)
    killed = []
    began = time.monotonic()
    error = refused(device(), bundle, Watching(lambda: killed.append(server.kill_sessions())))
    assert killed[0] >= 1
    assert "was lost while measuring" in error.message
    assert time.monotonic() - began < 30


def test_time_is_up(device, bundle, monkeypatch):
    plant(monkeypatch, HANG)
    began = time.monotonic()
    assert "was not done after 1 s" in refused(device(limit=1.0), bundle).message
    assert time.monotonic() - began < 30


def test_ctrl_c_leaves_nothing_there(device, bundle, monkeypatch):
    def interrupt():
        raise KeyboardInterrupt

    plant(monkeypatch, HANG)
    with pytest.raises(KeyboardInterrupt):
        device().bench(bundle, Options(), Watching(interrupt))


def workers(server):
    """The processes of a benchmark at the server, which have its folder for temporary files."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(server.temporary).encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes())
    return [words for words in found if b"edgecv_runtime.bench" in words]


def test_the_workers_of_a_real_benchmark_end_with_the_connection(device, server, bundle):
    alive = []

    def kill():
        alive.extend(workers(server))
        server.kill_sessions()

    options = Options(rounds=100, seconds=10, warm_up_seconds=0.1, threads=(1,), peaks=False)
    with pytest.raises(DeviceError, match="was lost while measuring"):
        device().bench(bundle, options, Watching(kill))
    assert len(alive) == 3  # the benchmark and a worker for each artifact
    for _ in range(200):
        if not workers(server):
            break
        time.sleep(0.05)
    assert workers(server) == []


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys; sys.exit('error: no artifact fits\\nhint: take another')", "no artifact fits"),
        ("import os; os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
        ("pass", "left no result"),
    ],
)
def test_a_benchmark_that_fails(device, bundle, monkeypatch, script, message):
    plant(monkeypatch, script)
    error = refused(device(), bundle)
    assert message in error.message
    if "no artifact" in message:
        assert error.hint == "take another"


def test_answers_that_are_no_result_of_this_bundle(device, bundle, monkeypatch):
    for script, message in (
        ("open(folder + '/result.json', 'w').write('{')", "is no benchmark result"),
        (answering(bundle, schema_version=1, identity="0" * 64), "is a result of another bundle"),
        (answering(bundle, rows=()), "measured nothing"),
    ):
        plant(monkeypatch, script)
        with pytest.raises(DataError, match=message):
            device().bench(bundle, Options(), Silent())


def test_folders_of_killed_benchmarks_are_removed_by_the_next(device, server, bundle, monkeypatch):
    left = server.temporary / "edgecv-bench-left"
    left.mkdir()
    (left / "lock").touch()
    plant(monkeypatch, answering(bundle))
    device().bench(bundle, Options(), Silent())
    assert not left.exists()


def test_two_benchmarks_do_not_disturb_each_other(device, bundle, monkeypatch):
    plant(monkeypatch, f"import time; time.sleep(0.5)\n{answering(bundle)}")
    found, results = device(), []
    threads = [
        threading.Thread(target=lambda: results.append(found.bench(bundle, Options(), Silent()))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2


def test_the_command_measures_there(device, server, bundle):
    device()
    short = ("--rounds", 2, "--seconds", 0.02, "--warm-up", 0.1, "--threads", 1, "--no-peak")
    done = edgecv("bench", bundle, "--device", server.address, "--device-python", sys.executable, *short, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["place"] == {"kind": "ssh", "name": server.address.removeprefix("ssh:").rpartition(":")[0]}
    assert said["references"]
    assert said["rows"][0]["comparisons"]["golden"]["count"] == 2


def test_the_command_says_one_error_and_what_to_do(device, server, bundle, tmp_path):
    device()
    report = tmp_path / "report.html"
    words = ("bench", bundle, "--device", server.address, "--device-python", "/nowhere/python", "--html", report)
    done = edgecv(*words)
    assert (done.code, done.out) == (1, "")
    assert done.message.startswith("error: ")
    assert done.message.count("error: ") == done.message.count("hint: ") == 1
    assert "has no program /nowhere/python" in done.message
    assert not report.exists()
