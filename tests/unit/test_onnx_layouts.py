"""The passes of the int8 ONNX target that change how maps lie in memory: equal bits, and the operations that run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from edgecv_converters.onnx.int8.pass_runner import run_passes
from edgecv_converters.onnx.int8.passes.flattens import FLATTENS
from edgecv_converters.onnx.int8.passes.four_channels import FOUR_CHANNELS
from edgecv_converters.onnx.int8.passes.pads import PADS
from edgecv_converters.onnx.int8.passes.space_to_depth import SPACE_TO_DEPTH
from edgecv_converters.onnx.layer_maps import layer_maps
from hypothesis import event, given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

from tests.onnx_models import (
    RNG,
    SCALE,
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


def padded(value: int) -> Any:
    nodes, constants = quantized_conv(ZEROU8)
    nodes[1].input[0] = "p"
    pad = helper.make_node("Pad", ["q", "pads", "fill"], ["p"], name="p")
    constants |= {"pads": np.array([0, 0, 2, 0, 0, 0, 1, 3], np.int64), "fill": np.uint8(value)}
    return build([nodes[0], pad, *nodes[1:], *ending("c")], constants, (1, 3, 8, 8), (1, 8, 11, 11))


def test_pads_become_the_convolutions_own() -> None:
    after = applied(padded(int(ZEROU8)), PADS, pictures(1, 3, 8, 8))
    assert ops(after)["Pad"] == 0
    conv = next(n for n in after.graph.node if n.op_type == "Conv")
    assert next(list(a.ints) for a in conv.attribute if a.name == "pads") == [3, 1, 2, 4]


def test_a_pad_with_another_value_stays() -> None:
    assert ops(applied(padded(7), PADS, pictures(1, 3, 8, 8)))["Pad"] == 1


@pytest.mark.parametrize(
    ("channels", "size", "units", "widened"),
    [(3, 16, 16, True), (1, 16, 16, True), (4, 16, 16, False), (3, 4, 16, False), (3, 16, 8, False)],
)
def test_four_channels_widens_big_convolutions_of_few_channels(
    channels: int, size: int, units: int, widened: bool
) -> None:
    nodes, constants = quantized_conv(ZEROU8, channels, units)
    model = build([*nodes, *ending("c")], constants, (1, channels, size, size), (1, units, size, size))
    after = applied(model, FOUR_CHANNELS, pictures(1, channels, size, size))
    weight = next(numpy_helper.to_array(t) for t in after.graph.initializer if len(t.dims) == 4)
    assert weight.shape[1] == (4 if widened else channels)
    assert ops(after)["Concat"] == int(widened)


@pytest.mark.parametrize(("stride", "weights"), [(1, {4}), (4, {3, 4})], ids=["both gain", "one gains"])
def test_four_channels_widens_a_shared_weight_for_those_that_gain(stride: int, weights: set[int]) -> None:
    nodes, constants = quantized_conv(ZEROU8, units=16)
    second = [
        node("DequantizeLinear", "q s z", "d2"),
        node("Conv", "d2 wd", "c2", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[stride, stride]),
        node("Reshape", "c flat", "r"),
        node("Reshape", "c2 flat", "r2"),
        node("Concat", "r r2", "y", axis=1),
    ]
    constants["flat"] = np.array([1, -1], np.int64)
    model = build([*nodes, *second], constants, (1, 3, 16, 16), (1, 16 * 256 + 16 * (16 // stride) ** 2))
    after = applied(model, FOUR_CHANNELS, pictures(1, 3, 16, 16))
    found = [numpy_helper.to_array(t) for t in after.graph.initializer if len(t.dims) == 4]
    assert sorted(weight.shape[1] for weight in found) == sorted(weights)


def test_a_pad_of_the_models_input_is_folded_through_its_transpose() -> None:
    model = picture_conv(3, 16, (20, 12), (3, 3), [0, 0, 0, 0], 2, padded=(1, 2))
    after = applied(model, PADS, pictures(1, 20, 12, 3))
    assert ops(after)["Pad"] == 0
    conv = next(n for n in after.graph.node if n.op_type == "Conv")
    assert next(list(a.ints) for a in conv.attribute if a.name == "pads") == [1, 2, 1, 2]


def picture_conv(
    channels: int,
    units: int,
    size: tuple[int, int],
    kernel: tuple[int, int],
    pads: list[int],
    stride: int,
    *,
    padded: tuple[int, int] = (0, 0),
    batch: int = 1,
    name: str = "c",
) -> Any:
    """A picture with channels last, quantized, through one convolution and back to channels last."""
    height, width = (side + 2 * more for side, more in zip(size, padded, strict=True))
    rows = (height + pads[0] + pads[2] - kernel[0]) // stride + 1
    columns = (width + pads[1] + pads[3] - kernel[1]) // stride + 1
    nodes = [
        node("QuantizeLinear", "x s z", "q"),
        *([node("Pad", "q amounts z", "p")] if any(padded) else []),
        node("Transpose", "p" if any(padded) else "q", "t", perm=[0, 3, 1, 2]),
        node("DequantizeLinear", "t s z", "d"),
        node("DequantizeLinear", "w ws wz", "wd", axis=0),
        node("DequantizeLinear", "b bs bz", "bd", axis=0),
        node("Conv", "d wd bd", f"{name}_prequant", kernel_shape=kernel, pads=pads, strides=[stride, stride]),
        node("QuantizeLinear", f"{name}_prequant s2 z2", name),
        node("Transpose", name, "t2", perm=[0, 2, 3, 1]),
        node("DequantizeLinear", "t2 s2 z2", "y"),
    ]
    scales = RNG.uniform(0.002, 0.004, units).astype(np.float32)
    constants = {
        "s": SCALE,
        "z": ZEROU8,
        "s2": np.float32(0.03),
        "z2": np.uint8(100),
        "w": RNG.integers(-63, 64, (units, channels, *kernel)).astype(np.int8),
        "ws": scales,
        "wz": np.zeros(units, np.int8),
        "b": RNG.integers(-900, 900, units).astype(np.int32),
        "bs": scales * SCALE,
        "bz": np.zeros(units, np.int32),
    }
    if any(padded):
        constants["amounts"] = np.array([0, *padded, 0, 0, *padded, 0], np.int64)
    return build(nodes, constants, (batch, *size, channels), (batch, rows, columns, units))


# channels, units, size, kernel, pads, stride, then the new weight's shape: None where the convolution stays
JOINED = {
    "MobileNet": (3, 32, (32, 32), (3, 3), [0, 0, 1, 1], 2, (64, 12, 3, 2)),
    "ResNet50": (3, 64, (32, 32), (7, 7), [3, 3, 3, 3], 2, (128, 12, 7, 3)),
    "CIFAR-10": (3, 16, (32, 32), (3, 3), [1, 1, 1, 1], 1, (64, 12, 3, 2)),
    "digits": (1, 8, (28, 28), (5, 5), [0, 0, 0, 0], 1, (32, 4, 5, 2)),
    "a width of 30": (3, 32, (32, 30), (3, 3), [0, 0, 1, 1], 2, None),
    "a picture as result": (16, 3, (32, 32), (3, 3), [1, 1, 1, 1], 1, (24, 128, 3, 2)),
    "a picture from many channels": (64, 3, (32, 32), (3, 3), [1, 1, 1, 1], 1, (12, 256, 3, 2)),
    "a weight that would be large": (128, 1, (64, 64), (7, 7), [3, 3, 3, 3], 2, None),
    "one mask": (16, 1, (32, 32), (1, 1), [0, 0, 0, 0], 1, (16, 256, 1, 1)),
    "pruned": (6, 10, (16, 16), (3, 3), [1, 1, 1, 1], 1, (20, 12, 3, 2)),
    "steps of four": (3, 16, (64, 64), (8, 8), [2, 2, 2, 2], 4, (16, 12, 8, 2)),
    "a signal": (2, 16, (1, 512), (1, 9), [0, 4, 0, 4], 1, (32, 4, 1, 5)),
    "too many zeros": (3, 64, (32, 32), (3, 3), [1, 1, 1, 1], 1, None),
    "few positions": (3, 32, (16, 16), (3, 3), [0, 0, 1, 1], 2, None),
    "whole packs": (4, 16, (32, 32), (3, 3), [1, 1, 1, 1], 1, None),
}


@pytest.mark.parametrize("case", JOINED)
def test_columns_become_channels_where_kernels_work_in_fours(case: str) -> None:
    channels, units, size, kernel, pads, stride, wanted = JOINED[case]
    model = picture_conv(channels, units, size, kernel, pads, stride)
    after = applied(model, SPACE_TO_DEPTH, pictures(1, *size, channels))
    if wanted is None:
        assert after == run_passes(model, [])
        return
    weight = next(tuple(t.dims) for t in after.graph.initializer if len(t.dims) == 4)
    assert weight == wanted
    sample = {"x": pictures(1, *size, channels)}
    np.testing.assert_array_equal(*(session(after, precise=precise).run(None, sample)[0] for precise in (True, False)))
    ran = fused(after)
    assert ran["QLinearConv"] == 1
    assert ran["Transpose"] == 0, "a Reshape alone moves nothing"


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_joined_columns_give_the_same_bits(data: st.DataObject) -> None:
    """Any size, kernel, padding and step: the bits are the same, and most of these convolutions are rewritten."""
    draw = data.draw
    channels, units = draw(st.integers(1, 7)), draw(st.integers(1, 15))
    kernel, stride = (draw(st.integers(1, 4)), draw(st.integers(1, 6))), draw(st.integers(1, 3))
    left, columns = draw(st.integers(0, 8)), 4 * draw(st.integers(4, 9))
    right = draw(st.integers(0, min(8, stride * (columns - 1))))
    width = stride * (columns - 1) + kernel[1] - left - right + draw(st.integers(0, stride - 1))
    size = (stride * draw(st.integers(17, 20)) + kernel[0], width)
    batch = draw(st.integers(1, 2))
    model = picture_conv(channels, units, size, kernel, [0, left, 0, right], stride, batch=batch)
    after = run_passes(model, [SPACE_TO_DEPTH])
    event("rewritten" if after != model else "left alone")
    sample = {"x": pictures(batch, *size, channels)}
    np.testing.assert_array_equal(*(session(m).run(None, sample)[0] for m in (model, after)))


def test_a_layer_shows_its_own_columns(tmp_path: Path) -> None:
    """`explain --feature-maps` gives what the layer gives, not several columns of it as channels."""
    model = picture_conv(3, 16, (32, 32), (3, 3), [1, 1, 1, 1], 1, name="net/first/Conv2D")
    shown, sample = [], pictures(1, 32, 32, 3)
    for number, each in enumerate((model, run_passes(model, [SPACE_TO_DEPTH]))):
        onnx.save(each, tmp_path / f"{number}.onnx")
        shown.append(layer_maps(tmp_path / f"{number}.onnx", "first", sample))
    assert shown[0].shape == (1, 32, 32, 16)
    np.testing.assert_array_equal(*shown)


def test_a_convolution_that_is_read_as_float_keeps_its_columns() -> None:
    nodes, constants = quantized_conv(ZEROU8)
    model = build([*nodes, node("Relu", "c", "y")], constants, (1, 3, 16, 16), (1, 8, 16, 16))
    assert run_passes(model, [SPACE_TO_DEPTH]) == model


@pytest.mark.parametrize("attributes", [{"group": 3}, {"dilations": [1, 2]}, {"auto_pad": "SAME_UPPER"}], ids=str)
def test_other_kinds_of_convolution_keep_their_columns(attributes: dict[str, Any]) -> None:
    nodes, constants = quantized_conv(ZEROU8, channels=3, units=9)
    group = attributes.get("group", 1)
    constants["w"] = constants["w"][:, : 3 // group]
    pads = {} if "auto_pad" in attributes else {"pads": [1, attributes.get("dilations", [1, 1])[1]] * 2}
    nodes[3] = node("Conv", "d wd", "c", kernel_shape=[3, 3], **pads, **attributes)
    model = build([*nodes, *ending("c")], constants, (1, 3, 16, 16), (1, 9, 16, 16))
    assert run_passes(model, [SPACE_TO_DEPTH]) == model


def test_shared_weights_keep_their_columns() -> None:
    """A copy for each reader would make twin towers and clips larger."""
    nodes, constants = quantized_conv(ZEROU8, units=3)
    second = [
        node("QuantizeLinear", "c s2 z2", "qc"),
        node("DequantizeLinear", "qc s2 z2", "d2"),
        node("Conv", "d2 wd", "c2", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
    ]
    model = build([*nodes, *second, *ending("c2")], constants, (1, 3, 16, 16), (1, 3, 16, 16))
    assert run_passes(model, [SPACE_TO_DEPTH]) == model


@pytest.mark.parametrize("op", ["Squeeze", "Reshape"])
def test_an_averaged_map_is_read_channels_last(op: str) -> None:
    """With a product by itself before the average, as swish has, ONNX Runtime averaged the map channels first."""
    nodes, constants = quantized_conv(ZEROU8, channels=4, units=16)
    nodes += [
        node("QuantizeLinear", "c s2 z2", "qc"),
        node("DequantizeLinear", "qc s2 z2", "dc"),
        node("Sigmoid", "dc", "g"),
        node("QuantizeLinear", "g s3 z3", "qg"),
        node("DequantizeLinear", "qg s3 z3", "dg"),
        node("Mul", "dc dg", "m"),
        node("QuantizeLinear", "m s2 z2", "qm"),
        node("DequantizeLinear", "qm s2 z2", "dm"),
        node("GlobalAveragePool", "dm", "a"),
        node("QuantizeLinear", "a s2 z2", "qa"),
        node(op, "qa sizes", "r"),
        node("DequantizeLinear", "r s2 z2", "y"),
    ]
    constants |= {"s3": np.float32(1 / 256), "z3": np.uint8(0)}
    constants["sizes"] = np.array([2, 3] if op == "Squeeze" else [1, 16], np.int64)
    model = build(nodes, constants, (1, 4, 8, 8), (1, 16))
    assert fused(model)["Transpose"] > fused(applied(model, FLATTENS, pictures(1, 4, 8, 8)))["Transpose"]
