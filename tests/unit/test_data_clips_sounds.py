"""Folders of videos and of sounds, and arrays of clips and of waveforms, as data."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from edgecv_converters.data import open_samples, write_spool
from edgecv_converters.data.inputs import preprocessing
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.clip_sound_schema import MelFilters, Sound
from edgecv_runtime.errors import BundleError, DataError, SpecError, UsageError
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.picture_files import PictureWarning
from edgecv_runtime.preprocess import from_preset, input_preprocessor, parse, resolve
from edgecv_runtime.schema import Preprocess, TensorSpec

from edgecv.convert import datasets
from edgecv.convert.datasets import golden_cases
from edgecv.convert.standins import draw
from edgecv.terminal.words import preprocess_words
from tests import clips, heads

CLIP = TensorSpec(name="clip", shape=(1, 4, 6, 8, 3), dtype="float32")
OF_CLIP = {"clip": resolve(from_preset("clip:2+rescale"), CLIP.shape)}
HEARD = TensorSpec(name="heard", shape=(1, 9, 33, 1), dtype="float32")
SOUND = Preprocess(kind="sound", sound=Sound(rate=8000, window=64, hop=32, fft=64))
OF_SOUND = {"heard": resolve(SOUND, HEARD.shape)}


class Model:
    has_preprocessing = False

    def __init__(self, *shapes):
        self.inputs = tuple(
            TensorSpec(name=f"in{place}", shape=shape, dtype="float32") for place, shape in enumerate(shapes)
        )


@pytest.fixture
def videos(tmp_path):
    rng = np.random.default_rng(0)
    for place, name in enumerate(clips.DIRECTIONS):
        (tmp_path / "videos" / name).mkdir(parents=True)
        for number in range(2):
            clips.write_clip(tmp_path / "videos" / name / f"{number}.avi", clips.moving_square(rng, place))
    return tmp_path / "videos"


@pytest.fixture
def sounds(tmp_path):
    rng = np.random.default_rng(0)
    for place, name in enumerate(sorted(clips.PITCHES)):
        (tmp_path / "sounds" / name).mkdir(parents=True)
        for number in range(2):
            clips.write_sound(tmp_path / "sounds" / name / f"{number}.wav", clips.chirp(rng, place))
    return tmp_path / "sounds"


@pytest.mark.parametrize(("kind", "classes"), [("videos", clips.DIRECTIONS), ("sounds", tuple(sorted(clips.PITCHES)))])
def test_a_folder_for_each_class(kind, classes, request):
    found = open_samples(request.getfixturevalue(kind), labelled=True)
    assert (found.kind, found.classes, len(found)) == (kind, classes, 4)
    assert found.labels(None) == [0, 0, 1, 1]


def test_files_of_other_kinds_are_left_out_and_said(videos):
    (videos / "left" / "notes.txt").write_text("nothing")
    clips.write_sound(videos / "left" / "voice.wav", np.zeros(9, np.float32))
    with pytest.warns(PictureWarning, match=r"no videos, and left out: 1 \.txt, 1 \.wav"):
        assert open_samples(videos).kind == "videos"


def test_the_tensors_are_those_of_the_device(videos, sounds, tmp_path):
    for folder, spec, specs in ((videos, CLIP, OF_CLIP), (sounds, HEARD, OF_SOUND)):
        samples = open_samples(folder)
        spool, info = write_spool(samples, tmp_path / spec.name, specs, [spec])
        prepare = input_preprocessor(specs[spec.name], shape=spec.shape)
        (_, batch), *_ = spool.batches(9)
        assert len(info.ids) == 4
        for place, sample in enumerate(samples.samples):
            np.testing.assert_array_equal(batch[spec.name][place], prepare(sample.location)[0])


def test_the_view_of_a_clip_is_kept(videos, tmp_path):
    _, info = write_spool(open_samples(videos), tmp_path / "spool", OF_CLIP, [CLIP])
    assert [(view.height, view.width) for view in info.views] == [(48, 64)] * 4


def test_files_that_cannot_be_read_are_counted(videos, tmp_path):
    (videos / "left" / "9.avi").write_bytes(b"RIFF....AVI ")
    with pytest.raises(DataError, match=r"1 of 5 videos in .* cannot be read, the first is left/9\.avi"):
        write_spool(open_samples(videos), tmp_path / "spool", OF_CLIP, [CLIP])


def test_the_wrong_kind_of_folder_is_refused(videos, sounds, tmp_path):
    with pytest.raises(DataError, match="is a folder of videos, but the model does not take one clip") as caught:
        write_spool(open_samples(videos), tmp_path / "a", OF_SOUND, [HEARD])
    assert caught.value.hint == "Give a folder of sounds, or an .npz file"
    with pytest.raises(DataError, match="is a folder of sounds, but the model does not take one sound"):
        write_spool(open_samples(sounds), tmp_path / "b", OF_CLIP, [CLIP])
    tensor = TensorSpec(name="x", shape=(1, 4), dtype="float32")
    with pytest.raises(DataError, match="is a folder of videos") as caught:
        write_spool(open_samples(videos), tmp_path / "c", {"x": from_preset("tensor")}, [tensor])
    assert caught.value.hint == "Give an .npz file with one array per input"


@pytest.mark.parametrize(
    ("spec", "specs", "array", "words"),
    [
        (CLIP, OF_CLIP, np.zeros((2, 4, 9, 9, 3), np.uint8), None),
        (CLIP, OF_CLIP, np.zeros((2, 3, 9, 9, 3), np.uint8), "but clips are uint8 N x 4 x H x W x 3"),
        (CLIP, OF_CLIP, np.zeros((2, 9, 9, 3), np.uint8), "but clips are uint8 N x 4 x H x W x 3"),
        (CLIP, OF_CLIP, np.zeros((2, 4, 9, 9, 3), np.float32), "but clips are uint8"),
        (HEARD, OF_SOUND, np.zeros((2, 100), np.float64), None),
        (HEARD, OF_SOUND, np.zeros((2, 1000), np.int16), None),
        (HEARD, OF_SOUND, np.zeros((2, 9, 33), np.float32), "but sounds are floats of -1 to 1 or int16, N x samples"),
    ],
)
def test_arrays_of_clips_and_sounds(tmp_path, spec, specs, array, words):
    np.savez(tmp_path / "a.npz", given=array)
    samples = open_samples(tmp_path / "a.npz")
    if words is None:
        spool, _ = write_spool(samples, tmp_path / "spool", specs, [spec])
        assert next(iter(spool.batches(9)))[1][spec.name].shape == (2, *spec.shape[1:])
        return
    with pytest.raises(DataError, match=words):
        write_spool(samples, tmp_path / "spool", specs, [spec])


def test_golden_cases_keep_what_they_begin_with(videos, sounds, tmp_path):
    head = open_head(heads.spec("regression", "y"), [TensorSpec(name="y", shape=(1, 2), dtype="float32")])
    for folder, spec, specs in ((videos, CLIP, OF_CLIP), (sounds, HEARD, OF_SOUND)):
        samples = open_samples(folder)
        spool, info = write_spool(samples, tmp_path / f"{spec.name}s", specs, [spec])
        answers = _answers(tmp_path / f"{spec.name}_answers", len(samples))
        cases = golden_cases(samples, spool, info, answers, specs, [head])
        prepare = input_preprocessor(specs[spec.name], shape=spec.shape)
        for case in cases:
            assert case.image is None
            np.testing.assert_array_equal(prepare(case.source), case.inputs[spec.name])


def test_golden_clips_that_are_too_large_keep_their_tensors(videos, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "MOST_FRAMES", 3 * 4 * 48 * 64 * 3)
    head = open_head(heads.spec("regression", "y"), [TensorSpec(name="y", shape=(1, 2), dtype="float32")])
    samples = open_samples(videos)
    spool, info = write_spool(samples, tmp_path / "spool", OF_CLIP, [CLIP])
    cases = golden_cases(samples, spool, info, _answers(tmp_path / "answers", 4), OF_CLIP, [head])
    assert [case.source is None for case in cases] == [False, False, False, True]


def _answers(folder, count):
    from edgecv_converters.data import Spool

    spool = Spool(folder, ("y",), count)
    spool.create({"y": (1, 2)})["y"][:] = np.arange(2 * count).reshape(count, 2)
    return spool


def test_drawn_samples_are_clips_and_sounds(tmp_path):
    for spec, specs in ((CLIP, OF_CLIP), (HEARD, OF_SOUND)):
        samples = draw(specs, [spec], 3, 0, tmp_path / spec.name)
        spool, _ = write_spool(samples, tmp_path / f"{spec.name}_spool", specs, [spec])
        values = next(iter(spool.batches(3)))[1][spec.name]
        assert values.shape == (3, *spec.shape[1:])
        assert len({row.tobytes() for row in values}) == 3
        assert values.std() > 0.01


@pytest.mark.parametrize(
    ("given", "shapes", "kinds"),
    [
        ("clip+rescale", [(1, 4, 6, 8, 3)], ["clip"]),
        ("clip+rescale", [(1, 4, 6, 8)], ["clip"]),
        ("clip+rescale", [(1, 4, 6, 8, 3), (1, 7)], ["clip", "tensor"]),
        ("clip+rescale", [(1, 4, 6, 8, 3), (1, 4, 6, 8, 1)], ["clip", "clip"]),
        (SOUND, [(1, 9, 33, 1)], ["sound"]),
        (SOUND, [(1, 9, 33), (1, 5)], ["sound", "tensor"]),
        (None, [(1, 4, 6, 8, 3)], ["tensor"]),
    ],
)
def test_a_preprocessing_goes_to_the_inputs_that_it_fits(given, shapes, kinds):
    notes = []
    found = preprocessing(parse(given) if isinstance(given, str) else given, Model(*shapes), notes.append)
    assert [spec.kind for spec in found.values()] == kinds
    said = "The input 'in0' is taken for numbers; if it is a clip of frames, give --preprocess clip+NAME"
    assert notes == ([said] if given is None else [])


@pytest.mark.parametrize(
    ("given", "shapes", "error", "words"),
    [
        ("clip+rescale", [(1, 24, 24, 3)], UsageError, "does not take one clip"),
        ("clip+rescale", [(1, 9)], UsageError, "does not take one clip"),
        (SOUND, [(1, 9)], UsageError, "does not take one sound"),
        (SOUND, [(1, 9, 33), (1, 9, 33)], UsageError, "does not take one sound"),
        (SOUND, [(1, 9, 34)], SpecError, "has 34 frequencies"),
        ("rescale", [(1, 4, 6, 8, 3)], UsageError, "the model takes no picture"),
    ],
)
def test_a_preprocessing_that_fits_no_input_is_refused(given, shapes, error, words):
    with pytest.raises(error, match=words) as caught:
        preprocessing(parse(given) if isinstance(given, str) else given, Model(*shapes), lambda _: None)
    if given == "rescale":
        assert "--preprocess clip+NAME" in caught.value.hint


def test_words_say_what_happens_to_clips_and_sounds():
    said = preprocess_words(OF_CLIP["clip"])
    assert said.startswith("4 frames, one in 2, each: picture, upright by EXIF")
    said = preprocess_words(resolve(parse_toml(), (1, clips.TIMES, clips.MEL, 1)))
    assert "of sound at 8000" in said
    assert "20 mel bands (tensorflow) → ln (floor 0.001) → values unchanged" in said


def parse_toml():
    mel = MelFilters(bins=clips.MEL)
    sound = Sound(rate=8000, window=256, hop=128, fft=256, mel=mel, log="ln", floor=1e-3)
    return Preprocess(kind="sound", sound=sound)


def edit(root, change):
    """The bundle with another preprocessing of its input."""
    file = root / "bundle.json"
    manifest = msgspec.json.decode(file.read_bytes())
    change(manifest["preprocess"]["given"], manifest["artifacts"][0]["inputs"][0])
    file.write_bytes(msgspec.json.encode(manifest))
    return root


@pytest.mark.parametrize(
    ("write", "change", "words"),
    [
        (clips.write_loudness, lambda spec, _: spec["sound"].update(samples=None), "it does not say how many"),
        (clips.write_loudness, lambda spec, _: spec["sound"].update(step=None), "it does not say how many"),
        (clips.write_loudness, lambda spec, _: spec.pop("sound"), "sound must be given with kind = 'sound'"),
        (clips.write_loudness, lambda spec, _: spec["sound"].update(samples=900), "has 24 windows of time"),
        (clips.write_loudness, lambda spec, _: spec["sound"].update(loud=1), "unknown field `loud`"),
        (clips.write_loudness, lambda _, io: io.update(layout="NCHW", shape=[1, 1, 24, 33]), "is a sound"),
        (clips.write_frame_means, lambda spec, _: spec["clip"].update(frames=None), "it does not say how many"),
        (clips.write_frame_means, lambda spec, _: spec["clip"].update(frames=5), "clip.frames must be the input's"),
        (clips.write_frame_means, lambda spec, _: spec.update(size=None), "it has no size"),
        (clips.write_frame_means, lambda spec, _: spec.update(kind="image"), "clip must be given only with"),
    ],
)
def test_a_bundle_that_contradicts_itself_is_refused(tmp_path, write, change, words):
    write(tmp_path, 4, 2) if write is clips.write_frame_means else write(tmp_path)
    Bundle.load(tmp_path).close()
    with pytest.raises(BundleError, match=words):
        Bundle.load(edit(tmp_path, change))
