"""The layer at which the inside of an int8 file begins to differ from the float file of the same format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgecv_runtime.records import Record
from edgecv_runtime.schema import Artifact

from edgecv_converters.explain.records import Floats
from edgecv_converters.isolate.child import progress
from edgecv_converters.measured import LayerError
from edgecv_converters.targets import find

DEPARTED_DB: Final = 10.0  # a signal-to-noise ratio below it: the error has a tenth of the result's own power


class DepartingLayer(Record, frozen=True, kw_only=True):
    """The first layer whose result in a file departs from the same one in the float file.

    Attributes:
        layer, op: The source model's layer, and the operation.
        snr_db: The signal-to-noise ratio of its result; None would say that there is no error.
        before_db: That of the result before it; None where it has no error, or there is none before it.
        weight_snr_db: That of its weights, where it has int8 weights with an error.
        files: The file that was looked into, and the float file.
    """

    layer: str
    op: str
    snr_db: float | None
    before_db: float | None
    weight_snr_db: float | None
    files: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePair:
    """Two artifacts of one target in the bundle at `root`, which differ in their precision alone."""

    root: Path
    artifact: Artifact
    float32: Artifact


def find_departing(pair: FilePair, samples: Floats) -> DepartingLayer | None:
    """Compare the results inside both files on some samples; None where all are near, or cannot be paired.

    Raises:
        EdgecvError: A runtime refuses a file.
    """
    files = pair.root / pair.artifact.file, pair.root / pair.float32.file
    progress(0, 1)
    rows = find(pair.artifact.target).compare_layers(*files, samples)
    return first_departing(rows, (pair.artifact.file, pair.float32.file))


def first_departing(rows: tuple[LayerError, ...], files: tuple[str, str]) -> DepartingLayer | None:
    """Return the first of the results that departs; logits are left out, whose grid is chosen for the answers."""
    before: float | None = None
    for row in rows:
        if row.snr_db is not None and row.snr_db < DEPARTED_DB and not row.logits:
            return DepartingLayer(
                layer=row.layer,
                op=row.op,
                snr_db=row.snr_db,
                before_db=before,
                weight_snr_db=row.weight_snr_db,
                files=files,
            )
        before = row.snr_db
    return None
