"""The ONNX target."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from edgecv_runtime.formats import ONNX as FORMAT
from edgecv_runtime.formats import ONNX_RUNTIME, PythonLibrary
from edgecv_runtime.ort import onnxruntime

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.passes import (
    bucketize,
    erfc,
    expm1,
    groups_3d,
    log1p,
    resize_products,
    scalar_terms,
    whole_division,
)
from edgecv_converters.graph.weights import WeightFile
from edgecv_converters.inspection import ArtifactInspection
from edgecv_converters.isolate.child import wait_for
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.model_metadata import ModelMetadata
from edgecv_converters.onnx.batch import with_batch
from edgecv_converters.onnx.describe import describe
from edgecv_converters.onnx.float import to_onnx
from edgecv_converters.onnx.float16 import to_float16
from edgecv_converters.onnx.inspect import inspect_onnx
from edgecv_converters.onnx.int8 import from_tflite
from edgecv_converters.onnx.int8.short import shortened
from edgecv_converters.onnx.large import MOST_BYTES, kept_in, write_model
from edgecv_converters.onnx.layer_maps import Array, layer_maps
from edgecv_converters.onnx.options import OnnxOptions
from edgecv_converters.target_options import TargetOptions
from edgecv_converters.targets import ArtifactDescription, ConversionJob, ConversionTarget, Converted
from edgecv_converters.workers.exchange import METADATA

PLAIN: Final = OnnxOptions()
ONLY_ERRORS: Final = 3  # of ONNX Runtime's log


class OnnxTarget(ConversionTarget):
    """tf2onnx, for the float models from the frozen graph, and for int8 from the TFLite file.

    Attributes:
        most: The bytes of a model in one file; a larger one has a second file.
    """

    format = FORMAT
    precisions = ("float32", "float16", "int8")
    needs = (
        PythonLibrary(name="tf2onnx", distributions=("tf2onnx",), modules=("tf2onnx",), extra="convert"),
        PythonLibrary(name="onnx", distributions=("onnx",), modules=("onnx",), extra="convert"),
        ONNX_RUNTIME,
    )
    passes = (
        erfc.rewrite,
        resize_products.rewrite,
        expm1.rewrite,
        log1p.rewrite,
        bucketize.rewrite,
        groups_3d.rewrite,
        scalar_terms.rewrite,
        whole_division.rewrite,
    )
    carried = frozenset({"int8"})
    slowness = 1
    most = MOST_BYTES

    def load_libraries(self) -> None:
        """Import tf2onnx, and ONNX Runtime without its notes."""
        import tf2onnx  # noqa: F401 - loaded while the source is still being frozen

        onnxruntime().set_default_logger_severity(ONLY_ERRORS)

    def convert(self, job: ConversionJob, frozen: FrozenGraph, store: ObjectStore) -> Converted:
        """Write the model of a job."""
        metadata = wait_for(store, METADATA)
        file = WeightFile()
        model = self._model(job, frozen, file)
        options = _options(job.options)
        if options.batch > 1:
            with kept_in(file, model):
                with_batch(model, options.batch)
        _sign(model, metadata)
        write_model(model, job.out, self.most)
        opset = max(entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"})
        taken, given, ops = describe(model, frozen.inputs, frozen.outputs)
        requires = {"opset": str(opset), "ir_version": str(model.ir_version)}
        return Converted(artifact=ArtifactDescription(taken, given, ops, requires).artifact(job))

    def _model(self, job: ConversionJob, frozen: FrozenGraph, file: WeightFile) -> Any:
        if job.quantized is not None:
            model = from_tflite(job.quantized, inputs=frozen.inputs, outputs=frozen.outputs)
            return shortened(model) if model.ByteSize() > frozen.bytes() else model
        model = to_onnx(frozen, file=file, most=self.most)
        return to_float16(model, file) if job.precision == "float16" else model

    def layer_maps(self, file: Path, layer: str, samples: Array) -> Array:
        """Run the file with the layer's last result as an output."""
        return layer_maps(file, layer, samples)

    def recognizes(self, path: Path, head: bytes) -> bool:
        """Recognize a file by the name NAME.onnx: a protobuf has no identifier."""
        return path.suffix == self.format.suffix and bool(head)

    def inspect(self, path: Path) -> ArtifactInspection:
        """Describe a model by its protobuf."""
        return inspect_onnx(path)


def _options(options: TargetOptions) -> OnnxOptions:
    return options if isinstance(options, OnnxOptions) else PLAIN


def _sign(model: Any, metadata: ModelMetadata) -> None:
    """Say what the model is, which bundle it belongs to, and who made it."""
    model.doc_string = metadata.summary()
    authorship = metadata.authorship
    named = {"author": authorship.author, "license": authorship.license, "version": authorship.version}
    for key, value in {**named, **metadata.properties()}.items():
        if value is not None:
            model.metadata_props.add(key=key, value=value)


TARGET: Final = OnnxTarget()
