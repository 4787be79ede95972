"""The int8 ONNX target: the TFLite int8 file's own quantization, as a QDQ model that runs fast on x86."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from edgecv_converters.graph.frozen import Endpoint
from edgecv_converters.graph.weights import WeightFile
from edgecv_converters.onnx.canonical import canonical, name_endpoints
from edgecv_converters.onnx.edit import DEQUANTIZE, Index
from edgecv_converters.onnx.float import OPSET
from edgecv_converters.onnx.int8.handlers import register
from edgecv_converters.onnx.int8.pass_runner import run_passes
from edgecv_converters.onnx.int8.passes import PASSES
from edgecv_converters.onnx.int8.passes.uint8 import WEIGHTED
from edgecv_converters.onnx.large import large_in, take_large
from edgecv_converters.onnx.reader import call_tf2onnx, foreign, unsupported

if TYPE_CHECKING:
    from onnx import ModelProto

METADATA: Mapping[str, str] = MappingProxyType(
    {
        "edgecv.activations": "uint8",
        "edgecv.x86_without_vnni": "set the session option session.x64quantprecision to 1",
    }
)


def from_tflite(
    tflite: bytes | Path, *, inputs: Sequence[Endpoint], outputs: Sequence[Endpoint], opset: int = OPSET
) -> ModelProto:
    """Carry a TFLite int8 model over to ONNX, with its very scales and zero points.

    Activations become uint8 (value and zero point + 128, the same real numbers), weights stay int8 per channel
    (uint8 where several operations share them), biases int32. Inputs and outputs keep the file's dtype: float32, int8
    or uint8. On x86 processors without VNNI, ONNX Runtime computes such a model right only with
    `session.x64quantprecision=1`: docs/onnx_int8.md.

    Args:
        tflite: The file, or its bytes.
        inputs: The source model's inputs; they give the names and the order.
        outputs: The source model's outputs.
        opset: The ONNX operator set to write, 13 or later.

    Raises:
        ConversionError: An op has no ONNX form (named, with its layer), or the result is not a valid model.
    """
    if isinstance(tflite, bytes):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.tflite"
            path.write_bytes(tflite)
            return from_tflite(path, inputs=inputs, outputs=outputs, opset=opset)
    from tf2onnx import convert

    register()
    with large_in(WeightFile()):
        model = call_tf2onnx(lambda: convert.from_tflite(str(tflite), opset=opset))
        left = foreign(model)
        if left:
            raise unsupported(left)
        name_endpoints(model, inputs, outputs)
        model = canonical(model, opset=opset)
        take_large(model)
    done = run_passes(model, PASSES)
    for key, value in {**METADATA, "edgecv.weights": _weights(done)}.items():
        done.metadata_props.add(key=key, value=value)
    return done


def _weights(model: ModelProto) -> str:
    """The dtypes of the weights: "int8", "uint8" (shared ones), or both."""
    from onnx import helper

    index = Index.of(model.graph)
    products = [node for node in model.graph.node if node.op_type in WEIGHTED]
    makers = [index.maker(node.input[WEIGHTED[node.op_type]], DEQUANTIZE) for node in products]
    held = [index.constants[maker.input[0]] for maker in makers if maker and maker.input[0] in index.constants]
    return ", ".join(sorted({helper.tensor_dtype_to_np_dtype(tensor.data_type).name for tensor in held}))
