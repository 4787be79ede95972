"""Each pass of the int8 ONNX target on the smallest model that needs it: equal outputs, and what it is for."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import onnxruntime
import pytest
from edgecv_converters.onnx.edit import Index, OnnxPass
from edgecv_converters.onnx.int8.pass_runner import run_passes
from edgecv_converters.onnx.int8.passes.average_pools import AVERAGE_POOLS
from edgecv_converters.onnx.int8.passes.clamps import CLAMPS
from edgecv_converters.onnx.int8.passes.float_weights import FLOAT_WEIGHTS
from edgecv_converters.onnx.int8.passes.integer_moves import INTEGER_MOVES
from edgecv_converters.onnx.int8.passes.one_dequantize import ONE_DEQUANTIZE
from edgecv_converters.onnx.int8.passes.own_zero_points import OWN_ZERO_POINTS
from edgecv_converters.onnx.int8.passes.rows import ROWS
from edgecv_converters.onnx.int8.passes.same_shape import SAME_SHAPE
from edgecv_converters.onnx.int8.passes.shared_weights import SHARED_WEIGHTS
from edgecv_converters.onnx.int8.passes.uint8 import UINT8
from edgecv_runtime.errors import ConversionError
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

from tests.onnx_models import (
    RNG,
    SCALE,
    ZERO8,
    ZEROU8,
    applied,
    build,
    ending,
    fused,
    node,
    ops,
    pictures,
    quantized_conv,
    session,
)

ON_X86 = platform.machine() in {"x86_64", "AMD64"}
REFUSES = ON_X86 and tuple(map(int, onnxruntime.__version__.split(".")[:2])) >= (1, 31)


def test_uint8_shifts_activations_and_leaves_weights() -> None:
    nodes, constants = quantized_conv(ZERO8)
    model = build([*nodes, *ending("c")], constants, (1, 3, 8, 8), (1, 8, 8, 8))
    after = applied(model, UINT8, pictures(1, 3, 8, 8))
    zeros = [numpy_helper.to_array(t) for t in after.graph.initializer if t.name.endswith("zero_point")]
    assert {z.dtype.name for z in zeros if z.ndim == 0} == {"uint8"}
    assert {int(z) for z in zeros if z.ndim == 0} == {int(ZERO8) + 128}
    assert [z.dtype for z in zeros if z.ndim == 1] == [np.int8]
    assert fused(after)["QLinearConv"] == 1


def test_uint8_shifts_constants_that_are_activations() -> None:
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "d"),
        node("DequantizeLinear", "k s z", "kd"),
        node("Add", "d kd", "a"),
    ]
    constants = {
        "s": SCALE,
        "z": ZERO8,
        "k": np.array([-100, 5, 90], np.int8),
        "s2": np.float32(0.13),
        "z2": np.int8(3),
    }
    model = build([*nodes, *ending("a")], constants, (4, 3), (4, 3))
    after = applied(model, UINT8, pictures(4, 3))
    assert {numpy_helper.to_array(t).dtype.name for t in after.graph.initializer} == {"float32", "uint8"}
    assert fused(after)["QLinearAdd"] == 1


@pytest.mark.parametrize("moved", [False, True], ids=["directly", "through a Reshape"])
def test_uint8_keeps_the_dtype_at_the_boundary(moved: bool) -> None:
    first = [node("Reshape", "x shape", "r")] if moved else []
    last = [node("Reshape", "q2 shape", "y")] if moved else []
    source, result = ("r", "q2") if moved else ("x", "y")
    nodes = [
        *first,
        node("DequantizeLinear", f"{source} s z", "d"),
        node("Sigmoid", "d", "g"),
        node("QuantizeLinear", "g s2 z2", result),
        *last,
    ]
    constants = {"s": SCALE, "z": ZERO8, "s2": np.float32(1 / 256), "z2": np.int8(-128)}
    if moved:
        constants["shape"] = np.array([2, 6], np.int64)
    model = build(nodes, constants, (2, 6), (2, 6), (TensorProto.INT8, TensorProto.INT8))
    after = applied(model, UINT8, RNG.integers(-128, 128, (2, 6)).astype(np.int8))
    assert ops(after)["QuantizeLinear"] == 3
    assert fused(after)["QLinearSigmoid"] == 1


def test_same_shape_removes_what_changes_nothing() -> None:
    nodes, constants = quantized_conv(ZEROU8)
    extra = [node("Reshape", "qc shape", "r"), node("Transpose", "r", "t", perm=[0, 1, 2, 3])]
    middle = [
        node("QuantizeLinear", "c s2 z2", "qc"),
        *extra,
        node("DequantizeLinear", "t s2 z2", "y"),
    ]
    constants["shape"] = np.array([1, 8, -1, 8], np.int64)
    model = build([*nodes, *middle], constants, (1, 3, 8, 8), (1, 8, 8, 8))
    after = applied(model, SAME_SHAPE, pictures(1, 3, 8, 8))
    assert ops(model)["Reshape"] == ops(model)["Transpose"] == 1
    assert ops(after)["Reshape"] == ops(after)["Transpose"] == 0


def test_one_dequantize_merges_equal_ones_and_names_them() -> None:
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "first"),
        node("DequantizeLinear", "q s z", "second"),
        node("Mul", "first second", "y"),
    ]
    model = build(nodes, {"s": SCALE, "z": ZEROU8}, (4, 3), (4, 3))
    after = applied(model, ONE_DEQUANTIZE, pictures(4, 3))
    assert ops(after)["DequantizeLinear"] == 1
    assert [n.output[0] for n in after.graph.node if n.op_type == "DequantizeLinear"] == ["q/real"]


@pytest.mark.parametrize("kept", ["w9 wd9", "w12 wd12"])
def test_one_dequantize_names_a_weight_after_its_reader(kept: str) -> None:
    weight, real = kept.split()
    nodes, constants = quantized_conv(ZEROU8)
    nodes[2] = node("DequantizeLinear", f"{weight} ws wz", real, axis=0)
    nodes[3].input[1] = real
    constants[weight] = constants.pop("w")
    nodes[3].output[0] = "relu;bias;conv"
    model = build([*nodes, *ending("relu;bias;conv")], constants, (1, 3, 8, 8), (1, 8, 8, 8))
    after = applied(model, ONE_DEQUANTIZE, pictures(1, 3, 8, 8))
    made = {n.output[0]: list(n.input) for n in after.graph.node if n.op_type == "DequantizeLinear"}
    name = "conv/weight/real"
    assert made[name] == [f"{name}/quantized", f"{name}/scale", f"{name}/zero_point"]


def test_a_relu_above_the_zero_point_becomes_a_clip_of_bytes() -> None:
    nodes, constants = quantized_conv(ZEROU8)
    model = build([*nodes, node("Relu", "c", "r"), *ending("r")], constants, (1, 3, 8, 8), (1, 8, 8, 8))
    after = applied(model, CLAMPS, pictures(1, 3, 8, 8))
    assert fused(model)["QLinearConv"] == 0
    assert fused(after)["QLinearConv"] == 1
    assert ops(after)["Clip"] == 1
    assert ops(after)["Relu"] == 0


def test_a_clip_that_the_range_does_by_itself_goes() -> None:
    nodes, constants = quantized_conv(np.uint8(0))
    constants |= {"low": np.float32(0), "high": np.float32(6), "s2": np.float32(6 / 255)}
    model = build([*nodes, node("Clip", "c low high", "r"), *ending("r")], constants, (1, 3, 8, 8), (1, 8, 8, 8))
    after = applied(model, CLAMPS, pictures(1, 3, 8, 8) * 4)
    assert ops(after)["Clip"] == 0


@pytest.mark.parametrize("op", ["Pad", "Concat", "MaxPool"])
def test_integer_moves_keeps_bytes(op: str) -> None:
    moves: dict[str, tuple[Any, tuple[int, ...]]] = {
        "Pad": (node("Pad", "d pads", "m"), (1, 2, 6, 6)),
        "Concat": (node("Concat", "d d", "m", axis=1), (1, 4, 4, 4)),
        "MaxPool": (node("MaxPool", "d", "m", kernel_shape=[2, 2], strides=[2, 2]), (1, 2, 2, 2)),
    }
    move, result = moves[op]
    constants: dict[str, Any] = {"s": SCALE, "z": ZEROU8}
    if op == "Pad":
        constants["pads"] = np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "d"),
        move,
        node("QuantizeLinear", "m s z", "qm"),
        node("DequantizeLinear", "qm s z", "y"),
    ]
    model = build(nodes, constants, (1, 2, 4, 4), result)
    after = applied(model, INTEGER_MOVES, pictures(1, 2, 4, 4))
    assert ops(after)["QuantizeLinear"] == ops(after)["DequantizeLinear"] == 1
    assert ops(after)[op] == 1


def test_integer_moves_leaves_a_change_of_scale() -> None:
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "d"),
        node("Concat", "d d", "m", axis=1),
        *ending("m"),
    ]
    model = build(nodes, {"s": SCALE, "z": ZEROU8, "s2": SCALE * 2, "z2": ZEROU8}, (1, 2, 4, 4), (1, 4, 4, 4))
    assert ops(applied(model, INTEGER_MOVES, pictures(1, 2, 4, 4))) == ops(model)


def shared_weight(largest: int = 63) -> Any:
    """Two convolutions in a row with one weight, as unrolled steps have."""
    nodes, constants = quantized_conv(ZEROU8, channels=8, largest=largest)
    second = [
        node("QuantizeLinear", "c s2 z2", "qc"),
        node("DequantizeLinear", "qc s2 z2", "d2"),
        node("Conv", "d2 wd", "c2", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    ]
    return build([*nodes, *second, *ending("c2")], constants, (1, 8, 8, 8), (1, 8, 8, 8))


def test_shared_weights_become_uint8_and_load_everywhere() -> None:
    after = applied(shared_weight(), SHARED_WEIGHTS, pictures(1, 8, 8, 8))
    assert {numpy_helper.to_array(t).dtype.name for t in after.graph.initializer} == {"float32", "uint8"}
    sample = {"x": pictures(1, 8, 8, 8)}
    plain, precise = (session(after, precise=p).run(None, sample)[0] for p in (False, True))
    np.testing.assert_array_equal(plain, precise)
    assert fused(after)["QLinearConv"] == 2


def test_one_constant_of_two_scales_is_shared_too() -> None:
    nodes, constants = quantized_conv(ZEROU8, channels=8)
    second = [
        node("QuantizeLinear", "c s2 z2", "qc"),
        node("DequantizeLinear", "qc s2 z2", "d2"),
        node("DequantizeLinear", "w ws2 wz2", "wd2", axis=0),
        node("Conv", "d2 wd2", "c2", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    ]
    constants |= {"ws2": constants["ws"] * 2, "wz2": constants["wz"]}
    model = build([*nodes, *second, *ending("c2")], constants, (1, 8, 8, 8), (1, 8, 8, 8))
    after = applied(model, SHARED_WEIGHTS, pictures(1, 8, 8, 8))
    sample = {"x": pictures(1, 8, 8, 8)}
    plain, precise = (session(after, precise=p).run(None, sample)[0] for p in (False, True))
    np.testing.assert_array_equal(plain, precise)


def test_weights_of_one_product_stay_int8() -> None:
    nodes, constants = quantized_conv(ZEROU8)
    model = build([*nodes, *ending("c")], constants, (1, 3, 8, 8), (1, 8, 8, 8))
    assert run_passes(model, [SHARED_WEIGHTS]) == model


@pytest.mark.skipif(not REFUSES, reason="ONNX Runtime 1.19 loads it, 1.31 on x86 does not")
def test_onnx_runtime_refuses_shared_int8_weights() -> None:
    """What `shared_weights` is for: the precise kernels want weights that would overflow as uint8."""
    model = shared_weight(largest=127)
    session(model)
    with pytest.raises(Fail, match="Attempt to replace the existing tensor"):
        session(model, precise=True)
    session(run_passes(model, [SHARED_WEIGHTS]), precise=True)


def test_shared_zero_points_of_weights_are_copied() -> None:
    nodes, constants = quantized_conv(ZEROU8, channels=8)
    second = [
        node("QuantizeLinear", "c s2 z2", "qc"),
        node("DequantizeLinear", "qc s2 z2", "d2"),
        node("DequantizeLinear", "w2 ws wz", "wd2", axis=0),
        node("Conv", "d2 wd2", "c2", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    ]
    constants["w2"] = constants["w"][::-1].copy()
    model = build([*nodes, *second, *ending("c2")], constants, (1, 8, 8, 8), (1, 8, 8, 8))
    after = applied(model, OWN_ZERO_POINTS, pictures(1, 8, 8, 8))
    zeros = [n.input[2] for n in after.graph.node if n.op_type == "DequantizeLinear"][:]
    weights = [name for name in zeros if len(numpy_helper.to_array(initializer(after, name)).shape) == 1]
    assert len(weights) == len(set(weights)) == 2
    sample = {"x": pictures(1, 8, 8, 8)}
    plain, precise = (session(after, precise=p).run(None, sample)[0] for p in (False, True))
    np.testing.assert_array_equal(plain, precise)


def float_conv(weight: np.ndarray) -> Any:
    """A convolution with float weights between two casts."""
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "d"),
        node("Conv", "d w", "c", kernel_shape=[3, 3]),
        node("QuantizeLinear", "c s z", "qc"),
        node("DequantizeLinear", "qc s z", "y"),
    ]
    return build(nodes, {"s": SCALE, "z": ZEROU8, "w": weight}, (1, 3, 8, 8), (1, 8, 6, 6))


def test_a_product_that_stays_float_keeps_its_weights() -> None:
    """Without the pass ONNX Runtime rounds them, all with the scale of the largest."""
    weight = RNG.normal(size=(8, 3, 3, 3)).astype(np.float32) / 10
    weight[0] *= 1000
    sample = pictures(1, 3, 8, 8)
    before = float_conv(weight)
    after = run_passes(before, [FLOAT_WEIGHTS])
    rounded = np.clip(np.rint(sample / SCALE) + ZEROU8, 0, 255).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view((rounded - ZEROU8) * SCALE, (3, 3), axis=(2, 3))
    exact = np.einsum("ncijhw,fchw->nfij", windows, weight)
    wanted = (np.clip(np.rint(exact / SCALE) + ZEROU8, 0, 255) - ZEROU8) * SCALE
    found = session(after).run(None, {"x": sample})[0]
    assert np.abs(found - wanted).max() <= SCALE * 1.01
    assert np.abs(found[:, 1:] - wanted[:, 1:]).mean() < SCALE / 100
    assert fused(after)["QLinearConv"] == 0
    assert run_passes(after, [FLOAT_WEIGHTS]) == after


def test_products_with_int8_weights_or_without_casts_are_left_alone() -> None:
    nodes, constants = quantized_conv(ZEROU8)
    model = build([*nodes, *ending("c")], constants, (1, 3, 8, 8), (1, 8, 8, 8))
    assert run_passes(model, [FLOAT_WEIGHTS]) == model
    weight = RNG.normal(size=(8, 3, 3, 3)).astype(np.float32)
    model = build([node("Conv", "x w", "y", kernel_shape=[3, 3])], {"w": weight}, (1, 3, 8, 8), (1, 8, 6, 6))
    assert run_passes(model, [FLOAT_WEIGHTS]) == model


def initializer(model: Any, name: str) -> Any:
    return next(t for t in model.graph.initializer if t.name == name)


def test_a_pass_that_breaks_the_model_is_named() -> None:
    def cut(model: Any) -> Any:
        model.graph.node[0].input[0] = "nowhere"
        return model

    model = build([node("Relu", "x", "y")], {}, (2, 3), (2, 3))
    with pytest.raises(ConversionError, match="after pass cut"):
        run_passes(model, [OnnxPass("cut", cut)])


def test_a_pass_that_changes_the_outputs_is_named() -> None:
    def grow(model: Any) -> Any:
        model.graph.output[0].type.tensor_type.shape.dim[0].ClearField("dim_value")
        return model

    model = build([node("Relu", "x", "y")], {}, (2, 3), (2, 3))
    with pytest.raises(ConversionError, match="pass grow changed the inputs or outputs"):
        run_passes(model, [OnnxPass("grow", grow)])


def test_the_search_for_a_scale_ends_in_a_circle() -> None:
    """`inspect` reads the files of strangers."""
    graph = helper.make_graph([node("Reshape", "b shape", "a"), node("Reshape", "a shape", "b")], "circle", [], [])
    index = Index.of(graph)
    assert index.quantize_behind("a") is None
    assert index.dequantize_ahead("a") is None


def test_a_scale_is_that_of_the_integers_themselves() -> None:
    """The numbers of a table are quantized, the row numbers by which a Gather reads it are not."""
    nodes = [node("Gather", "table rows", "g"), node("Transpose", "g", "t"), node("DequantizeLinear", "t s z", "y")]
    index = Index.of(helper.make_graph(nodes, "lookup", [], []))
    found = index.dequantize_ahead("table")
    assert found is not None
    assert found.output == ["y"]
    assert index.dequantize_ahead("rows") is None


def test_passes_leave_the_given_model_alone() -> None:
    nodes, constants = quantized_conv(ZERO8)
    model = build([*nodes, *ending("c")], constants, (1, 3, 8, 8), (1, 8, 8, 8))
    before = model.SerializeToString()
    run_passes(model, [UINT8])
    assert model.SerializeToString() == before


def pool(**attributes: Any) -> Any:
    """Bytes in, a pool between casts, bytes out; both of one scale."""
    nodes = [
        node("DequantizeLinear", "x s z", "d"),
        node("AveragePool", "d", "p", kernel_shape=[2, 2], strides=[2, 2], **attributes),
        node("QuantizeLinear", "p s z", "y"),
    ]
    size = 5 if "pads" in attributes else 4
    return build(nodes, {"s": SCALE, "z": ZEROU8}, [1, 6, 8, 8], [1, 6, size, size], (TensorProto.UINT8,) * 2)


def test_average_pools_are_exact_to_the_tie() -> None:
    model = pool()
    sample = RNG.integers(0, 256, (1, 6, 8, 8)).astype(np.uint8)
    before, after = (session(m).run(None, {"x": sample})[0] for m in (model, run_passes(model, [AVERAGE_POOLS])))
    steps = sample.reshape(1, 6, 4, 2, 4, 2).astype(np.int64).sum((3, 5)) - 4 * int(ZEROU8)
    np.testing.assert_array_equal(after, np.rint(steps / 4) + int(ZEROU8))
    apart = before.astype(int) - after
    assert np.abs(apart).max() <= 1
    assert (steps[apart != 0] % 4 == 2).all()
    assert (steps % 4 == 2).any()
    assert fused(run_passes(model, [AVERAGE_POOLS]))["QLinearConv"] == 1


def test_a_padded_average_pool_stays() -> None:
    assert ops(run_passes(pool(pads=[1, 1, 1, 1]), [AVERAGE_POOLS]))["AveragePool"] == 1


@pytest.mark.parametrize(("channels", "op", "width"), [(6, "Mul", 5), (6, "Add", 5), (600, "Mul", 1)])
def test_a_constant_for_each_channel_is_repeated_along_a_row(channels: int, op: str, width: int) -> None:
    shape = [1, 4, 5, channels]
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        node("DequantizeLinear", "q s z", "d"),
        node("DequantizeLinear", "c s z", "cd"),
        node(op, "cd d", "m"),
        node("QuantizeLinear", "m s z", "mq"),
        node("DequantizeLinear", "mq s z", "md"),
        node("Mul", "md big", "y"),
    ]
    constants = {"s": SCALE, "z": ZEROU8, "big": np.float32(3)}
    constants["c"] = RNG.integers(0, 256, (1, 1, 1, channels)).astype(np.uint8)
    after = applied(build(nodes, constants, shape, shape), ROWS, pictures(*shape))
    assert (1, 1, width, channels) in {tuple(tensor.dims) for tensor in after.graph.initializer}
    assert fused(after)[f"QLinear{op}"] == 1
