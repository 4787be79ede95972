"""A reference that was recorded elsewhere: the outputs and latencies of a GPU, in one JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
from edgecv_runtime.bench.result import BenchRow, Correct, DataSet, Machine
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import DataError
from edgecv_runtime.records import Record

from edgecv.bench.samples import Samples

RECORDED_VERSION = 1
SHOWN = 12  # digits of an identity
AGAIN = "Record it again there: edgecv bench BUNDLE --record-reference FILE, with the same bundle and --data"
Outputs = dict[str, np.ndarray]


class RecordedTensor(Record, frozen=True, kw_only=True):
    """The outputs of one name for all samples of a set: little-endian float32 in C order, as base64 in JSON."""

    shape: tuple[int, ...]
    data: bytes


class RecordedSet(Record, frozen=True, kw_only=True):
    """`digests` are the SHA-256 of each sample's preprocessed inputs (float32, little-endian, in the model's order)."""

    digests: tuple[str, ...]
    outputs: dict[str, RecordedTensor]
    correct: Correct | None = None


class Recorded(Record, frozen=True, kw_only=True):
    """A whole reference. `row` is what was measured of the artifact; `row.library.providers` is what really ran it."""

    schema_version: Annotated[int, msgspec.Meta(ge=1, le=RECORDED_VERSION)]
    name: str
    identity: str
    created: str
    machine: Machine
    row: BenchRow
    sets: dict[DataSet, RecordedSet]


def pack(samples: Samples, name: DataSet, outputs: Mapping[str, np.ndarray], correct: Correct | None) -> RecordedSet:
    """The outputs for one data set, as they are recorded."""
    return RecordedSet(
        digests=tuple(samples.digests(name)),
        outputs={
            key: RecordedTensor(shape=values.shape, data=values.astype("<f4").tobytes())
            for key, values in outputs.items()
        },
        correct=correct,
    )


def write_recorded(recorded: Recorded, path: Path) -> None:
    """Write the file.

    Raises:
        DataError: It cannot be written.
    """
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(recorded), indent=1) + b"\n")
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}", "Choose another file") from error


def read_recorded(path: Path, bundle: Bundle) -> Recorded:
    """Read a reference, which must be of this bundle.

    Raises:
        DataError: The file cannot be read, is no reference, or one of another bundle.
    """
    try:
        recorded = msgspec.json.decode(path.read_bytes(), type=Recorded)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", AGAIN) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(f"{path} is no recorded reference: {error}", AGAIN) from error
    mine = bundle.manifest.identity
    if recorded.identity != mine:
        raise DataError(
            f"{path} was recorded for another bundle: {recorded.name} {recorded.identity[:SHOWN]}, "
            f"not {bundle.manifest.name} {mine[:SHOWN]}",
            AGAIN,
        )
    return recorded


def unpack(recorded: Recorded, name: DataSet, samples: Samples) -> Outputs:
    """The recorded outputs for the samples of a data set, in their order.

    Raises:
        DataError: A sample has none, or the file is damaged.
    """
    stored = recorded.sets.get(name)
    places = {} if stored is None else {digest: place for place, digest in enumerate(stored.digests)}
    digests = list(samples.digests(name))
    missing = sum(digest not in places for digest in digests)
    if stored is None or missing:
        raise DataError(f"the reference has no answer to {missing} of the {len(digests)} {name} samples", AGAIN)
    rows = [places[digest] for digest in digests]
    return {key: _array(values, len(stored.digests))[rows] for key, values in stored.outputs.items()}


def _array(values: RecordedTensor, count: int) -> np.ndarray:
    try:
        found = np.frombuffer(values.data, "<f4").reshape(values.shape)
    except ValueError as error:
        raise DataError(f"the reference is damaged: {error}", AGAIN) from error
    if len(found) != count:
        raise DataError(f"the reference is damaged: {len(found)} answers to {count} samples", AGAIN)
    return found.astype(np.float32)
