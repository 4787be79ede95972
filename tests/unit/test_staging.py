"""The output appears whole or not at all, and nothing else stays behind."""

import fcntl
import subprocess
import sys
import zipfile

import pytest
from edgecv_runtime.errors import EdgecvError, UsageError

from edgecv import staging
from edgecv.staging import Staging, exchange, write_zip


def fill(folder, text="new"):
    (folder / "tflite").mkdir(parents=True)
    (folder / "bundle.json").write_text(text)
    (folder / "tflite/model.tflite").write_bytes(b"\x00" * 100)
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def make(out, text="new", *, force=False):
    with Staging(out, force=force) as stage:
        stage.bundle.rmdir()
        fill(stage.bundle, text)
        (stage.work / "scratch").write_text("x")
        stage.commit()


@pytest.mark.parametrize("parent", [".", "new/deep"])
def test_a_bundle_appears_and_nothing_else(tmp_path, parent):
    out = tmp_path / parent / "m.edgecv"
    make(out)
    assert names(out.parent) == ["m.edgecv"]
    assert names(out) == ["bundle.json", "tflite"]


def test_nothing_appears_before_the_commit_or_without_it(tmp_path):
    out = tmp_path / "m.edgecv"
    with Staging(out) as stage:
        assert stage.bundle.is_dir()
        assert stage.work.is_dir()
        assert stage.root.parent == tmp_path
        assert not out.exists()
    assert names(tmp_path) == []


def fail_halfway(out, error):
    with Staging(out, force=True) as stage:
        (stage.bundle / "bundle.json").write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failed_run_leaves_the_old_bundle(tmp_path, error):
    out = fill(tmp_path / "m.edgecv", "old")
    with pytest.raises(error):
        fail_halfway(out, error)
    assert names(tmp_path) == ["m.edgecv"]
    assert (out / "bundle.json").read_text() == "old"


def test_force_replaces_the_whole_bundle(tmp_path):
    out = fill(tmp_path / "m.edgecv", "old")
    (out / "only-in-old").write_text("x")
    make(out, force=True)
    assert (out / "bundle.json").read_text() == "new"
    assert names(out) == ["bundle.json", "tflite"]
    assert names(tmp_path) == ["m.edgecv"]


def test_force_replaces_a_zip(tmp_path):
    out = tmp_path / "m.edgecv.zip"
    make(out, "old")
    make(out, "new", force=True)
    with zipfile.ZipFile(out) as archive:
        assert archive.read("bundle.json") == b"new"
    assert names(tmp_path) == ["m.edgecv.zip"]


def test_without_force_what_is_there_stays(tmp_path):
    out = fill(tmp_path / "m.edgecv", "old")
    with pytest.raises(UsageError, match=r"m\.edgecv exists$") as caught:
        Staging(out)
    assert "--force" in caught.value.hint


def foreign_folder(tmp_path):
    out = tmp_path / "m.edgecv"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    return out


def foreign_file(tmp_path):
    out = tmp_path / "m.edgecv.zip"
    out.write_text("no zip")
    return out


def file_for_folder(tmp_path):
    out = tmp_path / "m.edgecv"
    write_zip(fill(tmp_path / "other"), out)
    return out


def folder_for_file(tmp_path):
    return fill(tmp_path / "m.edgecv.zip")


@pytest.mark.parametrize("there", [foreign_folder, foreign_file, file_for_folder, folder_for_file])
def test_force_never_replaces_what_is_no_bundle(tmp_path, there):
    out = there(tmp_path)
    with pytest.raises(UsageError, match="is no bundle of this form, so --force does not replace it"):
        Staging(out, force=True)
    assert out.exists()


@pytest.mark.parametrize("name", ["m", "m.zip", "m.edgecv.tar", ".edgecv", ".edgecv.zip"])
def test_the_ending_is_checked(tmp_path, name):
    with pytest.raises(UsageError, match=r"must end in \.edgecv or \.edgecv\.zip") as caught:
        Staging(tmp_path / name)
    assert ".edgecv" in caught.value.hint


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(EdgecvError, match=r"cannot write to .*file: File exists"):
        make(tmp_path / "file/m.edgecv")


def abandoned(out):
    folder = out.parent / f".{out.name}.abc.partial"
    (folder / "work").mkdir(parents=True)
    (folder / "lock").touch()
    return folder


def test_what_a_killed_run_left_is_removed(tmp_path):
    out = tmp_path / "m.edgecv"
    left = abandoned(out)
    other = abandoned(tmp_path / "other.edgecv")
    with Staging(out):
        assert not left.exists()
        assert other.exists()


def test_what_a_live_run_holds_stays(tmp_path):
    out = tmp_path / "m.edgecv"
    held = abandoned(out)
    with (held / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with Staging(out):
            assert (held / "work").is_dir()
    assert held.is_dir()


def test_a_run_too_young_to_have_its_lock_stays(tmp_path):
    out = tmp_path / "m.edgecv"
    young = abandoned(out)
    (young / "lock").unlink()
    with Staging(out):
        assert (young / "work").is_dir()


def test_two_runs_side_by_side(tmp_path):
    out = tmp_path / "m.edgecv"
    with Staging(out) as first, Staging(out) as second:
        assert first.root != second.root
        assert first.bundle.is_dir()
        fill(first.bundle / "made")
        first.commit()
    assert names(tmp_path) == ["m.edgecv"]
    assert names(out) == ["made"]


KILLED = """
import os, signal, sys
from pathlib import Path
from edgecv.staging import Staging
with Staging(Path(sys.argv[1]), force=True) as stage:
    (stage.bundle / "bundle.json").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_kill_9_leaves_the_old_bundle_and_the_next_run_cleans_up(tmp_path):
    out = fill(tmp_path / "m.edgecv", "old")
    run = subprocess.run([sys.executable, "-c", KILLED, str(out)], check=False, timeout=60)
    assert run.returncode == -9
    assert (out / "bundle.json").read_text() == "old"
    assert len(names(tmp_path)) == 2
    make(out, force=True)
    assert names(tmp_path) == ["m.edgecv"]


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_exchange_puts_the_new_one_in_place(tmp_path, platform, monkeypatch):
    monkeypatch.setattr(staging.sys, "platform", platform)
    made, place = fill(tmp_path / "stage/bundle", "new"), fill(tmp_path / "m.edgecv", "old")
    exchange(made, place)
    assert (place / "bundle.json").read_text() == "new"
    (left,) = (tmp_path / "stage").iterdir()
    assert (left / "bundle.json").read_text() == "old"


def test_the_same_content_gives_the_same_zip(tmp_path):
    first, second = fill(tmp_path / "a"), tmp_path / "b"
    (second / "tflite").mkdir(parents=True)
    (second / "tflite/model.tflite").write_bytes(b"\x00" * 100)
    (second / "bundle.json").write_text("new")
    (second / "bundle.json").chmod(0o600)
    write_zip(first, tmp_path / "a.zip")
    write_zip(second, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == ["bundle.json", "tflite/model.tflite"]
        assert archive.testzip() is None
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o644}
