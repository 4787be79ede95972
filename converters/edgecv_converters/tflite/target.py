"""The TFLite target, whose int8 file carries the one quantization of all targets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.formats import LITERT
from edgecv_runtime.formats import TFLITE as FORMAT
from edgecv_runtime.schema import TensorIO

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
    softplus,
    whole_pool,
    zero_vectors,
)
from edgecv_converters.inspection import ArtifactInspection
from edgecv_converters.isolate.child import wait_for
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.measured import LayerError
from edgecv_converters.model_metadata import ModelMetadata
from edgecv_converters.quantize.layers import measure_layers
from edgecv_converters.quantize.watched import Kernels, litert
from edgecv_converters.target_options import TargetOptions
from edgecv_converters.targets import ArtifactDescription, ConversionJob, ConversionTarget, Converted, find
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import IDENTIFIER, describe, input_names, output_names
from edgecv_converters.tflite.inspect import inspect_tflite
from edgecv_converters.tflite.int8 import streamed, to_int8
from edgecv_converters.tflite.layer_maps import layer_maps
from edgecv_converters.tflite.metadata.attach import with_metadata
from edgecv_converters.tflite.metadata.contents import contents_of
from edgecv_converters.tflite.options import TfliteOptions
from edgecv_converters.tflite.reader import Array
from edgecv_converters.workers.exchange import CALIBRATION, METADATA
from edgecv_converters.workers.mixed import kept_layers

PLAIN: Final = TfliteOptions()


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
        softplus.rewrite,
        low_rank.rewrite,
        scalars.rewrite,
        channel_terms.rewrite,
        zero_vectors.rewrite,
    )
    carrier = "int8"
    memory = 10

    def convert(self, job: ConversionJob, frozen: FrozenGraph, store: ObjectStore) -> Converted:
        """Write the file of a job; an int8 file with layers in float goes to the file of that name for "mixed"."""
        metadata = wait_for(store, METADATA)
        if job.precision == self.carrier:
            return _quantized(job, frozen, store, metadata)
        spool = wait_for(store, CALIBRATION) if job.precision == "int16x8" else None
        samples = None if spool is None else streamed(spool, spool.count, spool.count)
        data = to_tflite(frozen, job.precision, samples=samples)
        described, notes = _written(data, frozen, job, metadata)
        return Converted(artifact=described.artifact(job), notes=notes)

    def compare_layers(self, file: Path, float32: Path, samples: Array) -> tuple[LayerError, ...]:
        """Run both files with all their results in view."""
        return measure_layers(file.read_bytes(), float32.read_bytes(), [samples], by_answers=True)

    def layer_maps(self, file: Path, layer: str, samples: Array) -> Array:
        """Run the file with the layer's last result in view."""
        return layer_maps(file.read_bytes(), layer, samples)

    def kernels(self) -> Callable[[bytes], Any]:
        """Open files in LiteRT."""
        return litert

    def recognizes(self, path: Path, head: bytes) -> bool:  # noqa: ARG002 - by content
        """Recognize the identifier of TFLite's flatbuffers, whatever its name."""
        return head[4:8] == IDENTIFIER

    def inspect(self, path: Path) -> ArtifactInspection:
        """Describe a TFLite file by its flatbuffer."""
        return inspect_tflite(path)


def _quantized(job: ConversionJob, frozen: FrozenGraph, store: ObjectStore, metadata: ModelMetadata) -> Converted:
    opener = find(job.how.numbers).kernels()
    assert opener is not None, "the recipe was checked"
    with Kernels.used(opener):
        made = to_int8(frozen, store, job.io, job.how)
    if kept_layers(made.mixed):
        job = replace(job, precision="mixed", file=job.file.replace(".int8.", ".mixed."))
    described, notes = _written(made.data, frozen, job, metadata)
    return Converted(
        artifact=described.artifact(job),
        steps=made.steps,
        notes=(*made.notes, *notes),
        layers=made.layers,
        float_layers=made.float_layers,
        float32_bytes=made.float32_bytes,
        mixed=made.mixed,
    )


def _written(
    data: bytes, frozen: FrozenGraph, job: ConversionJob, metadata: ModelMetadata
) -> tuple[ArtifactDescription, tuple[str, ...]]:
    """Write the file of a job, with the metadata that other tools read; return its description, and notes."""
    taken, given, ops = describe(data, frozen.inputs, frozen.outputs)
    notes: tuple[str, ...] = ()
    if _options(job.options).metadata:
        data, notes = _described(data, taken, given, metadata)
    job.out.write_bytes(data)
    return ArtifactDescription(taken, given, ops, {"format": IDENTIFIER.decode()}), notes


def _described(
    data: bytes, taken: Sequence[TensorIO], given: Sequence[TensorIO], metadata: ModelMetadata
) -> tuple[bytes, tuple[str, ...]]:
    """Return a file with the metadata that can be said of it, and notes on what cannot."""
    by_tensor = {end.tensor: end for end in (*taken, *given)}
    contents = contents_of(
        metadata, [by_tensor[name] for name in input_names(data)], [by_tensor[name] for name in output_names(data)]
    )
    if contents.tables is None:
        return data, contents.notes
    return with_metadata(data, contents.tables, contents.files), contents.notes


def _options(options: TargetOptions) -> TfliteOptions:
    return options if isinstance(options, TfliteOptions) else PLAIN


TARGET: Final = TfliteTarget()
