"""Small int8 ONNX models for the tests of the passes, and what ONNX Runtime makes of them."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from edgecv_converters.onnx.canonical import canonical, check
from edgecv_converters.onnx.edit import OnnxPass
from edgecv_converters.onnx.int8.pass_runner import run_passes
from onnx import TensorProto, helper, numpy_helper

RNG = np.random.default_rng(7)
SCALE, ZERO8, ZEROU8 = np.float32(0.05), np.int8(-120), np.uint8(139)
Constants = Mapping[str, Any]


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    return helper.make_node(op, inputs.split(), outputs.split(), name=outputs.split(maxsplit=1)[0], **attributes)


def build(
    nodes: Sequence[Any],
    constants: Constants,
    shape: Sequence[int],
    result: Sequence[int],
    dtypes: tuple[int, int] = (TensorProto.FLOAT, TensorProto.FLOAT),
) -> Any:
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("x", dtypes[0], shape)],
        [helper.make_tensor_value_info("y", dtypes[1], result)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = canonical(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), opset=17)
    check(model)
    return model


def session(model: Any, path: Path | None = None, *, precise: bool = False) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if path is not None:
        options.optimized_model_filepath = str(path)
    if precise:
        options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def fused(model: Any) -> Counter[str]:
    """The operators that ONNX Runtime really runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        session(model, path)
        return Counter(n.op_type for n in onnx.load(path).graph.node)


def ops(model: Any) -> Counter[str]:
    return Counter(n.op_type for n in model.graph.node)


def applied(model: Any, step: OnnxPass, sample: np.ndarray) -> Any:
    """The model after the pass; its output on `sample` must be what it was, to the bit."""
    after = run_passes(model, [step])
    before_y, after_y = (session(m).run(None, {"x": sample})[0] for m in (model, after))
    assert before_y.dtype == after_y.dtype
    assert len(np.unique(before_y)) > 2
    np.testing.assert_array_equal(before_y, after_y)
    return after


def pictures(*shape: int) -> np.ndarray:
    return RNG.uniform(-7, 7, shape).astype(np.float32)


def quantized_conv(zero: Any, channels: int = 3, units: int = 8, largest: int = 63) -> tuple[list[Any], dict[str, Any]]:
    """The input quantized, and a per-channel convolution of it up to (not with) its QuantizeLinear.

    Two products of a byte and a weight of up to 63 fit into 16 bits, so that every processor's kernels are exact.
    """
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "d"),
        node("DequantizeLinear", "w ws wz", "wd", axis=0),
        node("Conv", "d wd", "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    ]
    constants = {
        "s": SCALE,
        "z": zero,
        "w": RNG.integers(-largest, largest + 1, (units, channels, 3, 3)).astype(np.int8),
        "ws": RNG.uniform(0.002, 0.004, units).astype(np.float32),
        "wz": np.zeros(units, np.int8),
        "s2": np.float32(0.03),
        "z2": zero,
    }
    return nodes, constants


def ending(tensor: str) -> list[Any]:
    return [node("QuantizeLinear", f"{tensor} s2 z2", "qy"), node("DequantizeLinear", "qy s2 z2", "y")]
