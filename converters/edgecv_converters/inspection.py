"""The findings of looking into a converted file, whatever its format."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
from edgecv_runtime.digest import tree_bytes
from edgecv_runtime.errors import BundleError
from edgecv_runtime.schema import QuantParams, Target

MOST_ELEMENTS: Final = 1 << 48  # of one tensor; larger numbers are damage, and no JSON has them


class PortRow(msgspec.Struct, frozen=True, kw_only=True):
    """One input or output of an artifact's file; a size of -1 is open."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: QuantParams | None = None


class ArtifactInspection(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="artifact"):
    """A converted file.

    Attributes:
        file: Its name, without folders. bytes: Its size on disk. target: What runs it. format: The format's
        own version, in words. inputs: In the file's order. outputs: In the file's order. ops: How often each
        operator occurs. tensors: How many tensors (ONNX and Core ML: constants) there are of each dtype.
        weight_bytes: Bytes of constants by dtype. quantized_ops: Share (0..1) of the operators that compute
        in integers, those that only convert left out; None
            where there is no operator.
        quantized_weights: Share (0..1) of weight bytes that are integers with a scale; None without weights.
    """

    file: str
    bytes: int
    target: Target
    format: str
    inputs: tuple[PortRow, ...]
    outputs: tuple[PortRow, ...]
    ops: dict[str, int]
    tensors: dict[str, int]
    weight_bytes: dict[str, int]
    quantized_ops: float | None
    quantized_weights: float | None


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder.

    Raises:
        BundleError: A folder holds what no digest covers, or cannot be listed.
    """
    try:
        return tree_bytes(path)
    except OSError as error:
        raise BundleError(f"{path.name} cannot be read: {error.strerror}") from error


def share(part: float, whole: float) -> float | None:
    """A part of a whole as 0..1, None where there is no whole."""
    return part / whole if whole else None


def sane(count: int) -> int:
    """A count of elements that a file declares.

    Raises:
        ValueError: No file has as many.
    """
    if not 0 <= count <= MOST_ELEMENTS:
        raise ValueError(f"{count} elements")
    return count
