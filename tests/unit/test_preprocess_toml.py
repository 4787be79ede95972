"""Preprocessing files: what they may say, and what each mistake is told."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from edgecv_runtime.errors import SpecError
from edgecv_runtime.preprocess import Preprocessor, from_preset, parse, resolve
from edgecv_runtime.preprocess.toml import KEYS, from_toml
from edgecv_runtime.schema import Fit, Normalize, Preprocess, Resize

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "preprocessing.md"


@pytest.fixture
def read(tmp_path):
    def read(text):
        path = tmp_path / "prep.toml"
        path.write_text(text, encoding="utf-8")
        return from_toml(path)

    return read


def test_an_empty_file_is_the_default(read):
    assert read("") == Preprocess()


def test_every_key_is_read(read):
    spec = read("""
        orientation = "ignore"
        color = "bgr"
        size = [24, 32]
        [fit]
        mode = "letterbox"
        pad = [1, 2, 3]
        [resize]
        kernel = "bicubic"
        semantics = "pillow"
        [normalize]
        scale = [0.5, 0.25, 2]
        offset = -1
    """)
    assert spec == Preprocess(
        orientation="ignore",
        color="bgr",
        size=(24, 32),
        fit=Fit(mode="letterbox", pad=(1, 2, 3)),
        resize=Resize(kernel="bicubic"),
        normalize=Normalize(scale=(0.5, 0.25, 2.0), offset=(-1.0,)),
    )


def test_the_known_keys_are_the_records():
    assert set(KEYS[""]) == set(Preprocess.__struct_fields__)
    assert set(KEYS["normalize"]) - {"mean", "std"} == set(Normalize.__struct_fields__)


@pytest.mark.parametrize("name", ["none", "rescale", "tf", "torch", "caffe"])
def test_a_preset_in_a_file_is_the_preset(read, name):
    assert read(f'normalize.preset = "{name}"') == from_preset(name)


def test_mean_and_std_are_in_units_of_0_to_255(read):
    spec = resolve(
        read("normalize = { mean = [123.675, 116.28, 103.53], std = [58.395, 57.12, 57.375] }"), (1, 4, 4, 3)
    )
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    expected = (pixels - np.array([123.675, 116.28, 103.53])) / np.array([58.395, 57.12, 57.375])
    assert np.allclose(Preprocessor(spec)(pixels)[0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "scale", "offset"),
    [
        ("mean = 127.5\nstd = 127.5", (1 / 127.5,), (-1.0,)),
        ("mean = [1, 2, 3]", (1.0, 1.0, 1.0), (-1.0, -2.0, -3.0)),
        ("std = 2", (0.5,), (0.0,)),
        ("mean = [1, 2, 3]\nstd = 2", (0.5, 0.5, 0.5), (-0.5, -1.0, -1.5)),
        ("scale = 0.1", (0.1,), (0.0,)),
    ],
)
def test_one_value_serves_all_channels(read, text, scale, offset):
    normalize = read(f"[normalize]\n{text}").normalize
    assert np.allclose(normalize.scale, scale)
    assert np.allclose(normalize.offset, offset)
    assert len(normalize.scale) == len(scale)


def test_numbers_are_kept_as_float32(read):
    (scale,) = read("normalize.scale = 0.1234567890123").normalize.scale
    assert np.float32(scale) == np.float32(0.1234567890123)
    assert scale == float(str(np.float32(scale)))


def test_one_pad_value_needs_no_list(read):
    assert read('[fit]\nmode = "letterbox"\npad = 114').fit.pad == (114,)


def test_parse_takes_files_by_their_ending(tmp_path):
    path = tmp_path / "GRAY.TOML"
    path.write_text('color = "gray"', encoding="utf-8")
    assert parse(str(path)).color == "gray"


WRONG = {
    "not toml": ("color =", "cannot be read: Invalid value"),
    "unknown key": ("colour = 'rgb'", "unknown key 'colour'"),
    "unknown key in fit": ("fit.mod = 'crop'", "unknown key 'mod' in [fit]"),
    "unknown table": ("[quantize]\nscale = 1", "unknown key 'quantize'"),
    "no table": ("fit = 'crop'", "fit must be a table, got 'crop'"),
    "choice": ("color = 'RGB'", "color must be one of rgb, bgr, gray, got 'RGB'"),
    "nested choice": (
        "resize.kernel = 'cubic'",
        "resize.kernel must be one of nearest, bilinear, bicubic, lanczos, box, got 'cubic'",
    ),
    "type": ("size = 8", "got `int` - at `$.size`"),
    "size": ("size = [0, 8]", "size must be height and width of at least 1, got (0, 8)"),
    "fraction elsewhere": ("fit.fraction = 0.5", "fit.fraction must be given only with mode = 'crop'"),
    "no shorter": ("fit.mode = 'resize_crop'", "fit.shorter must be given with mode = 'resize_crop'"),
    "pad range": ("[fit]\nmode = 'letterbox'\npad = [0, 0, 300]", "fit.pad must be values in 0..255, got (0, 0, 300)"),
    "pad channels": ("[fit]\nmode = 'letterbox'\npad = [0, 0]", "fit.pad must be 1 or 3 values, got (0, 0)"),
    "pad type": ("[fit]\nmode = 'letterbox'\npad = true", "Expected `int`, got `bool` - at `$.fit.pad[0]`"),
    "channels": ("normalize.mean = [1, 2]", "normalize.scale must be 1 or 3 values"),
    "gray channels": ("color = 'gray'\nnormalize.mean = [1, 2, 3]", "normalize.scale must be one value"),
    "mean and std": ("normalize = { mean = [1, 2, 3], std = [1, 2] }", "normalize.mean has 3 values and std 2"),
    "zero std": ("normalize.std = [1, 0, 1]", "normalize.std must be over zero"),
    "nan": ("normalize.mean = nan", "normalize.offset must be finite numbers"),
    "infinite": ("normalize.scale = inf", "normalize.scale must be finite numbers"),
    "over float32": ("normalize.scale = 1e39", "normalize.scale must be finite numbers"),
    "over float64": (f"normalize.scale = {10**400}", "normalize.scale must be finite numbers"),
    "no numbers": ("normalize.mean = ['a']", "normalize.mean must be numbers, got ['a']"),
    "truth": ("normalize.mean = true", "normalize.mean must be numbers, got True"),
    "no way": ("[normalize]", "normalize has nothing, which do not go together"),
    "two ways": ("normalize = { preset = 'tf', mean = 1 }", "normalize has mean, preset, which do not go together"),
    "preset": ("normalize.preset = 'imagenet'", "unknown normalize.preset 'imagenet'"),
    "caffe in rgb": ("color = 'rgb'\nnormalize.preset = 'caffe'", "normalize.preset 'caffe' needs color = 'bgr'"),
    "tensor": ("kind = 'tensor'\ncolor = 'rgb'", "color must be left out with kind = 'tensor'"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_each_mistake_is_named_with_its_file(read, text, message):
    with pytest.raises(SpecError, match=rf"prep\.toml.*{re.escape(message)}"):
        read(text)


def test_unknown_keys_come_with_the_known_ones(read):
    with pytest.raises(SpecError) as caught:
        read("normalize.std_dev = 1")
    assert caught.value.hint == "Known keys in [normalize] are preset, mean, std, scale, offset"


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(SpecError, match="cannot be read"):
            from_toml(path)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b"# caf\xe9")
    with pytest.raises(SpecError, match=r"latin\.toml cannot be read"):
        from_toml(latin)


def test_the_documented_examples_are_valid(read):
    examples = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) >= 2
    for example in examples:
        spec = read(example)
        assert msgspec.json.decode(msgspec.json.encode(spec), type=Preprocess) == spec


def test_the_document_names_every_key():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert all(f"`{key}`" in text for keys in KEYS.values() for key in keys)
