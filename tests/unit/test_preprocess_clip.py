"""Clips: their frames are prepared as pictures are, and lie side by side."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from edgecv_runtime.clip_sound_schema import Clip
from edgecv_runtime.errors import ImageError, SpecError
from edgecv_runtime.preprocess import Preprocessor, from_preset, input_preprocessor, parse, resolve
from edgecv_runtime.preprocess.clip import ClipPreprocessor, FrameSequence
from edgecv_runtime.preprocess.rules import check, frame_spec
from edgecv_runtime.schema import Preprocess, QuantParams, TensorIO
from edgecv_runtime.video_files import middle_clip, read_clip

from tests.clips import write_clip

SHAPE = (1, 4, 6, 8, 3)
SPEC = resolve(from_preset("clip:2+rescale"), SHAPE)


def noise(count, size=(12, 10)):
    return np.random.default_rng(1).integers(0, 256, (count, *size, 3), np.uint8)


def test_every_frame_is_prepared_as_a_picture_is():
    frames = noise(4)
    tensor = input_preprocessor(SPEC)(frames)
    alone = Preprocessor(frame_spec(SPEC))
    assert tensor.shape == SHAPE
    np.testing.assert_array_equal(tensor[0], np.concatenate([alone(frame) for frame in frames]))


def test_an_artifacts_integers_and_batch_are_those_of_one_sample():
    quantization = QuantParams(scale=1.0, zero_point=0)
    io = TensorIO(name="x", tensor="x", shape=(8, *SHAPE[1:]), dtype="uint8", quantization=quantization)
    spec = resolve(from_preset("clip+none"), SHAPE)
    frames = noise(4, (6, 8))
    out = np.zeros((2, *SHAPE[1:]), np.uint8)
    prepare = input_preprocessor(spec, io)
    assert prepare(frames, out[1:2]).shape == SHAPE
    np.testing.assert_array_equal(out[1], frames)
    assert not out[0].any()


def test_the_view_is_that_of_the_newest_frame():
    tensor, view = input_preprocessor(SPEC).locate(noise(4))
    assert tensor.dtype == np.float32
    assert (view.height, view.width) == (12, 10)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (noise(3), "a clip as an array must be uint8 of 4 x H x W x 3"),
        (noise(4).astype(np.float32), "must be uint8"),
        (noise(4)[0, 0], "must be uint8"),
        (b"GIF8", "a clip must be a video file or an array, got bytes"),
    ],
)
def test_what_is_no_clip_is_refused(source, words):
    with pytest.raises(ImageError, match=words):
        input_preprocessor(SPEC)(source)


@pytest.mark.parametrize(
    ("count", "frames", "stride", "places"),
    [
        (4, 4, 1, [0, 1, 2, 3]),
        (10, 4, 1, [3, 4, 5, 6]),
        (11, 4, 1, [3, 4, 5, 6]),
        (10, 4, 3, [0, 3, 6, 9]),
        (12, 4, 3, [1, 4, 7, 10]),
        (2, 4, 1, [0, 1, 1, 1]),
        (5, 4, 2, [0, 2, 4, 4]),
        (1, 3, 5, [0, 0, 0]),
    ],
)
def test_the_clip_of_a_video_is_its_middle_and_the_last_frame_stands_in(count, frames, stride, places):
    assert middle_clip(count, frames, stride) == places


def test_the_frames_of_a_video_are_found_again(tmp_path):
    shades = np.arange(11, dtype=np.uint8) * 20
    video = write_clip(tmp_path / "v.avi", np.broadcast_to(shades[:, None, None, None], (11, 48, 64, 3)))
    found = read_clip(video, 4, 2)
    assert [round(float(frame.mean()) / 20) for frame in found] == middle_clip(11, 4, 2) == [2, 4, 6, 8]
    assert input_preprocessor(SPEC)(video).shape == SHAPE


def test_a_file_that_is_no_video_is_refused(tmp_path):
    (tmp_path / "v.avi").write_bytes(b"RIFF....AVI nothing")
    with pytest.raises(ImageError, match="cannot be opened as a video"):
        read_clip(tmp_path / "v.avi", 4, 1)
    with pytest.raises(ImageError, match="does not exist"):
        read_clip(tmp_path / "w.avi", 4, 1)


def test_gray_frames_without_a_channel_axis():
    spec = resolve(from_preset("clip+rescale"), (1, 5, 6, 8))
    assert (spec.color, spec.size, spec.clip.frames) == ("gray", (6, 8), 5)
    assert input_preprocessor(spec, shape=(1, 5, 6, 8))(noise(5)[..., 0]).shape == (1, 5, 6, 8)


def test_frames_of_one_size_are_stored_as_they_come():
    prepare = ClipPreprocessor(SPEC)
    np.testing.assert_array_equal(prepare.stored(noise(4)), noise(4))
    assert ClipPreprocessor(resolve(from_preset("clip+none"), (1, 4, 6, 8, 1))).stored(noise(4)).shape == (4, 12, 10)


@pytest.mark.parametrize(
    ("spec", "shape", "words"),
    [
        (from_preset("clip+rescale"), (1, 6, 8), "which is no clip"),
        (from_preset("clip+rescale"), (1, 4, 6, 8, 2), "has 2 channel"),
        (Preprocess(kind="clip", clip=Clip(frames=5)), SHAPE, "clip.frames must be the input's, 4, got 5"),
        (Preprocess(kind="clip", size=(9, 9)), SHAPE, "size must be the input's"),
    ],
)
def test_a_preprocessing_that_does_not_fit_the_input_is_refused(spec, shape, words):
    with pytest.raises(SpecError, match=words):
        resolve(spec, shape)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (Preprocess(clip=Clip()), "clip must be given only with kind = 'clip'"),
        (Preprocess(kind="clip", clip=Clip(stride=0)), "clip.stride must be 1 to 10,000 frames, got 0"),
        (Preprocess(kind="clip", clip=Clip(frames=0)), "clip.frames must be 1 to 1024, got 0"),
    ],
)
def test_impossible_records_are_refused(spec, words):
    with pytest.raises(SpecError, match=words):
        check(spec)


def test_presets_name_the_stride():
    assert from_preset("clip+tf").clip == Clip(stride=1)
    found = from_preset("clip:12+image_dataset+rescale")
    assert (found.clip, found.resize.semantics, found.normalize.preset) == (Clip(stride=12), "tf", "rescale")
    for wrong in ("clip", "clip+", "clip+tensor", "clip:0+rescale", "clip:2+clip+rescale", "clip:x+rescale"):
        with pytest.raises(SpecError):
            from_preset(wrong)


def test_a_file_says_the_stride(tmp_path):
    file = tmp_path / "clip.toml"
    file.write_text('kind = "clip"\nclip.stride = 3\nnormalize.preset = "torch"\n')
    assert parse(str(file)).clip == Clip(stride=3)
    file.write_text('kind = "clip"\nclip.every = 3\n')
    with pytest.raises(SpecError, match=r"unknown key 'every' in \[clip\]") as caught:
        parse(str(file))
    assert caught.value.hint == "Known keys in [clip] are frames, stride"


def ring(frames=4, stride=1):
    spec = resolve(Preprocess(kind="clip", clip=Clip(stride=stride)), (1, frames, 1, 1, 3))
    return FrameSequence(ClipPreprocessor(spec))


def shade(number):
    return np.full((1, 1, 3), number, np.uint8)


def numbers(clip):
    return clip[0][0, :, 0, 0, 0].astype(int).tolist()


@pytest.mark.parametrize(("frames", "stride"), [(1, 1), (1, 3), (2, 1), (4, 1), (4, 3), (16, 2)])
def test_every_clip_has_the_newest_frames(frames, stride):
    sequence, clips = ring(frames, stride), []
    for number in range(120):
        if sequence.takes(number):
            clip = sequence.add(shade(number), number)
            clips += [clip] if clip is not None else []
    first = (frames - 1) * stride
    assert [numbers(clip) for clip in clips] == [
        list(range(last - first, last + 1, stride)) for last in range(first, 120, stride)
    ]  # all of them, long after later frames came: none was written over


def test_a_frame_is_not_copied_for_each_clip():
    sequence = ring(16)
    tensors = [clip[0] for number in range(60) if (clip := sequence.add(shade(number), number)) is not None]
    shared = [np.shares_memory(one, other) for one, other in pairwise(tensors)]
    assert shared.count(False) <= 3  # where a buffer ends
    assert not any(tensor.flags.writeable for tensor in tensors)


def test_a_frame_that_cannot_be_read_leaves_the_others():
    sequence = ring(2)
    sequence.add(shade(1), 0)
    with pytest.raises(ImageError):
        sequence.add(np.zeros((1, 1, 3), np.float32), 1)
    assert numbers(sequence.add(shade(3), 2)) == [1, 3]


def test_the_last_frame_stands_in_for_those_that_never_came():
    sequence = ring(4)
    assert sequence.rest() is None
    sequence.add(shade(7), 0)
    sequence.add(shade(9), 1)
    assert numbers(sequence.rest()) == [7, 9, 9, 9]
    assert sequence.rest() is None
    sequence.clear()
    assert sequence.rest() is None


def test_a_dropped_frame_is_replaced_by_the_next_one():
    sequence = ring(2, stride=3)
    taken = []
    for number in (0, 1, 4, 5, 6, 7, 12):
        if sequence.takes(number):
            taken.append(number)
            sequence.add(shade(number), number)
    assert taken == [0, 4, 7, 12]
