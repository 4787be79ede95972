"""Percentiles, warm-up, drift and what else the machine did, by numbers that are known."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_runtime.bench.machine import Jiffies, elsewhere, facts, peak_memory
from edgecv_runtime.bench.result import MOST_SAMPLES, BenchRow, Machine, WarmUp
from edgecv_runtime.bench.stability import drift, reasons
from edgecv_runtime.bench.statistics import latency, thinned
from edgecv_runtime.bench.turns import settled

QUIET = Machine(cpu="x", architecture="x86_64", cores=4, system="Linux", busy_elsewhere=0.01, load_before=9.0)


def row(**changed):
    return BenchRow(
        artifact="tflite/model.int8.tflite",
        target="tflite",
        precision="int8",
        sha256="0",
        bytes=1,
        backend="litert",
        threads=2,
        **changed,
    )


def test_percentiles_lie_between_their_neighbours():
    found = latency([40.0, 10.0, 20.0, 30.0])
    assert (found.count, found.min_us, found.mean_us) == (4, 10.0, 25.0)
    assert (found.p50_us, found.p90_us, found.p99_us) == (25.0, 37.0, 39.7)
    assert found.samples_us == (40.0, 10.0, 20.0, 30.0)


def test_percentiles_of_a_hundred_and_one_are_the_values_themselves():
    found = latency(np.random.default_rng(0).permutation(np.arange(101.0)))
    assert (found.p50_us, found.p90_us, found.p99_us) == (50.0, 90.0, 99.0)


def test_one_time_is_all_percentiles():
    found = latency([7.25])
    assert {found.min_us, found.mean_us, found.p50_us, found.p90_us, found.p99_us} == {7.25}


def test_no_time_is_an_error():
    with pytest.raises(ValueError, match="no time"):
        latency([])


def test_samples_are_few_and_in_order_of_time():
    kept = latency(np.arange(100_000.0)).samples_us
    assert len(kept) == MOST_SAMPLES
    assert kept[0] == 0
    assert set(np.diff(kept)) == {250.0}
    assert thinned(np.arange(5.0), 3).tolist() == [0.0, 1.0, 3.0]


@pytest.mark.parametrize(
    ("medians", "is_settled"),
    [
        ([10.0] * 5, False),
        ([10.0] * 6, True),
        ([20, 15, 12, 11, 10.5, 10.2], False),
        ([20, 15, 12, 10.2, 10.1, 10.0, 10.1, 10.0, 10.1], True),
        ([10, 10, 10, 10, 99, 10], True),  # one bad turn does not count
        ([10, 10, 10, 10.29, 10.29, 10.29], True),
        ([10, 10, 10, 10.31, 10.31, 10.31], False),
        ([10.31, 10.31, 10.31, 10, 10, 10], False),
    ],
)
def test_a_row_is_warm_when_two_windows_agree(medians, is_settled):
    assert settled(medians) is is_settled


@pytest.mark.parametrize(
    ("medians", "wanted"),
    [
        ([10.0], None),
        ([10.0, 11.0], 0.1),
        ([10, 10, 10, 9, 9, 9], -0.1),
        ([10, 10, 50, 10, 10], 0.0),  # the turn in the middle is in neither half
    ],
)
def test_drift_is_the_second_half_over_the_first(medians, wanted):
    assert drift(medians) == (None if wanted is None else pytest.approx(wanted))


def test_a_quiet_run_has_nothing_against_it():
    warm = WarmUp(turns=6, count=60, seconds=0.6, stable=True)
    assert reasons([row(warm_up=warm, drift=0.05), row(not_run="no runtime", drift=0.5)], QUIET) == ()


def test_every_reason_is_a_sentence_that_names_the_row():
    warm = WarmUp(turns=50, count=60, seconds=5.01, stable=False)
    first, second = reasons([row(warm_up=warm), row(drift=-0.07)], QUIET)
    assert first == "tflite int8 on litert, 2 threads: the warm-up did not settle within 5.0 s"
    assert second == (
        "tflite int8 on litert, 2 threads: p50 changed by -7.0% from the first half of the turns to the second"
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"busy_elsewhere": 0.06}, "other programs used 6% of the processor meanwhile"),
        ({"busy_elsewhere": None}, "the load average was 9 on 4 cores before it began"),
        ({"stolen": 0.03}, "the hypervisor kept 3% of the processor for others"),
        ({"throttled": True}, "the device slowed down because of heat"),
    ],
)
def test_a_machine_that_was_not_quiet_says_so(changed, words):
    fields = {name: getattr(QUIET, name) for name in QUIET.__struct_fields__}
    assert reasons([row()], Machine(**fields | changed)) == (words,)


def test_what_others_used_is_all_but_our_own(monkeypatch):
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_CLK_TCK": 100}[name])
    before, after = Jiffies(busy=1000, stolen=10, every=5000), Jiffies(busy=1300, stolen=30, every=6000)
    assert elsewhere(before, after, own_seconds=2.0) == (0.1, 0.02)
    assert elsewhere(before, after, own_seconds=30.0) == (0.0, 0.02)
    assert elsewhere(None, after, own_seconds=2.0) == (None, None)
    assert elsewhere(after, after, own_seconds=0.0) == (None, None)


def test_the_facts_of_this_machine():
    found = facts(("A GPU",))
    assert found.cores >= 1
    assert found.memory_bytes > 1 << 28
    assert found.accelerators == ("A GPU",)
    assert found.versions["numpy"] == np.__version__
    assert 1 << 20 < peak_memory() < found.memory_bytes
