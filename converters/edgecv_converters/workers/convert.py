"""Makes one artifact from the frozen graph and describes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.measured import LayerError, Mixed
from edgecv_runtime.schema import Artifact, Precision, Target, TensorIO

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.passes import canonical
from edgecv_converters.isolate.child import wait_for
from edgecv_converters.isolate.mailbox import Mailbox
from edgecv_converters.tflite import IoType
from edgecv_converters.workers.int8 import Quantizing, streamed, to_int8
from edgecv_converters.workers.mixed import kept_layers

Described = tuple[tuple[TensorIO, ...], tuple[TensorIO, ...], dict[str, int], dict[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """One artifact and, of the one that carries the quantization, what was done to it, layer by layer."""

    artifact: Artifact
    steps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    layers: tuple[LayerError, ...] = ()
    mixed: Mixed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """The TFLite file that carries the one quantization, and the layers that stay float in it."""

    file: Path
    float_layers: tuple[str, ...] = ()


def convert_artifact(
    target: Target,
    precision: Precision,
    io: IoType,
    root: Path,
    file: str,
    mail: Path,
    quantized: Carrier | None,
    how: Quantizing,
) -> Converted:
    """Convert to `root/file`, or for int8 TFLite with layers in float to the file of that name for "mixed".

    `quantized` is the TFLite file that carries the one quantization, for the ONNX (and, mixed, the Core ML) file of it.

    Raises:
        ConversionError: The converter refused the model.
    """
    WARM_UP[target]()
    box = Mailbox(mail)
    frozen = canonical(FrozenGraph.load(wait_for(box, "frozen")), target)
    out = root / file
    out.parent.mkdir(parents=True, exist_ok=True)
    if (target, precision) == ("tflite", "int8"):
        made = to_int8(frozen, box, io, how)
        if kept_layers(made.mixed):
            precision, file = "mixed", file.replace(".int8.", ".mixed.")
            out = root / file
        described = _written(made.data, frozen, out)
    else:
        described, made = _convert(target, precision, frozen, out, box, quantized), None
    inputs, outputs, ops, requires = described
    artifact = Artifact(
        target=target,
        precision=precision,
        file=file,
        sha256=sha256_tree(out),
        bytes=tree_bytes(out),
        inputs=inputs,
        outputs=outputs,
        ops=ops,
        requires=requires,
    )
    if made is None:
        return Converted(artifact=artifact)
    return Converted(artifact=artifact, steps=made.steps, notes=made.notes, layers=made.layers, mixed=made.mixed)


def _convert(
    target: Target,
    precision: Precision,
    frozen: FrozenGraph,
    out: Path,
    box: Mailbox,
    quantized: Carrier | None,
) -> Described:
    if target == "tflite":
        return _tflite(precision, frozen, out, box)
    if target == "onnx":
        return _onnx(precision, frozen, out, quantized)
    from edgecv_converters.coreml import describe, to_coreml

    to_coreml(frozen, precision, out, () if quantized is None else quantized.float_layers)
    return describe(out, frozen.inputs, frozen.outputs)


def _tflite(precision: Precision, frozen: FrozenGraph, out: Path, box: Mailbox) -> Described:
    from edgecv_converters.tflite import to_tflite

    spool = wait_for(box, "calibration") if precision == "int16x8" else None
    data = to_tflite(frozen, precision, samples=None if spool is None else streamed(spool, spool.count))
    return _written(data, frozen, out)


def _written(data: bytes, frozen: FrozenGraph, out: Path) -> Described:
    from edgecv_converters.tflite import describe

    out.write_bytes(data)
    return (*describe(data, frozen.inputs, frozen.outputs), {"format": "TFL3"})


def _onnx(precision: Precision, frozen: FrozenGraph, out: Path, quantized: Carrier | None) -> Described:
    import onnx

    from edgecv_converters.onnx.describe import describe
    from edgecv_converters.onnx.float import to_onnx
    from edgecv_converters.onnx.float16 import to_float16
    from edgecv_converters.onnx.int8 import from_tflite

    inputs, outputs = frozen.inputs, frozen.outputs
    if quantized is not None:
        model = from_tflite(quantized.file, inputs=inputs, outputs=outputs)
    else:
        model = to_onnx(frozen)
        model = to_float16(model) if precision == "float16" else model
    onnx.save_model(model, str(out))
    opset = max(entry.version for entry in model.opset_import if entry.domain in {"", "ai.onnx"})
    return (*describe(model, inputs, outputs), {"opset": str(opset), "ir_version": str(model.ir_version)})


def _import_tf2onnx() -> None:
    import onnxruntime
    import tf2onnx  # noqa: F401 - loaded while the source is still being frozen

    onnxruntime.set_default_logger_severity(3)


def _import_coremltools() -> None:
    from edgecv_converters.coreml.convert import load_coremltools

    load_coremltools()


def _import_nothing() -> None:
    """TensorFlow, with the TFLite converter in it, is in every worker already."""


WARM_UP: Mapping[Target, Callable[[], None]] = {
    "tflite": _import_nothing,
    "onnx": _import_tf2onnx,
    "coreml": _import_coremltools,
}
