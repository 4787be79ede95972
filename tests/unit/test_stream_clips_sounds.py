"""Streams of models that take clips or sounds."""

from __future__ import annotations

import json
import sys
import threading

import numpy as np
import pytest
from edgecv_runtime import load
from edgecv_runtime.errors import MissingDependencyError, StreamError, UsageError
from edgecv_runtime.stream import Frame, SourceOptions, Stream, kind_of, open_source
from edgecv_runtime.stream.sounds import Windows
from PIL import Image

from tests import clips, fake_sounddevice
from tests.command import edgecv
from tests.videos import write_video


@pytest.fixture(scope="module")
def of_clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips") / "frames.edgecv"
    clips.write_frame_means(root, 4, 2)
    return root


@pytest.fixture(scope="module")
def of_sounds(tmp_path_factory):
    root = tmp_path_factory.mktemp("sounds") / "loudness.edgecv"
    clips.write_loudness(root)
    return root


def pictures(folder, shades):
    folder.mkdir(parents=True)
    for place, shade in enumerate(shades):
        Image.new("RGB", (6, 4), (shade, shade, shade)).save(folder / f"{place:03d}.png")
    return folder


def answers(bundle, *sources, **options):
    with load(bundle) as predictor:
        source = open_source([str(one) for one in sources], SourceOptions(model=predictor.manifest))
        with Stream(predictor, source, **options) as stream:
            return list(stream)


def shades(answer):
    return answer.prediction.scores.round().astype(int).tolist()


def test_pictures_in_order_are_a_clip_every_stride(of_clips, tmp_path):
    folder = pictures(tmp_path / "a", range(0, 110, 10))
    found = answers(of_clips, folder)
    assert [answer.frame.index for answer in found] == [6, 8, 10]
    assert [shades(answer) for answer in found] == [[0, 20, 40, 60], [20, 40, 60, 80], [40, 60, 80, 100]]


def test_a_video_is_answered_every_stride(of_clips, tmp_path):
    grays = [(shade, shade, shade) for shade in range(0, 240, 20)]
    video = write_video(tmp_path / "v.avi", grays)
    found = answers(of_clips, video)
    assert [answer.frame.index for answer in found] == [6, 8, 10]
    for answer, first in zip(found, (0, 40, 80), strict=True):
        np.testing.assert_allclose(answer.prediction.scores, [first, first + 40, first + 80, first + 120], atol=3)


def test_each_folder_is_a_sequence_of_its_own_and_a_short_one_is_filled_up(of_clips, tmp_path):
    pictures(tmp_path / "f" / "a", range(100, 108))
    pictures(tmp_path / "f" / "b", (1, 2, 3))
    pictures(tmp_path / "f" / "c", (9,))
    found = answers(of_clips, tmp_path / "f")
    assert [shades(answer) for answer in found] == [[100, 102, 104, 106], [1, 3, 3, 3], [9, 9, 9, 9]]
    assert [answer.frame.index for answer in found] == [6, 10, 11]


def test_a_frame_that_cannot_be_read_is_an_error_and_the_clip_goes_on(of_clips, tmp_path):
    folder = pictures(tmp_path / "a", range(0, 110, 10))
    (folder / "002.png").write_bytes(b"no picture")
    found = answers(of_clips, folder)
    assert found[0].error is not None
    assert shades(found[1]) == [0, 30, 50, 70]
    result = edgecv("run", of_clips, folder)
    assert result.code == 1
    assert "002.png" in result.message
    assert len(edgecv("run", of_clips, folder, "--skip-bad").out.splitlines()) == 2


def test_clips_of_an_npz_file_are_answered_one_by_one(of_clips, tmp_path):
    frames = np.arange(8, dtype=np.uint8).reshape(2, 4)[:, :, None, None, None] * np.ones((1, 1, 5, 7, 3), np.uint8)
    np.savez(tmp_path / "c.npz", given=frames)
    assert [shades(answer) for answer in answers(of_clips, tmp_path / "c.npz")] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    np.savez(tmp_path / "d.npz", given=frames[:, :3])
    result = edgecv("run", of_clips, tmp_path / "d.npz")
    assert result.code == 1
    assert "but clips are uint8 N x 4 x H x W x 3" in result.message


class Camera:
    """A live source whose frames' shades are their numbers; some were dropped before it."""

    name, live, count, fps, instant = "camera", True, None, None, False

    def __init__(self, indices):
        self.indices = indices
        self.go_on = threading.Semaphore(1)

    def frames(self, stop):
        for index in self.indices:
            self.go_on.acquire()
            if stop.is_set():
                return
            yield Frame(
                image=np.full((4, 6, 3), index, np.uint8), name="camera", index=index, seconds=0.0, captured=0.0
            )

    def close(self):
        pass


def test_a_camera_takes_the_first_frame_after_the_stride(of_clips):
    with load(of_clips) as predictor:
        source = Camera([0, 1, 2, 5, 6, 7, 9, 10, 20, 21])
        prepare = predictor.sequence

        class Slow:  # one frame is on its way at a time, so that the channel drops none
            locate, infer = predictor.locate, predictor.infer

            def sequence(self):
                sequence = prepare()
                takes = sequence.takes

                def counted(index):
                    source.go_on.release()
                    return takes(index)

                sequence.takes = counted
                return sequence

        with Stream(Slow(), source) as stream:
            found = [shades(answer) for answer in stream]
    assert found[-1] == [5, 7, 9, 20]  # of a live source the newest answer wins, so others may be missing
    assert all(answer in ([0, 2, 5, 7], [2, 5, 7, 9], [5, 7, 9, 20]) for answer in found)


def test_a_video_of_clips_is_saved_at_the_speed_it_was_filmed(of_clips, tmp_path):
    import cv2

    video = write_video(tmp_path / "v.avi", [(40, 40, 40)] * 20, fps=20)
    result = edgecv("run", of_clips, video, "--save", tmp_path / "out.mp4")
    assert result.code == 0, result.err
    saved = cv2.VideoCapture(str(tmp_path / "out.mp4"))
    assert (saved.get(cv2.CAP_PROP_FPS), saved.get(cv2.CAP_PROP_FRAME_COUNT)) == (10, 7)


@pytest.mark.parametrize(
    ("samples", "step", "windows"),
    [
        (4, 2, [[0, 1, 2, 3], [2, 3, 4, 5], [4, 5, 6, 7], [6, 7, 8, 9]]),
        (4, 4, [[0, 1, 2, 3], [4, 5, 6, 7]]),
        (4, 6, [[0, 1, 2, 3], [6, 7, 8, 9]]),
        (3, 1, [[first, first + 1, first + 2] for first in range(8)]),
        (10, 5, [list(range(10))]),
        (20, 5, [list(range(10))]),
    ],
)
@pytest.mark.parametrize("part", [1, 3, 10])
def test_windows_do_not_depend_on_the_parts(samples, step, windows, part):
    cutter = Windows(samples, step)
    wave = np.arange(10, dtype=np.float32)
    found = [one.tolist() for start in range(0, 10, part) for one in cutter.add(wave[start : start + part])]
    rest = cutter.rest()
    assert found + ([] if rest is None else [rest.tolist()]) == windows


def test_a_sound_file_is_answered_by_windows(of_sounds, tmp_path):
    wave = np.concatenate([np.zeros(800, np.float32), clips.chirp(np.random.default_rng(0), 1, 0.2)])
    file = clips.write_sound(tmp_path / "s.wav", wave)
    found = answers(of_sounds, file)
    assert [answer.frame.seconds for answer in found] == [0.0, 0.05, 0.1, 0.15, 0.2]
    with load(of_sounds) as predictor:
        alone = [predictor.predict(wave[start : start + 800]).scores for start in range(0, 2000, 400)]
        short = predictor.predict(clips.write_sound(tmp_path / "t.wav", wave[1000:1300])).scores
    for answer, scores in zip(found, alone, strict=True):
        np.testing.assert_allclose(answer.prediction.scores, scores, atol=1e-3)  # of 16 bits
    (only,) = answers(of_sounds, tmp_path / "t.wav")
    np.testing.assert_array_equal(only.prediction.scores, short)


def test_a_folder_of_sounds_is_answered_file_by_file(of_sounds, tmp_path):
    for name in ("b.wav", "sub/a.flac"):
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        clips.write_sound(tmp_path / "f" / name, np.zeros(1200, np.float32))
    (tmp_path / "f" / "notes.txt").write_text("no sound")
    result = edgecv("run", of_sounds, tmp_path / "f")
    assert result.code == 0, result.err
    lines = [line.split()[:3] for line in result.out.splitlines()]
    names = [str(tmp_path / "f" / name) for name in ("b.wav", "b.wav", "sub/a.flac", "sub/a.flac")]
    assert lines == [[name, time, "s"] for name, time in zip(names, ("0.000", "0.050") * 2, strict=True)]
    first = json.loads(edgecv("run", of_sounds, tmp_path / "f", "--json").out.splitlines()[1])
    assert (first["source"], first["frame"], first["time_s"]) == (names[0], 1, 0.05)


def test_a_sound_that_cannot_be_read_is_skipped_where_that_is_asked_for(of_sounds, tmp_path):
    clips.write_sound(tmp_path / "a.wav", np.zeros(0, np.float32))
    (tmp_path / "b.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    clips.write_sound(tmp_path / "c.wav", np.zeros(800, np.float32))
    files = [tmp_path / name for name in ("a.wav", "b.wav", "c.wav")]
    assert edgecv("run", of_sounds, *files).code == 1
    result = edgecv("run", of_sounds, *files, "--skip-bad")
    assert result.code == 0
    assert "a.wav holds no sample" in result.message
    assert "b.wav cannot be read as a sound" in result.message
    assert len(result.out.splitlines()) == 1


def test_sounds_of_an_npz_file(of_sounds, tmp_path):
    np.savez(tmp_path / "s.npz", given=np.zeros((3, 500), np.float32))
    assert len(answers(of_sounds, tmp_path / "s.npz")) == 3
    np.savez(tmp_path / "s.npz", given=np.zeros((3, 500), np.int32))
    result = edgecv("run", of_sounds, tmp_path / "s.npz")
    assert "but sounds are floats of -1 to 1 or int16, N x samples" in result.message


@pytest.mark.parametrize("rate", [8000, 16000])
def test_a_microphone_is_heard_live(of_sounds, monkeypatch, rate):
    hardware = fake_sounddevice.Device(np.sin(2 * np.pi * 1000 * np.arange(rate) / rate), rate)
    monkeypatch.setitem(sys.modules, "sounddevice", fake_sounddevice.module(hardware))
    with load(of_sounds) as predictor:
        source = open_source(["mic:2"], SourceOptions(model=predictor.manifest))
        assert (source.name, source.live, source.fps) == ("microphone 2", True, 20)
        with Stream(predictor, source) as stream:
            answer = next(iter(stream))
    assert answer.prediction.scores.argmax() == 8  # 1000 Hz of 125 Hz a bin
    assert hardware.events == [*(["query 2 input"] if rate != 8000 else []), "open 2", "start", "close"]


def test_a_microphone_that_fails_says_so(of_sounds, monkeypatch):
    hardware = fake_sounddevice.Device(np.zeros(8000), 8000, vanishes=2000)
    monkeypatch.setitem(sys.modules, "sounddevice", fake_sounddevice.module(hardware))
    with pytest.raises(StreamError, match="the microphone vanished"):
        answers(of_sounds, "mic")
    hardware.absent = True
    with pytest.raises(StreamError, match="the microphone cannot be opened"):
        answers(of_sounds, "mic")
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingDependencyError, match="sounddevice is not installed") as caught:
        answers(of_sounds, "mic")
    assert caught.value.hint == 'pip install "edgecv[microphone]"'


def test_a_source_is_told_by_its_name_or_its_first_bytes(tmp_path):
    assert kind_of("mic") == kind_of("mic:3") == "microphone"
    clips.write_sound(tmp_path / "s.wav", np.zeros(9, np.float32))
    (tmp_path / "s.wav").rename(tmp_path / "sound")
    assert kind_of(str(tmp_path / "sound")) == "sound"
    (tmp_path / "list.mp3").write_text("a playlist\n")
    with pytest.raises(StreamError, match="neither a picture nor a video, a sound"):
        kind_of(str(tmp_path / "list.mp3"))


def test_sources_and_models_that_do_not_go_together_are_refused(of_clips, of_sounds, tmp_path):
    sound = clips.write_sound(tmp_path / "s.wav", np.zeros(900, np.float32))
    picture = pictures(tmp_path / "p", [1]) / "000.png"
    for bundle, sources, words in (
        (of_clips, [sound], "s.wav is a sound, and the model takes none"),
        (of_clips, [picture, "mic"], "mic is a sound, and the model takes none"),
        (of_sounds, [picture], "the model takes sounds, and"),
        (of_sounds, [sound, "mic"], "the model takes sounds, and mic is none"),
        (of_sounds, [tmp_path / "p"], "holds no sounds"),
        (of_sounds, [sound, "--save", tmp_path / "o"], "--save is for pictures, and the source is a sound"),
        (of_sounds, ["mic", "--show"], "--show is for pictures, and the source is a microphone"),
        (of_sounds, [sound, "--live"], "--live is about standard input"),
    ):
        result = edgecv("run", bundle, *sources)
        assert result.code in {1, 2}
        assert words in result.message
    with pytest.raises(UsageError, match="the model takes none"):
        open_source([str(sound)])


@pytest.mark.parametrize("kind", ["of_clips", "of_sounds"])
def test_a_bundle_is_verified_by_its_golden_clips_and_sounds(kind, request):
    root = request.getfixturevalue(kind)
    result = edgecv("verify", root)
    assert result.code == 0, result.err
    what, near = ("clips", "to the bit") if kind == "of_clips" else ("sounds", "within 1e-5")
    assert f"preprocessing: 1 of 1 golden {what} equal {near}" in " ".join(result.out.split())


@pytest.mark.parametrize("kind", ["of_clips", "of_sounds"])
@pytest.mark.parametrize("system", ["android", "ios"])
def test_apps_do_not_get_what_they_cannot_prepare(kind, system, request, tmp_path):
    result = edgecv("export", system, request.getfixturevalue(kind), tmp_path / "app")
    assert result.code == 1
    assert "and the libraries for apps prepare pictures and tensors only" in result.message
    assert not (tmp_path / "app").exists()
