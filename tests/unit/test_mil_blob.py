"""The weight file's reader, on bytes laid out by hand."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from edgecv_converters.mil.blob import BlobFile
from edgecv_converters.mil.dtypes import decode
from edgecv_runtime.errors import BundleError
from hypothesis import given, settings
from hypothesis import strategies as st


def header(count=1, version=2):
    return struct.pack("<II", count, version).ljust(64, b"\xff")  # what is reserved may hold anything


def metadata(code, size, offset=128, unused=0, sentinel=0xDEADBEEF):
    return struct.pack("<IIQQQ", sentinel, code, size, offset, unused).ljust(64, b"\xff")


def written(folder, *parts):
    path = folder / "weight.bin"
    path.write_bytes(b"".join(parts))
    return path


@pytest.mark.parametrize(
    ("code", "data", "unused", "dtype", "expected"),
    [
        (1, np.array([1.5, -2], "<f2").tobytes(), 0, "float16", [1.5, -2]),
        (2, np.array([1.5, -2], "<f4").tobytes(), 0, "float32", [1.5, -2]),
        (3, b"\x00\xff", 0, "uint8", [0, 255]),
        (4, b"\x7f\xff", 0, "int8", [127, -1]),
        (5, b"\xc0\x3f\x00\xc0", 0, "bfloat16", [1.5, -2]),
        (6, b"\xff\xff\x00\x01", 0, "int16", [-1, 256]),
        (7, b"\xff\xff\x00\x01", 0, "uint16", [65535, 256]),
        (8, b"\x8f\x07", 4, "int4", [-1, -8, 7]),
        (9, b"\x0d", 3, "uint1", [1, 0, 1, 1, 0]),
        (10, b"\xe4\x02", 6, "uint2", [0, 1, 2, 3, 2]),
        (11, b"\x8f\x07", 4, "uint4", [15, 8, 7]),
        (12, b"\x88\xc6", 1, "uint3", [0, 1, 2, 3, 4]),
        (13, b"\x81\x30\x10", 0, "uint6", [1, 2, 3, 4]),
        (14, b"\xff\xff\xff\xff", 0, "int32", [-1]),
        (15, b"\xff\xff\xff\xff", 0, "uint32", [2**32 - 1]),
    ],
)
def test_every_type(tmp_path, code, data, unused, dtype, expected):
    file = BlobFile(written(tmp_path, header(), metadata(code, len(data), unused=unused), data))
    blob = file.read(64)
    assert (blob.dtype, blob.values.tolist()) == (dtype, expected)


def test_unused_bits_say_nothing_for_whole_bytes(tmp_path):
    file = BlobFile(written(tmp_path, header(), metadata(3, 2, unused=2**60), b"ab"))
    assert bytes(file.read(64).values) == b"ab"


@pytest.mark.parametrize(
    ("parts", "offset", "why"),
    [
        ((header(), metadata(3, 2), b"ab"), 60, "metadata cannot be there"),
        ((header(), metadata(3, 2), b"ab"), 0, "metadata cannot be there"),
        ((header(), metadata(3, 2), b"ab"), 128, "metadata cannot be there"),
        ((header(), metadata(3, 2), b"ab"), 2**63, "metadata cannot be there"),
        ((header(), metadata(3, 2)[:32]), 64, "metadata cannot be there"),
        ((header(), metadata(3, 2, sentinel=0xDEADBEEE), b"ab"), 64, "sentinel"),
        ((header(), metadata(0, 2), b"ab"), 64, "data type 0 is unknown"),
        ((header(), metadata(16, 2), b"ab"), 64, "data type 16 is unknown"),
        ((header(), metadata(3, 3), b"ab"), 64, "not inside the file"),
        ((header(), metadata(3, 2**64 - 64), b"ab"), 64, "not inside the file"),
        ((header(), metadata(3, 2, offset=2**64 - 64), b"ab"), 64, "not inside the file"),
        ((header(), metadata(3, 2, offset=129), b"abc"), 64, "not inside the file"),
        ((header(), metadata(3, 2, offset=64), b"ab"), 64, "not after the metadata"),
        ((header(), metadata(2, 6), b"abcdef"), 64, "not a whole number of float32"),
        ((header(), metadata(12, 1, unused=0), b"a"), 64, "not a whole number of uint3"),
        ((header(), metadata(9, 1, unused=8), b"a"), 64, "cannot be unused"),
        ((header(), metadata(9, 0, unused=1)), 64, "cannot be unused"),
    ],
)
def test_a_damaged_blob_is_an_error_that_says_why(tmp_path, parts, offset, why):
    file = BlobFile(written(tmp_path, *parts))
    with pytest.raises(BundleError, match=why):
        file.read(offset)


def test_a_file_that_is_none_is_an_error(tmp_path):
    with pytest.raises(BundleError, match="cannot be read"):
        BlobFile(tmp_path / "missing.bin")
    with pytest.raises(BundleError, match="fewer than its header"):
        BlobFile(written(tmp_path, b"short"))
    with pytest.raises(BundleError, match="its version is 1"):
        BlobFile(written(tmp_path, header(version=1)))


@given(st.sampled_from([1, 2, 3, 4, 6]), st.data())
@settings(max_examples=50, deadline=None)
def test_bits_follow_one_another_from_the_least_significant_on(bits, data):
    numbers = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=1, max_size=40))
    whole = sum(number << (bits * place) for place, number in enumerate(numbers))
    raw = np.frombuffer(whole.to_bytes(-(-len(numbers) * bits // 8), "little"), np.uint8)
    assert decode(raw, f"uint{bits}", len(numbers)).tolist() == numbers
