"""The output appears whole or not at all, and nothing else stays behind."""

import errno
import fcntl
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from edgecv_runtime.errors import EdgecvError, UsageError

from edgecv.convert import staging
from edgecv.convert.staging import Staging, exchange, write_zip


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
from edgecv.convert.staging import Staging
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


def rename_like_an_old_system(made, place, flag):
    return False


def link_like_fat(path, target):
    raise PermissionError(errno.EPERM, "no links here")


@pytest.fixture(params=["renames with flags", "renames without", "without links, too"])
def system(request, monkeypatch):
    """Systems and file systems that can do less and less."""
    if request.param != "renames with flags":
        monkeypatch.setattr(staging, "renamed", rename_like_an_old_system)
    if request.param == "without links, too":
        monkeypatch.setattr(Path, "hardlink_to", link_like_fat)


@pytest.mark.parametrize("name", ["m.edgecv", "m.edgecv.zip"])
def test_the_second_of_two_runs_does_not_replace_the_first_one_s_bundle(tmp_path, name, system):
    out = tmp_path / name
    with Staging(out) as second:
        make(out, "first")
        fill(second.bundle / "made", "second")
        before = out.stat().st_ino
        with pytest.raises(UsageError, match=f"{name} exists") as caught:
            second.commit()
    assert "--force" in caught.value.hint
    assert out.stat().st_ino == before
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("name", ["m.edgecv", "m.edgecv.zip"])
@pytest.mark.parametrize("there", ["folder", "file", "broken link"])
def test_the_last_look_is_the_move_itself(tmp_path, monkeypatch, name, there, system):
    monkeypatch.setattr(Path, "exists", lambda path: path.name != name)
    out = tmp_path / name
    with Staging(out) as stage:
        fill(stage.bundle / "made")
        if there == "folder":
            fill(out, "theirs")
        elif there == "file":
            out.write_text("theirs")
        else:
            out.symlink_to("nowhere")
        with pytest.raises(UsageError, match="another program has made it meanwhile"):
            stage.commit()
    assert out.is_symlink() or out.is_dir() or out.read_text() == "theirs"


@pytest.mark.parametrize("name", ["m.edgecv", "m.edgecv.zip"])
def test_with_force_the_last_one_stays(tmp_path, name, system):
    out = tmp_path / name
    with Staging(out, force=True) as second:
        make(out, "first")
        second.bundle.rmdir()
        fill(second.bundle, "second")
        second.commit()
    found = zipfile.ZipFile(out).read("bundle.json") if name.endswith("zip") else (out / "bundle.json").read_bytes()
    assert found == b"second"
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
@pytest.mark.parametrize("name", ["m.edgecv", "m.edgecv.zip"])
def test_a_bundle_has_the_modes_that_the_umask_says(tmp_path, name, umask):
    out, before = tmp_path / name, os.umask(umask)
    try:
        with Staging(out) as stage:
            private = fill(stage.bundle / "made") / "bundle.json"
            private.chmod(0o600)
            private.parent.chmod(0o700)
            stage.commit()
    finally:
        os.umask(before)
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in (out, *out.rglob("*"))}
    assert modes <= {(False, 0o666 & ~umask), (True, 0o777 & ~umask)}


def test_a_name_with_the_signs_of_a_pattern_is_cleaned_up_too(tmp_path):
    out = tmp_path / "m[1].edgecv"
    left = abandoned(out)
    with Staging(out):
        assert not left.exists()


def test_what_never_had_a_lock_is_removed_when_it_is_old(tmp_path):
    out = tmp_path / "m.edgecv"
    old = abandoned(out)
    (old / "lock").unlink()
    os.utime(old, (0, 0))
    with Staging(out):
        assert not old.exists()


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
