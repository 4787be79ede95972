"""Reading the golden files of a bundle, each checked against its size and digest."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.bundle import read_within
from edgecv_runtime.errors import BundleError
from edgecv_runtime.files import MIB
from edgecv_runtime.geometry import View
from edgecv_runtime.golden_schema import GoldenTensor
from edgecv_runtime.heads.base import Head, Outputs
from edgecv_runtime.manifest import MAX_ELEMENTS
from edgecv_runtime.paths import shortened

FOLDER: Final = "golden"
MOST_PICTURE: Final = 256 * MIB  # bytes of a picture's file
INTEGERS: Final = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
DTYPES: Final = frozenset({"bool", *INTEGERS, "float16", "float32", "float64"})
AGAIN: Final = "Take the bundle again from its source"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferenceAnswer:
    """The answer of one head to one case: what `GoldenAnswer` records.

    Attributes:
        decisions: What the head decides; None where it decides nothing.
        scores: The numbers of its answer with a batch of 1, such as (1, answers) float32.
    """

    decisions: tuple[int, ...] | None
    scores: npt.NDArray[Any]

    @classmethod
    def of(cls, head: Head, outputs: Outputs, view: View | None = None) -> ReferenceAnswer:
        """Decode a case's outputs, whose batch is 1.

        Args:
            head: What they mean.
            outputs: The outputs.
            view: Where the case's picture lies in the input.
        """
        decisions, scores = head.recorded(outputs, view)
        return cls(decisions=decisions, scores=scores)

    def equals(self, other: ReferenceAnswer) -> bool:
        """Tell whether decisions are equal, and scores but for the last bit: exponentials may be rounded otherwise."""
        if self.decisions != other.decisions or self.scores.shape != other.scores.shape:
            return False
        if self.scores.dtype != other.scores.dtype:
            return False
        if self.scores.dtype != np.float32:
            return np.array_equal(self.scores, other.scores)
        return bool(_within_a_bit(self.scores, other.scores).all())


def _within_a_bit(left: npt.NDArray[np.float32], right: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    near = (np.nextafter(left, np.float32(np.inf)) >= right) & (np.nextafter(left, np.float32(-np.inf)) <= right)
    return np.asarray(near | (np.isnan(left) & np.isnan(right)))


def read_tensor(root: Path, tensor: GoldenTensor) -> npt.NDArray[Any]:
    """The values of a golden tensor.

    Args:
        root: The bundle's folder.
        tensor: Its record.

    Raises:
        BundleError: The file is missing, changed, of the wrong size, or outside the golden folder.
    """
    name = shortened(tensor.file)
    if tensor.dtype not in DTYPES:
        raise BundleError(f"golden file {name} has the unknown dtype {shortened(tensor.dtype)!r}")
    count = math.prod(tensor.shape)
    if min(tensor.shape, default=1) < 0 or count > MAX_ELEMENTS:
        raise BundleError(f"golden file {name} has the shape {shortened(str(tensor.shape))}")
    kind = np.dtype(tensor.dtype).newbyteorder("<")
    expected = count * kind.itemsize
    data = read_part(root, tensor.file, tensor.sha256, expected)
    if len(data) != expected:
        raise BundleError(f"golden file {name} has {len(data)} bytes, its shape needs {expected}")
    return np.frombuffer(data, kind).reshape(tensor.shape).astype(kind.newbyteorder("="))


def read_part(root: Path, name: str, sha256: str, most: int) -> bytes:
    """The bytes of a file in the golden folder, of at most so many bytes and with that digest.

    Raises:
        BundleError: It is missing, changed, larger, or outside the golden folder.
    """
    if PurePosixPath(name).name != name:
        raise BundleError(f"golden file {shortened(name)!r} is outside the golden folder")
    data = read_within(root, f"{FOLDER}/{name}", most)
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BundleError(f"golden file {shortened(name)} is not the one that was written", AGAIN)
    return data
