"""The TFLite target, whose int8 file carries the one quantization of all targets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.formats import LITERT
from edgecv_runtime.formats import TFLITE as FORMAT

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.passes import (
    channel_terms,
    dilated_transposed,
    groups_3d,
    low_rank,
    negative,
    pools_3d,
    resize_products,
    scalars,
    whole_pool,
    zero_vectors,
)
from edgecv_converters.inspection import ArtifactInspection
from edgecv_converters.isolate.child import wait_for
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.quantize.watched import Kernels, litert
from edgecv_converters.targets import ArtifactDescription, ConversionJob, ConversionTarget, Converted, find
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import IDENTIFIER, describe
from edgecv_converters.tflite.inspect import inspect_tflite
from edgecv_converters.tflite.int8 import streamed, to_int8
from edgecv_converters.workers.exchange import CALIBRATION
from edgecv_converters.workers.mixed import kept_layers


class TfliteTarget(ConversionTarget):
    """TensorFlow's TFLite converter; TensorFlow, with the converter in it, is in every worker already."""

    format = FORMAT
    precisions = ("float32", "float16", "dynamic", "int8", "int16x8")
    needs = (LITERT,)
    passes = (
        groups_3d.rewrite,
        dilated_transposed.rewrite,
        pools_3d.rewrite,
        resize_products.rewrite,
        whole_pool.rewrite,
        negative.rewrite,
        low_rank.rewrite,
        scalars.rewrite,
        channel_terms.rewrite,
        zero_vectors.rewrite,
    )
    carrier = "int8"
    memory = 10

    def convert(self, job: ConversionJob, frozen: FrozenGraph, store: ObjectStore) -> Converted:
        """Write the file of a job; an int8 file with layers in float goes to the file of that name for "mixed"."""
        if job.precision == self.carrier:
            return _quantized(job, frozen, store)
        spool = wait_for(store, CALIBRATION) if job.precision == "int16x8" else None
        samples = None if spool is None else streamed(spool, spool.count, spool.count)
        data = to_tflite(frozen, job.precision, samples=samples)
        return Converted(artifact=_written(data, frozen, job).artifact(job))

    def kernels(self) -> Callable[[bytes], Any]:
        """Open files in LiteRT."""
        return litert

    def recognizes(self, path: Path, head: bytes) -> bool:  # noqa: ARG002 - by content
        """Recognize the identifier of TFLite's flatbuffers, whatever its name."""
        return head[4:8] == IDENTIFIER

    def inspect(self, path: Path) -> ArtifactInspection:
        """Describe a TFLite file by its flatbuffer."""
        return inspect_tflite(path)


def _quantized(job: ConversionJob, frozen: FrozenGraph, store: ObjectStore) -> Converted:
    opener = find(job.how.numbers).kernels()
    assert opener is not None, "the recipe was checked"
    with Kernels.used(opener):
        made = to_int8(frozen, store, job.io, job.how)
    if kept_layers(made.mixed):
        job = replace(job, precision="mixed", file=job.file.replace(".int8.", ".mixed."))
    artifact = _written(made.data, frozen, job).artifact(job)
    return Converted(
        artifact=artifact,
        steps=made.steps,
        notes=made.notes,
        layers=made.layers,
        float_layers=made.float_layers,
        float32_bytes=made.float32_bytes,
        mixed=made.mixed,
    )


def _written(data: bytes, frozen: FrozenGraph, job: ConversionJob) -> ArtifactDescription:
    job.out.write_bytes(data)
    taken, given, ops = describe(data, frozen.inputs, frozen.outputs)
    return ArtifactDescription(taken, given, ops, {"format": IDENTIFIER.decode()})


TARGET: Final = TfliteTarget()
