"""`edgecv run` as a person uses it: pictures, videos, pipes, cameras, signals, and wrong calls."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from edgecv_runtime import stream
from edgecv_runtime.stream.live import Live
from PIL import Image

from tests import bundles, fake_picamera2
from tests.command import edgecv
from tests.videos import write_video

QUICK = {"first_delay": 0.01, "patience": 0.02}
RED, GREEN, BLUE = (220, 20, 20), (20, 220, 20), (20, 20, 220)
MANY = 3000  # pictures, more than are read before a signal is taken


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    root = tmp_path_factory.mktemp("run") / "colours.edgecv"
    bundles.write_bundle(root)
    return root


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The current directory, with pictures, a video and things that are neither."""
    monkeypatch.chdir(tmp_path)
    for name, colour in (("a.png", RED), ("b.jpg", GREEN), ("sub/a.png", BLUE)):
        Path("photos", name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30), colour).save(Path("photos", name))
    write_video(Path("v.avi"), [RED, GREEN, BLUE] * 10, fps=10)
    Path("notes.txt").write_text("a text")
    Path("empty").mkdir()
    return tmp_path


def records(result):
    return [json.loads(line) for line in result.out.splitlines()]


def names(folder):
    return sorted(path.name for path in Path(folder).iterdir())


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def test_pictures_get_an_aligned_line_each(bundle, place):
    result = edgecv("run", bundle, "photos", "--top", 2, "--precision", "float32")
    assert result.code == 0
    assert [line.split()[:3] for line in result.out.splitlines()] == [
        ["photos/a.png", "red", "100.0"],
        ["photos/b.jpg", "green", "100.0"],
        ["photos/sub/a.png", "blue", "100.0"],
    ]
    assert len({line.index("100.0") for line in result.out.splitlines()}) == 1
    assert "answered by onnx/model.float32.onnx on onnxruntime" in result.message
    assert "3 answers in" in result.message
    assert "p50/p90 in ms: preprocess" in result.message


def test_json_has_a_record_a_line(bundle, place):
    result = edgecv("run", bundle, "photos/b.jpg", "--json", "--top", 2, "--precision", "float32")
    (record,) = records(result)
    assert (record["source"], record["frame"], record["label"], record["index"]) == ("photos/b.jpg", 0, "green", 1)
    assert record["score"] == record["top"][0]["score"] > 0.99
    assert record["top"][0]["label"] == "green"
    assert len(record["top"]) == 2
    assert min(record[f"{stage}_ms"] for stage in ("preprocess", "inference", "postprocess")) >= 0
    assert record["dropped"] == 0
    assert "model.float32.onnx" in result.message


def test_regression_gives_its_values(tmp_path, place):
    bundles.write_bundle(tmp_path / "r.edgecv", bundles.colour_head("regression", labels=None))
    (record,) = records(edgecv("run", tmp_path / "r.edgecv", "photos/a.png", "--json"))
    assert record["outputs"]["colour"][0] > 0.99
    assert "label" not in record
    line = edgecv("run", tmp_path / "r.edgecv", "photos/a.png").out
    assert float(line.split()[1]) > 0.99


def test_two_heads_answer_side_by_side_and_an_unknown_one_is_said(tmp_path, place):
    bundles.write_two_outputs(tmp_path / "two.edgecv")
    call = ("run", tmp_path / "two.edgecv", "photos/a.png")
    assert edgecv(*call, "--top", "1").out.split()[1:] == ["colour", "red", "100.0", "%", "warmth", "200", "levels"]
    (record,) = records(edgecv(*call, "--json"))
    assert [(one["head"], one["kind"]) for one in record["answers"]] == [
        ("colour", "classification"),
        ("warm", "regression"),
    ]
    manifest = json.loads((tmp_path / "two.edgecv" / "bundle.json").read_text())
    manifest["heads"][1] |= {"kind": "rays", "points": 17}
    (tmp_path / "two.edgecv" / "bundle.json").write_text(json.dumps(manifest))
    result = edgecv(*call, "--top", "1")
    assert result.out.split()[1:] == ["red", "100.0", "%"]
    assert 'the head "warm" is of the kind rays, which this edgecv does not know' in result.message
    assert "left out" in edgecv("inspect", tmp_path / "two.edgecv").out
    assert "rays" in edgecv("verify", tmp_path / "two.edgecv").message


def test_multilabel_names_those_over_the_threshold(tmp_path, place):
    bundles.write_bundle(tmp_path / "m.edgecv", bundles.colour_head("multilabel"))
    call = ("run", tmp_path / "m.edgecv", "photos/a.png")
    (record,) = records(edgecv(*call, "--json"))
    assert record["labels"] == ["red"]
    assert record["top"][0]["label"] == "red"
    assert edgecv(*call).out.split()[1] == "red"
    (record,) = records(edgecv(*call, "--json", "--threshold", "0", "--threshold", "red=1"))
    assert record["labels"] == ["green", "blue"]


def test_a_video_is_answered_frame_by_frame(bundle, place):
    found = records(edgecv("run", bundle, "v.avi", "--json"))
    assert [record["label"] for record in found] == ["red", "green", "blue"] * 10
    assert [record["frame"] for record in found] == list(range(30))
    assert found[-1]["time_s"] == pytest.approx(2.9, abs=0.01)
    lines = edgecv("run", bundle, "v.avi").out.splitlines()
    assert lines[10].split()[:4] == ["10", "1.000", "s", "green"]


def test_a_video_is_saved_with_its_answers(bundle, place):
    result = edgecv("run", bundle, "v.avi", "--save", "new/out.mp4")
    assert result.code == 0
    source = stream.open_source(["new/out.mp4"])
    assert source.fps == 10
    saved = list(source.frames(threading.Event()))
    assert len(saved) == 30
    image = saved[1].image
    assert image.shape == (192, 256, 3)  # enlarged, to hold the caption
    assert image[:3].max() < 60
    assert image[:18].max() > 180  # white letters on a black band
    assert np.abs(image[60:].mean((0, 1)) - GREEN).max() < 25
    assert names("new") == ["out.mp4"]


def test_pictures_are_saved_under_their_names(bundle, place):
    result = edgecv("run", bundle, "photos", "photos/a.png", "--save", "out")
    assert result.code == 0
    found = sorted(path.relative_to("out").as_posix() for path in Path("out").rglob("*") if path.is_file())
    assert found == ["a-2.png", "a.png", "b.jpg", "sub/a.png"]
    assert pixels("out/sub/a.png").shape == (210, 280, 3)
    assert pixels("out/sub/a.png")[-1, -1].tolist() == list(BLUE)


def test_frames_can_be_saved_as_pictures(bundle, place):
    assert edgecv("run", bundle, "v.avi", "--save", "out").code == 0
    assert names("out") == [f"{index:06d}.jpg" for index in range(30)]


def test_what_is_there_is_replaced_only_when_forced(bundle, place):
    Path("out.mp4").write_text("precious")
    Path("out").mkdir()
    Path("out", "mine.txt").write_text("precious")
    for call in (("v.avi", "--save", "out.mp4"), ("photos", "--save", "out")):
        result = edgecv("run", bundle, *call)
        assert result.code == 2
        assert "exists hint: Give --force" in result.message
        assert edgecv("run", bundle, *call, "--force").code == 0
    assert Path("out.mp4").stat().st_size > 1000
    assert names("out") == ["a.png", "b.jpg", "mine.txt", "sub"]


def test_saving_never_replaces_a_source(bundle, place):
    before = Path("photos/b.jpg").read_bytes()
    for call in (("photos", "--save", "photos"), ("photos/b.jpg", "--save", "photos")):
        result = edgecv("run", bundle, *call, "--force")
        assert result.code == 2
        assert "source itself" in result.message or "would replace photos/b.jpg" in result.message
    assert edgecv("run", bundle, "v.avi", "--save", "./v.avi", "--force").code == 2
    assert Path("photos/b.jpg").read_bytes() == before


def test_a_disk_that_refuses_is_one_clear_error(bundle, place):
    Path("file").touch()
    for call in (("v.avi", "--save", "file/out.mp4"), ("photos", "--save", "file/out")):
        result = edgecv("run", bundle, *call)
        assert result.code == 1
        assert "cannot be written" in result.message
        assert "Traceback" not in result.err


@pytest.fixture
def bad_pictures(place):
    Path("photos/b.jpg").write_bytes(Path("photos/b.jpg").read_bytes()[:200])
    Path("photos/c.png").write_text("meow")
    return place


def test_the_first_bad_picture_is_an_error(bundle, bad_pictures):
    result = edgecv("run", bundle, "photos")
    assert result.code == 1
    assert "photos/a.png" in result.out
    assert "sub/a.png" not in result.out
    assert "error: photos/b.jpg cannot be decoded" in result.message
    assert "1 answer in" in result.message


def test_bad_pictures_are_skipped_when_asked(bundle, bad_pictures):
    result = edgecv("run", bundle, "photos", "--skip-bad", "--save", "out")
    assert result.code == 0
    assert [line.split()[0] for line in result.out.splitlines()] == ["photos/a.png", "photos/sub/a.png"]
    assert "skipped: photos/b.jpg cannot be decoded" in result.message
    assert "skipped: photos/c.png is not a picture" in result.message
    assert "2 unreadable" in result.message
    assert not Path("out/b.jpg").exists()
    found = records(edgecv("run", bundle, "photos", "--skip-bad", "--json"))
    assert [record.get("label") for record in found] == ["red", None, None, "blue"]
    assert "cannot be decoded" in found[1]["error"]


def test_nothing_but_bad_pictures_is_an_error(bundle, bad_pictures):
    result = edgecv("run", bundle, "photos/c.png", "photos/b.jpg", "--skip-bad")
    assert result.code == 1
    assert "error: none of the pictures could be read" in result.message


def command(*arguments):
    return [sys.executable, "-m", "edgecv", "run", *map(str, arguments)]


def encoded(colour, kind="JPEG"):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(buffer, kind)
    return buffer.getvalue()


def test_standard_input_is_answered_picture_by_picture(bundle):
    data = encoded(RED) + encoded(BLUE, "PNG") + encoded(GREEN)[:-20]
    call = command(bundle, "-", "--json", "--skip-bad")
    done = subprocess.run(call, input=data, capture_output=True, check=False, timeout=60)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record.get("label") for record in found[:2]] == ["red", "blue"]
    assert "picture 2 of standard input cannot be decoded" in found[2]["error"]
    assert done.returncode == 0
    garbage = subprocess.run(command(bundle, "-"), input=b"hello", capture_output=True, check=False, timeout=60)
    assert (garbage.returncode, garbage.stdout) == (1, b"")
    assert b"something else than JPEG or PNG" in garbage.stderr


def test_a_reader_that_leaves_ends_it_quietly(bundle, place):
    write_video(Path("long.avi"), [RED] * 3000)
    process = subprocess.Popen(command(bundle, "long.avi"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert b"red" in process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(20) == 0
    assert errors.count(b"\n") == 1  # which artifact answers, and no more
    assert b"answered by" in errors


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_it_in_order(bundle, place, number, code):
    call = command(bundle, "v.avi", "--json", "--max-fps", 20, "--save", "out.mp4")
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(3)]
        process.send_signal(number)
        out, errors = process.communicate(timeout=20)
    assert process.returncode == code
    found = [json.loads(line) for line in [*lines, *out.splitlines()]]
    assert 3 <= len(found) < 30
    assert f"{len(found)} answers in" in errors
    assert "Nothing was written" not in errors
    saved = stream.open_source(["out.mp4"])
    assert len(found) - 1 <= saved.count <= len(found)
    assert not list(place.glob(".*"))


def test_on_a_terminal_a_video_changes_one_line(bundle, place):
    ours, theirs = pty.openpty()
    call = command(bundle, "v.avi", "--max-fps", 30)
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(call, stdout=theirs, stderr=theirs, stdin=theirs, env=environment) as process:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # Linux says EIO where the other side is closed
            while piece := os.read(ours, 4096):
                seen += piece
    os.close(ours)
    assert process.returncode == 0
    assert re.search(rb"(red|green|blue) 99\.6 %.* a second", seen)
    assert seen.count(b"\n") < 10  # 30 frames
    assert b"30 answers in" in seen


@pytest.mark.parametrize("between", [0.0, 0.01, 0.05, 0.1, 0.2, 0.3])
def test_a_second_ctrl_c_leaves_at_once_and_nothing_behind(bundle, place, between):
    """It comes while the video is completed, while all is closed, or after the end."""
    call = command(bundle, "v.avi", "--max-fps", 20, "--save", "out.mp4")
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for _ in range(3):
            process.stdout.readline()
        process.send_signal(signal.SIGINT)
        time.sleep(between)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "terminate" not in errors
    assert "Nothing was written" not in errors
    assert not list(place.glob(".*"))


def test_ctrl_c_after_unreadable_pictures_alone_is_an_interruption(bundle, place):
    (place / "broken").mkdir()
    for number in range(MANY):
        (place / "broken" / f"{number}.png").write_bytes(b"no picture")
    call = command(bundle, "broken", "--skip-bad", "--json")
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert len(out.splitlines()) < MANY - 1
    assert "none of the pictures" not in errors


def test_duration_ends_it(bundle, place):
    began = time.monotonic()
    result = edgecv("run", bundle, "v.avi", "--max-fps", 10, "--duration", "0.5", "--json")
    assert result.code == 0
    assert 2 <= len(records(result)) <= 7
    assert time.monotonic() - began < 5


def test_the_pi_camera_is_answered_and_its_video_keeps_real_time(bundle, place, monkeypatch):
    camera = fake_picamera2.Camera(colour=BLUE, interval=0.01)
    monkeypatch.setitem(sys.modules, "picamera2", fake_picamera2.module(camera))
    call = ("run", bundle, "picamera", "--camera-size", "64x48", "--duration", 1, "--save", "o.mp4", "--max-fps", 20)
    result = edgecv(*call, "--json")
    assert result.code == 0
    found = records(result)
    assert {record["label"] for record in found} == {"blue"}
    assert 4 <= len(found) <= 22
    assert "dropped" in result.message
    saved = stream.open_source(["o.mp4"])
    assert saved.fps == 20
    assert saved.count / saved.fps == pytest.approx(found[-1]["time_s"] - found[0]["time_s"], abs=0.15)
    assert camera.events == ["start", "stop", "close"]


def test_a_camera_that_vanishes_ends_with_an_error_and_the_statistics(bundle, place, monkeypatch):
    camera = fake_picamera2.Camera(colour=RED, frames=5, interval=0.01)
    monkeypatch.setitem(sys.modules, "picamera2", fake_picamera2.module(camera))
    monkeypatch.setattr(Live.__init__, "__kwdefaults__", {**Live.__init__.__kwdefaults__, **QUICK})
    result = edgecv("run", bundle, "picamera", "--save", "o.mp4")
    assert result.code == 1
    assert "note: picamera gives no frames; trying again in 0.01 s" in result.message
    assert re.search(r" [1-5] answers? in ", result.message)
    assert "error: picamera vanished and did not come back" in result.message
    assert stream.open_source(["o.mp4"]).count >= 1


class Stalling(BaseHTTPRequestHandler):
    """A network camera that gives some frames and then neither another nor an end."""

    picture = encoded(GREEN)
    over = threading.Event()

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n")
            self.wfile.write(b"Content-Length: %d\r\n\r\n%b\r\n" % (len(self.picture), self.picture))
        self.wfile.flush()
        self.over.wait(30)

    def log_message(self, *_):
        pass


def test_a_camera_that_hangs_does_not_hang_the_end(bundle, place):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stalling)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    call = command(bundle, f"http://127.0.0.1:{server.server_port}/v.mjpg", "--json", "--duration", "1")
    try:
        done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=30)
    finally:
        Stalling.over.set()
        server.shutdown()
        server.server_close()
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert {answer["label"] for answer in answers} == {"green"}
    assert "terminate" not in done.stderr
    # All frames come at once: how many are not dropped is the machine's affair.
    assert f"\n{len(answers)} answer{'s' if len(answers) > 1 else ''} in " in done.stderr
    assert done.returncode == 0


WRONG_CALLS = [
    ((), 2, "Missing argument", "--help"),
    (("lost.jpg",), 1, "lost.jpg does not exist", "A source is pictures"),
    (("empty",), 1, "empty holds no pictures", ".jpg"),
    (("notes.txt",), 1, "notes.txt is neither a picture nor a video", "A source is pictures"),
    (("ftp://x/y",), 1, "unknown scheme 'ftp'", "rtsp"),
    (("photos", "0"), 2, "0 is a camera, which cannot be mixed", "alone"),
    (("photos", "v.avi"), 2, "v.avi is a video, which cannot be mixed", "alone"),
    (("83",), 1, "camera 83 cannot be opened", "ls /dev/video*"),
    (("0", "--camera-size", "large"), 2, "--camera-size must be WIDTHxHEIGHT, got 'large'", "1280x720"),
    (("0", "--camera-size", "0x9"), 2, "the camera size must be 16 to 16384", ""),
    (("photos", "--camera-size", "64x48"), 2, "the source is no camera", ""),
    (("photos", "--live"), 2, "--live is about standard input", "Give -"),
    (("photos", "--save", "out.mp4"), 2, "--save out.mp4 is a video, and the source is pictures", "Give a folder"),
    (("v.avi", "--save", "out.avi"), 2, "neither an .mp4 file nor a folder", "NAME.mp4"),
    (("photos", "--save", "out.jpg"), 2, "neither an .mp4 file nor a folder", "NAME.mp4"),
    (("photos", "--save", "notes.txt"), 2, "notes.txt is a file already", "another place"),
    (("photos", "--show"), 1, "this OpenCV has no windows", "pip install opencv-python"),
    (("photos", "--duration", "0"), 2, "--duration must be positive, got 0", ""),
    (("photos", "--max-fps", "-1"), 2, "the frames a second must be above 0, got -1", ""),
    (("photos", "--top", "0"), 2, "Invalid value for '--top'", "--help"),
    (("photos", "--threshold", "0.4"), 2, "--threshold is for yes-or-no answers", ""),
    (("photos", "--backend", "gpu"), 1, "unknown backend 'gpu'", "litert"),
]


@pytest.mark.parametrize(("call", "code", "message", "hint"), WRONG_CALLS, ids=range(len(WRONG_CALLS)))
def test_a_wrong_call_says_what_and_how_to_mend_it(bundle, place, call, code, message, hint):
    before = sorted(place.rglob("*"))
    result = edgecv("run", bundle, *call)
    assert message in result.message
    assert hint in result.message
    assert result.message.startswith("error: ")
    assert "Traceback" not in result.err
    assert (result.code, result.out) == (code, "")
    assert sorted(place.rglob("*")) == before


def test_what_is_no_bundle_is_refused(place):
    result = edgecv("run", "photos/a.png", "photos")
    assert result.code == 1
    assert "photos/a.png" in result.message


def test_a_video_without_opencv_says_what_to_install(bundle, place, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    result = edgecv("run", bundle, "v.avi")
    assert result.code == 1
    assert 'hint: pip install "edgecv[camera]"' in result.message
    assert edgecv("run", bundle, "photos", "--save", "out").code == 0


def test_windows_without_a_display_are_an_error(bundle, place, monkeypatch):
    monkeypatch.setattr("edgecv.run.window._has_no_windows", lambda _: False)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    result = edgecv("run", bundle, "photos", "--show")
    assert result.code == 1
    assert "there is no display" in result.message
    monkeypatch.setenv("DISPLAY", ":987")
    assert "no window can be opened on this display" in edgecv("run", bundle, "photos", "--show").message


def test_a_device_needs_no_tensorflow(bundle, place):
    code = f"""
import sys
sys.argv = ["edgecv", "run", {str(bundle)!r}, "photos/a.png"]
from edgecv.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code
print(*sorted({{"tensorflow", "keras", "onnx", "tf2onnx", "coremltools", "sklearn", "cv2"}} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.splitlines()[-1] == ""
