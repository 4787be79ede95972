"""Operations on each element by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from edgecv_converters.coreai.builder import FLOATS, Operand, ProgramBuilder, Value

Handler = Callable[..., Value]
UNARY: Final = {
    **{name: name for name in ("asin", "atan", "atanh", "cos", "cosh", "erf", "exp", "sinh", "sqrt", "tan", "tanh")},
    "abs": "abs_",
    "acos": "acos",
    "logical_not": "not_",
    "sin": "sin",
}
BINARY: Final = {
    "add": "broadcasting_add",
    "equal": "broadcasting_equal",
    "floor_div": "broadcasting_floor_divide",
    "greater": "broadcasting_greater",
    "logical_and": "broadcasting_and",
    "logical_or": "broadcasting_or",
    "logical_xor": "broadcasting_xor",
    "maximum": "broadcasting_maximum",
    "minimum": "broadcasting_minimum",
    "mul": "broadcasting_mul",
    "not_equal": "broadcasting_not_equal",
    "pow": "broadcasting_pow",
    "real_div": "broadcasting_divide",
    "sub": "broadcasting_sub",
}


def _unary(name: str) -> Handler:
    def unary(net: ProgramBuilder, x: Operand) -> Value:
        return getattr(net.ai, name)(net.raw(x))

    return unary


def _binary(name: str) -> Handler:
    def binary(net: ProgramBuilder, x: Operand, y: Operand) -> Value:
        return getattr(net.ai, name)(net.raw(x), net.raw(y))

    return binary


def mod(net: ProgramBuilder, x: Operand, y: Operand) -> Value:
    """Take the rest of a division that is rounded down; Core AI's own is of one that is rounded toward zero."""
    zero, divisor = net.number(0, x.dtype), net.raw(y)
    rest = net.ai.broadcasting_modulo(net.raw(x), divisor)
    below = [net.ai.broadcasting_greater(zero, value) for value in (rest, divisor)]
    wrong = net.ai.broadcasting_and(net.ai.broadcasting_xor(*below), net.ai.broadcasting_not_equal(rest, zero))
    return net.ai.broadcasting_where(wrong, net.ai.broadcasting_add(rest, divisor), rest)


def less(net: ProgramBuilder, x: Operand, y: Operand) -> Value:
    """Compare with the sides exchanged."""
    return net.ai.broadcasting_greater(net.raw(y), net.raw(x))


def greater_equal(net: ProgramBuilder, x: Operand, y: Operand) -> Value:
    """Compare twice: what is not a number is neither."""
    left, right = net.raw(x), net.raw(y)
    return net.ai.broadcasting_or(net.ai.broadcasting_greater(left, right), net.ai.broadcasting_equal(left, right))


def less_equal(net: ProgramBuilder, x: Operand, y: Operand) -> Value:
    """Compare with the sides exchanged."""
    return greater_equal(net, y, x)


def floor(net: ProgramBuilder, x: Operand) -> Value:
    """Round down: the floor of a division by 1."""
    return net.ai.broadcasting_floor_divide(net.raw(x), net.number(1, x.dtype))


def ceil(net: ProgramBuilder, x: Operand) -> Value:
    """Round up: the opposite of the opposite rounded down."""
    opposite = net.ai.broadcasting_mul(net.raw(x), net.number(-1, x.dtype))
    down = net.ai.broadcasting_floor_divide(opposite, net.number(1, x.dtype))
    return net.ai.broadcasting_mul(down, net.number(-1, x.dtype))


def round_(net: ProgramBuilder, x: Operand) -> Value:
    """Round to the nearest integer, halves to even."""
    return net.ai.round_(net.raw(x))


def sign(net: ProgramBuilder, x: Operand) -> Value:
    """Give 1, 0 or -1."""
    value, zero = net.raw(x), net.number(0, x.dtype)
    above = net.cast(net.ai.broadcasting_greater(value, zero), x.dtype)
    return net.ai.broadcasting_sub(above, net.cast(net.ai.broadcasting_greater(zero, value), x.dtype))


def square(net: ProgramBuilder, x: Operand) -> Value:
    """Multiply by itself."""
    return net.ai.broadcasting_mul(net.raw(x), net.raw(x))


def exp2(net: ProgramBuilder, x: Operand) -> Value:
    """Raise 2 to a power."""
    return net.ai.broadcasting_pow(net.number(2, x.dtype), net.raw(x))


def inverse(net: ProgramBuilder, x: Operand, epsilon: float = 1e-4) -> Value:
    """Divide 1 by x + epsilon."""
    return net.narrow(net.ai.broadcasting_divide(net.number(1, "float32"), _raised(net, x, epsilon)))


def log(net: ProgramBuilder, x: Operand, epsilon: float = 1e-45) -> Value:
    """Take the natural logarithm of x + epsilon."""
    return net.narrow(net.ai.log(_raised(net, x, epsilon)))


def rsqrt(net: ProgramBuilder, x: Operand, epsilon: float = 1e-12) -> Value:
    """Divide 1 by the square root of x + epsilon."""
    root = net.ai.sqrt(_raised(net, x, epsilon))
    return net.narrow(net.ai.broadcasting_divide(net.number(1, "float32"), root))


def _raised(net: ProgramBuilder, x: Operand, epsilon: float) -> Value:
    value = net.wide(x)
    return net.ai.broadcasting_add(value, net.number(epsilon, "float32")) if np.float32(epsilon) else value


def clip(net: ProgramBuilder, x: Operand, alpha: float, beta: float) -> Value:
    """Bring into [alpha, beta]."""
    above = net.ai.broadcasting_maximum(net.raw(x), net.number(alpha, x.dtype))
    return net.ai.broadcasting_minimum(above, net.number(beta, x.dtype))


def threshold(net: ProgramBuilder, x: Operand, alpha: float) -> Value:
    """Bring to at least alpha."""
    return net.ai.broadcasting_maximum(net.raw(x), net.number(alpha, x.dtype))


def cast(net: ProgramBuilder, x: Operand, dtype: str) -> Value:
    """Change the type; floats become integers toward zero, and no further than the type goes."""
    del dtype  # the program declares it
    value = net.raw(x)
    if x.dtype not in FLOATS or net.dtype in FLOATS or net.dtype == "bool":
        return net.cast(value, net.dtype)
    limits = np.iinfo(net.dtype)
    lowest, highest = float(limits.min), float(np.nextafter(np.float32(limits.max), np.float32(0)))
    kept = net.ai.broadcasting_maximum(net.wide(x), net.number(lowest, "float32"))
    return net.cast(net.ai.broadcasting_minimum(kept, net.number(highest, "float32")), net.dtype)


def select(net: ProgramBuilder, cond: Operand, a: Operand, b: Operand) -> Value:
    """Take from `a` where the condition holds, else from `b`."""
    return net.ai.broadcasting_where(net.raw(cond), net.raw(a), net.raw(b))


def identity(net: ProgramBuilder, x: Operand) -> Value:
    """Give the operand."""
    return net.raw(x)


HANDLERS: Final = {
    **{name: _unary(function) for name, function in UNARY.items()},
    **{name: _binary(function) for name, function in BINARY.items()},
    **{
        function.__name__: function
        for function in (
            *(mod, less, greater_equal, less_equal, floor, ceil, sign, square, exp2, inverse, log, rsqrt, clip),
            *(threshold, cast, select, identity),
        )
    },
    "round": round_,
}
