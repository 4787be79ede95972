"""Weights rounded so that each takes up the rounding errors of those before it.

The nearest integers have the least error of weights, but a product's result is what counts: where two of its inputs go
together, one weight rounded up and the other down cancel. How inputs go together is measured on samples, as in
E. Frantar & al., GPTQ: accurate post-training quantization for generative pre-trained transformers (2023).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from edgecv_converters.quantize.network import Network, WeightedOp
from edgecv_converters.quantize.scheme import Weights
from edgecv_converters.tflite.reader import Array, Op

Matrix = npt.NDArray[np.float64]
WIDEST = 1152  # weights of an output channel: the time grows with the third power of their number
ROWS, ROWS_A_WEIGHT = 4096, 4  # sets of inputs that are looked at: so many, or so many for each weight of a channel
DAMPING = 0.01  # of the mean square input: what is added to each, for samples are few
EXACT = 256  # sets whose products float32, which is several times as fast, adds without rounding: 256 * 255^2 < 2^24
BLOCK = 64  # weights of a channel that take up the errors of all before them together
SAME_PADDING = 0


def compensable(network: Network) -> frozenset[int]:
    """The products, by their weights, that this rounding is for: convolutions without groups, and dense layers."""
    readers = Counter(product.weight for product in network.products)
    return frozenset(p.weight for p in network.products if readers[p.weight] == 1 and _is_compensable(network, p))


def _is_compensable(network: Network, product: WeightedOp) -> bool:
    shape, source = network.shapes[product.weight], network.shapes[product.source]
    fits = int(np.prod(shape[1:])) <= WIDEST and source[-1] == shape[-1] and product.bias is not None
    return fits and network.ops[product.op].kind in {"CONV_2D", "FULLY_CONNECTED"}


def compensated(network: Network, product: WeightedOp, weights: Weights, zero: int, inputs: Sequence[Array]) -> Weights:
    """The weights of a product, rounded to the same grid for the least error of its result on some inputs.

    Args:
        network: It holds the float weights.
        product: One of the `compensable`.
        weights: Their grid, and integers that stay where all inputs are 0.
        zero: The inputs' zero point.
        inputs: The product's int8 input for each sample.
    """
    shape = weights.integers.shape
    rows = max(ROWS, ROWS_A_WEIGHT * int(np.prod(shape[1:])))
    rng = np.random.default_rng(0)
    each = -(-rows // len(inputs))
    taken = [_drawn(_sets(network.ops[product.op], shape, zero, values), each, rng) for values in inputs]
    together = summed_products(np.concatenate(taken), zero)
    if not together.any():
        return weights
    exact = network.constants[product.weight].reshape(shape[0], -1).astype(np.float64)
    integers = rounded_together(exact, weights.scales.astype(np.float64), together)
    return Weights(integers.reshape(shape), weights.scales, weights.axis)


def summed_products(sets: Array, zero: int) -> Matrix:
    """For each pair of inputs the sum of their products over all sets, exactly.

    Args:
        sets: Int8, (count, inputs).
        zero: Their zero point.
    """
    import tensorflow as tf

    found = np.subtract(sets, zero, dtype=np.float32)
    total = np.zeros((found.shape[1], found.shape[1]))
    for start in range(0, len(found), EXACT):
        part = found[start : start + EXACT]
        total += tf.matmul(part, part, transpose_a=True).numpy()
    return total


def rounded_together(weight: Matrix, scales: Matrix, together: Matrix) -> npt.NDArray[np.int8]:
    """Round a matrix of weights, (outputs, inputs), to steps of `scales`, one for each output or for all.

    Args:
        weight: The exact weights.
        scales: The steps.
        together: For each pair of inputs the sum of their products over many samples.
    """
    count = weight.shape[1]
    damped = together + DAMPING * np.mean(np.diag(together)) * np.eye(count)
    order = np.argsort(-np.diag(damped), kind="stable")  # the largest inputs first: their errors find the most room
    upper = _upper_root(damped[np.ix_(order, order)])
    exact, integers, errors = weight[:, order], np.zeros(weight.shape, np.int8), np.zeros(weight.shape)
    for start in range(0, count, BLOCK):
        stop = min(start + BLOCK, count)
        before = _product(errors[:, :start], upper[:start, start:stop])
        for place in range(start, stop):
            near = np.einsum("ij,j->i", errors[:, start:place], upper[start:place, place])
            wanted = exact[:, place] + (before[:, place - start] + near) / upper[place, place]
            nearest = np.clip(np.rint(wanted / scales), -127, 127)
            integers[:, order[place]], errors[:, place] = nearest, exact[:, place] - nearest * scales
    return integers


def _upper_root(matrix: Matrix) -> Matrix:
    """The upper triangular matrix that gives a symmetric one when it is multiplied by its transpose."""
    import tensorflow as tf

    turned: Matrix = tf.linalg.cholesky(np.ascontiguousarray(matrix[::-1, ::-1])).numpy()
    return turned[::-1, ::-1]


def _product(one: Matrix, other: Matrix) -> Matrix:
    """Multiply by TensorFlow: the threads of NumPy's BLAS wait for each other where the machine has other work."""
    import tensorflow as tf

    found: Matrix = tf.matmul(np.ascontiguousarray(one), np.ascontiguousarray(other)).numpy()
    return found


def _sets(op: Op, shape: tuple[int, ...], zero: int, values: Array) -> Array:
    """One sample's sets of inputs, one for each place of the result; their last axes are those of the weight."""
    if op.kind == "FULLY_CONNECTED":
        return values.reshape(-1, shape[-1])
    steps, apart = (op.options.strideH, op.options.strideW), (op.options.dilationHFactor, op.options.dilationWFactor)
    spans = [(size - 1) * gap + 1 for size, gap in zip(shape[1:3], apart, strict=True)]
    if op.options.padding == SAME_PADDING:
        edges = list(_edges(values.shape[1:3], spans, steps))
        values = np.pad(values, ((0, 0), *edges, (0, 0)), constant_values=zero)
    windows = sliding_window_view(values, spans, (1, 2))[:, :: steps[0], :: steps[1]]
    return np.moveaxis(windows[..., :: apart[0], :: apart[1]], 3, -1)


def _edges(sizes: Sequence[int], spans: Sequence[int], steps: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Compute what the padding "same" adds before and after each axis: the odd one goes after."""
    for size, span, step in zip(sizes, spans, steps, strict=True):
        missing = max((-(-size // step) - 1) * step + span - size, 0)
        yield missing // 2, missing - missing // 2


def _drawn(sets: Array, most: int, rng: np.random.Generator) -> Array:
    """Some of the sets, (count, inputs)."""
    places = sets.shape[: sets.ndim - 3] if sets.ndim > 2 else sets.shape[:1]
    count = int(np.prod(places))
    chosen = rng.choice(count, most, replace=False) if most < count else np.arange(count)
    return sets[np.unravel_index(chosen, places)].reshape(len(chosen), -1)
