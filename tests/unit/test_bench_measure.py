"""Workers, turns and what is made of them, on a small real bundle with ONNX Runtime."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
import pytest
from edgecv_runtime.bench import peak, process, turns
from edgecv_runtime.bench.jobs import Options, rows
from edgecv_runtime.bench.measure import Inputs, measure_bundle
from edgecv_runtime.bench.messages import Open, Opened, Turn, Turned
from edgecv_runtime.bench.process import Worker
from edgecv_runtime.bench.result import BenchRow, Result, read_result
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BackendError, BundleError, UsageError

from tests import bundles

QUICK = Options(rounds=3, seconds=0.03, warm_up_seconds=0, threads=(1,), peaks=False)
FLOAT, INT8 = "onnx float32 on onnx, 1 thread", "onnx int8 on onnx, 1 thread"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("bench") / "colours.edgecv"
    bundles.write_bundle(root)
    return root


@pytest.fixture
def bundle(folder):
    with Bundle.load(folder) as opened:
        yield opened


@pytest.fixture
def order(folder, tmp_path):
    np.save(tmp_path / "0.npy", np.zeros((3, 4, 4, 3), np.float32))
    return Open(bundle=str(folder), artifact="onnx/model.int8.onnx", backend="onnx", threads=1, samples=str(tmp_path))


class Watching:
    """Notes whose turn it is; `at` is called before a turn."""

    def __init__(self, at=lambda _phase, _count: None):
        self.turns = []
        self._at = at

    def turn(self, phase, title, done, total):
        assert 0 <= done <= total
        self.turns.append((phase, title))
        self._at(phase, sum(seen == phase for seen, _ in self.turns))

    def titles(self, phase):
        return [title for seen, title in self.turns if seen == phase]


def workers():
    """The process numbers of this process's workers, the oldest first."""
    found = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    command = {int(pid): Path(f"/proc/{pid}/cmdline").read_bytes() for pid in found}
    return sorted(pid for pid, words in command.items() if b"edgecv_runtime.bench.worker" in words)


def test_every_row_is_measured(bundle):
    result = measure_bundle(bundle, QUICK)
    assert [row.title for row in result.rows] == [FLOAT, INT8]
    assert (result.name, result.identity, result.place.kind) == ("colours", bundle.manifest.identity, "here")
    assert (result.settings.input, result.settings.data, result.settings.inputs) == ("pictures", "golden", 2)
    for row in result.rows:
        assert row.not_run is None
        assert row.library.name == "onnxruntime"
        assert row.library.providers == ("CPUExecutionProvider",)
        assert row.inference.count == row.total.count >= QUICK.rounds
        parts = row.preprocess.mean_us + row.inference.mean_us + row.postprocess.mean_us
        assert 0 < parts <= row.total.mean_us * 1.001
        assert row.per_second == pytest.approx(1e6 / row.total.mean_us, rel=1e-3)
        assert len(row.turn_p50_us) == QUICK.rounds
        assert row.warm_up.turns >= 6
        assert row.load_us > 0
        assert row.cold_us > 0
        assert 10e6 < row.memory_before_bytes < row.memory_bytes < 1e9
        assert row.multiply_adds_per_second is None  # the bundle does not say how many they are


def test_rows_take_turns(bundle):
    watching = Watching()
    measure_bundle(bundle, QUICK, watcher=watching)
    assert watching.titles("load") == [FLOAT, INT8]
    assert watching.titles("measure") == [FLOAT, INT8] * QUICK.rounds
    assert watching.titles("warm up")[:12] == [FLOAT, INT8] * 6


def ticks(pid):
    """The processor time of a process in clock ticks, once it waits."""
    for _ in range(1000):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        if fields[0] == "S":
            return int(fields[11]) + int(fields[12])
        time.sleep(0.01)
    raise AssertionError(f"worker {pid} does not wait though nobody told it to work")


def test_only_one_worker_computes_at_a_time(bundle):
    """All processes are alive from the first turn to the last; between turns all wait, and who has no turn does."""
    seen = []

    def look(phase, _):
        if phase == "measure":
            seen.append([ticks(pid) for pid in workers()])

    measure_bundle(bundle, msgspec.structs.replace(QUICK, seconds=0.6), watcher=Watching(look))
    used = np.diff(np.array(seen), axis=0)
    assert used.shape == (2 * QUICK.rounds - 1, 2)
    for number, turn in enumerate(used):
        assert turn[1 - number % 2] <= 1
    assert used.sum() > 5
    assert workers() == []


def test_a_worker_that_dies_is_a_row_that_did_not_run(bundle):
    def strike(phase, count):
        if (phase, count) == ("measure", 3):
            os.kill(workers()[0], signal.SIGKILL)

    watching = Watching(strike)
    result = measure_bundle(bundle, QUICK, watcher=watching)
    assert result.rows[0].not_run == (
        "its process was killed by SIGKILL. Too little memory? The other rows do not depend on it"
    )
    assert result.rows[0].inference is None
    assert result.rows[1].inference.count >= QUICK.rounds
    assert Counter(watching.titles("measure")) == {FLOAT: 2, INT8: 3}
    assert workers() == []


def test_a_file_that_does_not_load_is_a_row_that_did_not_run(folder, tmp_path):
    root = tmp_path / "broken.edgecv"
    bundles.write_bundle(root)
    (root / "onnx" / "model.int8.onnx").write_bytes(b"no model")
    with Bundle.load(root, verify=False) as bundle:
        result = measure_bundle(bundle, QUICK)
        assert "onnx/model.int8.onnx is damaged" in result.rows[1].not_run
        assert result.rows[0].inference is not None
        with pytest.raises(BackendError, match="nothing could be measured; onnx int8 on onnx, 1 thread: onnx/model"):
            measure_bundle(bundle, msgspec.structs.replace(QUICK, precisions=("int8",)))


def test_an_interruption_leaves_no_worker(bundle):
    def interrupt(phase, count):
        if (phase, count) == ("measure", 2):
            assert len(workers()) == 2
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_bundle(bundle, QUICK, watcher=Watching(interrupt))
    assert workers() == []


def test_workers_end_when_their_parent_is_killed(order):
    code = f"""
import sys, msgspec
from edgecv_runtime.bench.messages import Open, Opened
from edgecv_runtime.bench.process import Worker
worker = Worker()
worker.ask(msgspec.json.decode({msgspec.json.encode(order)!r}, type=Open), Opened)
print(worker.pid, flush=True)
sys.stdin.read()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        worker = int(parent.stdout.readline())
        handle = os.pidfd_open(worker)
        parent.kill()
    os.set_blocking(handle, False)
    import select

    assert select.select([handle], [], [], 30)[0] == [handle]
    os.close(handle)


def test_memory_is_the_workers_own(order):
    """A process begins as a copy of its parent: what the parent holds must not count."""
    ballast = np.ones(400 << 17)  # 400 MiB, written to
    with Worker() as worker:
        opened = worker.ask(order, Opened)
        turned = worker.ask(Turn(seconds=0.01), Turned)
    assert opened.memory_before < turned.memory < ballast.nbytes // 2


def test_a_turn_gives_every_stage_of_every_prediction(order):
    with Worker() as worker:
        assert worker.ask(order, Opened).inputs == 3
        turned = worker.ask(Turn(seconds=0.0), Turned)
        longer = worker.ask(Turn(seconds=0.05), Turned)
    assert len(turned.total) == len(turned.inference) == len(turned.preprocess) == len(turned.postprocess) == 1
    assert len(longer.total) > 10
    assert longer.cpu_seconds > turned.cpu_seconds > 0
    for parts in zip(longer.preprocess, longer.inference, longer.postprocess, longer.total, strict=True):
        assert sum(parts[:3]) <= parts[3] + 0.01


def test_a_worker_that_fails_ends_with_its_last_words(order, tmp_path):
    with Worker() as worker, pytest.raises(BackendError, match=r"ended with exit code 1: FileNotFoundError: .*/gone"):
        worker.ask(msgspec.structs.replace(order, samples=str(tmp_path / "gone")), Opened)


def test_a_worker_that_hangs_is_given_up(order, monkeypatch):
    monkeypatch.setattr(process, "PATIENCE", 0.3)
    with Worker() as worker:
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(BackendError, match=r"it gave no answer for 0\.3 seconds"):
            worker.ask(order, Opened)
    assert workers() == []


def test_an_artifact_that_is_not_there_is_an_error(order):
    with Worker() as worker, pytest.raises(BackendError, match=r"the bundle has no gone\.onnx"):
        worker.ask(msgspec.structs.replace(order, artifact="gone.onnx"), Opened)


def test_a_refusal_is_the_backends_own_error(order):
    with Worker() as worker, pytest.raises(BackendError, match="litert does not run onnx files"):
        worker.ask(msgspec.structs.replace(order, backend="litert"), Opened)


def test_sustained_is_for_the_fastest_int8_row(bundle):
    watching = Watching()
    result = measure_bundle(bundle, msgspec.structs.replace(QUICK, sustained_seconds=0.2), watcher=watching)
    first, second = result.rows
    assert first.sustained == ()
    (point,) = second.sustained
    assert point.second == 0
    assert 0 < point.p50_us <= point.p90_us
    assert point.count > 50
    assert set(watching.titles("sustain")) == {INT8}
    assert result.notes == (f"Only {INT8} was run for 0.2 s without a pause",)


def test_sustained_for_all_and_in_steps(bundle, monkeypatch):
    monkeypatch.setattr(turns, "STEP_SECONDS", 0.1)
    options = msgspec.structs.replace(QUICK, sustained_seconds=0.6, sustain_all=True)
    result = measure_bundle(bundle, options)
    for row in result.rows:
        starts = [point.second for point in row.sustained]
        assert starts[0] == 0
        assert 2 <= len(starts) <= 6  # a stall of the machine may swallow some
        assert np.diff(starts).min() > 0.099
        assert starts[-1] < 0.6
    assert result.notes == ()


def test_peaks_are_measured_with_the_same_runtime_and_threads(bundle):
    options = msgspec.structs.replace(QUICK, peaks=True, precisions=("int8",))
    result = measure_bundle(bundle, options)
    assert {(peak.kind, peak.backend, peak.threads) for peak in result.peaks} == {
        ("float32", "onnx", 1),
        ("int8", "onnx", 1),
    }
    for found in result.peaks:
        assert found.multiply_adds_per_second > 1e7
        assert "convolution" in found.how


def test_outputs_are_those_of_the_artifact(bundle, tmp_path):
    samples = tmp_path / "evaluation"
    samples.mkdir()
    values = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 3)).astype(np.float32)
    np.save(samples / "0.npy", values)
    inputs = Inputs(samples={"evaluation": samples}, answers=tmp_path / "answers")
    measure_bundle(bundle, QUICK, inputs)
    logits = values.mean((1, 2)) / 10
    wanted = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for number, tolerance in ((0, 1e-6), (1, 1 / 256)):
        made = np.load(tmp_path / "answers" / str(number) / "evaluation" / "0.npy")
        assert np.abs(made - wanted).max() <= tolerance
        assert np.load(tmp_path / "answers" / str(number) / "golden" / "0.npy").shape == (2, 3)


def test_what_failed_its_proof_is_measured_and_named(tmp_path):
    root = tmp_path / "failed.edgecv"
    manifest = bundles.write_bundle(root)
    bad = msgspec.structs.replace(manifest.artifacts[1], parity="failed")
    bundles.write_bundle(root, artifacts=(manifest.artifacts[0], bad))
    with Bundle.load(root) as bundle:
        result = measure_bundle(bundle, QUICK)
    assert [row.not_run for row in result.rows] == [None, None]
    assert result.notes == ("onnx/model.int8.onnx failed its proof when the bundle was made",)


def rated(precision, backend="onnx", threads=2):
    return BenchRow(
        artifact="a", target="onnx", precision=precision, sha256="", bytes=0, backend=backend, threads=threads
    )


def test_a_rate_is_held_against_the_peak_of_its_own_kind():
    orders = [
        Open(bundle=str(peak.FOLDER / layer), artifact=f"m.{kind}.onnx", backend="onnx", threads=2, samples="")
        for layer in peak.LAYERS
        for kind in peak.KINDS
    ]
    times = [[20.0, 10.0, 30.0], [5.0], [40.0], [1.0]]  # conv3 float32 and int8, then conv1
    found = peak.peaks(list(zip(orders, times, strict=True)))
    rates = {item.kind: item.multiply_adds_per_second for item in found}
    assert rates == pytest.approx({"float32": 16 * 16 * 9 * 128 * 128 / 20e-6, "int8": 16 * 16 * 256 * 256 / 1e-6})
    assert "3 x 3" in found[0].how
    assert "1 x 1" in found[1].how
    half = rates["float32"] / 2
    assert peak.share(rated("float32"), half, found) == peak.share(rated("float16"), half, found) == 0.5
    assert peak.share(rated("mixed"), rates["int8"], found) == 1.0
    assert peak.share(rated("dynamic"), half, found) is None
    assert peak.share(rated("int8", threads=1), half, found) is None
    assert peak.share(rated("int8", backend="litert"), half, found) is None


def test_a_row_for_every_number_of_threads(bundle):
    titles = [row.title for row in rows(bundle.manifest, Options(threads=(1, 3, 1), precisions=("int8",)))]
    assert titles == [INT8, "onnx int8 on onnx, 3 threads"]
    cuda = [row.title for row in rows(bundle.manifest, Options(threads=(1, 3), backends=("onnx-cuda",)))]
    assert cuda == ["onnx float32 on onnx-cuda, 1 thread", "onnx int8 on onnx-cuda, 1 thread"]


def test_what_the_bundle_has_not_is_an_error(bundle):
    with pytest.raises(BundleError, match="no artifact of the bundle colours fits") as caught:
        rows(bundle.manifest, Options(backends=("litert",)))
    assert caught.value.hint == "It has onnx float32, onnx int8"


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"threads": (0,)}, UsageError, "--threads must be 1 to 256"),
        ({"threads": (1, 999)}, UsageError, "--threads must be 1 to 256"),
        ({"rounds": 1}, UsageError, "--rounds must be at least 2, got 1"),
        ({"seconds": 0.0}, UsageError, "--seconds must be at least 0.001 seconds, got 0"),
        ({"seconds": float("nan")}, UsageError, "--seconds must be"),
        ({"warm_up_seconds": -1.0}, UsageError, "--warm-up must be at least 0 seconds, got -1"),
        ({"sustained_seconds": float("inf")}, UsageError, "--sustained must be"),
        ({"backends": ("tensorrt",)}, BackendError, "unknown backend 'tensorrt'"),
    ],
)
def test_options_out_of_range_are_refused(changed, error, words):
    with pytest.raises(error, match=words):
        Options(**changed)


def test_a_device_measures_with_the_runtime_alone(folder, tmp_path):
    """No package but the runtime's, and no path to the host's packages."""
    code = """
import sys
from edgecv_runtime.bench.__main__ import main
code = main(sys.argv[1:])
print(*sorted({"tensorflow", "keras", "typer", "rich", "edgecv", "edgecv_converters"} & set(sys.modules)))
sys.exit(code)
"""
    options = msgspec.json.encode(QUICK).decode()
    words = [str(folder), "--out", str(tmp_path / "out.json"), "--options", options, "--answers", str(tmp_path / "a")]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "\n"
    assert "measure: 0 %" in done.stderr.splitlines()
    result = read_result(tmp_path / "out.json")
    assert isinstance(result, Result)
    assert [row.not_run for row in result.rows] == [None, None]
    assert (tmp_path / "a" / "1" / "golden" / "0.npy").exists()


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ('{"rounds": 1}', 2, "error: --rounds must be at least 2"),
        ('{"round": 5}', 2, "error: --options: Object contains unknown field `round`"),
        ('{"backends": ["litert"]}', 1, "hint: It has onnx float32, onnx int8"),
    ],
)
def test_a_device_says_what_is_wrong(folder, tmp_path, capsys, options, code, words):
    from edgecv_runtime.bench.__main__ import main

    assert main([str(folder), "--out", str(tmp_path / "out.json"), "--options", options]) == code
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()
