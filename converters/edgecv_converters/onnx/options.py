"""The options of the ONNX target."""

from __future__ import annotations

from edgecv_runtime.errors import UsageError
from edgecv_runtime.records import Record

LARGEST_BATCH = 1024


class OnnxOptions(Record, frozen=True, kw_only=True):
    """The options of the ONNX models of a bundle: `batch` is how many samples one call of them takes."""

    batch: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= LARGEST_BATCH:
            raise UsageError(f"--batch must be 1 to {LARGEST_BATCH}, got {self.batch}", "For example --batch 8")
