"""The C library against the golden vectors, in every bit, under the sanitizers; and faults, which they find."""

from __future__ import annotations

import re
import shutil

import msgspec
import numpy as np
import pytest
from edgecv_runtime.preprocess import from_preset, resolve
from edgecv_runtime.schema import Resize, TensorIO

from edgecv.export.micro.camera import FORMATS, Camera
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
LIVE = (
    ("rgb565be", "caffe", "bgr"),
    ("rgb565le", "torch", "bgr"),
    ("gray8", "tf", "rgb"),
    ("uyvy", "rescale", "gray"),
    ("bgr888", "torch", "rgb"),
)


@pytest.fixture(scope="module")
def pictures():
    compiler.compiler()
    return vectors.picture_cases()


@pytest.fixture(scope="module")
def frames():
    compiler.compiler()
    return vectors.yuv_cases()


def test_every_golden_picture_has_its_bits(pictures, tmp_path):
    done, left = pictures
    assert left == LEFT
    assert len({one.case for one in done}) == DONE
    assert vectors.wrong(done, vectors.run_vectors(tmp_path, done)) == []


def test_every_golden_frame_of_yuv_has_its_bits(frames, tmp_path):
    done, left = frames
    assert left == LEFT_FRAMES
    assert len({one.case for one in done}) == FRAMES
    assert vectors.wrong(done, vectors.run_vectors(tmp_path, done)) == []


def test_planted_faults_are_found(pictures, frames, tmp_path):
    """Every one of them changes the bits of some vector of a usual size."""
    chosen = [one for one in (*pictures[0], *frames[0], *live_vectors()) if one.frame.nbytes < 10_000]
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


def live_vectors():
    """Vectors whose tensors are those of Python's runtime, from cameras that the golden vectors have not."""
    resizes = Resize(kernel="bicubic"), Resize(kernel="bilinear", semantics="tf")
    return [vectors.ties_vector(), *(vectors.live_vector(*one, resize) for one in LIVE for resize in resizes)]


def test_cameras_of_every_kind_give_the_tensors_of_python(tmp_path):
    compiler.compiler()
    made = live_vectors()
    assert vectors.wrong(made, vectors.run_vectors(tmp_path, made)) == []


def test_every_format_means_in_c_what_it_means_in_python(tmp_path):
    compiler.compiler()
    io = TensorIO(name="x", tensor="x", shape=(1, 40, 64, 3), dtype="uint8", layout="NHWC")
    io = msgspec.structs.replace(io, quantization=vectors.AS_BYTES)
    spec, made = resolve(from_preset("none"), io.shape), []
    for name, form in FORMATS.items():
        camera = Camera(40, 64, form)
        noise = np.random.default_rng(1).integers(0, 256, (40, camera.stride), np.uint8)
        noise[0, :4], noise[1, :4] = 0, 255
        made.append(vectors.plain_vector(name, spec, io, camera, noise, form.decode(noise)[None]))
    assert vectors.wrong(made, vectors.run_vectors(tmp_path, made)) == []


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
