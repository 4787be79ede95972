"""Pictures that lose something on the way to bytes, kinds that a folder holds, gray without channels, and arrays."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from edgecv_converters.data import open_samples, write_spool
from edgecv_converters.data.inputs import preprocessing
from edgecv_runtime.errors import DataError, StreamError
from edgecv_runtime.picture_files import PictureWarning
from edgecv_runtime.preprocess import Preprocessor, from_preset, resolve
from edgecv_runtime.schema import TensorSpec
from edgecv_runtime.stream import kind_of, open_source
from PIL import Image

from tests import bundles
from tests.command import edgecv

SHAPE = (1, 8, 8, 3)


def ramp(highest, dtype):
    """8 x 8 values from a tenth of the highest to the highest."""
    return Image.fromarray(np.linspace(highest / 10, highest, 64).reshape(8, 8).astype(dtype))


def colour_16(values):
    """A PNG of 16 bits a channel, which Pillow reads and does not write."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def tiff(image):
    file = io.BytesIO()
    image.save(file, "TIFF")
    return file.getvalue()


LOSSES = {
    "16-bit gray": (png(ramp(65535, "uint16")), "none", r"16-bit gray: the high byte", 255),
    "12 bits of 16": (png(ramp(4095, "uint16")), "none", r"12 of its 16 bits .* 0\.\.15, nearly black", 15),
    "10 bits of 16": (tiff(ramp(1023, "uint16")), "rescale", r"10 of its 16 bits", 3 / 255),
    "16-bit gray under load_img": (png(ramp(65535, "uint16")), "load_img+none", r"over 255 become 255, 100 %", 255),
    "9 bits under load_img": (png(ramp(400, "uint16")), "load_img", r"values over 255 become 255, 41 %", 255),
    "16 bits under image_dataset": (png(ramp(65535, "uint16")), "image_dataset", r"the high byte", 255),
    "32-bit integers": (tiff(ramp(60000, "int32")), "none", r"16-bit gray: the high byte", 234),
    "floats of 0..1": (tiff(ramp(0.9, "float32")), "none", r"floats from 0\.09 to 0\.9.* nearly black", 0),
    "floats of 0..300": (tiff(ramp(300, "float32")), "none", r"floats from 30 to 300", 255),
    "16-bit colour": (colour_16(np.full((8, 8, 3), 51711)), "none", r"16 bits a channel: the high byte", 201),
    "16-bit gray with alpha": (colour_16(np.full((8, 8, 2), 51711)), "none", r"16 bits a channel", 201),
    "16-bit colour with alpha": (colour_16(np.full((8, 8, 4), 51711)), "load_img", r"16 bits a channel", 201),
}


@pytest.mark.parametrize(("data", "preset", "said", "highest"), LOSSES.values(), ids=LOSSES)
def test_what_a_picture_loses_is_said_once(data, preset, said, highest):
    read = Preprocessor(resolve(from_preset(preset), SHAPE))
    with pytest.warns(PictureWarning, match=said):
        tensor = read(data)
    assert tensor.max() == pytest.approx(highest)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(data)


def test_plain_pictures_say_nothing():
    read = Preprocessor(resolve(from_preset("none"), SHAPE))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for image in (ramp(255, "uint8"), Image.new("RGBA", (9, 9), (1, 2, 3, 4)), Image.new("1", (9, 9))):
            read(png(image))
    assert said == []


def test_the_command_line_says_it_once_for_a_folder(tmp_path):
    """Each kind of loss, with the first file that has it, whatever Python was told to do with warnings."""
    bundles.write_bundle(tmp_path / "colours.edgecv")
    (tmp_path / "scans").mkdir()
    for number in range(3):
        ramp(65535, "uint16").save(tmp_path / "scans" / f"{number}.png")
    ramp(0.9, "float32").save(tmp_path / "scans" / "depth.tiff")
    result = edgecv("run", tmp_path / "colours.edgecv", tmp_path / "scans")
    assert result.code == 0
    assert len(result.out.splitlines()) == 4
    assert result.message.count("16-bit gray") == 1
    assert "scans/0.png is 16-bit gray" in result.message
    assert result.message.count("holds floats") == 1


@pytest.fixture
def mixed(tmp_path):
    """Four pictures that can be read, and three files that are none."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 9, 3), np.uint8))
    for name, kind in (("a.png", "PNG"), ("b.jfif", "JPEG"), ("c.AVIF", "AVIF"), ("d.pgm", "PPM")):
        (image.convert("L") if kind == "PPM" else image).save(folder / name, kind)
    for name in ("e.heic", "f.heic", "notes.txt", ".DS_Store", "Thumbs.db"):
        (folder / name).write_bytes(b"x")
    return folder


def test_every_kind_that_can_be_read_is_read_and_the_others_are_counted(mixed):
    bundles.write_bundle(mixed.parent / "colours.edgecv")
    result = edgecv("run", mixed.parent / "colours.edgecv", mixed)
    assert result.code == 0
    assert [line.split()[0].rpartition("/")[2] for line in result.out.splitlines()] == [
        *("a.png", "b.jfif", "c.AVIF", "d.pgm")
    ]
    assert "3 files are no pictures that can be read, and left out: 2 .heic, 1 .txt (such as e.heic)" in result.message
    with pytest.warns(PictureWarning, match=r"2 \.heic, 1 \.txt"):
        assert len(open_samples(mixed)) == 4


def test_a_folder_of_other_kinds_says_what_it_holds(mixed):
    for name in ("a.png", "b.jfif", "c.AVIF", "d.pgm"):
        (mixed / name).unlink()
    with pytest.raises(StreamError, match=r"holds no pictures, but 2 \.heic, 1 \.txt"):
        open_source([str(mixed)])
    with pytest.raises(DataError, match=r"holds no images, but 2 \.heic, 1 \.txt"):
        open_samples(mixed)


def test_an_avif_of_another_name_is_a_picture_and_a_video_stays_one(mixed):
    (mixed / "c.AVIF").rename(mixed / "picture")
    (mixed / "film").write_bytes(b"\0\0\0\x20ftypisom" + bytes(64))
    assert kind_of(str(mixed / "picture")) == "pictures"
    assert kind_of(str(mixed / "film")) == "video"


class Inputs:
    """A model as far as its preprocessing goes."""

    has_preprocessing = False

    def __init__(self, *shapes):
        self.inputs = tuple(TensorSpec(name=f"in{k}", shape=shape, dtype="float32") for k, shape in enumerate(shapes))


def test_height_by_width_is_a_gray_picture_where_pictures_are_meant(tmp_path):
    kinds = {
        ((1, 28, 28),): ["image"],
        ((1, 28, 28), (1, 28, 28)): ["image", "image"],
        ((1, 28, 28), (1, 5)): ["image", "tensor"],
        ((1, 28, 28, 1), (1, 16, 38)): ["image", "tensor"],  # a picture beside a sequence
    }
    for shapes, wanted in kinds.items():
        found = preprocessing(from_preset("rescale"), Inputs(*shapes), print)
        assert [found[f"in{k}"].kind for k in range(len(shapes))] == wanted
    assert preprocessing(None, Inputs((1, 28, 28)), print)["in0"].kind == "tensor"  # nobody says that it is a picture
    assert preprocessing(from_preset("tensor"), Inputs((1, 28, 28)), print)["in0"].kind == "tensor"


@pytest.mark.parametrize("preset", ["rescale", "image_dataset+tf", "load_img"])
def test_a_gray_picture_without_channels_has_the_values_of_one_with(preset):
    plane, one = (resolve(from_preset(preset), shape) for shape in ((1, 7, 5), (1, 7, 5, 1)))
    assert (plane.color, plane.size) == ("gray", (7, 5))
    for picture in (np.asarray(ramp(255, "uint8")), png(Image.effect_noise((31, 22), 90).convert("RGB"))):
        got = Preprocessor(plane, shape=(1, 7, 5))(picture)
        assert got.shape == (1, 7, 5)
        np.testing.assert_array_equal(got, Preprocessor(one, shape=(1, 7, 5, 1))(picture)[..., 0], strict=True)


def test_gray_samples_without_channels_come_from_folders_and_arrays(tmp_path):
    spec = TensorSpec(name="x", shape=(1, 8, 8), dtype="float32")
    specs = {"x": resolve(from_preset("rescale"), spec.shape)}
    (tmp_path / "scans").mkdir()
    values = np.stack([np.asarray(ramp(highest, "uint8")) for highest in (60, 255)])
    for number, value in enumerate(values):
        Image.fromarray(value).save(tmp_path / "scans" / f"{number}.png")
    np.savez(tmp_path / "planes.npz", x=values)
    np.savez(tmp_path / "channels.npz", x=values[..., None])
    for number, name in enumerate(("scans", "planes.npz", "channels.npz")):
        spool, _ = write_spool(open_samples(tmp_path / name), tmp_path / f"spool{number}", specs, (spec,))
        (_, batch), *_ = spool.batches(2)
        np.testing.assert_allclose(batch["x"], values / np.float32(255), rtol=1e-6)
    tensors = {"x": resolve(from_preset("tensor"), spec.shape)}
    with pytest.raises(DataError, match="does not take one image") as caught:
        write_spool(open_samples(tmp_path / "scans"), tmp_path / "spool", tensors, (spec,))
    assert "--preprocess" in caught.value.hint


def test_run_answers_the_samples_of_an_npz_file(tmp_path):
    bundles.write_bundle(tmp_path / "colours.edgecv")
    values = np.zeros((3, 5, 6, 3), np.uint8)
    for number in range(3):
        values[number, ..., number] = 200
    np.savez(tmp_path / "samples.npz", image=values, labels=np.arange(3))
    result = edgecv("run", tmp_path / "colours.edgecv", tmp_path / "samples.npz")
    assert result.code == 0
    names = [line.split()[:2] for line in result.out.splitlines()]
    assert names == [[f"{tmp_path}/samples.npz[{k}]", bundles.LABELS[k]] for k in range(3)]
    saved = edgecv("run", tmp_path / "colours.edgecv", tmp_path / "samples.npz", "--save", tmp_path / "out")
    assert (saved.code, "--save is for pictures" in saved.message) == (2, True)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"image": np.zeros((2, 4, 4, 3), np.float32)}, "images are uint8 N x H x W x 3"),
        ({"other": np.zeros((2, 4, 4, 3), np.uint8), "more": np.zeros(2)}, "has no array for the input 'image'"),
        ({"labels": np.zeros(2)}, "has no array for the input 'image'"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_by_name(tmp_path, arrays, said):
    bundles.write_bundle(tmp_path / "colours.edgecv")
    np.savez(tmp_path / "samples.npz", **arrays)
    result = edgecv("run", tmp_path / "colours.edgecv", tmp_path / "samples.npz")
    assert result.code == 1
    assert said in result.message
