"""Look into a Core AI model with Apple's library; the caller gives it a process of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.errors import BundleError, MissingDependencyError
from edgecv_runtime.formats import COREAI, COREAI_CORE

from edgecv_converters.coreai.make import NO_OPERATIONS, PROGRAM, counted
from edgecv_converters.coreai.resources import read_operations
from edgecv_converters.inspection import ArtifactInspection, PortRow, sane, share, size_of

_PORT: Final = re.compile(r"NDArray \((\w+)(?:, (.+))?\)")
_CONVERTING: Final = frozenset({*NO_OPERATIONS, "cast", "quantize", "dequantize"})
_BITS: Final = re.compile(r"\d+$")


def inspect_coreai(path: Path) -> ArtifactInspection:
    """Operators, constants and quantized shares of an .aimodel folder.

    Raises:
        BundleError: The model is damaged.
        MissingDependencyError: Apple's library is not installed.
    """
    try:
        from coreai.authoring import AIModelAsset
    except ModuleNotFoundError as error:
        raise MissingDependencyError("looking into a Core AI model needs coreai-core", COREAI_CORE.install) from error
    try:
        asset = AIModelAsset.load(path)
        return _describe(path, asset.summary(), read_operations(path / PROGRAM))
    except (RuntimeError, ValueError, OSError) as error:
        raise BundleError(f"{path.name} is a damaged Core AI model", "Convert the model again") from error


def _describe(path: Path, summary: Any, operations: Sequence[tuple[str, str]]) -> ArtifactInspection:
    function = summary.function_names[0]
    sizes = {dtype.lower(): int(count) for dtype, count in summary.storage_types}
    by_dtype = {dtype: (sane(count) * _bits(dtype) + 7) // 8 for dtype, count in sizes.items()}
    narrow = sum(size for dtype, size in by_dtype.items() if _bits(dtype) <= 8)
    plain = sum(size for dtype, size in by_dtype.items() if dtype.startswith("float"))
    computing = [maker for name, maker in operations if name not in _CONVERTING]
    return ArtifactInspection(
        file=path.name,
        bytes=size_of(path),
        target=COREAI.name,
        format=f"Core AI asset, function {function}",
        inputs=tuple(_port(name, words) for name, words in summary.function_inputs(function)),
        outputs=tuple(_port(name, words) for name, words in summary.function_outputs(function)),
        ops=counted(path / PROGRAM),
        tensors=sizes,
        weight_bytes=by_dtype,
        quantized_ops=share(sum(maker == "dequantize" for maker in computing), len(computing)),
        quantized_weights=share(narrow, narrow + plain),
    )


def _bits(dtype: str) -> int:
    found = _BITS.search(dtype)
    return int(found.group()) if found else 8


def _port(name: str, words: str) -> PortRow:
    """Read an input or output from what the library says of it, "NDArray", its type and its sizes."""
    found = _PORT.fullmatch(words)
    if found is None:
        return PortRow(name=name, shape=(), dtype=words)
    sizes = tuple(int(size) for size in re.findall(r"\d+", found.group(2) or ""))
    return PortRow(name=name, shape=sizes, dtype=found.group(1).lower())
