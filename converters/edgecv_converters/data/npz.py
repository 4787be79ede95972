"""Arrays of an .npz file, read a row at a time: the file may be larger than memory."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from edgecv_runtime.errors import DataError

BROKEN = (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)
SUFFIX = ".npy"


@dataclass(frozen=True, slots=True)
class Header:
    """What one array of the file is, without its values."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool


def headers(path: Path) -> dict[str, Header]:
    """Every array's header, after a check of every byte against the archive's checksums.

    Raises:
        DataError: The file is no .npz, is damaged, or holds Python objects.
    """
    with _explained(path), path.open("rb") as file, zipfile.ZipFile(file) as archive:
        damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"the checksum of {damaged} is wrong")
        found = {}
        for name in archive.namelist():
            with archive.open(name) as member:
                found[name.removesuffix(SUFFIX)] = _header(member)
    return found


def read(path: Path, name: str) -> np.ndarray:
    """One whole array.

    Raises:
        DataError: As `headers`.
    """
    with _explained(path), path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
        return np.asarray(archive[name])


def rows(path: Path, name: str) -> Iterator[np.ndarray]:
    """The samples of one array in order, one in memory at a time (all at once where the array is in Fortran order).

    Raises:
        DataError: As `headers`.
    """
    with _explained(path), zipfile.ZipFile(path) as archive, archive.open(name + SUFFIX) as member:
        header = _header(member)
        if header.fortran:
            yield from read(path, name)
            return
        size = header.dtype.itemsize * int(np.prod(header.shape[1:]))
        for _ in range(header.shape[0]):
            yield np.frombuffer(_exactly(member, size), header.dtype).reshape(header.shape[1:])


def _header(member: IO[bytes]) -> Header:
    version = np.lib.format.read_magic(member)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(member)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    return Header(shape, dtype, bool(fortran and len(shape) > 1))


def _exactly(member: IO[bytes], size: int) -> bytes:
    data = member.read(size)
    if len(data) != size:
        raise EOFError("it ends too early")
    return data


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(
            f"{path} is not a readable .npz file ({reason})",
            "Write it with numpy.savez(path, NAME=array), one array per input, without Python objects",
        ) from error
