"""Temporary folders go when they are left, and those of killed processes when the next one is made."""

import os
import subprocess
import sys
import tempfile

import pytest
from edgecv_converters.isolate.scratch import PREFIX, remove_abandoned, scratch_folder


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_there_and_gone(temporary):
    with scratch_folder() as folder:
        (folder / "samples").mkdir()
        assert folder.parent == temporary
    assert list(temporary.iterdir()) == []


def test_folders_in_use_stay(temporary):
    with scratch_folder() as first, scratch_folder() as second:
        assert first.is_dir()
        assert second.is_dir()


KILLED = """
import os, signal
from edgecv_converters.isolate.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "samples").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_goes_with_the_next(temporary):
    subprocess.run([sys.executable, "-c", KILLED], env=os.environ | {"TMPDIR": str(temporary)}, check=False, timeout=60)
    (left,) = temporary.iterdir()
    with scratch_folder():
        assert not left.exists()
    assert list(temporary.iterdir()) == []


def test_a_link_to_another_folder_is_not_followed(temporary):
    other = temporary / "thesis"
    other.mkdir()
    (other / "lock").touch()
    (temporary / f"{PREFIX}x").symlink_to(other)
    remove_abandoned(temporary, PREFIX)
    assert (other / "lock").exists()


@pytest.mark.parametrize(("age", "stays"), [(0, True), (3600, False)])
def test_what_has_no_lock_goes_when_it_is_old(temporary, age, stays):
    folder = temporary / f"{PREFIX}x"
    folder.mkdir()
    moment = folder.stat().st_mtime - age
    os.utime(folder, (moment, moment))
    remove_abandoned(temporary, PREFIX)
    assert folder.exists() is stays
