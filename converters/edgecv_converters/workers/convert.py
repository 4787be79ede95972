"""Makes one artifact from the frozen graph and describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.schema import Artifact, Precision, Sketch, Target, TensorIO

from edgecv_converters.coreml import Interface
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.passes import canonical
from edgecv_converters.isolate.child import wait_for
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.measured import LayerError, Mixed
from edgecv_converters.tflite import IoType
from edgecv_converters.workers.exchange import CALIBRATION, FROZEN
from edgecv_converters.workers.int8 import Quantizing, streamed, to_int8
from edgecv_converters.workers.mixed import kept_layers

Described = tuple[tuple[TensorIO, ...], tuple[TensorIO, ...], dict[str, int], dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """One artifact and, of the one that carries the quantization, what was done to it, layer by layer.

    `sketches` are of the graph that a Core ML package was made from.
    """

    artifact: Artifact
    steps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sketches: tuple[Sketch, ...] = ()
    layers: tuple[LayerError, ...] = ()
    mixed: Mixed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionJob:
    """The job of converting the frozen graph to one artifact.

    Attributes:
        target, precision: The artifact.
        root, file: Where it goes: the file `root/file`.
        io: The dtype of an int8 TFLite file's inputs and outputs.
        interface: What an app wants of a Core ML package.
        quantized: The TFLite file that carries the one quantization, for the ONNX or Core ML artifact of it.
        how: How the int8 TFLite file is made.
    """

    target: Target
    precision: Precision
    root: Path
    file: str
    io: IoType
    interface: Interface
    quantized: Path | None
    how: Quantizing

    @property
    def out(self) -> Path:
        """The file or folder that the artifact is written to."""
        return self.root / self.file


def convert_artifact(job: ConversionJob, store: ObjectStore) -> Converted:
    """Convert; an int8 TFLite file with layers in float goes to the file of that name for "mixed".

    Raises:
        ConversionError: The converter refused the model.
    """
    WARM_UP[job.target]()
    frozen = canonical(FrozenGraph.load(wait_for(store, FROZEN)), job.target)
    job.out.parent.mkdir(parents=True, exist_ok=True)
    if job.target == "coreml":
        from edgecv_converters.workers.coreml import make_package

        package = make_package(job.precision, frozen, job.out, store, job.interface, job.quantized)
        artifact = _artifact(job, package.described)
        return Converted(artifact=artifact, notes=package.notes, sketches=package.sketches)
    if (job.target, job.precision) != ("tflite", "int8"):
        make = _tflite if job.target == "tflite" else _onnx
        return Converted(artifact=_artifact(job, make(job, frozen, store)))
    made = to_int8(frozen, store, job.io, job.how)
    if kept_layers(made.mixed):
        job = replace(job, precision="mixed", file=job.file.replace(".int8.", ".mixed."))
    artifact = _artifact(job, _written(made.data, frozen, job.out))
    return Converted(artifact=artifact, steps=made.steps, notes=made.notes, layers=made.layers, mixed=made.mixed)


def _artifact(job: ConversionJob, described: Described) -> Artifact:
    inputs, outputs, ops, requires = described
    return Artifact(
        target=job.target,
        precision=job.precision,
        file=job.file,
        sha256=sha256_tree(job.out),
        bytes=tree_bytes(job.out),
        inputs=inputs,
        outputs=outputs,
        ops=ops,
        requires=requires,
    )


def _tflite(job: ConversionJob, frozen: FrozenGraph, store: ObjectStore) -> Described:
    from edgecv_converters.tflite import to_tflite

    spool = wait_for(store, CALIBRATION) if job.precision == "int16x8" else None
    data = to_tflite(frozen, job.precision, samples=None if spool is None else streamed(spool, spool.count))
    return _written(data, frozen, job.out)


def _written(data: bytes, frozen: FrozenGraph, out: Path) -> Described:
    from edgecv_converters.tflite import describe

    out.write_bytes(data)
    return (*describe(data, frozen.inputs, frozen.outputs), {"format": "TFL3"})


def _onnx(job: ConversionJob, frozen: FrozenGraph, _box: ObjectStore) -> Described:
    import onnx

    from edgecv_converters.onnx.describe import describe
    from edgecv_converters.onnx.float import to_onnx
    from edgecv_converters.onnx.float16 import to_float16
    from edgecv_converters.onnx.int8 import from_tflite

    inputs, outputs = frozen.inputs, frozen.outputs
    if job.quantized is not None:
        model = from_tflite(job.quantized, inputs=inputs, outputs=outputs)
    else:
        model = to_onnx(frozen)
        model = to_float16(model) if job.precision == "float16" else model
    onnx.save_model(model, str(job.out))
    opset = max(entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"})
    return (*describe(model, inputs, outputs), {"opset": str(opset), "ir_version": str(model.ir_version)})


def _import_tf2onnx() -> None:
    import onnxruntime
    import tf2onnx  # noqa: F401 - loaded while the source is still being frozen

    onnxruntime.set_default_logger_severity(3)


def _import_coremltools() -> None:
    from edgecv_converters.coreml.package import load_coremltools

    load_coremltools()


def _import_nothing() -> None:
    """TensorFlow, with the TFLite converter in it, is in every worker already."""


WARM_UP: Mapping[Target, Callable[[], None]] = {
    "tflite": _import_nothing,
    "onnx": _import_tf2onnx,
    "coreml": _import_coremltools,
}
