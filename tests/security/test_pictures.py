"""Pictures, folders, arrays, labels and videos of strangers: one clear error or a skip by name, and never a hang."""

from __future__ import annotations

import io
import os
import socket
import struct
import subprocess
import time
import zipfile
import zlib

import numpy as np
import pytest
from edgecv_converters.data import open_samples, write_spool
from edgecv_runtime.errors import DataError, ImageError, SpecError, StreamError, UsageError
from edgecv_runtime.folders import files_below
from edgecv_runtime.picture_files import PictureWarning
from edgecv_runtime.preprocess import decode
from edgecv_runtime.preprocess.toml import from_toml
from edgecv_runtime.schema import Preprocess, TensorSpec
from edgecv_runtime.stream import kind_of
from edgecv_runtime.stream.split import pictures
from PIL import Image

from edgecv.convert.request import from_options, read_labels
from tests import bundles
from tests.command import edgecv

SECONDS = 5  # of processor time; what is refused here took a minute or for ever


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures") / "colours.edgecv"
    bundles.write_bundle(root)
    return root


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Forty pictures, and the current directory above them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    for number in range(40):
        Image.new("RGB", (8, 8), (220, 20, 20)).save(tmp_path / "photos" / f"{number:02d}.png")
    return tmp_path / "photos"


def pipe(path):
    os.mkfifo(path)


def endless(path):
    path.symlink_to("/dev/zero")


def circle(path):
    path.symlink_to(path.name)


def nowhere(path):
    path.symlink_to("lost.png")


def listening(path):
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(path.parent)  # a socket's path has 108 bytes
        made.bind(path.name)


NO_FILES = {
    "pipe": (pipe, "it is a pipe"),
    "device": (endless, "it is a device"),
    "circle": (circle, "symbolic links"),
    "nowhere": (nowhere, "does not exist"),
    "socket": (listening, "it is a socket"),
}


@pytest.mark.parametrize(("make", "reason"), NO_FILES.values(), ids=NO_FILES)
def test_what_is_no_file_is_skipped_by_name(bundle, folder, make, reason):
    make(folder / "p.png")
    os.chdir(folder.parent)
    result = edgecv("run", bundle, "photos", "--skip-bad")
    assert result.code == 0
    assert "skipped: photos/p.png " in result.message
    assert reason in result.message
    assert len(result.out.splitlines()) == 40
    refused = edgecv("run", bundle, "photos/p.png")
    assert refused.code == 1
    assert "error: photos/p.png " in refused.message


@pytest.mark.parametrize(("make", "reason"), NO_FILES.values(), ids=NO_FILES)
def test_samples_that_are_no_files_are_skipped_by_name(folder, make, reason):
    make(folder / "p.png")
    inputs = (TensorSpec(name="im", shape=(1, 4, 4, 3), dtype="float32"),)
    specs = {"im": Preprocess(size=(4, 4))}
    _, info = write_spool(open_samples(folder), folder.parent / "spool", specs, inputs)
    assert info.skipped == ("p.png",)
    assert info.skipped_names == "p.png"
    assert len(info.ids) == 40
    with pytest.raises(ImageError, match=reason):
        decode(folder / "p.png", Preprocess())


def test_the_skipped_are_named_by_evaluate(bundle, folder):
    folder.rename(folder.parent / "red")
    (folder.parent / "all").mkdir()
    (folder.parent / "red").rename(folder.parent / "all" / "red")
    pipe(folder.parent / "all" / "red" / "p.png")
    result = edgecv("evaluate", bundle, folder.parent / "all")
    assert result.code == 0, result.err
    assert "left out: red/p.png" in result.message


@pytest.mark.parametrize(("make", "reason"), NO_FILES.values(), ids=NO_FILES)
@pytest.mark.parametrize("name", ["feed", "v.mp4", "a.npz", "names.txt", "how.toml"])
def test_only_regular_files_are_opened(tmp_path, monkeypatch, make, reason, name):
    monkeypatch.chdir(tmp_path)
    place = tmp_path / name
    make(place)
    read = {"feed": kind_of, "v.mp4": kind_of, "a.npz": open_samples, "names.txt": read_labels, "how.toml": from_toml}
    errors = (StreamError, DataError, SpecError)
    wanted = "exist|No such file" if make is nowhere else reason
    with pytest.raises(errors, match=wanted):
        read[name](str(place) if read[name] is kind_of else place)


def test_each_picture_is_found_once(folder):
    (folder / "again").symlink_to(folder)
    (folder / "deep").mkdir()
    (folder / "deep" / "up").symlink_to("..")
    circle(folder / "circle")
    assert len(files_below(folder, {".png"})) == 40
    with pytest.warns(PictureWarning, match=r"a file is no picture .*: 1 without an ending \(such as circle\)"):
        assert len(open_samples(folder)) == 40


def test_a_folder_may_be_deep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    try:
        for _ in range(1100):
            os.mkdir("d")  # noqa: PTH102 - a path of all of them would be too long
            os.chdir("d")
        os.chdir(tmp_path)
        assert files_below(tmp_path / "d", {".png"}) == []
    finally:
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # Python's own removal would go too deep


LONG = "x" * 5000


@pytest.mark.parametrize(
    "call",
    [
        ("run", "{bundle}", LONG),
        ("run", "{bundle}", f"{LONG}.png"),
        ("run", "{bundle}", "photos", "--save", LONG),
        ("verify", LONG),
        ("evaluate", "{bundle}", LONG),
        ("inspect", LONG),
        ("convert", LONG),
        ("convert", "m.keras", "--labels", LONG),
        ("convert", "m.keras", "-p", f"{LONG}.toml"),
        ("bench", "{bundle}", "--data", LONG),
    ],
    ids=lambda call: " ".join(word[:12] for word in call),
)
def test_a_name_without_end_is_one_short_error(bundle, folder, call):
    result = edgecv(*(word.format(bundle=bundle) for word in call))
    assert result.code in {1, 2}, result.err
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err
    assert "x" * 2000 not in result.err
    assert not list(folder.parent.glob("x*"))


EMPTY = [
    ("run", "{bundle}", ""),
    ("run", "", "photos"),
    ("run", "{bundle}", "photos", "--save", ""),
    ("verify", ""),
    ("evaluate", "{bundle}", ""),
    ("inspect", ""),
    ("convert", ""),
    ("convert", "m.keras", "--calibrate", ""),
    ("convert", "m.keras", "--labels", ""),
    ("convert", "m.keras", "-o", ""),
    ("prune", "m.keras", "--data", ""),
    ("bench", ""),
    ("bench", "{bundle}", "--html", ""),
    ("export", "android", "{bundle}", ""),
    ("demo", "-o", ""),
]


@pytest.mark.parametrize("call", EMPTY, ids=" ".join)
def test_an_empty_word_is_not_the_current_directory(bundle, folder, call):
    result = edgecv(*(word.format(bundle=bundle) for word in call))
    assert result.code == 2
    assert "empty" in result.message
    assert result.out == ""


def test_an_empty_path_is_refused_from_python_too(tmp_path):
    with pytest.raises(UsageError, match="empty"):
        from_options(tmp_path / "m.keras", tmp_path / "m.edgecv", {"calibrate": ""})


def test_a_playlist_is_no_video(tmp_path):
    (tmp_path / "v.mp4").write_text("#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")
    with pytest.raises(StreamError, match="neither a picture nor a video"):
        kind_of(str(tmp_path / "v.mp4"))


def test_padding_ends(monkeypatch):
    monkeypatch.setattr("edgecv_runtime.stream.split.LARGEST", 4 << 20)
    with pytest.raises(StreamError, match="no picture in 4 MiB"):
        next(pictures(bytes))


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(*more, side=8, claimed=None):
    rows = chunk(b"IDAT", zlib.compress(bytes((side * 3 + 1) * side)))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", claimed or side, claimed or side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + rows + chunk(b"IEND", b"")


def jpeg(side=8, **options):
    made = io.BytesIO()
    Image.new("RGB", (side, side)).save(made, "JPEG", **options)
    return made.getvalue()


def scans(count):
    """A progressive JPEG that refines all of its pixels again and again."""
    whole = jpeg(4000, progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * count + whole[-2:]


def several(picture):
    """A JPEG that says, as a phone's does, that more pictures follow in the file."""
    made = io.BytesIO()
    small = Image.new("RGB", (8, 8))
    small.save(made, "MPO", save_all=True, append_images=[small])
    start = made.getvalue().index(b"\xff\xe2")
    (length,) = struct.unpack(">H", made.getvalue()[start + 2 : start + 4])
    return picture[:2] + made.getvalue()[start : start + 2 + length] + picture[2:]


def frames(count):
    made = io.BytesIO()
    Image.new("P", (8, 8)).save(made, "GIF")
    whole = made.getvalue()
    place = whole.index(b",")
    return whole[:place] + (b"!\xf9\x04\0\1\0\0\0" + whole[place:-1]) * count + b";"


BOMBS = {
    "chunks": lambda: png(chunk(b"prVt", b"") * 500_000),
    "texts": lambda: png(chunk(b"tEXt", b"a\0b") * 300_000),
    "text that unpacks to 16 MiB": lambda: png(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 24)))),
    "profile that unpacks to 16 MiB": lambda: png(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1 << 24)))),
    "pixels": lambda: png(claimed=2**31 - 1),
    "fill bytes": lambda: jpeg()[:2] + b"\xff" * 4_000_000 + jpeg()[2:],
    "scans": lambda: scans(2000),
    "scans in the first of several pictures": lambda: several(scans(2000)),
    "comment": lambda: b"P6\n#" + b"x" * 6_000_000 + b"\n8 8 255\n" + bytes(192),
    "comments among numbers": lambda: b"P3\n900 900\n255\n" + b"#\n" * 500_000,
    "numbers without end": lambda: b"P3\n9 9\n255\n" + b"1" * 3_000_000,
}


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS)
@pytest.mark.parametrize("as_bytes", [False, True], ids=["file", "bytes"])
def test_a_bomb_is_an_error_in_seconds(tmp_path, make, as_bytes):
    data = make()
    place = tmp_path / "p.png"
    place.write_bytes(data)
    began = time.process_time()
    with pytest.raises(ImageError, match="cannot be decoded"):
        decode(data if as_bytes else place, Preprocess())
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize(
    "data",
    [frames(100_000), jpeg(3000), jpeg(2000, progressive=True), png(side=1500)],
    ids=["frames", "large", "progressive", "png"],
)
def test_large_pictures_are_read(data):
    began = time.process_time()
    decode(data, Preprocess())
    assert time.process_time() - began < SECONDS


def npz(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)


def array(header, data=b"", version=(1, 0)):
    """A .npy file with this header, whatever it says."""
    text = header.encode() if isinstance(header, str) else header
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + size + text + data


def header(shape="(2, 3)", descr="'<f4'"):
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"


ARRAYS = {
    "objects": array(header("(2,)", "'|O'"), b"cos\nsystem\n"),
    "more than there is": array(header("(1000000000, 3)"), bytes(24)),
    "less than there is": array(header("(1, 3)"), bytes(24)),
    "negative": array(header("(-1, -3)"), bytes(12)),
    "no end": array(header("(10**30,)"), bytes(24)),
    "astronomical": array(header(f"({10**30},)"), bytes(24)),
    "nested": array("(" * 9000),
    "minus": array("-" * 9000 + "1"),
    "long header": array(b" " * 5_000_000, version=(2, 0)),
    "no header": b"\x93NUMPY",
    "empty": b"",
}


@pytest.mark.parametrize("data", ARRAYS.values(), ids=ARRAYS)
def test_an_array_that_lies_is_one_error(tmp_path, data):
    npz(tmp_path / "a.npz", im=data)
    with pytest.raises(DataError, match=r"a\.npz"):
        open_samples(tmp_path / "a.npz")


def test_an_npz_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("edgecv_runtime.npz.ALWAYS_UNPACKED", 1 << 20)
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("im.npy", "w") as member,
    ):
        member.write(array(header(f"({1 << 18}, 64)", "'|u1'")))
        for _ in range(4):
            member.write(bytes(1 << 22))
    monkeypatch.setattr("zipfile.ZipFile.testzip", lambda _: pytest.fail("it is unpacked"))
    with pytest.raises(DataError, match=r"unpacks to 0\.0 GiB, \d+ times its size"):
        open_samples(tmp_path / "a.npz")


def test_arrays_without_number_are_refused(tmp_path):
    npz(tmp_path / "a.npz", **{f"a{number}": array(header("(1,)"), bytes(4)) for number in range(1001)})
    with pytest.raises(DataError, match="1,001 arrays"):
        open_samples(tmp_path / "a.npz")


def test_fewer_labels_than_samples_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", im=np.zeros((3, 2), np.float32), labels=np.zeros((3, 0), np.int64))
    with pytest.raises(DataError, match="0 labels for 3 samples"):
        open_samples(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "text",
    ["size = " + "9" * 5000, "size = 0x" + "f" * 5000, "a = " + "[" * 5000, "[a" + ".a" * 5000 + "]", "x" * (2 << 20)],
    ids=["digits", "hexadecimal", "nested", "tables", "large"],
)
def test_a_toml_file_of_no_kind_is_one_error(tmp_path, text):
    (tmp_path / "how.toml").write_text(text)
    with pytest.raises(SpecError, match=r"how\.toml"):
        from_toml(tmp_path / "how.toml")


def test_labels_without_number_take_no_time(tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(map(str, range(200_000))))
    began = time.process_time()
    assert len(read_labels(tmp_path / "names.txt")) == 200_000
    assert time.process_time() - began < SECONDS
    with (tmp_path / "names.txt").open("ab") as file:
        file.truncate(1 << 34)
    with pytest.raises(DataError, match="larger than 16 MiB"):
        read_labels(tmp_path / "names.txt")
