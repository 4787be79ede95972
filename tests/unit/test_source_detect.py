"""Foreign, empty and damaged files are told apart by their content."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest
from edgecv_converters.source.detect import ModelFormat, detect
from edgecv_runtime.errors import SourceError
from PIL import Image


def make(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("m.keras", b"", "m.keras is empty"),
        ("m.h5", b"", "m.h5 is empty"),
        ("notes.txt", "é: words\nand more".encode(), "notes.txt is text, not a trained Keras model"),
        ("m.json", b'{"class_name": "Sequential"}', "m.json holds the architecture of a model without its weights"),
        ("n.json", b'{"classes": ["cat", "dog"]}', "n.json is text"),
        ("m.tflite", b"\x1c\x00\x00\x00TFL3" + b"\0" * 80, "a TFLite model, already converted"),
        ("m.onnx", b"\x08\x08\x12\x07pytorch", "an ONNX model, already converted"),
        ("m.pkl", b"\x80\x04\x95rest", "a Python pickle"),
        ("m.ckpt.index", b"\x00\x01\x02\xff\xfe", "part of a checkpoint"),
        ("saved_model.pb", b"\x08\x01\x12\xff\xfe", "give the SavedModel's folder"),
        ("m.keras", b"PK\x03\x04 cut off here", "m.keras is damaged: File is not a zip file"),
        ("m.bin", bytes(range(128, 256)), "of an unknown format"),
    ],
)
def test_a_foreign_file_is_named(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        detect(make(tmp_path, name, content))
    assert says in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message
    assert not caught.value.message.endswith(".")


def test_a_picture_is_named(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "p.keras", "PNG")
    with pytest.raises(SourceError, match="a PNG picture"):
        detect(tmp_path / "p.keras")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.keras does not exist"):
        detect(tmp_path / "gone.keras")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.keras")
    with pytest.raises(SourceError, match=r"m\.keras cannot be read: it is a pipe, not a regular file"):
        detect(tmp_path / "m.keras")
    with pytest.raises(SourceError, match=r"x{100} cannot be opened"):
        detect(tmp_path / ("x" * 300))


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"a folder without saved_model\.pb"):
        detect(tmp_path)
    (tmp_path / "checkpoint").write_text("model_checkpoint_path: x")
    with pytest.raises(SourceError, match="is a checkpoint"):
        detect(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert detect(tmp_path) is ModelFormat.SAVED_MODEL


def test_archives(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "x" * 100)
    with pytest.raises(SourceError, match="a zip archive without a Keras model"):
        detect(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
        archive.writestr("model.weights.h5", "weights " * 20)
    assert detect(path) is ModelFormat.KERAS
    content = bytearray(path.read_bytes())
    content[content.index(b"weights weights")] ^= 1
    path.write_bytes(content)
    with pytest.raises(SourceError, match="does not have its checksum"):
        detect(path)


def test_a_hdf5_file_is_known_by_its_signature(tmp_path: Path) -> None:
    assert detect(make(tmp_path, "any.name", b"\x89HDF\r\n\x1a\n and more")) is ModelFormat.HDF5
