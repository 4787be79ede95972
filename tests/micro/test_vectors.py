"""The C library against the golden vectors, in every bit, under the sanitizers; and faults, which they find."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pytest

from edgecv.export.micro.camera import FORMATS
from tests.micro import compiler, vectors

# Left out: TensorFlow's other kernels, inputs that are no pictures, and one case of float16 from TensorFlow's bilinear.
DONE, LEFT = 175, {"TensorFlow's kernel": 30, "no picture": 11, "float16": 1}
FRAMES, LEFT_FRAMES = 14, {"turned": 38, "bt709": 4}
FAULTS = {
    "one shift too many": ("preprocess.c", "sum >>= BITS;", "sum >>= BITS + 1;"),
    "no rounding": ("preprocess.c", "(int32_t)1 << (BITS - 1)", "(int32_t)0"),
    "columns where rows are": ("preprocess.c", "(plan->down.at + y)", "(plan->across.at + y)"),
    "one pixel to the left": ("preprocess.c", "axis->start[x] * plan->planes + c", "axis->start[x] * plan->planes"),
    "one row of the ring too far": (
        "preprocess.c",
        "(axis->start[y] % axis->taps)",
        "((axis->start[y] + 1) % axis->taps)",
    ),
    "red and blue swapped": ("preprocess.c", "line[plan->order[c]]", "line[plan->planes - 1 - plan->order[c]]"),
    "black in place of the padding": ("preprocess.c", "*out++ = plan->pad[c];", "*out++ = 0;"),
    "half up": ("preprocess.c", "rounded(rounded(value + whole) - whole)", "(float)(int32_t)(value + 512.5F) - 512"),
    "a reciprocal": ("preprocess.c", "rounded(value / plan->step)", "rounded(value * rounded(1 / plan->step))"),
    "a fused multiplication and addition": (
        "preprocess.c",
        "rounded(low + rounded(rounded(high - low) * share))",
        "(float)((double)low + (double)rounded(high - low) * share)",
    ),
    "gray without its half": ("camera.c", " + 32768UL) >> 16", ") >> 16"),
    "green without V": ("camera.c", " - colors->green_v * v", ""),
    "U and V swapped": ("camera.c", "pair[1], pair[3], line", "pair[3], pair[1], line"),
    "five bits without their repetition": ("camera.c", "red << 3 | red >> 2", "red << 3"),
}


@dataclass(frozen=True)
class Ran:
    """All vectors, those of the golden ones that were left out and why, and the names of the wrong ones."""

    pictures: list[vectors.Vector]
    frames: list[vectors.Vector]
    live: list[vectors.Vector]
    left: Counter[str]
    left_frames: Counter[str]
    wrong: frozenset[str]

    def wrong_of(self, some):
        return [one.name for one in some if one.name in self.wrong]


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """One program for all of them, under the sanitizers."""
    compiler.compiler()
    (pictures, left), (frames, left_frames) = vectors.picture_cases(), vectors.yuv_cases()
    live = [vectors.ties_vector(), *vectors.live_vectors(), *vectors.noise_vectors()]
    everything = [*pictures, *frames, *live]
    wrong = vectors.wrong(everything, vectors.run_vectors(tmp_path_factory.mktemp("vectors"), everything))
    return Ran(pictures, frames, live, left, left_frames, frozenset(wrong))


def test_every_golden_picture_has_its_bits(ran):
    assert ran.left == LEFT
    assert len({one.case for one in ran.pictures}) == DONE
    assert ran.wrong_of(ran.pictures) == []


def test_every_golden_frame_of_yuv_has_its_bits(ran):
    assert ran.left_frames == LEFT_FRAMES
    assert len({one.case for one in ran.frames}) == FRAMES
    assert ran.wrong_of(ran.frames) == []


def test_cameras_of_every_kind_give_the_tensors_of_python(ran):
    assert {one.name for one in ran.live} >= set(FORMATS)
    assert ran.wrong_of(ran.live) == []


def test_planted_faults_are_found(ran, tmp_path):
    """Every one of them changes the bits of some vector of a usual size."""
    chosen = [one for one in (*ran.pictures, *ran.frames, *ran.live) if one.frame.nbytes < 10_000]
    vectors.write_program(tmp_path, chosen)
    found = {}
    for name, (file, right, fault) in FAULTS.items():
        library = tmp_path / re.sub(r"\W", "_", name)
        shutil.copytree(compiler.LIBRARY, library)
        source = library / f"edgecv_{file}"
        text = source.read_text()
        assert text.count(right) >= 1, name
        source.write_text(text.replace(right, fault))
        found[name] = vectors.fails(tmp_path, chosen, library)
    assert [name for name, failed in found.items() if not failed] == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_frame_keeps_the_colours_of_its_picture(name):
    """As far as the format can say them: 5 bits are steps of 8, and two pixels share the colour of YUV."""
    y, x = np.mgrid[:40, :64]
    picture = np.stack([x * 4, y * 6, 255 - x * 2 - y], -1).astype(np.uint8)
    if name == "gray8":
        picture = np.repeat(picture[..., :1], 3, axis=2)
    again = FORMATS[name].decode(FORMATS[name].encode(picture)).astype(int)
    assert np.abs(again - picture).max() <= 8


def test_565_begins_at_0_and_ends_at_255():
    for name, order in (("rgb565le", slice(None)), ("rgb565be", slice(None, None, -1))):
        frame = np.asarray([[0, 0, 255, 255, *(0xE0, 0x07)[order], *(0x01, 0x08)[order]]], np.uint8)
        assert FORMATS[name].decode(frame).tolist() == [[[0, 0, 0], [255, 255, 255], [0, 255, 0], [8, 0, 8]]]
