"""The target of microcontrollers: what TensorFlow Lite Micro runs, proven by TensorFlow Lite Micro."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.backends import Backend
from edgecv_runtime.errors import UsageError
from edgecv_runtime.formats import MICRO as FORMAT
from edgecv_runtime.formats import TFLITE_MICRO
from edgecv_runtime.schema import Precision

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.inspection import ArtifactInspection
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.micro.kernels import MicroKernels
from edgecv_converters.micro.options import MicroOptions
from edgecv_converters.micro.refusals import tried_out
from edgecv_converters.micro.vela import estimate, require_vela
from edgecv_converters.target_options import TargetOptions
from edgecv_converters.targets import ArtifactDescription, ConversionJob, ConversionTarget, Converted
from edgecv_converters.tflite.compact import compact
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import IDENTIFIER, describe
from edgecv_converters.tflite.ends import with_io
from edgecv_converters.tflite.inspect import inspect_tflite
from edgecv_converters.tflite.target import TfliteTarget

ARENA: Final = "arena_bytes"
"""The key of `Artifact.requires` that has the bytes of memory that TFLM takes for the model."""


class MicroTarget(ConversionTarget):
    """TFLite's file as TFLM takes it: integers go in and come out, and nothing is in it that only computers need."""

    format = FORMAT
    precisions = ("float32", "int8")
    default_precision = "int8"
    needs = (TFLITE_MICRO,)
    passes = TfliteTarget.passes
    carried = frozenset({"int8"})

    def convert(self, job: ConversionJob, frozen: FrozenGraph, store: ObjectStore) -> Converted:  # noqa: ARG002
        """Write the file of a job, and run it in TFLM."""
        data = compact(_file(job, frozen))
        use = tried_out(data)
        job.out.write_bytes(data)
        taken, given, ops = describe(data, frozen.inputs, frozen.outputs)
        requires = {"format": IDENTIFIER.decode(), ARENA: str(use.total)}
        note = (
            f"{job.file} takes {len(data):,} bytes of flash and, as its arena, {use.total:,} bytes of RAM, of which "
            f"{use.head:,} are for activations: TFLM's code is not counted, and its structures are those of 64 bits"
        )
        artifact = ArtifactDescription(taken, given, ops, requires).artifact(job)
        accelerator = _options(job.options).ethos_u
        estimates = (str(estimate(job.out, accelerator)),) if accelerator and job.quantized is not None else ()
        return Converted(artifact=artifact, notes=(note, *estimates))

    def check_options(self, options: TargetOptions, precisions: Collection[Precision]) -> None:
        """Refuse an accelerator where there is no int8 file for it, or nothing to estimate with."""
        if _options(options).ethos_u is None:
            return
        if "int8" not in precisions:
            raise UsageError(
                f"--ethos-u is for the int8 file of {FORMAT.title}, which is not asked for",
                f"Add --target {FORMAT.name} --quantize int8",
            )
        require_vela()

    def kernels(self) -> Callable[[bytes], Any]:
        """Open files in TFLM."""
        return MicroKernels

    def execution(self, backend: Backend) -> str:
        """Say which version of TFLM executed an artifact."""
        return f"TFLM {backend.info.version}"

    def recognizes(self, path: Path, head: bytes) -> bool:  # noqa: ARG002
        """Recognize nothing: these are TFLite files, and that target looks into them."""
        return False

    def inspect(self, path: Path) -> ArtifactInspection:
        """Describe a file by its flatbuffer."""
        return inspect_tflite(path)


def _options(options: TargetOptions) -> MicroOptions:
    return options if isinstance(options, MicroOptions) else MicroOptions()


def _file(job: ConversionJob, frozen: FrozenGraph) -> bytes:
    """Return the file of a job: int8 goes in and comes out where no dtype is asked for, for a chip reads bytes."""
    if job.quantized is None:
        return to_tflite(frozen, job.precision)
    data = job.quantized.read_bytes()
    return with_io(data, "int8") if job.io == "float32" else data


TARGET: Final = MicroTarget()
