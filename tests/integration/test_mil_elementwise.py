"""Element-wise operations, activations, reductions, normalizations and products against NumPy in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given

from tests.integration.mil_programs import FLOATS, QUICK, SEEDS, Case, U, builder, check, values

F32 = U["float32"]
FUNCTION = 8 * F32  # NumPy's float32 functions are good to 4 steps of the last place, a step being 2 U


def erf(x):
    return np.vectorize(math.erf, otypes=[np.float64])(x)


def shape_of(rng, low=1, high=5):
    return tuple(rng.integers(1, 5, rng.integers(low, high)).tolist())


# What is rounded only once, in the end, must be exact: reference and its range of inputs.
EXACT = {
    "abs": (np.abs, -2, 2),
    "ceil": (np.ceil, -3, 3),
    "floor": (np.floor, -3, 3),
    "round": (np.rint, -3, 3),
    "sign": (np.sign, -2, 2),
    "sqrt": (np.sqrt, 0, 9),
    "square": (np.square, -3, 3),
    "relu": (lambda x: np.maximum(x, 0), -2, 2),
    "relu6": (lambda x: np.clip(x, 0, 6), -9, 9),
}
# Functions with a condition number c(x) = |x f'(x) / f(x)| do not matter here: the input is exact.
SMOOTH = {
    "acos": (np.arccos, -0.9, 0.9),
    "asin": (np.arcsin, -0.9, 0.9),
    "atan": (np.arctan, -3, 3),
    "atanh": (np.arctanh, -0.9, 0.9),
    "cos": (np.cos, -1.5, 1.5),
    "cosh": (np.cosh, -3, 3),
    "exp": (np.exp, -3, 3),
    "exp2": (np.exp2, -3, 3),
    "sin": (np.sin, -3, 3),
    "sinh": (np.sinh, -3, 3),
    "tan": (np.tan, -1.4, 1.4),
    "tanh": (np.tanh, -3, 3),
    "erf": (erf, -5, 5),
}


@pytest.mark.parametrize("dtype", FLOATS)
@given(seed=SEEDS)
@QUICK
def test_functions_of_one(seed, dtype):
    rng = np.random.default_rng(seed)
    cases = []
    for kind, (function, low, high) in (EXACT | SMOOTH).items():
        x = values(rng, shape_of(rng), dtype, low, high)
        expected = function(x.astype(np.float64))
        inner = None if kind in EXACT else [FUNCTION * np.abs(expected)]
        cases.append(Case(lambda v, k=kind: getattr(builder(), k)(x=v), [x], [expected], inner, kind))
    check(cases)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_channel(alpha, x):
    return alpha.astype(np.float64).reshape(-1, *(1,) * (x.ndim - 2))


# Reference; how large the numbers are that are added on the way, by which their roundings count; arguments.
ACTIVATIONS = {
    "clamped_relu": (lambda x, alpha, beta: np.minimum(beta, np.where(x >= 0, x, alpha * x)), None, (0.25, 1.5)),
    "elu": (lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)), None, (0.75,)),
    "leaky_relu": (lambda x, alpha: np.where(x >= 0, x, alpha * x), None, (0.25,)),
    "linear_activation": (lambda x, alpha, beta: alpha * x + beta, lambda x: 0.5 * np.abs(x) + 2, (0.5, -2.0)),
    "scaled_tanh": (lambda x, alpha, beta: alpha * np.tanh(beta * x), lambda x: 1.5 * (1 + np.abs(x)), (1.5, 0.75)),
    "sigmoid": (sigmoid, None, ()),
    "sigmoid_hard": (
        lambda x, alpha, beta: np.clip(alpha * x + beta, 0, 1),
        lambda x: 0.25 * np.abs(x) + 0.5,
        (0.25, 0.5),
    ),
    "silu": (lambda x: x * sigmoid(x), None, ()),
    "softplus": (lambda x: np.logaddexp(x, 0), lambda x: np.abs(x) + 1, ()),
    "softsign": (lambda x: x / (1 + np.abs(x)), None, ()),
    "thresholded_relu": (lambda x, alpha: np.where(x >= alpha, x, 0), None, (0.5,)),
    "threshold": (np.maximum, None, (0.5,)),
    "clip": (np.clip, None, (-0.5, 1.5)),
}


@pytest.mark.parametrize("dtype", FLOATS)
@given(seed=SEEDS)
@QUICK
def test_activations(seed, dtype):
    rng = np.random.default_rng(seed)
    cases = []
    for kind, (function, size, constants) in ACTIVATIONS.items():
        x = values(rng, shape_of(rng), dtype, -4, 4)
        named = dict(zip(("alpha", "beta"), (np.dtype(dtype).type(c) for c in constants), strict=False))
        expected = function(x.astype(np.float64), *constants)
        magnitude = np.abs(expected) if size is None else size(x.astype(np.float64))
        # Three rounded steps and one function, at most.
        inner = [(3 * F32 + FUNCTION) * magnitude]
        cases.append(Case(lambda v, k=kind, n=named: getattr(builder(), k)(x=v, **n), [x], [expected], inner, kind))
    check(cases)


GELU = {
    "EXACT": lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))),
    "TANH_APPROXIMATION": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "SIGMOID_APPROXIMATION": lambda x: x * sigmoid(1.702 * x),
}


@pytest.mark.parametrize("dtype", FLOATS)
@given(seed=SEEDS)
@QUICK
def test_gelu_and_activations_by_channel(seed, dtype):
    rng = np.random.default_rng(seed)
    cases = []
    for mode, function in GELU.items():
        x = values(rng, shape_of(rng), dtype, -4, 4)
        # 1 + erf: its rounding counts against 2; the argument's, of a few steps, at most as |x| of it.
        inner = [(8 * F32 + FUNCTION) * (np.abs(x.astype(np.float64)) + 1)]
        cases.append(
            Case(lambda v, m=mode: builder().gelu(x=v, mode=m), [x], [function(x.astype(np.float64))], inner, mode)
        )
    x = values(rng, (2, 3, 2, 2), dtype, -4, 4)
    alpha, beta = values(rng, (3,), dtype), values(rng, (3,), dtype)
    wide, a, b = x.astype(np.float64), by_channel(alpha, x), by_channel(beta, x)
    soft = a * np.logaddexp(b * wide, 0)
    cases += [
        Case(lambda v: builder().prelu(x=v, alpha=alpha), [x], [np.where(wide > 0, wide, a * wide)], None, "prelu"),
        Case(
            lambda v: builder().softplus_parametric(x=v, alpha=alpha, beta=beta),
            [x],
            [soft],
            [(3 * F32 + FUNCTION) * np.abs(a) * (np.abs(b * wide) + 1)],
            "softplus_parametric",
        ),
    ]
    check(cases)


BINARY = {
    "add": np.add,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "mul": np.multiply,
    "real_div": np.divide,
    "sub": np.subtract,
}
COMPARISONS = ("equal", "greater", "greater_equal", "less", "less_equal", "not_equal")


def pair(rng, dtype):
    """Two shapes that broadcast; small whole numbers among the values, so that some are equal."""
    shape = np.array(shape_of(rng, 2, 5))
    left, right = (np.where(rng.random(len(shape)) < 0.3, 1, shape).tolist() for _ in range(2))
    right = right[int(rng.integers(0, len(right))) :]
    whole = [np.rint(values(rng, size, "float64", 1, 4)) for size in (left, right)]
    return [(value * (1 if rng.random() < 0.5 else 0.7)).astype(dtype) for value in whole]


@pytest.mark.parametrize("dtype", FLOATS)
@given(seed=SEEDS)
@QUICK
def test_two_with_broadcasting(seed, dtype):
    rng = np.random.default_rng(seed)
    cases = []
    for kind, function in BINARY.items():
        x, y = pair(rng, dtype)
        expected = function(x.astype(np.float64), y.astype(np.float64))
        cases.append(Case(lambda a, b, k=kind: getattr(builder(), k)(x=a, y=b), [x, y], [expected], None, kind))
    x, y = pair(rng, dtype)
    power = np.power(x.astype(np.float64), y.astype(np.float64))
    cases.append(Case(lambda a, b: builder().pow(x=a, y=b), [x, y], [power], [FUNCTION * power], "pow"))
    for kind, function in (("floor_div", np.floor_divide), ("mod", np.mod)):
        left, right = (np.rint(value) for value in pair(rng, dtype))
        expected = function(left, right)
        cases.append(Case(lambda a, b, k=kind: getattr(builder(), k)(x=a, y=b), [left, right], [expected], None, kind))
    for kind in COMPARISONS:
        x, y = pair(rng, dtype)

        def build(a, b, k=kind):
            return builder().cast(x=getattr(builder(), k)(x=a, y=b), dtype="int32")

        cases.append(Case(build, [x, y], [getattr(np, kind)(x, y).astype(np.int32)], None, kind))
    check(cases)


def test_logic_select_and_casts():
    mb = builder()
    x = np.array([[-1.7, 0.0, 2.5], [300.6, -0.2, 1e9]], np.float32)
    y = np.array([0.0, 1.0, 2.0], np.float32)

    def logical(kind):
        def build(a, b):
            made = getattr(mb, kind)(x=mb.cast(x=a, dtype="bool"), y=mb.cast(x=b, dtype="bool"))
            return mb.cast(x=made, dtype="int32")

        return Case(build, [x, y], [getattr(np, kind)(x != 0, y != 0).astype(np.int32)], None, kind)

    def opposite(v):
        return mb.cast(x=mb.logical_not(x=mb.cast(x=v, dtype="bool")), dtype="int32")

    def selected(a, b):
        return mb.select(cond=mb.greater(x=a, y=b), a=a, b=b)

    def narrow(v):
        return mb.cast(x=mb.cast(x=v, dtype="uint8"), dtype="int32")

    check(
        [
            *(logical(kind) for kind in ("logical_and", "logical_or", "logical_xor")),
            Case(opposite, [x], [(x == 0).astype(np.int32)], None, "logical_not"),
            Case(selected, [x, y], [np.maximum(x, y)], None, "select"),
            Case(lambda v: mb.cast(x=v, dtype="int32"), [x], [np.array([[-1, 0, 2], [300, 0, 10**9]], np.int32)]),
            Case(narrow, [x], [np.array([[0, 0, 2], [255, 0, 255]], np.int32)], None, "cast uint8"),
            Case(lambda v: mb.cast(x=v, dtype="fp16"), [x[:1]], [x[:1].astype(np.float16)], None, "cast fp16"),
        ]
    )


@pytest.mark.parametrize("dtype", FLOATS)
def test_small_constants_are_added_before_the_function(dtype):
    mb = builder()
    x = np.array([0.25, 1.0, 3.0], dtype)
    epsilon = np.dtype(dtype).type(0.125)
    wide = x.astype(np.float64) + 0.125
    check(
        [
            Case(lambda v: mb.inverse(x=v, epsilon=epsilon), [x], [1 / wide], [2 * F32 / wide], "inverse"),
            Case(lambda v: mb.rsqrt(x=v, epsilon=epsilon), [x], [wide**-0.5], [3 * F32 * wide**-0.5], "rsqrt"),
            Case(lambda v: mb.log(x=v, epsilon=epsilon), [x], [np.log(wide)], [F32 + FUNCTION * np.abs(np.log(wide))]),
        ]
    )


REDUCTIONS = {
    "reduce_l1_norm": lambda x, **a: np.abs(x).sum(**a),
    "reduce_l2_norm": lambda x, **a: np.sqrt(np.square(x).sum(**a)),
    "reduce_log_sum": lambda x, **a: np.log(x.sum(**a)),
    "reduce_log_sum_exp": lambda x, **a: np.log(np.exp(x).sum(**a)),
    "reduce_max": lambda x, **a: x.max(**a),
    "reduce_mean": lambda x, **a: x.mean(**a),
    "reduce_min": lambda x, **a: x.min(**a),
    "reduce_prod": lambda x, **a: x.prod(**a),
    "reduce_sum": lambda x, **a: x.sum(**a),
    "reduce_sum_square": lambda x, **a: np.square(x).sum(**a),
}


@pytest.mark.parametrize("dtype", FLOATS)
@given(seed=SEEDS)
@QUICK
def test_reductions(seed, dtype):
    rng = np.random.default_rng(seed)
    cases = []
    for kind, function in REDUCTIONS.items():
        shape = shape_of(rng, 2, 5)
        x = values(rng, shape, dtype, 0.5, 2)
        axes = rng.permutation(len(shape))[: rng.integers(1, len(shape))]
        signed = [int(a - len(shape) if rng.random() < 0.5 else a) for a in axes]
        keep = bool(rng.random() < 0.5)
        expected = np.asarray(function(x.astype(np.float64), axis=tuple(axes.tolist()), keepdims=keep))
        # All terms are positive: n roundings of the sum; a logarithm makes them absolute.
        terms = int(np.prod([shape[axis] for axis in axes])) + 2
        inner = [(terms * F32 + FUNCTION) * (np.abs(expected) + 1)]

        def build(v, k=kind, a=signed, d=keep):
            return getattr(builder(), k)(x=v, axes=a, keep_dims=d)

        cases.append(Case(build, [x], [expected], inner, f"{kind} {shape} {signed}"))
    shape = shape_of(rng, 2, 4)
    x = rng.permutation(int(np.prod(shape))).reshape(shape).astype(dtype)
    axis = int(rng.integers(-len(shape), len(shape)))
    for kind in ("argmax", "argmin"):

        def find(v, k=kind):
            return getattr(builder(), f"reduce_{k}")(x=v, axis=axis, keep_dims=True)

        expected = getattr(np, kind)(x, axis=axis, keepdims=True).astype(np.int32)
        cases.append(Case(find, [x], [expected], None, kind))
    check(cases)


@pytest.mark.parametrize("dtype", FLOATS)
@given(seed=SEEDS)
@QUICK
def test_softmax_and_products(seed, dtype):
    rng = np.random.default_rng(seed)
    mb = builder()
    shape = shape_of(rng, 2, 5)
    axis = int(rng.integers(-len(shape), len(shape)))
    x = values(rng, shape, dtype, -4, 4)
    soft = tf.nn.softmax(x.astype(np.float64), axis).numpy()
    # x - max is rounded once: at most 8 in size, so e^(x - max) is off by 8 U more than its own error.
    cases = [
        Case(lambda v: mb.softmax(x=v, axis=axis), [x], [soft], [(2 * (8 * F32 + FUNCTION) + shape[axis] * F32) * soft])
    ]
    rows, inner, columns = (int(n) for n in rng.integers(1, 7, 3))
    left, right = values(rng, (2, 1, rows, inner), dtype), values(rng, (3, columns, inner), dtype)

    def products(a, b):
        wide = np.matmul(a.astype(np.float64), b.astype(np.float64))
        return [wide], [(inner + 1) * F32 * np.matmul(np.abs(a).astype(np.float64), np.abs(b))]

    def matmul(a, b):
        return mb.matmul(x=a, y=b, transpose_y=True)

    cases.append(Case(matmul, [left, right], *products(left, right.swapaxes(-1, -2)), "matmul"))
    single = values(rng, (inner, columns), dtype)
    batch = values(rng, (2, 3, rows, inner), dtype)
    shared = products(batch, single)
    cases.append(Case(lambda v: mb.matmul(x=v, y=single), [batch], *shared, "one matrix for all"))
    weight, bias = values(rng, (columns, inner), dtype), values(rng, (columns,), dtype)
    flat = values(rng, (rows, inner), dtype)
    expected, allowed = products(flat, weight.T)
    full = expected[0] + bias.astype(np.float64)
    more = allowed[0] + 2 * F32 * (np.abs(full) + 2 + allowed[0])
    cases.append(Case(lambda v: mb.linear(x=v, weight=weight, bias=bias), [flat], [full], [more], "linear"))
    one, two = values(rng, (2, 3, 4, 5), dtype), values(rng, (2, 5, 4, 6), dtype)
    summed = np.einsum("nchw,nwhu->nchu", one.astype(np.float64), two.astype(np.float64))
    size = np.einsum("nchw,nwhu->nchu", np.abs(one).astype(np.float64), np.abs(two))

    def einsum(a, b):
        return mb.einsum(values=(a, b), equation="nchw,nwhu->nchu")

    cases.append(Case(einsum, [one, two], [summed], [6 * F32 * size], "einsum"))
    check(cases)


def standard(x, axes, epsilon):
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)


@pytest.mark.parametrize("dtype", FLOATS)
@given(seed=SEEDS)
@QUICK
def test_normalizations(seed, dtype):
    rng = np.random.default_rng(seed)
    mb = builder()
    channels = int(rng.integers(1, 5))
    x = values(rng, (2, channels, *rng.integers(2, 5, 2)), dtype)
    gamma, beta, mean = (values(rng, (channels,), dtype) for _ in range(3))
    variance = values(rng, (channels,), dtype, 0.5, 2)
    epsilon = np.dtype(dtype).type(2.0**-9)
    wide, g, b = x.astype(np.float64), by_channel(gamma, x), by_channel(beta, x)
    batch = (wide - by_channel(mean, x)) / np.sqrt(by_channel(variance, x) + 2.0**-9)
    instance = standard(wide, (2, 3), 2.0**-9)
    layer = standard(wide, (1, 3), 2.0**-9)
    weights = values(rng, (channels, x.shape[3]), dtype)
    weighted = weights.astype(np.float64).reshape(1, channels, 1, -1)
    l2 = wide / np.sqrt(np.square(wide).sum((1, 2, 3), keepdims=True) + 2.0**-9)
    local = tf.nn.local_response_normalization(np.moveaxis(wide, 1, -1).astype(np.float32), 1, 1.0, 0.25, 0.75)
    # Numbers up to 4 over a deviation of at least 2^-4.5, the mean of n of them off by n U of that.
    n = x[0].size
    loose = (n + 8) * F32 * 4 * 2**4.5 * 2
    named = {"gamma": gamma, "beta": beta, "epsilon": epsilon}
    check(
        [
            Case(
                lambda v: mb.batch_norm(x=v, mean=mean, variance=variance, **named),
                [x],
                [batch * g + b],
                [8 * F32 * (np.abs(batch * g) + np.abs(b) + 12)],
                "batch_norm",
            ),
            Case(lambda v: mb.instance_norm(x=v, **named), [x], [instance * g + b], [loose], "instance_norm"),
            Case(
                lambda v: mb.layer_norm(x=v, axes=[1, -1], gamma=weights, beta=weights, epsilon=epsilon),
                [x],
                [layer * weighted + weighted],
                [loose],
                "layer_norm",
            ),
            Case(lambda v: mb.l2_norm(x=v, epsilon=epsilon), [x], [l2], [(n + 4) * F32 * np.abs(l2)], "l2_norm"),
            Case(
                lambda v: (
                    mb.local_response_norm(x=v, size=3, alpha=0.75, beta=0.75, k=1.0)
                    if dtype == "float32"
                    else mb.local_response_norm(
                        x=v, size=3, alpha=np.float16(0.75), beta=np.float16(0.75), k=np.float16(1)
                    )
                ),
                [x],
                [np.moveaxis(local.numpy().astype(np.float64), -1, 1)],
                [32 * F32 * 2],
                "local_response_norm",
            ),
        ]
    )
