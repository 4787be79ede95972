"""Labelled data of one head: class indices or names, bits, and numbers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecv_runtime.errors import DataError


def class_indices(values: npt.NDArray[Any], labels: Sequence[str], origin: str) -> npt.NDArray[np.int64]:
    """Return (n,) int64 of class indices or labels.

    Raises:
        DataError: There is another label, or not one for each sample; or whole numbers may be either.
    """
    flat = values.reshape(-1)
    if len(flat) != len(values):
        raise DataError(f"{origin} has {values.size} labels for {len(values)} samples", "Store one for each")
    known = {label: index for index, label in enumerate(labels)}
    names = [str(value) for value in flat.tolist()]
    numbered = np.issubdtype(flat.dtype, np.integer)
    if numbered:
        refuse_two_readings(set(flat.tolist()), labels, origin)
    if all(name in known for name in names):
        return np.asarray([known[name] for name in names], np.int64)
    unknown = [name for name in names if not (0 <= int(name) < len(labels) if numbered else name in known)]
    if unknown:
        raise DataError(
            f"{origin} has the class {unknown[0]!r}, which is not among the labels",
            f"The labels are {', '.join(labels[:12])}{' ...' if len(labels) > 12 else ''}",
        )
    return flat.astype(np.int64)


def refuse_two_readings(numbers: Collection[int], labels: Sequence[str], origin: str) -> None:
    """Refuse whole numbers that may be the indices of labels, and labels themselves, where the two differ.

    Raises:
        DataError: They may.
    """
    known = {label: index for index, label in enumerate(labels)}
    if not all(str(number) in known and 0 <= number < len(labels) for number in numbers):
        return
    other = next((number for number in sorted(numbers) if known[str(number)] != number), None)
    if other is not None:
        raise DataError(
            f"{origin} has the number {other}, which is the label {str(other)!r} and the index of {labels[other]!r}",
            "Store the labels as text",
        )


def label_bits(values: npt.NDArray[Any], count: int, origin: str) -> npt.NDArray[np.int64]:
    """Return (n, labels) int64 of zeros and ones.

    Raises:
        DataError: There are others, or not as many as labels.
    """
    rows = values.reshape(len(values), -1)
    if rows.shape[1] != count or not np.isin(rows, (0, 1)).all():
        raise DataError(
            f"{origin} has rows of {rows.shape[1]} values, or values that are neither 0 nor 1",
            f"Store a 1 for each of the {count} labels that holds, and a 0 for the others",
        )
    return rows.astype(np.int64)


def numbers(values: npt.NDArray[Any], count: int, origin: str) -> npt.NDArray[np.float64]:
    """Return (n, columns) float64.

    Raises:
        DataError: They are no finite numbers, or not as many as the model gives.
    """
    if not (np.issubdtype(values.dtype, np.number) or values.dtype == np.bool_):
        raise DataError(f"{origin} is {values.dtype}, which is not numeric", "Store numbers")
    rows = np.asarray(values, np.float64).reshape(len(values), -1)
    if rows.shape[1] != count:
        raise DataError(f"{origin} has rows of {rows.shape[1]} values, the model gives {count}", "Store one for each")
    if not np.isfinite(rows).all():
        raise DataError(f"{origin} has NaN or infinity", "Every sample must be usable")
    return rows
