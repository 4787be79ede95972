"""Small networks of clips and of sounds, trained here, from a video and a sound file to the answer."""

from __future__ import annotations

import json

import numpy as np
import pytest
from edgecv_runtime.preprocess import from_preset, input_preprocessor, parse, resolve

from tests import clips
from tests.command import edgecv

pytestmark = pytest.mark.slow
EACH = 12  # files of a class


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Files of every class, a video that turns round in the middle, and a sound that falls, then rises."""
    work, rng = tmp_path_factory.mktemp("clips"), np.random.default_rng(0)
    for label, (direction, pitch) in enumerate(zip(clips.DIRECTIONS, sorted(clips.PITCHES), strict=True)):
        (work / "videos" / direction).mkdir(parents=True)
        (work / "sounds" / pitch).mkdir(parents=True)
        for number in range(EACH):
            clips.write_clip(work / "videos" / direction / f"{number}.avi", clips.moving_square(rng, label, 15))
            clips.write_sound(work / "sounds" / pitch / f"{number}.wav", clips.chirp(rng, label))
    turning = [clips.moving_square(rng, label, 14) for label in (1, 0)]
    clips.write_clip(work / "turning.avi", np.concatenate(turning))
    clips.write_sound(work / "both.wav", np.concatenate([clips.chirp(rng, label) for label in (0, 1)]))
    (work / "sound.toml").write_text(clips.SOUND_TOML)
    return work


def trained(network, prepare, draw, epochs):
    """The network, trained on drawn samples, which it tells apart."""
    rng, labels = np.random.default_rng(1), np.arange(96) % 2
    samples = np.concatenate([prepare(draw(rng, label)) for label in labels])
    assert clips.train(network, samples, labels, epochs) > 0.97
    return network


@pytest.fixture(scope="module")
def of_clips(work):
    spec = resolve(from_preset("clip+rescale"), (1, clips.FRAMES, clips.SIDE, clips.SIDE, 3))
    model = trained(
        clips.clip_network("lstm"),
        input_preprocessor(spec),
        lambda rng, label: clips.moving_square(rng, label)[:: clips.STRIDE],
        12,
    )
    model.save(work / "lstm.keras")
    result = edgecv(
        *("convert", work / "lstm.keras", "-o", work / "lstm.edgecv", "-p", f"clip:{clips.STRIDE}+rescale"),
        *("-q", "float32", "-t", "tflite,onnx", "--evaluate", work / "videos"),
    )
    assert result.code == 0, result.err
    return work / "lstm.edgecv"


@pytest.fixture(scope="module")
def of_sounds(work):
    spec = resolve(parse(str(work / "sound.toml")), (1, clips.TIMES, clips.MEL, 1))
    model = trained(clips.sound_network(), input_preprocessor(spec), clips.chirp, 10)
    model.save(work / "sound.keras")
    result = edgecv(
        *("convert", work / "sound.keras", "-o", work / "sound.edgecv", "-p", work / "sound.toml"),
        *("-q", "int8", "-t", "tflite,onnx", "--calibrate", work / "sounds", "--evaluate", work / "sounds"),
    )
    assert result.code == 0, result.err
    return work / "sound.edgecv"


@pytest.mark.parametrize("target", ["tflite", "onnx"])
def test_a_video_is_answered_as_the_square_moves(of_clips, work, target):
    result = edgecv("run", of_clips, work / "turning.avi", "--json", "--target", target)
    assert result.code == 0, result.err
    answers = [json.loads(line) for line in result.out.splitlines()]
    assert [answer["frame"] for answer in answers] == list(range(10, 28, 2))
    assert [answer["label"] for answer in (*answers[:2], *answers[-2:])] == ["right"] * 2 + ["left"] * 2


@pytest.mark.parametrize("target", ["tflite", "onnx"])
def test_a_sound_is_answered_window_by_window(of_sounds, work, target):
    result = edgecv("run", of_sounds, work / "both.wav", "--json", "--target", target)
    assert result.code == 0, result.err
    answers = [json.loads(line) for line in result.out.splitlines()]
    assert [answer["time_s"] for answer in answers] == [0.0, 0.248, 0.496]
    assert (answers[0]["label"], answers[2]["label"]) == ("falling", "rising")


@pytest.mark.parametrize(("kind", "data"), [("of_clips", "videos"), ("of_sounds", "sounds")])
def test_files_by_class_are_evaluated(kind, data, request, work):
    bundle = request.getfixturevalue(kind)
    (found,) = json.loads(edgecv("evaluate", bundle, work / data, "--json", "--target", "tflite").out)
    assert (found["count"], found["skipped"]) == (2 * EACH, 0)
    assert found["accuracy"] > 0.9
    report = json.loads((bundle / "report.json").read_text())
    assert [parity["status"] for parity in report["parity"]] == ["passed"] * 2


@pytest.mark.parametrize(("kind", "what"), [("of_clips", "clips equal to"), ("of_sounds", "sounds equal within")])
def test_the_golden_cases_are_prepared_and_answered_again(kind, what, request):
    result = edgecv("verify", request.getfixturevalue(kind))
    assert result.code == 0, result.err
    assert f"8 of 8 golden {what}" in " ".join(result.out.split())
