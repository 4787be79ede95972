"""One long stream of bytes, cut into the pictures that were written into it."""

from __future__ import annotations

import io
import struct

import pytest
from edgecv_runtime.errors import StreamError
from edgecv_runtime.stream import split
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image


def encoded(kind="JPEG", size=(40, 30), **options):
    buffer = io.BytesIO()
    Image.effect_noise(size, 80).convert("RGB").save(buffer, kind, **options)
    return buffer.getvalue()


def with_thumbnail():
    """A JPEG whose EXIF block holds a whole JPEG, end marker and all."""
    exif, thumbnail = Image.Exif(), encoded(size=(16, 16))
    exif[0x010E] = "thumbnail"
    block = exif.tobytes() + thumbnail
    plain = encoded()
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[2:]


PICTURES = {
    "baseline": encoded(),
    "progressive": encoded(progressive=True),
    "restarts": encoded(restart_marker_blocks=2),
    "thumbnail": with_thumbnail(),
    "fill bytes": encoded()[:-2] + b"\xff\xff\xff\xd9",
    "png": encoded("PNG"),
    "large": encoded(size=(700, 500), quality=95),
}


def reader(data, sizes=(1 << 16,)):
    """A `read` that gives pieces of these sizes in turn."""
    file, turn = io.BytesIO(data), iter(())

    def read(count):
        nonlocal turn
        size = next(turn, None)
        if size is None:
            turn = iter(sizes)
            size = next(turn)
        return file.read(min(size, count))

    return read


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_between_others_comes_out_as_it_went_in(name):
    data = [PICTURES["baseline"], PICTURES[name], PICTURES["png"], PICTURES[name]]
    assert list(split.pictures(reader(b"".join(data)))) == data


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(set(PICTURES) - {"large"})), min_size=1, max_size=4),
    st.lists(st.integers(1, 900), min_size=1, max_size=5),
    st.binary(max_size=0) | st.sampled_from([b"\0\0\0", b"\r\n"]),
)
def test_where_the_reads_fall_makes_no_difference(names, sizes, padding):
    data = [PICTURES[name] for name in names]
    assert list(split.pictures(reader(padding.join([*data, b""]), sizes))) == data


@pytest.mark.parametrize("name", ["baseline", "png", "thumbnail"])
def test_a_last_picture_that_is_cut_short_is_given_as_it_is(name):
    cut = PICTURES[name][:-7]
    assert list(split.pictures(reader(PICTURES["png"] + cut))) == [PICTURES["png"], cut]


def test_nothing_gives_nothing():
    assert list(split.pictures(reader(b""))) == []


@pytest.mark.parametrize(
    ("garbage", "message"),
    [
        (b"hello, world", "after 1 pictures the stream holds something else"),
        (b"--frame\r\nContent-Type: image/jpeg\r\n\r\n", "something else than JPEG or PNG"),
        (b"\x89PNX\r\n\x1a\n????", "something else than JPEG or PNG"),
        (b"\xff\xd8junk that is no segment", "a JPEG picture in the stream is damaged"),
        (b"\x89PNG\r\n\x1a\n" + b"\xff" * 12, "a PNG picture in the stream is damaged"),
    ],
)
def test_garbage_is_an_error_that_says_what_is_wanted(garbage, message):
    cut = split.pictures(reader(PICTURES["baseline"] + garbage))
    assert next(cut) == PICTURES["baseline"]
    with pytest.raises(StreamError, match=message) as caught:
        next(cut)
    assert "ffmpeg" in caught.value.hint


def test_a_picture_without_an_end_is_refused_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr(split, "LARGEST", 1 << 20)
    endless = reader(PICTURES["baseline"][:-2] + bytes(4 << 20))
    with pytest.raises(StreamError, match="longer than 1 MiB"):
        next(split.pictures(endless))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([b"", split.JPEG, split.PNG]))
def test_any_bytes_give_pictures_or_one_clear_error(data, start):
    try:
        found = list(split.pictures(reader(start + data)))
    except StreamError:
        return
    assert all(picture in start + data for picture in found)
