"""Arrays of an .npz file, read a row at a time: the file may be larger than memory."""

from __future__ import annotations

import io
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from edgecv_runtime.errors import DataError
from edgecv_runtime.files import open_regular
from edgecv_runtime.schema import Preprocess, TensorSpec

BROKEN = (
    *(ValueError, OSError, EOFError, LookupError, NotImplementedError, RuntimeError, MemoryError, OverflowError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, SyntaxError, tokenize.TokenError),
)
SUFFIX = ".npy"
LABEL_KEYS = ("labels", "label", "y")
MOST_ARRAYS = 1000
LONGEST_HEADER = 1 << 16  # bytes; NumPy itself reads up to 10,000 letters
# What an .npz may unpack to: zeros shrink a thousandfold, and so does a bomb.
ALWAYS_UNPACKED, MOST_RATIO = 1 << 30, 100


@dataclass(frozen=True, slots=True)
class Header:
    """One array of an .npz file without its values."""

    shape: tuple[int, ...]
    dtype: np.dtype
    fortran: bool

    @property
    def count(self) -> int:
        """The number of rows, which the first axis counts; 1 for a scalar."""
        return self.shape[0] if self.shape else 1

    @property
    def row_bytes(self) -> int:
        """The size of one row."""
        return self.dtype.itemsize * math.prod(self.shape[1:])


def headers(path: Path) -> dict[str, Header]:
    """Every array's header, after a check of every byte against the archive's checksums.

    Raises:
        DataError: The file is no .npz, is damaged, or holds Python objects.
    """
    with _explained(path), open_regular(path) as file, zipfile.ZipFile(file) as archive:
        _check_sizes(archive, file.seek(0, io.SEEK_END))
        damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"the checksum of {damaged} is wrong")
        found = {}
        for entry in archive.infolist():
            with archive.open(entry) as member:
                found[entry.filename.removesuffix(SUFFIX)] = header = _header(member)
                if member.tell() + header.row_bytes * header.count != entry.file_size:
                    raise ValueError(f"the shape of {entry.filename} does not fit its bytes")
    return found


def _check_sizes(archive: zipfile.ZipFile, packed: int) -> None:
    """Refuse what would take long to unpack, before anything is unpacked."""
    entries = archive.infolist()
    if len(entries) > MOST_ARRAYS:
        raise ValueError(f"it has {len(entries):,} arrays, more than {MOST_ARRAYS:,}")
    unpacked, most = sum(entry.file_size for entry in entries), max(ALWAYS_UNPACKED, MOST_RATIO * packed)
    if unpacked > most:
        raise ValueError(f"it unpacks to {unpacked / 2**30:,.1f} GiB, {unpacked / packed:,.0f} times its size")


def read(path: Path, name: str) -> np.ndarray:
    """One whole array.

    Raises:
        DataError: As `headers`.
    """
    with _explained(path), open_regular(path) as file, np.load(file, allow_pickle=False) as archive:
        return np.asarray(archive[name])


def rows(path: Path, name: str) -> Iterator[np.ndarray]:
    """The samples of one array in order, one in memory at a time (all at once where the array is in Fortran order).

    Raises:
        DataError: As `headers`.
    """
    with (
        _explained(path),
        open_regular(path) as file,
        zipfile.ZipFile(file) as archive,
        archive.open(name + SUFFIX) as member,
    ):
        header = _header(member)
        if header.fortran:
            yield from read(path, name)
            return
        for _ in range(header.count):
            values = _exactly(member, header.row_bytes)
            yield np.frombuffer(values, header.dtype).reshape(header.shape[1:])


def _header(member: IO[bytes]) -> Header:
    """Read the header, and leave the member where the values begin."""
    head = io.BytesIO(member.read(LONGEST_HEADER))
    version = np.lib.format.read_magic(head)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(head)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if any(size < 0 for size in shape):
        raise ValueError(f"it has the shape {shape}")
    member.seek(head.tell())
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


def match_arrays(
    path: Path,
    held: Mapping[str, Header],
    specs: Mapping[str, Preprocess],
    inputs: Sequence[TensorSpec],
    truths: Collection[str] = (),
) -> dict[str, str]:
    """For each input the name of its array: the same, or the only one there is where the model has one input.

    Args:
        path: What messages call the file.
        held: Its `headers`.
        specs: The preprocessing of every input.
        inputs: The model's inputs.
        truths: The names of heads: arrays that are called like them are labels.

    Raises:
        DataError: An input has no array, or its shape or dtype does not fit.
    """
    names = {spec.name: spec.name for spec in inputs}
    labels = {*LABEL_KEYS, *(set(truths) - names.keys())}
    data = {name: header for name, header in held.items() if name not in labels}
    if len(inputs) == 1 and len(data) == 1:
        names = {inputs[0].name: next(iter(data))}
    missing = [name for name, array in names.items() if array not in data]
    if missing:
        raise DataError(
            f"{path} has no array for the input {missing[0]!r}",
            f"It holds {', '.join(data) or 'nothing'}; name one array after each input",
        )
    for spec in inputs:
        _check_array(path, spec, data[names[spec.name]], specs[spec.name])
    return names


def _check_array(path: Path, spec: TensorSpec, array: Header, preprocess: Preprocess) -> None:
    form = f"{path}: {spec.name!r} is {array.dtype} with {len(array.shape)} axes"
    prepared = "For tensors that are prepared already, use --preprocess tensor"
    if preprocess.kind in {"image", "clip"}:
        frames = preprocess.clip.frames if preprocess.clip else None
        what, lead = ("images", "N") if frames is None else ("clips", f"N x {frames}")
        count = 4 if frames is None else 5
        axes = {count - 1, count} if preprocess.color == "gray" else {count}
        if array.dtype != np.uint8 or len(array.shape) not in axes or (frames or array.shape[1]) != array.shape[1]:
            colors = f" or {lead} x H x W x 1" if count - 1 in axes else " x 3"
            raise DataError(f"{form}, but {what} are uint8 {lead} x H x W{colors}", prepared)
        return
    if preprocess.kind == "sound":
        if len(array.shape) != 2 or not (array.dtype.kind == "f" or array.dtype == np.int16):
            wanted = "floats of -1 to 1 or int16, N x samples"
            raise DataError(f"{form}, but sounds are {wanted}, at the model's rate", prepared)
        return
    if tuple(array.shape[1:]) != tuple(spec.shape[1:]):
        raise DataError(
            f"{path}: {spec.name!r} has samples of shape {tuple(array.shape[1:])}, the model takes {spec.shape[1:]}",
            "The first axis counts the samples, the others are the input's",
        )
    if not np.issubdtype(array.dtype, np.number):
        raise DataError(f"{path}: {spec.name!r} is {array.dtype}, which is not numeric", "Store numbers")
