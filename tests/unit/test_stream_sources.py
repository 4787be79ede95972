"""Pictures, videos and standard input as sources, and how a source is told from its name."""

from __future__ import annotations

import io
import os
import pty
import struct
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from edgecv_runtime.errors import MissingDependencyError, StreamError, UsageError
from edgecv_runtime.picture_files import PictureWarning
from edgecv_runtime.stream import SourceOptions, kind_of, open_source
from edgecv_runtime.stream.pipe import Pipe
from edgecv_runtime.stream.video import VideoFile
from PIL import Image

from tests.videos import write_video

RED, GREEN, BLUE = (220, 20, 20), (20, 220, 20), (20, 20, 220)


def picture(path, colour=RED):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (12, 8), colour).save(path)
    return path


def frames(source, stop=None):
    try:
        return list(source.frames(stop or threading.Event()))
    finally:
        source.close()


@pytest.fixture
def folder(tmp_path):
    for name in ("b.png", "a.JPG", "sub/z.webp", "sub/deeper/c.bmp", ".hidden.png", ".git/x.png"):
        (tmp_path / "folder" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(
            tmp_path / "folder" / name, {"JPG": "JPEG"}.get(name.split(".")[-1], name.split(".")[-1])
        )
    (tmp_path / "folder" / "notes.txt").write_text("no picture")
    return tmp_path / "folder"


def test_a_folder_is_searched_to_its_depth_in_sorted_order(folder):
    with pytest.warns(PictureWarning, match="left out"):
        source = open_source([str(folder)])
    found = frames(source)
    names = [str(Path(frame.name).relative_to(folder)) for frame in found]
    assert names == ["a.JPG", "b.png", "sub/deeper/c.bmp", "sub/z.webp"]
    assert [frame.index for frame in found] == [0, 1, 2, 3]
    assert (source.count, source.live, source.fps) == (4, False, None)
    assert all(frame.image == Path(frame.name) for frame in found)


def test_pictures_and_folders_go_together_in_the_order_given(folder):
    found = frames(open_source([str(folder / "b.png"), str(folder / "sub")]))
    assert [Path(frame.name).name for frame in found] == ["b.png", "c.bmp", "z.webp"]


def test_pictures_end_when_told_to(folder):
    stop = threading.Event()
    stop.set()
    assert frames(open_source([str(folder / "b.png")]), stop) == []


def test_a_video_gives_every_frame_in_rgb(tmp_path):
    path = write_video(tmp_path / "v.avi", [RED, GREEN, BLUE] * 4, fps=10)
    source = open_source([str(path)])
    assert (source.live, source.count, source.fps, source.name) == (False, 12, 10, str(path))
    found = frames(source)
    assert [frame.index for frame in found] == list(range(12))
    assert [frame.seconds for frame in found] == pytest.approx([index / 10 for index in range(12)], abs=0.01)
    for frame, colour in zip(found, [RED, GREEN, BLUE] * 4, strict=True):
        assert frame.image.shape == (48, 64, 3)
        assert np.abs(frame.image.mean((0, 1)) - colour).max() < 12


def test_frames_of_a_video_do_not_share_memory(tmp_path):
    found = frames(VideoFile(write_video(tmp_path / "v.avi", [RED, BLUE])))
    assert found[0].image[0, 0, 0] > 150 > found[1].image[0, 0, 0]


def test_decoding_leaves_a_core_to_inference_and_changes_no_bit(tmp_path, monkeypatch):
    import cv2

    pictures = np.random.default_rng(1).integers(0, 256, (12, 3), np.uint8)
    path = write_video(tmp_path / "v.mp4", [tuple(map(int, colour)) for colour in pictures], size=(320, 240))
    found = {}
    for count in (1, 2, 8):
        monkeypatch.setattr("edgecv_runtime.stream.video.cores", lambda count=count: count)
        source = VideoFile(path)
        assert source._capture.get(cv2.CAP_PROP_N_THREADS) == max(1, count - 1)
        found[count] = np.stack([frame.image for frame in frames(source)])
    assert len(found[1]) == 12
    assert found[1].tobytes() == found[2].tobytes() == found[8].tobytes()


def test_a_turned_video_comes_upright(tmp_path):
    path = write_video(tmp_path / "v.mp4", [RED] * 3, left=BLUE)
    content = path.read_bytes()
    quarter = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)  # ISO 14496-12, 8.3.2
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    header = content.index(b"tkhd")
    place = content.index(plain, header)
    path.write_bytes(content[:place] + quarter + content[place + len(plain) :])
    image = frames(VideoFile(path))[0].image
    assert image.shape == (64, 48, 3)  # was 48 high
    assert image[:20].mean((0, 1)).argmax() == 2  # the blue left side is on top
    assert image[-20:].mean((0, 1)).argmax() == 0


def test_a_video_that_is_cut_short_is_noticed(tmp_path):
    path = write_video(tmp_path / "v.avi", [RED, GREEN] * 30)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    notes = []
    found = frames(VideoFile(path, notes.append))
    assert 10 < len(found) < 50
    assert "it may be damaged" in notes[0]


def test_what_only_calls_itself_a_video_is_refused(tmp_path):
    (tmp_path / "v.mp4").write_bytes(b"\0not a video at all")
    with pytest.raises(StreamError, match=r"v\.mp4 cannot be opened as a video"):
        open_source([str(tmp_path / "v.mp4")])


def pipe(data):
    """A descriptor from which these bytes can be read, to their end."""
    ours, theirs = os.pipe()

    def write():
        with os.fdopen(theirs, "wb") as file:
            file.write(data)

    threading.Thread(target=write).start()
    return ours


def encoded(kind):
    buffer = io.BytesIO()
    Image.new("RGB", (30, 20), GREEN).save(buffer, kind)
    return buffer.getvalue()


def test_standard_input_gives_pictures_as_they_come():
    ours = pipe(encoded("JPEG") + encoded("PNG"))
    source = Pipe(ours)
    found = frames(source)
    os.close(ours)
    assert [frame.image for frame in found] == [encoded("JPEG"), encoded("PNG")]
    assert [frame.index for frame in found] == [0, 1]
    assert not source.live


def test_standard_input_can_be_a_camera():
    ours = pipe(encoded("JPEG") * 50)
    source = Pipe(ours, live=True, max_fps=10)
    found = frames(source)
    os.close(ours)
    assert source.live
    assert 1 <= len(found) < 10  # all came at once


def test_empty_standard_input_is_an_error():
    ours = pipe(b"")
    with pytest.raises(StreamError, match="held no picture"):
        frames(Pipe(ours))
    os.close(ours)


def test_standard_input_that_stalls_can_be_left():
    ours, theirs = os.pipe()
    stop = threading.Event()
    threading.Timer(0.1, stop.set).start()
    assert frames(Pipe(ours), stop) == []
    os.close(ours)
    os.close(theirs)


def test_a_terminal_as_standard_input_is_refused():
    ours, theirs = pty.openpty()
    with pytest.raises(StreamError, match="is a terminal") as caught:
        Pipe(theirs)
    assert "rpicam-vid" in caught.value.hint
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("-", "pipe"),
        ("0", "camera"),
        ("12", "camera"),
        ("/dev/video2", "camera"),
        ("picamera", "picamera"),
        ("picamera:1", "picamera"),
        ("rtsp://user:secret@10.0.0.7/stream", "network"),
        ("HTTP://camera/video", "network"),
    ],
)
def test_a_camera_is_known_by_its_name(text, kind):
    assert kind_of(text) == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "pictures"),
        (b"\x89PNG\r\n\x1a\n", "pictures"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "pictures"),
        (b"\0\0\0\x20ftypisom", "video"),
        (b"RIFF\x24\0\0\0AVI LIST", "video"),
        (b"\x1aE\xdf\xa3\x01\0\0\0", "video"),
    ],
)
def test_a_file_without_an_ending_is_known_by_its_first_bytes(tmp_path, head, kind):
    (tmp_path / "upload").write_bytes(head)
    assert kind_of(str(tmp_path / "upload")) == kind


@pytest.mark.parametrize(
    ("texts", "options", "error", "message", "hint"),
    [
        ([], {}, UsageError, "no source was given", "A source is pictures"),
        (["lost.jpg"], {}, StreamError, "lost.jpg does not exist", "/dev/video0"),
        (["notes.txt"], {}, StreamError, "notes.txt is neither a picture nor a video", "A source is"),
        (["empty"], {}, StreamError, "empty holds no pictures", ".jpg"),
        (["ftp://host/x"], {}, StreamError, "unknown scheme 'ftp'", "rtsp"),
        (["cat.png", "0"], {}, UsageError, "0 is a camera, which cannot be mixed", "alone"),
        (["-", "cat.png"], {}, UsageError, "- is standard input, which cannot", "alone"),
        (["cat.png"], {"camera_size": (640, 480)}, UsageError, "the source is no camera", ""),
        (["cat.png"], {"live": True}, UsageError, "--live is about standard input", "-"),
        (["77"], {}, StreamError, "camera 77 cannot be opened", "ls /dev/video*"),
        (["7"], {}, StreamError, "camera 7 cannot be opened", "write ./7"),
        (["/dev/video93"], {}, StreamError, "/dev/video93 cannot be opened", "ls /dev/video*"),
        (["rtsp://127.0.0.1:1/x"], {}, StreamError, "rtsp://127.0.0.1:1/x cannot be opened", "address"),
    ],
)
def test_what_cannot_be_a_source_is_refused(tmp_path, monkeypatch, texts, options, error, message, hint):
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("a text")
    Path("empty").mkdir()
    Path("7").mkdir()
    picture(Path("cat.png"))
    with pytest.raises(error) as caught:
        open_source(texts, SourceOptions(**options))
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(("field", "value"), [("camera_size", (0, 10)), ("max_fps", 0.0), ("max_fps", float("nan"))])
def test_options_are_checked_when_they_are_made(field, value):
    with pytest.raises(UsageError):
        SourceOptions(**{field: value})


def test_a_missing_opencv_comes_with_its_install_line(tmp_path, monkeypatch):
    path = write_video(tmp_path / "v.avi", [RED])
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingDependencyError) as caught:
        open_source([str(path)])
    assert caught.value.hint == 'pip install "edgecv[camera]"'
