"""Cameras: those that vanish and come back, one on the network, and the colour order of the Raspberry Pi's."""

from __future__ import annotations

import io
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from edgecv_runtime.errors import MissingDependencyError, StreamError
from edgecv_runtime.stream import SourceOptions, open_source
from edgecv_runtime.stream.live import Live
from PIL import Image

from tests import fake_picamera2

COLOUR = (200, 100, 30)


class FakeCamera:
    """A camera that gives `counts[n]` frames after it was opened for the nth time; None is: cannot be opened."""

    fps = 30.0

    def __init__(self, counts):
        self.counts = iter(counts)
        self.opened = self.released = self.converted = 0

    def connect(self):
        self.left = next(self.counts)
        if self.left is None:
            raise StreamError("nobody there")
        self.opened += 1
        return self

    def grab(self):
        self.left -= 1
        time.sleep(0.001)
        return self.left >= 0

    def pixels(self):
        self.converted += 1
        return np.zeros((2, 2, 3), np.uint8)

    def release(self):
        self.released += 1


def live(camera, notes=None, **options):
    note = [].append if notes is None else notes.append
    quick = {"first_delay": 0.01, "longest_delay": 0.04, "patience": 0.1, **options}
    return Live("camera 3", camera.connect, notify=note, **quick)


def test_a_camera_that_comes_back_goes_on():
    camera, notes, found = FakeCamera([3, None, None, 3]), [], []
    source = live(camera, notes)
    assert (source.live, source.count, source.fps) == (True, None, 30.0)
    stop = threading.Event()
    for frame in source.frames(stop):
        found.append(frame.index)
        if len(found) == 5:
            stop.set()
    source.close()
    assert found == [0, 1, 2, 3, 4]
    assert notes == [
        "camera 3 gives no frames; trying again in 0.01 s",
        "camera 3 gives no frames; trying again in 0.02 s",
        "camera 3 gives no frames; trying again in 0.04 s",
        "camera 3 is back",
    ]
    assert camera.opened == camera.released == 2


def test_a_camera_that_opens_without_a_frame_is_not_back():
    camera, notes = FakeCamera([1, 0, 0, 0, 0, 0, 0, 0, 0]), []
    with pytest.raises(StreamError, match="vanished"):
        list(live(camera, notes).frames(threading.Event()))
    assert "camera 3 is back" not in notes
    assert camera.opened == camera.released


def test_a_camera_that_stays_away_is_given_up():
    camera, notes = FakeCamera([2, *[None] * 20]), []
    began = time.monotonic()
    with pytest.raises(StreamError, match=r"camera 3 vanished and did not come back within 0\.11 s") as caught:
        list(live(camera, notes).frames(threading.Event()))
    assert 0.1 < time.monotonic() - began < 3
    assert len(notes) == 4  # after 0.01, 0.02, 0.04 and 0.04 s
    assert "connected" in caught.value.hint


def test_by_default_it_is_given_up_after_about_half_a_minute(monkeypatch):
    waits = []

    class Stop:
        def is_set(self):
            return False

        def wait(self, seconds):
            waits.append(seconds)
            return False

    with pytest.raises(StreamError, match="vanished"):
        list(Live("c", FakeCamera([1, *[None] * 20]).connect).frames(Stop()))
    assert waits == [0.5, 1, 2, 4, 8, 8, 8]


def test_waiting_for_a_camera_can_be_stopped():
    stop = threading.Event()
    threading.Timer(0.05, stop.set).start()
    source = live(FakeCamera([0, 1]), first_delay=20.0, patience=60.0)
    began = time.monotonic()
    assert list(source.frames(stop)) == []
    assert time.monotonic() - began < 2


def test_a_camera_that_is_not_there_is_an_error_at_once():
    with pytest.raises(StreamError, match="nobody there"):
        live(FakeCamera([None]))


def test_frames_that_come_too_fast_are_never_converted():
    camera = FakeCamera([200, *[None] * 20])
    source, found = live(camera, max_fps=50), []
    with pytest.raises(StreamError):
        found.extend(source.frames(threading.Event()))
    assert camera.converted < 100
    source, found, stop = live(FakeCamera([10_000]), max_fps=50), [], threading.Event()
    threading.Timer(0.4, stop.set).start()
    found.extend(source.frames(stop))
    assert 3 <= len(found) <= 23
    assert found[-1].index > 2 * len(found)  # the skipped ones count


@pytest.fixture
def mjpeg_server():
    """A network camera; its list of frame counts says how long each connection lasts."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), COLOUR).save(buffer, "JPEG", quality=95)
    picture, lasting = buffer.getvalue(), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if not lasting:
                self.send_error(503)
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n".encode()
            for _ in range(lasting.pop(0)):
                self.wfile.write(head + picture + b"\r\n")
                time.sleep(0.005)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://user:secret@127.0.0.1:{server.server_port}/video.mjpg", lasting
    server.shutdown()
    server.server_close()


def test_a_network_camera_gives_frames_and_then_vanishes(mjpeg_server, monkeypatch):
    address, lasting = mjpeg_server
    lasting[:] = [60, 60]
    notes, found = [], []
    source = open_source([address], SourceOptions(notify=notes.append))
    source._delays = (0.01, 0.02, 0.05)
    with pytest.raises(StreamError, match="vanished"):
        found.extend(source.frames(threading.Event()))
    assert len(found) > 60  # it came back once
    assert np.abs(found[0].image.mean((0, 1)) - COLOUR).max() < 4
    assert any("is back" in note for note in notes)
    assert not any("secret" in text for text in (*notes, source.name, found[0].name))


def test_a_password_is_not_shown_in_an_error():
    with pytest.raises(StreamError) as caught:
        open_source(["rtsp://me:secret@127.0.0.1:1/s"])
    assert "rtsp://me:***@127.0.0.1:1/s cannot be opened" in caught.value.message


@pytest.fixture
def picamera(monkeypatch):
    """The module `picamera2`, faked; what the camera does can be set."""
    camera = fake_picamera2.Camera(colour=COLOUR)
    monkeypatch.setitem(sys.modules, "picamera2", fake_picamera2.module(camera))
    return camera


@pytest.mark.parametrize("chosen", [None, *fake_picamera2.ORDERS])
def test_the_pi_camera_gives_rgb_whatever_format_it_chose(picamera, chosen):
    picamera.forced = chosen
    source = open_source(["picamera"], SourceOptions(camera_size=(64, 48)))
    stop = threading.Event()
    frame = next(source.frames(stop))
    source.close()
    assert frame.image.shape == (48, 64, 3)
    assert frame.image.dtype == np.uint8
    assert frame.image.flags.c_contiguous
    assert (frame.image == COLOUR).all()
    assert picamera.events == ["start", "stop", "close"]


def test_a_pi_camera_that_stops_giving_frames_is_opened_again(picamera):
    picamera.frames = 2
    source = open_source(["picamera"])
    source._delays = (0.01, 0.01, 0.02)
    with pytest.raises(StreamError, match="picamera vanished"):
        list(source.frames(threading.Event()))
    assert picamera.events == ["start", "stop", "close"] * 3


@pytest.mark.parametrize(
    ("change", "text", "message", "hint"),
    [
        ({"cameras": 0}, "picamera", "Pi camera 0 cannot be opened", "--list-cameras"),
        ({}, "picamera:1", "Pi camera 1 cannot be opened", "--list-cameras"),
        ({"forced": "YUV420"}, "picamera", "the Pi camera gives YUV420", "/dev/video0"),
        ({"busy": True}, "picamera", "cannot be started: Failed to acquire camera", "another program"),
    ],
)
def test_a_pi_camera_that_cannot_be_used_is_an_error(picamera, change, text, message, hint):
    vars(picamera).update(change)
    with pytest.raises(StreamError) as caught:
        open_source([text])
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert picamera.events.count("close") == (1 if picamera.cameras and text == "picamera" else 0)


def test_a_missing_picamera2_says_how_the_pi_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "picamera2", None)
    with pytest.raises(MissingDependencyError) as caught:
        open_source(["picamera"])
    assert "sudo apt install python3-picamera2" in caught.value.hint
    assert "--system-site-packages" in caught.value.hint
