"""What the benchmark of growing cost says of conversions that fail: why, and nothing of how cost grows."""

import sys

import msgspec
import pytest

from benchmarks import scaling
from benchmarks.scaling import Cost

COST = Cost(
    network="small", parameters=10, side=32, precisions=("float32",), seconds=1.0, peak_bytes=10, machine="", commit=""
)


@pytest.mark.parametrize(
    ("does", "failed"),
    [
        ("print('made')", None),
        ("raise SystemExit(3)", None),
        ("raise SystemExit('error: no such model')", "error: no such model"),
        ("raise SystemExit(1)", "exit status 1"),
        ("import os; os.kill(os.getpid(), 9)", "stopped by SIGKILL"),
        ("import os; print('half way', flush=True); os.kill(os.getpid(), 9)", "stopped by SIGKILL"),
    ],
)
def test_a_run_that_does_not_end_says_why(does, failed):
    seconds, _, said = scaling.watched([sys.executable, "-c", does])
    assert said == failed
    assert seconds > 0


def test_a_failed_run_bends_no_exponent():
    costs = [
        msgspec.structs.replace(COST, network=str(size), parameters=size, seconds=0.1 * size, peak_bytes=size**2)
        for size in (10, 100, 1000)
    ]
    failed = msgspec.structs.replace(COST, parameters=10000, failed="stopped by SIGKILL")
    assert scaling.exponents([*costs, failed]) == {"float32": (1.0, 2.0)}
    assert scaling.exponents([*costs[:2], failed]) == {}
