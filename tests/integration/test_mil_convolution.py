"""Convolutions and pools of the reference evaluator against TensorFlow in float64."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from edgecv_converters.mil.ops import convolution
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.mil_programs import FLOATS, QUICK, SEEDS, Case, U, builder, check, values


def last(x):
    return np.moveaxis(x, 1, -1)


def first(x):
    return np.moveaxis(np.asarray(x), -1, 1)


def convolve(x, weight, strides, padding, dilations, groups):
    """TensorFlow in float64, group by group, on (n, C, *D)."""
    parts = zip(np.split(x, groups, 1), np.split(weight, groups, 0), strict=True)
    made = []
    for data, kernel in parts:
        moved = np.moveaxis(kernel, (0, 1), (-1, -2))
        made.append(tf.nn.convolution(last(data), moved, strides, padding, dilations=dilations))
    return first(tf.concat(made, -1))


def conv_case(seed, dtype):
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    groups = int(rng.choice([1, 1, 2, 3]))
    channels = groups * int(rng.choice([1, 2]))
    filters = groups * int(rng.integers(1, 4))
    kernel = rng.integers(1, 4, rank)
    strides, dilations = rng.integers(1, 3, rank), np.ones(rank, int)
    if rng.random() < 0.5:
        strides, dilations = np.ones(rank, int), rng.integers(1, 3, rank)
    sizes = (kernel - 1) * dilations + rng.integers(1, 7, rank)
    x = values(rng, (int(rng.integers(1, 3)), channels, *sizes), dtype)
    weight = values(rng, (filters, channels // groups, *kernel), dtype)
    bias = values(rng, (filters,), dtype)
    pad_type = str(rng.choice(["valid", "same", "custom"]))
    pad = rng.integers(0, 3, 2 * rank)
    around = [(0, 0), (0, 0), *pad.reshape(-1, 2).tolist()] if pad_type == "custom" else [(0, 0)] * (rank + 2)

    def reference(data, factors):
        whole = np.pad(data.astype(np.float64), around)
        padding = "SAME" if pad_type == "same" else "VALID"
        return convolve(whole, factors.astype(np.float64), strides, padding, dilations, groups)

    def build(v):
        return builder().conv(
            x=v,
            weight=weight,
            bias=bias,
            strides=strides.tolist(),
            dilations=dilations.tolist(),
            groups=groups,
            pad_type=pad_type,
            **({"pad": pad.tolist()} if pad_type == "custom" else {}),
        )

    added = bias.astype(np.float64).reshape(-1, *(1,) * rank)
    size = reference(np.abs(x), np.abs(weight)) + np.abs(added)
    inner = (weight[0].size + 1) * U["float32"] * size
    label = f"conv {x.shape} {weight.shape} {strides} {dilations} {pad_type} {pad} {groups}"
    return Case(build, [x], [reference(x, weight) + added], [inner], label)


@pytest.mark.parametrize("dtype", FLOATS)
@given(seeds=st.lists(SEEDS, min_size=8, max_size=12))
@QUICK
def test_conv(seeds, dtype):
    check([conv_case(seed, dtype) for seed in seeds])


def test_conv_in_blocks_of_a_few_rows(monkeypatch):
    monkeypatch.setattr(convolution, "BLOCK_BYTES", 512)
    check([conv_case(seed, "float32") for seed in range(12)])


def transpose_case(seed, dtype):
    rng = np.random.default_rng(seed)
    groups = int(rng.choice([1, 2]))
    channels, filters = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 3))
    kernel, strides = rng.integers(1, 5, 2), rng.integers(1, 4, 2)
    sizes = rng.integers(1, 6, 2)
    pad_type = str(rng.choice(["valid", "same"]))
    x = values(rng, (2, channels, *sizes), dtype)
    weight = values(rng, (channels, filters // groups, *kernel), dtype)
    bias = values(rng, (filters,), dtype)
    # Of the sizes that a convolution takes to `sizes`, any may be asked for.
    if pad_type == "same":
        out = sizes * strides - rng.integers(0, strides)
    else:
        out = (sizes - 1) * strides + kernel + rng.integers(0, strides)
    shape = [2, filters, *out.tolist()]

    def reference(data, factors):
        parts = zip(np.split(data, groups, 1), np.split(factors, groups, 0), strict=True)
        made = [
            tf.nn.conv2d_transpose(
                last(part.astype(np.float64)),
                np.moveaxis(kern.astype(np.float64), (0, 1), (3, 2)),
                [2, *out.tolist(), filters // groups],
                strides,
                pad_type.upper(),
            )
            for part, kern in parts
        ]
        return first(tf.concat(made, -1))

    def build(v):
        return builder().conv_transpose(
            x=v,
            weight=weight,
            bias=bias,
            strides=strides.tolist(),
            groups=groups,
            pad_type=pad_type,
            output_shape=shape,
        )

    added = bias.astype(np.float64).reshape(-1, 1, 1)
    size = reference(np.abs(x), np.abs(weight)) + np.abs(added)
    terms = channels // groups * int(np.prod(kernel)) + 1
    label = f"conv_transpose {x.shape} {weight.shape} {strides} {pad_type} {shape} {groups}"
    return Case(build, [x], [reference(x, weight) + added], [terms * U["float32"] * size], label)


@pytest.mark.parametrize("dtype", FLOATS)
@given(seeds=st.lists(SEEDS, min_size=8, max_size=12))
@QUICK
def test_conv_transpose(seeds, dtype):
    check([transpose_case(seed, dtype) for seed in seeds])


@pytest.mark.parametrize(
    ("pad_type", "pad", "wanted"),
    [
        ("valid", None, (slice(None), slice(None))),
        ("custom", [1, 1, 0, 2], (slice(1, 8), slice(0, 10))),
        ("same", None, (slice(0, 8), slice(0, 12))),
    ],
)
def test_conv_transpose_without_an_output_shape_has_the_published_sizes(pad_type, pad, wanted):
    rng = np.random.default_rng(0)
    x, weight = values(rng, (1, 2, 4, 4), "float32"), values(rng, (2, 3, 3, 3), "float32")
    more = {} if pad is None else {"pad": pad}

    def build(v):
        return builder().conv_transpose(x=v, weight=weight, strides=[2, 3], pad_type=pad_type, **more)

    wide = last(x.astype(np.float64)), np.moveaxis(weight.astype(np.float64), (0, 1), (3, 2))
    whole = first(tf.nn.conv2d_transpose(*wide, [1, 9, 12, 3], [2, 3], "VALID"))
    check([Case(build, [x], [whole[:, :, wanted[0], wanted[1]]], [2 * 9 * U["float32"] * 2 * 9 * 4])])


def pool_case(seed, dtype):
    rng = np.random.default_rng(seed)
    kind = str(rng.choice(["max_pool", "avg_pool", "l2_pool"]))
    kernel, strides = rng.integers(1, 4, 2), rng.integers(1, 4, 2)
    x = values(rng, (2, 3, *(kernel + rng.integers(0, 6, 2))), dtype)
    pad_type = str(rng.choice(["valid", "same"]))
    options = {"kernel_sizes": kernel.tolist(), "strides": strides.tolist(), "pad_type": pad_type}
    if kind == "avg_pool":
        options["exclude_padding_from_average"] = True

    def build(v):
        return getattr(builder(), kind)(x=v, **options)

    def pool(function, data):
        return first(function(last(data.astype(np.float64)), kernel, strides, pad_type.upper()))

    count = int(np.prod(kernel))
    if kind == "max_pool":
        return Case(build, [x], [pool(tf.nn.max_pool2d, x)], None, kind)
    if kind == "avg_pool":
        inner = (count + 1) * U["float32"] * pool(tf.nn.avg_pool2d, np.abs(x))
        return Case(build, [x], [pool(tf.nn.avg_pool2d, x)], [inner], f"{kind} {x.shape} {options}")
    squares = last(np.square(x.astype(np.float64)))
    eye = np.broadcast_to(np.eye(3), (*kernel, 3, 3))
    sums = tf.nn.conv2d(squares, eye, strides, pad_type.upper())
    return Case(build, [x], [np.sqrt(first(sums))], [(count + 2) * U["float32"] * np.sqrt(first(sums))], kind)


@pytest.mark.parametrize("dtype", FLOATS)
@given(seeds=st.lists(SEEDS, min_size=8, max_size=12))
@QUICK
def test_pools(seeds, dtype):
    check([pool_case(seed, dtype) for seed in seeds])


def naive_pool(x, kernel, stride, before, after, *, ceil_mode, average):
    """One axis, window by window. PyTorch's rules: a window starts inside the input or the padding before it, and
    averages count what is inside the input and its padding.
    """
    size = x.shape[-1]
    made = []
    start = -before
    while (start + kernel <= size + after) or (ceil_mode and start < size and start + kernel - stride < size + after):
        inside = x[..., max(0, start) : min(size, start + kernel)]
        counted = min(start + kernel, size + after) - start
        made.append(inside.sum(-1) / counted if average else inside.max(-1))
        start += stride
    return np.stack(made, -1)


@pytest.mark.parametrize("ceil_mode", [False, True])
@given(seeds=st.lists(SEEDS, min_size=8, max_size=12))
@QUICK
def test_pools_with_custom_padding(seeds, ceil_mode):
    cases = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        kernel = int(rng.integers(1, 5))
        stride = int(rng.integers(1, kernel + 1))
        pad = [int(rng.integers(0, kernel // 2 + 1))] * 2
        x = values(rng, (1, 2, kernel + int(rng.integers(0, 7))), "float32")
        options = {"kernel_sizes": [kernel], "strides": [stride], "pad_type": "custom", "pad": pad}

        def build(v, kind, options=options):
            return getattr(builder(), kind)(x=v, ceil_mode=ceil_mode, **options)

        wide = x.astype(np.float64)
        top, mean = (naive_pool(wide, kernel, stride, *pad, ceil_mode=ceil_mode, average=a) for a in (False, True))
        cases += [
            Case(lambda v, b=build: b(v, "max_pool"), [x], [top], None, f"max {x.shape} {options}"),
            Case(lambda v, b=build: b(v, "avg_pool"), [x], [mean], [(kernel + 1) * U["float32"] * 2], f"avg {options}"),
        ]
    check(cases)
