"""Only regular files are opened, up to a size, and nothing waits."""

from __future__ import annotations

import errno
import os
import socket
import tracemalloc

import pytest
from edgecv_runtime.files import open_regular, open_small, read_regular

pytestmark = pytest.mark.timeout(10)


def test_a_regular_file_and_a_link_to_one_are_read(tmp_path):
    (tmp_path / "file").write_bytes(b"four")
    (tmp_path / "link").symlink_to("file")
    assert read_regular(tmp_path / "link", 4) == b"four"
    with open_regular(str(tmp_path / "file")) as file:
        assert file.read() == b"four"


def test_no_more_memory_is_taken_than_a_file_is_long(tmp_path):
    (tmp_path / "file").write_bytes(b"four")
    tracemalloc.start()
    read_regular(tmp_path / "file", 64 << 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the system has no /proc")  # noqa: PTH110
def test_a_file_whose_size_the_system_does_not_tell_is_read_whole():
    tracemalloc.start()
    found = read_regular("/proc/self/status", 64 << 30)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.startswith(b"Name:")
    assert found.endswith(b"\n")
    assert peak < 4 << 20
    with pytest.raises(OSError, match="larger"):
        read_regular("/proc/self/status", 100)


def test_a_file_that_grows_while_it_is_opened_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"four")
    real = os.fstat

    def growing(descriptor):
        with path.open("ab") as file:
            file.write(bytes(3 << 20))
        return real(descriptor)

    monkeypatch.setattr(os, "fstat", growing)
    with pytest.raises(OSError, match="larger"):
        read_regular(path, 4 << 20)


def test_a_file_over_the_size_is_refused_without_being_read(tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(6 << 30)
    with pytest.raises(OSError, match=r"larger than 1 MiB") as caught:
        read_regular(tmp_path / "sparse", 1 << 20)
    assert caught.value.errno == errno.EFBIG


@pytest.mark.parametrize("content", [b"", b"four", bytes(range(256)) * 8], ids=["empty", "small", "large"])
def test_a_small_file_is_read_at_once_and_a_large_one_as_it_is_asked_for(tmp_path, content):
    (tmp_path / "file").write_bytes(content)
    with open_small(tmp_path / "file", 100) as file:
        (tmp_path / "file").write_bytes(b"!" * len(content))
        assert file.read() == (content if len(content) < 100 else b"!" * len(content))
        assert file.seek(0) == 0


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="the system has no /proc")  # noqa: PTH110
def test_a_small_file_whose_size_the_system_does_not_tell_is_read_from_its_start():
    with open_small("/proc/self/status", 100) as file:
        assert file.read().startswith(b"Name:")


def test_a_small_file_that_is_missing_or_a_folder_is_refused_as_others_are(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        messages = set()
        for opened in (open_regular, lambda path: open_small(path, 100)):
            with pytest.raises(OSError, match=r".") as caught:
                opened(path)
            messages.add((type(caught.value), caught.value.errno, caught.value.strerror))
        assert len(messages) == 1


@pytest.mark.parametrize("kind", ["a pipe", "a device", "a socket", "a folder"])
def test_what_is_no_regular_file_is_named_and_not_opened(tmp_path, kind):
    path = tmp_path / "it"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    elif kind == "a socket":
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
    else:
        path.mkdir()
    with pytest.raises(OSError, match=kind):
        open_regular(path)


def test_a_name_with_a_nul_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match="NUL"):
        open_regular(f"{tmp_path}/a\0b")
