"""The options of the ONNX target."""

from __future__ import annotations

from typing import Annotated, Final

from edgecv_runtime.errors import UsageError

from edgecv_converters.target_options import Flag, TargetOptions

LARGEST_BATCH: Final = 1024


class OnnxOptions(TargetOptions, frozen=True, kw_only=True):
    """The options of the ONNX models of a bundle: `batch` is how many samples one call of them takes."""

    batch: Annotated[
        int,
        Flag(
            name="--batch",
            metavar="N",
            help="How many samples the ONNX models take at once: more answers a second, and a later first one.",
            panel="The ONNX models",
        ),
    ] = 1

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= LARGEST_BATCH:
            raise UsageError(f"--batch must be 1 to {LARGEST_BATCH}, got {self.batch}", "For example --batch 8")


OPTIONS: Final = OnnxOptions
