"""Makes one artifact from the frozen graph and describes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.schema import Artifact, Precision, Target, TensorIO

from edgecv_converters.data import Spool
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.passes import canonical
from edgecv_converters.isolate.child import progress, wait_for
from edgecv_converters.isolate.mailbox import Mailbox
from edgecv_converters.tflite import IoType

Described = tuple[tuple[TensorIO, ...], tuple[TensorIO, ...], dict[str, int], dict[str, str]]


def convert_artifact(
    target: Target,
    precision: Precision,
    io: IoType,
    root: Path,
    file: str,
    mail: Path,
    quantized: Path | None,
) -> Artifact:
    """Convert to `root/file`. `quantized` is the int8 TFLite file that carries the one quantization (ONNX int8).

    Raises:
        ConversionError: The converter refused the model.
    """
    WARM_UP[target]()
    box = Mailbox(mail)
    frozen = canonical(FrozenGraph.load(wait_for(box, "frozen")), target)
    out = root / file
    out.parent.mkdir(parents=True, exist_ok=True)
    inputs, outputs, ops, requires = _convert(target, precision, io, frozen, out, box, quantized)
    return Artifact(
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


def _convert(
    target: Target,
    precision: Precision,
    io: IoType,
    frozen: FrozenGraph,
    out: Path,
    box: Mailbox,
    quantized: Path | None,
) -> Described:
    if target == "tflite":
        return _tflite(precision, io, frozen, out, box)
    if target == "onnx":
        return _onnx(precision, frozen, out, quantized)
    from edgecv_converters.coreml import describe, to_coreml

    to_coreml(frozen, precision, out)
    return describe(out, frozen.inputs, frozen.outputs)


def _tflite(precision: Precision, io: IoType, frozen: FrozenGraph, out: Path, box: Mailbox) -> Described:
    from edgecv_converters.tflite import describe, to_tflite

    calibrated = precision in {"int8", "int16x8"}
    samples = _streamed(wait_for(box, "calibration")) if calibrated else None
    data = to_tflite(frozen, precision, samples=samples, io=io if precision == "int8" else "float32")
    out.write_bytes(data)
    return (*describe(data, frozen.inputs, frozen.outputs), {"format": "TFL3"})


def _streamed(spool: Spool) -> Callable[[], Iterator[Mapping[str, np.ndarray]]]:
    def generate() -> Iterator[Mapping[str, np.ndarray]]:
        for rows, batch in spool.batches(1):
            yield batch
            progress(rows.stop, spool.count)

    return generate


def _onnx(precision: Precision, frozen: FrozenGraph, out: Path, quantized: Path | None) -> Described:
    import onnx

    from edgecv_converters.onnx.describe import describe
    from edgecv_converters.onnx.float import to_onnx
    from edgecv_converters.onnx.float16 import to_float16
    from edgecv_converters.onnx.int8 import from_tflite

    inputs, outputs = frozen.inputs, frozen.outputs
    if precision == "int8" and quantized is not None:
        model = from_tflite(quantized, inputs=inputs, outputs=outputs)
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
