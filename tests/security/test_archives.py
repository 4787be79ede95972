"""A bundle's .zip from a stranger: what it names, how much it unpacks to, and what is left behind."""

from __future__ import annotations

import os
import stat
import tempfile
import time
import zipfile
from pathlib import Path

import pytest
from edgecv_runtime.archive import MOST_ENTRIES, Archive
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BundleError

from edgecv.inspect.bundle import inspect_bundle, is_bundle_zip, read_part
from tests import bundles

SOON = 5.0  # seconds, on a slow machine


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "colours.edgecv"
    bundles.write_bundle(root)
    return root


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """Where temporary folders go: nothing is left there."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert not list(folder.iterdir())


@pytest.fixture
def packed(whole, tmp_path):
    """The bundle's files in a .zip, and what `more` writes into it."""

    def pack(more=None, prefix=""):
        path = tmp_path / "b.edgecv.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for file in sorted(whole.rglob("*")):
                archive.write(file, prefix + file.relative_to(whole).as_posix())
            if more is not None:
                more(archive)
        return path

    return pack


def check_refused(path, *words):
    began = time.monotonic()
    with pytest.raises(BundleError) as caught:
        Bundle.load(path)
    assert time.monotonic() - began < SOON
    assert all(word in caught.value.message for word in words), caught.value.message
    assert len(caught.value.message) < 1000


def linked(archive):
    entry = zipfile.ZipInfo("golden/link.bin")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    archive.writestr(entry, "/etc/passwd")


def nul(archive):
    entry = zipfile.ZipInfo("golden/x.bin")
    entry.filename = "golden/x\0.bin"
    archive.writestr(entry, "x")


def zeros(name, mebibytes):
    def write(archive):
        with archive.open(name, "w") as part:
            for _ in range(mebibytes):
                part.write(bytes(1 << 20))

    return write


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("more", "words"),
    [
        (lambda archive: archive.writestr("extra.bin", "x"), "holds extra.bin, which is not listed"),
        (lambda archive: archive.writestr("__MACOSX/._bundle.json", "x"), "__MACOSX/._bundle.json"),
        (zeros("extra.bin", 1), "holds extra.bin, which is not listed"),
        (zeros("golden/x.bin", 100), "unpacks to 100 MiB"),
        (zeros("onnx/model.int8.onnx/x", 1), "has more bytes than bundle.json says"),
        (lambda archive: archive.writestr("golden/000.png", "x"), "holds golden/000.png twice"),
        (lambda archive: archive.writestr("golden//000.png", "x"), "holds golden/000.png twice"),
        (linked, "is no file, but a link"),
        (nul, "which no file can have"),
        (lambda archive: archive.writestr("golden/" + "x" * 300, "x"), "which is too long"),
        (lambda archive: archive.writestr("golden/000.png/x", "x"), "is not a readable .zip"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_bundle_has_is_refused_and_nothing_is_left(packed, more, words):
    check_refused(packed(more), words)


def test_many_entries_are_refused_at_once(packed):
    def fill(archive):
        for number in range(4000):  # the table of contents counts, by its bytes: 60,000 short names are as long
            archive.writestr(f"golden/{number:0250}", b"")

    check_refused(packed(fill), f"than that of {MOST_ENTRIES:,} files")


def test_some_entries_too_many_are_counted(packed):
    def fill(archive):
        for number in range(MOST_ENTRIES):
            archive.writestr(f"golden/{number}", b"")

    check_refused(packed(fill), f"a bundle has at most {MOST_ENTRIES:,}")


def test_a_manifest_too_large_to_be_one_is_not_unpacked(tmp_path):
    path = tmp_path / "b.edgecv.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        zeros("bundle.json", 20)(archive)
    check_refused(path, "bundle.json in", "unpacks to 20 MiB")
    with pytest.raises(BundleError, match="unpacks to 20 MiB"):
        inspect_bundle(path)


def test_an_encrypted_entry_is_refused(packed):
    path = packed()
    data = path.read_bytes()
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # the flags of the entry's two headers
        place = data.index(mark) + at
        data = data[:place] + bytes([data[place] | 1]) + data[place + 1 :]
    path.write_bytes(data)
    check_refused(path, "is encrypted")


def test_a_name_that_is_no_utf8_is_an_error(packed):
    path = packed(lambda archive: archive.writestr("golden/ä.bin", "x"))
    path.write_bytes(path.read_bytes().replace("ä".encode(), b"\xff\xfe"))
    check_refused(path, "is not a readable .zip")


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/dev/zero")], ids=["pipe", "device"])
def test_a_zip_that_is_no_file_is_refused_without_being_read(tmp_path, make):
    path = Path(tmp_path / "b.edgecv.zip")
    make(path)
    check_refused(path, "b.edgecv.zip", "not a regular file")
    assert not is_bundle_zip(path)


@pytest.mark.parametrize("prefix", ["", "colours.edgecv/"])
def test_a_whole_one_is_read_in_place_and_unpacked_without_its_reports(packed, prefix):
    path = packed(lambda archive: archive.writestr(f"{prefix}report.json", "{}"), prefix)
    assert is_bundle_zip(path)
    assert inspect_bundle(path).manifest.name == "colours"
    assert read_part(path, "report.json") == b"{}"
    with Archive(path) as archive, pytest.raises(BundleError, match=r"has no report\.html"):
        archive.read("report.html", 1)
    with Bundle.load(path) as bundle:
        bundle.verify_integrity()
        assert not (bundle.root / "report.json").exists()


def test_a_bundle_that_does_not_fit_leaves_nothing_behind(packed, whole, tmp_path):
    path = packed()
    data = (whole / "onnx" / "model.int8.onnx").read_bytes()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "c.edgecv.zip", "w") as new:
        for entry in old.infolist():
            new.writestr(entry, data[::-1] if entry.filename == "onnx/model.int8.onnx" else old.read(entry))
    check_refused(tmp_path / "c.edgecv.zip", "onnx/model.int8.onnx was changed")
