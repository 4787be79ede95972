"""Sounds: from a waveform to a spectrogram."""

from __future__ import annotations

import io
import sys

import msgspec
import numpy as np
import pytest
from edgecv_runtime import sound_files
from edgecv_runtime.clip_sound_schema import Cepstra, Clip, MelFilters, Sound
from edgecv_runtime.errors import ImageError, MissingDependencyError, SpecError
from edgecv_runtime.preprocess import from_preset, input_preprocessor, parse, resolve
from edgecv_runtime.preprocess.mel import mel_weights
from edgecv_runtime.preprocess.rules import check
from edgecv_runtime.preprocess.sound import taper
from edgecv_runtime.schema import Normalize, Preprocess

from tests import clips

PLAIN = Sound(rate=8000, window=64, hop=32, fft=64)
SHAPE = (1, 9, 33, 1)


def fitted(sound=PLAIN, shape=SHAPE, **more):
    return resolve(Preprocess(kind="sound", sound=sound, **more), shape)


def noise(count=320):
    return np.random.default_rng(2).uniform(-1, 1, count).astype(np.float32)


@pytest.mark.parametrize(("window", "fft", "kind"), [(64, 64, "hann"), (40, 64, "hann"), (55, 64, "hann_symmetric")])
def test_magnitudes_are_those_of_tensorflow(window, fft, kind):
    import tensorflow as tf

    sound = Sound(rate=8000, window=window, hop=32, fft=fft, samples=320, taper=kind)
    wanted = np.abs(tf.signal.stft(noise(), window, 32, fft).numpy())  # of odd length its window is the symmetric one
    found = input_preprocessor(fitted(sound, (1, *wanted.shape, 1)))(noise())[0, ..., 0]
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_cepstra_are_those_of_tensorflow_and_librosa():
    import tensorflow as tf

    logs = Sound(
        rate=16000,
        window=480,
        hop=320,
        fft=512,
        samples=16000,
        log="ln",
        floor_by="add",
        mel=MelFilters(bins=40, low=20, high=4000),
    )
    wave = np.random.default_rng(1).uniform(-1, 1, 16000).astype(np.float32)
    bands = input_preprocessor(fitted(logs, (1, 49, 40, 1)))(wave)[0, ..., 0]
    for form, first in (("tensorflow", 1.0), ("orthonormal", np.sqrt(0.5))):
        sound = msgspec.structs.replace(logs, cepstra=Cepstra(count=10, form=form))
        found = input_preprocessor(fitted(sound, (1, 49, 10, 1)))(wave)[0, ..., 0]
        wanted = tf.signal.mfccs_from_log_mel_spectrograms(bands).numpy()[:, :10]
        wanted[:, 0] *= first
        np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_mel_filters_are_those_of_tensorflow():
    import tensorflow as tf

    wanted = tf.signal.linear_to_mel_weight_matrix(20, 129, 16000, 80.0, 7600.0, tf.float64).numpy().T
    np.testing.assert_allclose(mel_weights(MelFilters(bins=20, low=80, high=7600), 16000, 256), wanted, atol=1e-6)


def test_tapers_are_those_of_tensorflow():
    import tensorflow as tf

    for kind, function in (("hann", tf.signal.hann_window), ("hamming", tf.signal.hamming_window)):
        np.testing.assert_allclose(taper(kind, 64), function(64).numpy(), atol=1e-6)
        symmetric = function(64, periodic=False).numpy()
        np.testing.assert_allclose(taper(f"{kind}_symmetric", 64), symmetric, atol=1e-6)
    np.testing.assert_array_equal(taper("none", 5), np.ones(5))
    np.testing.assert_array_equal(taper("hann_symmetric", 1), [1])


def test_slaneys_filters_have_equal_areas_and_his_scale():
    rate, fft = 16000, 4096
    weights = mel_weights(MelFilters(bins=40, form="slaney"), rate, fft)
    np.testing.assert_allclose(weights.sum(axis=1) * rate / fft, np.ones(40), rtol=0.01)
    peaks = weights.argmax(axis=1) * rate / fft
    assert np.allclose(np.diff(peaks[:10]), peaks[1] - peaks[0], atol=8)  # straight up to 1000 Hz
    ratios = peaks[-8:] / peaks[-9:-1]
    assert np.allclose(ratios, ratios[0], rtol=0.01)  # each a factor higher above


def test_a_tone_is_where_it_belongs():
    times = np.arange(320) / 8000
    found = input_preprocessor(fitted())(np.sin(2 * np.pi * 1000 * times).astype(np.float32))
    assert set(found[0, ..., 0].argmax(axis=1)) == {8}  # 1000 Hz of 125 Hz a bin


def test_a_short_sound_ends_in_zeros_and_a_long_one_is_cut():
    prepare = input_preprocessor(fitted())
    assert prepare.sound.samples == 320
    filled = np.concatenate([noise(100), np.zeros(220, np.float32)])
    np.testing.assert_array_equal(prepare(noise(100)), prepare(filled))
    long = np.concatenate([noise(), np.ones(50, np.float32)])
    np.testing.assert_array_equal(prepare(long), prepare(noise()))


def test_channels_are_averaged_and_integers_scaled():
    prepare = input_preprocessor(fitted())
    one = (noise() * 32767).astype(np.int16)
    np.testing.assert_allclose(prepare(one), prepare(one.astype(np.float32) / 32768), atol=1e-6)
    both = np.stack([noise(), np.zeros(320, np.float32)], axis=1)
    np.testing.assert_array_equal(prepare(both), prepare(noise() / 2))


@pytest.mark.parametrize(
    ("sound", "shape", "samples"),
    [
        (PLAIN, (1, 9, 33, 1), 320),
        (PLAIN, (1, 9, 33), 320),
        (PLAIN, (1, 9, 33, 3), 320),
        (msgspec.structs.replace(PLAIN, axes="frequency_time"), (1, 33, 9, 1), 320),
        (msgspec.structs.replace(PLAIN, padding="reflect"), (1, 9, 33, 1), 256),
        (msgspec.structs.replace(PLAIN, samples=335), (1, 9, 33, 1), 335),
        (msgspec.structs.replace(PLAIN, mel=MelFilters(bins=7)), (1, 9, 7, 1), 320),
    ],
)
def test_the_inputs_shape_says_how_long_a_sound_is(sound, shape, samples):
    spec = fitted(sound, shape)
    assert (spec.sound.samples, spec.sound.step) == (samples, samples // 2)
    assert input_preprocessor(spec, shape=shape)(noise()).shape == shape
    assert resolve(spec, shape) == spec


@pytest.mark.parametrize(
    ("sound", "shape", "words"),
    [
        (PLAIN, (1, 9), "which is no spectrogram"),
        (PLAIN, (1, 9, 33, 2), "which is no spectrogram"),
        (PLAIN, (1, 33, 9, 1), "has 9 frequencies, the preprocessing 33"),
        (msgspec.structs.replace(PLAIN, samples=400), SHAPE, "has 9 windows of time, and 400 samples give 11"),
        (
            msgspec.structs.replace(PLAIN, padding="reflect", window=64, samples=20),
            (1, 1, 33),
            "over 32, half a window",
        ),
    ],
)
def test_a_spectrogram_of_another_shape_is_refused(sound, shape, words):
    with pytest.raises(SpecError, match=words):
        fitted(sound, shape)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rate": 0}, "sound.rate must be 1 to 1,000,000, got 0"),
        ({"window": 65}, "sound.window must be 1 to 64, got 65"),
        ({"hop": 0}, "sound.hop"),
        ({"fft": 1 << 17}, "sound.fft must be 2 to 32,768"),
        ({"floor": 0.0}, "sound.floor must be a number of float32 over 0"),
        ({"mel": MelFilters(bins=0)}, "sound.mel.bins"),
        ({"mel": MelFilters(bins=4, low=50, high=4001)}, "0 <= low < high <= 4000 Hz, half the rate, got 50 and 4001"),
        ({"step": 0}, "sound.step"),
        ({"cepstra": Cepstra(count=34)}, "sound.cepstra.count must be 1 to 33, got 34"),
    ],
)
def test_impossible_sounds_are_refused(change, words):
    with pytest.raises(SpecError, match=words):
        check(Preprocess(kind="sound", sound=msgspec.structs.replace(PLAIN, **change)))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (Preprocess(kind="sound"), "sound must be given with kind = 'sound'"),
        (Preprocess(sound=PLAIN), "sound must be given with kind = 'sound', and only there"),
        (Preprocess(kind="sound", sound=PLAIN, color="gray"), "color must be left out with kind = 'sound'"),
        (Preprocess(kind="sound", sound=PLAIN, clip=Clip()), "clip must be given only with kind = 'clip'"),
        (Preprocess(kind="sound", sound=PLAIN, normalize=Normalize(scale=(1.0, 2.0))), "1 or 33 values"),
    ],
)
def test_what_belongs_to_other_kinds_is_refused(spec, words):
    with pytest.raises(SpecError, match=words):
        check(spec)


def test_records_of_pictures_are_written_as_they_were():
    written = msgspec.json.decode(msgspec.json.encode(from_preset("rescale")))
    assert set(written) == {"kind", "size", "orientation", "depth", "color", "fit", "resize", "normalize"}
    spec = fitted()
    assert msgspec.json.decode(msgspec.json.encode(spec), type=Preprocess) == spec


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (np.zeros(0, np.float32), "must be a file or an array"),
        (np.zeros((2, 2, 2), np.float32), "must be a file or an array"),
        (np.zeros(9, np.uint8), "must be floats of -1 to 1 or int16, got uint8"),
        (np.full(9, np.nan, np.float32), "holds NaN or infinity"),
        (b"RIFF", "the sound cannot be read as a sound"),
    ],
)
def test_what_is_no_sound_is_refused(source, words):
    with pytest.raises(ImageError, match=words):
        input_preprocessor(fitted())(source)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_files_are_read_and_resampled(tmp_path, suffix):
    import soundfile

    rng = np.random.default_rng(0)
    wave = clips.chirp(rng, 1, rate=44100)
    stereo = np.stack([wave, wave], axis=1)
    soundfile.write(tmp_path / f"s{suffix}", stereo, 44100)
    found = sound_files.read_waveform(tmp_path / f"s{suffix}", 8000, 10**6)
    assert found.dtype == np.float32
    assert abs(len(found) - 4000) <= 1
    prepare = input_preprocessor(
        resolve(_parsed(tmp_path), (1, clips.TIMES, clips.MEL, 1)), shape=(1, clips.TIMES, clips.MEL, 1)
    )
    there = clips.chirp(np.random.default_rng(0), 1)  # the same course at the model's own rate; phase and noise differ
    peaks = [prepare(source)[0, ..., 0].argmax(axis=1) for source in (found, there)]
    assert np.abs(peaks[0] - peaks[1]).max() <= 1


def _parsed(folder):
    (folder / "s.toml").write_text(clips.SOUND_TOML)
    return parse(str(folder / "s.toml"))


def test_parts_of_a_file_are_the_file(tmp_path):
    import soundfile

    wave = np.random.default_rng(1).uniform(-0.9, 0.9, 3 * sound_files.BLOCK + 17).astype(np.float32)
    soundfile.write(tmp_path / "s.wav", wave, 8000, subtype="FLOAT")
    np.testing.assert_array_equal(np.concatenate(list(sound_files.waveform_parts(tmp_path / "s.wav", 8000))), wave)
    np.testing.assert_array_equal(sound_files.read_waveform(tmp_path / "s.wav", 8000, 70_000), wave[:70_000])


def test_files_that_cannot_be_read_say_so(tmp_path):
    with pytest.raises(ImageError, match="does not exist"):
        sound_files.read_waveform(tmp_path / "s.wav", 8000, 9)
    (tmp_path / "t.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    with pytest.raises(ImageError, match="cannot be read as a sound"):
        sound_files.read_waveform(tmp_path / "t.wav", 8000, 9)
    import soundfile

    empty = io.BytesIO()
    soundfile.write(empty, np.zeros(0), 8000, format="WAV")
    with pytest.raises(ImageError, match="the sound holds no sample"):
        sound_files.read_waveform(empty.getvalue(), 8000, 9)
    broken = io.BytesIO()
    soundfile.write(broken, np.array([0.0, np.inf]), 8000, format="WAV", subtype="FLOAT")
    with pytest.raises(ImageError, match="holds NaN or infinity"):
        sound_files.read_waveform(broken.getvalue(), 8000, 9)


def test_a_missing_library_is_named_with_the_line_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingDependencyError, match="soundfile") as caught:
        sound_files.read_waveform(tmp_path / "s.wav", 8000, 9)
    assert caught.value.hint == 'pip install "edgecv[sound]"'


def test_a_file_says_everything(tmp_path):
    spec = _parsed(tmp_path)
    assert spec.sound == Sound(
        rate=8000,
        window=256,
        hop=128,
        fft=256,
        log="ln",
        floor=1e-3,
        mel=MelFilters(bins=20, low=80.0, high=3800.0),
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('kind = "sound"\n', "sound must be given with kind = 'sound'"),
        ('kind = "sound"\ncolor = "gray"\n[sound]\nrate = 8\n', "color must be left out with kind = 'sound'"),
        (
            'kind = "sound"\n[sound]\nrate = 8\nwindow = 4\nhop = 2\nfft = 4\nlog = "e"\n',
            "sound.log must be one of none",
        ),
        (
            'kind = "sound"\n[sound]\nrate = 8\nwindow = 4\nhop = 2\nfft = 4\nmel = { bands = 4 }\n',
            r"unknown key 'bands' in \[sound.mel\]",
        ),
        ('kind = "sound"\nsound = 3\n', "sound must be a table"),
        ('kind = "sound"\n[sound]\nrate = 8\n', "missing required field"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path, text, words):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(SpecError, match=words):
        parse(str(tmp_path / "s.toml"))
