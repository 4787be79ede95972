"""Ctrl-C while a worker is being started leaves no process behind."""

import os
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest
from edgecv_runtime.bench.process import started, uninterrupted


def test_ctrl_c_waits_for_the_end_and_is_not_lost():
    done = []

    def work():
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("after the signal")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert done == ["after the signal"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_worker_that_is_just_starting_ends_with_the_others(monkeypatch):
    pids = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            pids.append(self.pid)
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt), ExitStack() as stack:
        started(stack)
    assert len(pids) == 1
    assert not Path(f"/proc/{pids[0]}").exists()
