"""What edgecv is started in: streams that are full, closed or unread, variables and folders that make no sense."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest
from edgecv_runtime.bench.result import encode_result
from edgecv_runtime.environment import environment_error
from edgecv_runtime.writing import write_whole
from PIL import Image

from edgecv.terminal.console import EXIT_BUG, exit_code
from edgecv.terminal.streams import SIZES, OutputClosedError
from tests import bundles
from tests.command import edgecv
from tests.unit import bench_results

COMMAND = shlex.join([sys.executable, "-m", "edgecv"])
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/dev/full and ulimit as Linux has them")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a bundle and pictures, both with names beyond ASCII."""
    root = tmp_path_factory.mktemp("surroundings")
    bundles.write_bundle(root / "bünt.edgecv")
    (root / "photos").mkdir()
    for name in ("grün", "rot"):
        Image.new("RGB", (8, 8), (220, 20, 20)).save(root / "photos" / f"{name}.png")
    return root


def bash(place, line, *, limit=60):
    """Run a line in which {edgecv}, {run} and {there} stand for the command, a whole call, and the absolute folder."""
    run = f"{COMMAND} run {place}/bünt.edgecv {place}/photos"
    text = line.format(edgecv=COMMAND, run=run, there=place)
    return subprocess.run(
        ["bash", "-c", text], cwd=place, capture_output=True, stdin=subprocess.DEVNULL, timeout=limit, check=False
    )


# Each line, its exit code, and a word of stderr.
LINES = {
    "stdout full": ("{run} >/dev/full", 1, b"standard output cannot be written: No space left"),
    "stdout full, tables": ("{edgecv} inspect bünt.edgecv >/dev/full", 1, b"standard output cannot be written"),
    "stdout full, help": ("{edgecv} --help >/dev/full", 1, b"standard output cannot be written"),
    "stdout closed": ("{run} >&-", 0, b"2 answers"),
    "stderr full": ("{run} 2>/dev/full", 0, b""),
    "stdin closed and asked for": ("{edgecv} run bünt.edgecv - <&-", 1, b"standard input held no picture"),
    "all closed": ("{run} <&- >&- 2>&-", 0, b""),
    "nobody reads": ("{run} | head -c 0; exit ${{PIPESTATUS[0]}}", 0, b""),
    "nobody reads tables": ("{edgecv} inspect bünt.edgecv | head -c 0; exit ${{PIPESTATUS[0]}}", 0, b""),
    "nobody reads help": ("{edgecv} --help | head -c 0; exit ${{PIPESTATUS[0]}}", 0, b""),
    "no directory": ("mkdir gone; cd gone; rmdir ../gone; {run}", 0, b"2 answers"),
    "no directory, and a relative path": (
        "mkdir gone; cd gone; rmdir ../gone; {run} --save kept",
        1,
        b"the current directory is not there any more",
    ),
    "no file may grow": ("ulimit -f 0; {run} --save {there}/kept", 1, b"File too large"),
    "no place for temporary files": ("ulimit -f 0; {edgecv} verify bünt.edgecv", 1, b"temporary directory"),
    "a locale of ASCII": ("PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 LC_ALL=C {run}", 1, b"set LC_ALL=C.UTF-8"),
    "output of ASCII": ("PYTHONIOENCODING=ascii:strict {run}", 0, b"2 answers"),
}


@pytest.mark.parametrize(("line", "code", "said"), LINES.values(), ids=LINES)
def test_every_surrounding_ends_in_order(place, line, code, said):
    done = bash(place, line)
    told = done.stderr.decode(errors="replace")
    assert done.returncode == code, told
    assert said in done.stderr
    assert "Traceback" not in told
    assert "Exception ignored" not in told
    assert sorted(entry.name for entry in place.iterdir()) in (
        ["bünt.edgecv", "photos"],
        ["bünt.edgecv", "kept", "photos"],
    )
    assert not list(place.glob("kept/*"))


def test_letters_that_an_encoding_lacks_are_escaped(place):
    done = bash(place, "PYTHONIOENCODING=ascii:strict {run}")
    assert b"gr\\xfcn.png" in done.stdout


LINKS = """
import os
from edgecv.terminal.streams import prepare
prepare()
with open("links", "w") as file:
    print(*(os.readlink(f"/proc/self/fd/{number}") for number in range(3)), file=file)
"""


def test_a_descriptor_of_a_closed_stream_is_nobody_elses(tmp_path):
    (tmp_path / "links.py").write_text(LINKS)
    subprocess.run(["bash", "-c", f"{sys.executable} links.py <&- >&- 2>&-"], cwd=tmp_path, check=True)
    assert (tmp_path / "links").read_text() == "/dev/null /dev/null /dev/null\n"


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("value", ["abc", "0", "-1", "²", "1e3", "", "99999999999", "1", "9999"])
def test_sizes_that_are_none_are_ignored(place, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    result = edgecv("inspect", place / "bünt.edgecv")
    assert result.code == 0, result.err
    assert len(result.out) < 10_000_000
    if value not in {"1", "9999"}:
        assert name not in os.environ


STARTED = "from edgecv.__main__ import main; print('started', flush=True); main()"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("delay", [0.02, 0.1, 0.3, 0.6])
def test_a_signal_ends_it_at_any_moment(place, number, delay):
    with subprocess.Popen(
        [sys.executable, "-c", STARTED, "verify", "bünt.edgecv"],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout.readline() == b"started\n"
        time.sleep(delay)
        os.killpg(process.pid, number)
        _, told = process.communicate(timeout=20)
    assert process.returncode in ({130, 0} if number == signal.SIGINT else {-number, 0}), told.decode()
    assert b"Traceback" not in told


def test_ctrl_c_changes_nothing_once_all_is_done():
    at_the_end = "import atexit, os; atexit.register(os.kill, os.getpid(), 2); from edgecv.__main__ import main; main()"
    done = subprocess.run([sys.executable, "-c", at_the_end, "--version"], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_reader_who_left_is_no_other_broken_pipe(capsys):
    def left():
        raise OutputClosedError

    def worker():
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    assert exit_code(left) == 0
    assert exit_code(worker) == EXIT_BUG
    assert "Traceback" in capsys.readouterr().err


def test_a_file_that_is_missing_is_still_a_bug():
    assert environment_error(FileNotFoundError(errno.ENOENT, "No such file or directory", "x")) is None
    assert "no place" in environment_error(FileNotFoundError(errno.ENOENT, "there is no place")).message


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    write_whole(tmp_path / "report.html", b"old")
    write_whole(tmp_path / "report.html", b"new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_whole(tmp_path / "folder", b"x")
    (tmp_path / "link").symlink_to("elsewhere")
    write_whole(tmp_path / "link", b"x")
    assert not (tmp_path / "elsewhere").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link", "report.html"]
    assert (tmp_path / "report.html").read_bytes() == b"new"
    write_whole(tmp_path / ("x" * 255), b"x")


PLACES = {"a folder": "taken", "below a file": "file/report.html", "a circle": "circle", "too long": "x" * 256}


@pytest.mark.parametrize("name", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("command", ["save", "html"])
def test_a_place_that_cannot_be_written_is_one_error(place, tmp_path, monkeypatch, name, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "precious").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "result.json").write_bytes(encode_result(bench_results.one()))
    before = sorted(tmp_path.rglob("*"))
    if command == "html":
        result = edgecv("bench", "--import", "result.json", "--html", name)
    else:
        result = edgecv("run", place / "bünt.edgecv", place / "photos", "--save", name)
    assert result.code in {1, 2}
    assert "error: " in result.err
    assert "Traceback" not in result.err
    assert sorted(tmp_path.rglob("*")) == before


def test_no_folder_is_made_for_a_report(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        write_whole(tmp_path / "lost" / "report.html", b"x")


def test_what_lies_in_the_way_of_a_saved_picture_is_not_followed(place, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "out" / "rot.png").symlink_to(tmp_path / "precious")
    assert edgecv("run", place / "bünt.edgecv", place / "photos", "--save", tmp_path / "out", "--force").code == 0
    assert (tmp_path / "precious").read_text() == "mine"
    assert not (tmp_path / "out" / "rot.png").is_symlink()


def test_the_source_is_not_saved_onto(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "photos" / "p.png")
    (tmp_path / "same").symlink_to("photos")
    for target in ("photos", "same", "./photos/"):
        result = edgecv("run", place / "bünt.edgecv", "photos", "--save", target, "--force")
        assert (result.code, "is the source itself" in result.message) == (2, True)


def test_json_of_every_surrounding_is_json(place):
    done = bash(place, "PYTHONIOENCODING=ascii:strict {run} --json")
    assert [json.loads(line)["source"].rsplit("/")[-1] for line in done.stdout.splitlines()] == ["grün.png", "rot.png"]
