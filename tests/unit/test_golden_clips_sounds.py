"""The golden vectors of clips and sounds."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from tests.golden import clips, sounds
from tests.golden.format import FOLDER, read_tensor, sha256

CLIPS = msgspec.json.decode(clips.INDEX.read_bytes(), type=clips.ClipIndex).cases
SOUNDS = msgspec.json.decode(sounds.INDEX.read_bytes(), type=sounds.SoundIndex).cases


def test_the_files_are_those_that_were_written():
    entries = [entry for case in CLIPS for entry in (case.frames, case.expected)]
    entries += [entry for case in SOUNDS for entry in (case.waveform, case.expected)]
    for entry in entries:
        assert sha256((FOLDER / entry.file).read_bytes()) == entry.sha256, entry.file
    listed = {FOLDER / entry.file for entry in entries}
    assert listed == {file for folder in ("clips", "sounds") for file in (FOLDER / folder).iterdir()}
    assert (len(CLIPS), len(SOUNDS)) == (11, 37)


@pytest.mark.parametrize("case", CLIPS, ids=lambda case: case.name)
def test_a_clip_gives_its_bits(case):
    assert clips.run(case).tobytes() == read_tensor(case.expected).tobytes()


@pytest.mark.parametrize("case", SOUNDS, ids=lambda case: case.name)
def test_a_sound_gives_its_numbers(case):
    expected = read_tensor(case.expected)
    assert sounds.is_near(sounds.run(case), expected)
    assert sounds.is_near(sounds.again(read_tensor(case.waveform), case.spec, case.io), expected)


def test_no_two_settings_give_the_same_numbers():
    floats = [case for case in SOUNDS if case.expected.dtype == "float32" and case.waveform.shape == (320,)]
    forms = {}
    for case in floats:
        forms.setdefault(case.expected.shape, []).append(read_tensor(case.expected))
    for tensors in forms.values():
        for number, one in enumerate(tensors):
            assert not any(np.allclose(one, other, rtol=1e-4, atol=1e-4) for other in tensors[:number])


def test_numbers_that_are_not_near_are_told():
    expected = read_tensor(SOUNDS[0].expected)
    assert not sounds.is_near(expected * np.float32(1.0001), expected)
    assert not sounds.is_near(expected[:, :1], expected)
    whole = np.array([1, 5], np.int8)
    assert sounds.is_near(whole + np.int8(1), whole)
    assert not sounds.is_near(whole + np.int8(2), whole)
