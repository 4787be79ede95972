"""Operations on each element by itself. Results are in float32 where the program says float16."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from edgecv_converters.mil.dtypes import KINDS, Array
from edgecv_converters.mil.ops.error_function import erf
from edgecv_converters.mil.registry import Function, Kernel, arithmetic, movement

UNARY: Mapping[str, Callable[[Array], Array]] = {
    "abs": np.abs,
    "acos": np.arccos,
    "asin": np.arcsin,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "ceil": np.ceil,
    "cos": np.cos,
    "cosh": np.cosh,
    "erf": erf,
    "exp": np.exp,
    "exp2": np.exp2,
    "floor": np.floor,
    "round": np.rint,
    "sign": np.sign,
    "sin": np.sin,
    "sinh": np.sinh,
    "sqrt": np.sqrt,
    "square": np.square,
    "tan": np.tan,
    "tanh": np.tanh,
}
BINARY: Mapping[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "equal": np.equal,
    "floor_div": np.floor_divide,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "mod": np.mod,
    "mul": np.multiply,
    "not_equal": np.not_equal,
    "pow": np.power,
    "real_div": np.true_divide,
    "sub": np.subtract,
}
LOGICAL: Mapping[str, Callable[[Array, Array], Array]] = {
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
}


def _unary(name: str, function: Callable[[Array], Array]) -> Function:
    def unary(x: Array) -> Array:
        return function(x)

    unary.__doc__ = f"MIL ops, iOS15, {name}, element by element."
    return unary


def _binary(name: str, function: Callable[[Array, Array], Array]) -> Function:
    def binary(x: Array, y: Array) -> Array:
        return function(x, y)

    binary.__doc__ = f"MIL ops, iOS15, {name}, element by element with broadcasting."
    return binary


def logical_not(x: Array) -> Array:
    """MIL ops, iOS15, logical_not."""
    return np.logical_not(x)


def clip(x: Array, alpha: float, beta: float) -> Array:
    """MIL ops, iOS15, clip: into [alpha, beta]."""
    result: Array = np.minimum(np.maximum(x, x.dtype.type(alpha)), x.dtype.type(beta))
    return result


def threshold(x: Array, alpha: float) -> Array:
    """MIL ops, iOS15, threshold: at least alpha."""
    result: Array = np.maximum(x, x.dtype.type(alpha))
    return result


def inverse(x: Array, epsilon: float = 1e-4) -> Array:
    """MIL ops, iOS15, inverse: 1 / (x + epsilon)."""
    return np.reciprocal(x + np.float32(epsilon))


def log(x: Array, epsilon: float = 1e-45) -> Array:
    """MIL ops, iOS15, log: of x + epsilon."""
    return np.log(x + np.float32(epsilon))


def rsqrt(x: Array, epsilon: float = 1e-12) -> Array:
    """MIL ops, iOS15, rsqrt: 1 / sqrt(x + epsilon)."""
    return np.float32(1) / np.sqrt(x + np.float32(epsilon))


def cast(
    x: Array,
    dtype: Literal["int8", "uint8", "int16", "uint16", "int32", "fp16", "fp32", "bool"],
) -> Array:
    """MIL ops, iOS15 and iOS17, cast: to integers toward zero, and no further than the type goes; nonzero is true."""
    if dtype == "bool":
        result: Array = x != 0
        return result
    if dtype in {"fp16", "fp32"} or x.dtype.kind != "f":
        return x
    limits = np.iinfo(KINDS[dtype].numpy)
    whole: Array = np.clip(np.trunc(x.astype(np.float64)), limits.min, limits.max)
    return np.nan_to_num(whole).astype(limits.dtype)


def select(cond: Array, a: Array, b: Array) -> Array:
    """MIL ops, iOS15, select: a where cond, else b, with broadcasting."""
    return np.where(cond, a, b)


def identity(x: Array) -> Array:
    """MIL ops, iOS15, identity."""
    return x


KERNELS: Mapping[str, Kernel] = {
    **{name: arithmetic(_unary(name, function)) for name, function in UNARY.items()},
    **{name: arithmetic(_binary(name, function)) for name, function in BINARY.items()},
    **{name: movement(_binary(name, function)) for name, function in LOGICAL.items()},
    **{function.__name__: arithmetic(function) for function in (clip, threshold, inverse, log, rsqrt, cast)},
    **{function.__name__: movement(function) for function in (logical_not, select, identity)},
}
