"""A worker may crash, hang, eat memory or be orphaned: one clear error, and no process left."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from edgecv_converters.isolate import GIB, WorkerBugError, WorkerLimits, WorkerPool
from edgecv_converters.isolate.child import LATER
from edgecv_converters.isolate.pool import host_environment
from edgecv_runtime.errors import ConversionError

from tests import misbehave
from tests.conftest import WARM_HOSTS
from tests.processes import comes_true, runs

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def pool(tmp_path):
    with WorkerPool(tmp_path / "staging", jobs=2) as pool:
        yield pool


def test_value_comes_back_with_progress(pool):
    job = pool.submit("answer", misbehave.answer, WorkerLimits(), value=21)
    assert job.result() == 42
    assert (job.done, job.total) == (1, 1)


def test_more_jobs_than_slots_all_end(pool):
    jobs = [pool.submit(f"answer {i}", misbehave.answer, WorkerLimits(), value=i) for i in range(7)]
    assert [job.result() for job in jobs] == [0, 2, 4, 6, 8, 10, 12]


@pytest.mark.parametrize(("needs", "side_by_side"), [(600, False), (400, True)])
def test_workers_run_one_after_another_where_together_they_need_too_much_memory(tmp_path, needs, side_by_side):
    with WorkerPool(tmp_path / "staging", jobs=2, together=1000) as pool:
        jobs = [pool.submit(f"stay {i}", misbehave.stay, WorkerLimits(), needs=needs, seconds=0.5) for i in range(2)]
        (_, first_end), (second_start, _) = (job.result() for job in jobs)
    assert (second_start < first_end) == side_by_side


def test_a_worker_that_needs_more_than_all_may_runs_alone(tmp_path):
    with WorkerPool(tmp_path / "staging", jobs=2, together=1000) as pool:
        assert pool.submit("answer", misbehave.answer, WorkerLimits(), needs=5000, value=2).result() == 4


def test_the_seconds_of_a_worker_are_those_of_its_work_before_and_after_a_wait(pool):
    times = {"before": 0.4, "waiting": 2.0, "after": 0.3}
    began = time.monotonic()
    job = pool.submit("wait", misbehave.work_around_a_wait, WorkerLimits(), store=pool.store, **times)
    job.result()
    assert 0.7 <= job.seconds <= time.monotonic() - began - 1.5


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a niceness of each thread")
def test_a_worker_that_may_end_later_lets_others_go_first_with_all_its_threads(pool):
    found = pool.submit("later", misbehave.work_later, WorkerLimits(), threads=2).result()
    before = os.getpriority(os.PRIO_PROCESS, 0)
    assert set(found) == {min(before + LATER, 19)}
    assert len(found) >= 3


def has_huge_pages():
    choice, (library, version) = Path("/sys/kernel/mm/transparent_hugepage/enabled"), platform.libc_ver()
    new_enough = library == "glibc" and tuple(map(int, version.split("."))) >= (2, 35)
    return new_enough and choice.exists() and "[madvise]" in choice.read_text()


@pytest.mark.skipif(not has_huge_pages(), reason="the system or its C library has no huge pages on request")
@pytest.mark.parametrize(
    ("asked", "tunables", "huge"), [(True, None, True), (False, None, False), (True, "glibc.malloc.hugetlb=0", False)]
)
def test_workers_have_what_is_large_in_huge_pages_where_asked(tmp_path, monkeypatch, asked, tunables, huge):
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    if tunables:
        monkeypatch.setenv("GLIBC_TUNABLES", tunables)
    size = 200_000_000
    with WorkerPool(tmp_path / "staging", jobs=1, huge_pages=asked) as pool:
        found = pool.submit("fill", misbehave.fill, WorkerLimits(), size=size).result()
    assert (found > size / 2) == huge


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library keeps nothing, or nobody can ask for it")
def test_workers_give_back_what_they_have_freed(pool):
    size = 200_000_000
    assert pool.submit("leave holes", misbehave.leave_holes, WorkerLimits(), size=size, seconds=2.5).result() < size


@pytest.mark.skipif(platform.machine() not in {"x86_64", "AMD64"}, reason="elsewhere oneDNN is TensorFlow's own choice")
@pytest.mark.parametrize(("said", "found"), [(None, "1"), ("0", "0")])
def test_workers_compute_by_onednn_unless_the_user_says_otherwise(monkeypatch, said, found):
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS")
    if said is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", said)
    assert host_environment()["TF_ENABLE_ONEDNN_OPTS"] == found


def test_domain_error_keeps_its_hint(pool):
    with pytest.raises(ConversionError, match="the op is unknown") as caught:
        pool.submit("refuse", misbehave.refuse, WorkerLimits()).result()
    assert caught.value.hint == "use another"


def test_bug_keeps_its_traceback(pool):
    with pytest.raises(WorkerBugError, match="in stumble"):
        pool.submit("stumble", misbehave.stumble, WorkerLimits()).result()


@pytest.mark.parametrize(
    ("function", "limits", "message"),
    [
        (misbehave.segfault, WorkerLimits(), r"crashed \(SIGSEGV\)"),
        (misbehave.leave, WorkerLimits(), r"ended without a result \(exit status 7\)"),
        (misbehave.hang, WorkerLimits(seconds=0.5), r"took longer than 0\.5 s and was stopped"),
        (misbehave.exhaust, WorkerLimits(memory=GIB // 4), r"used more than 0\.25 GiB of memory and was stopped"),
    ],
)
def test_each_death_is_one_clear_error_and_the_others_go_on(pool, function, limits, message):
    bad = pool.submit("the converter", function, limits)
    good = pool.submit("answer", misbehave.answer, WorkerLimits(), value=1)
    with pytest.raises(ConversionError, match=message):
        bad.result()
    assert good.result() == 2
    assert comes_true(lambda: not runs(bad.pid))


def test_waiting_for_others_does_not_count_as_one_s_own_time(pool):
    job = pool.submit("patient", misbehave.wait_and_answer, WorkerLimits(seconds=0.6), store=pool.store)
    time.sleep(1.5)
    pool.store.put(misbehave.LATE, "here")
    assert job.result() == "here!"


def test_log_of_a_crash_is_kept(pool):
    job = pool.submit("the converter", misbehave.segfault, WorkerLimits())
    with pytest.raises(ConversionError):
        job.result()
    assert "last words before the crash" in job.log_tail()


def test_leaving_kills_workers_and_what_they_started(tmp_path):
    pids = tmp_path / "pids"
    with WorkerPool(tmp_path / "staging", jobs=1) as pool:
        pool.submit("hang", misbehave.hang_with_child, WorkerLimits(), pids=pids)
        assert comes_true(pids.exists)
    worker, grandchild = map(int, pids.read_text().split())
    assert comes_true(lambda: not runs(worker))
    assert comes_true(lambda: not runs(grandchild))


OWNER = """
import sys, time
from pathlib import Path
from edgecv_converters.isolate import WorkerLimits, WorkerPool
from tests import misbehave
with WorkerPool(Path(sys.argv[1]), jobs=1) as pool:
    pool.submit("hang", misbehave.hang_with_child, WorkerLimits(), pids=Path(sys.argv[2]))
    time.sleep(600)
"""


def test_kill_9_of_the_owner_leaves_no_process_and_no_staging(tmp_path):
    staging, pids = tmp_path / "staging", tmp_path / "pids"
    path = os.pathsep.join(str(REPOSITORY / part) for part in (".", "converters", "runtime"))
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(staging), str(pids)], env=os.environ | {"PYTHONPATH": path}, cwd=REPOSITORY
    )
    assert comes_true(pids.exists)
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    worker, grandchild = map(int, pids.read_text().split())
    assert comes_true(lambda: not runs(worker) and not runs(grandchild))
    assert comes_true(lambda: not staging.exists())


@pytest.mark.skipif(sys.platform != "linux", reason="hosts of the tests are forked there alone")
def test_workers_of_a_forked_host_find_what_those_of_one_that_started_find(tmp_path, monkeypatch):
    found = []
    for cold in (True, False):
        monkeypatch.setattr(WARM_HOSTS, "cold", cold)
        with WorkerPool(tmp_path / "staging", jobs=1, preload=("tests.misbehave",)) as pool:
            assert isinstance(pool._host, subprocess.Popen) == cold
            found.append(pool.submit("look", misbehave.process, WorkerLimits()).result())
        shutil.rmtree(tmp_path / "staging")
    assert found[0] == found[1]
