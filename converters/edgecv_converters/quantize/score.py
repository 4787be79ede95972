"""The distance of an int8 file's answers from the float file's, measured on the files themselves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgecv_converters.quantize.network import Network
from edgecv_converters.quantize.watched import interpreter_of, invoke
from edgecv_converters.tflite.reader import Array

SMALLEST = 1 / 512  # half a step of an int8 probability


def answers(data: bytes, inputs: Sequence[Array]) -> list[Array]:
    """The float outputs of a .tflite file, in its order.

    Args:
        data: The file; its inputs and outputs are float32.
        inputs: Samples for each input in the file's order, the first axis counts them.

    Raises:
        UnusableFileError: The kernels refuse it, or a sample.
    """
    interpreter = interpreter_of(data)
    taken = [detail["index"] for detail in interpreter.get_input_details()]
    given = [detail["index"] for detail in interpreter.get_output_details()]
    rows: list[list[Array]] = [[] for _ in given]
    for row in range(len(inputs[0])):
        for index, values in zip(taken, inputs, strict=True):
            interpreter.set_tensor(index, values[row : row + 1])
        invoke(interpreter)
        for found, index in zip(rows, given, strict=True):
            found.append(interpreter.get_tensor(index).copy())
    return [np.stack(found) for found in rows]


def distance(network: Network, reference: Sequence[Array], candidate: Sequence[Array]) -> float:
    """The sum over the outputs of how far the answers are from the reference's; 0 where they are equal.

    Of a softmax the mean Kullback-Leibler divergence, of a sigmoid the binary one, else the squared error over the
    reference's variance.
    """
    return float(distances(network, reference, candidate, variances(reference)).mean())


def distances(
    network: Network, reference: Sequence[Array], candidate: Sequence[Array], spread: Sequence[float]
) -> npt.NDArray[np.float64]:
    """The distance of each sample's answers from the reference's; `spread` are the `variances` for all samples."""
    total = np.zeros(len(candidate[0]))
    for number, expected, got, variance in zip(network.outputs, reference, candidate, spread, strict=True):
        total += _distances(_kind(network, number), expected, got, variance)
    return total


def variances(reference: Sequence[Array]) -> list[float]:
    """The variance of each output's answers, never 0: what squared errors are held against."""
    tiny = float(np.finfo(np.float64).tiny)
    return [max(float(np.var(answer, dtype=np.float64)), tiny) for answer in reference]


def _kind(network: Network, output: int) -> str:
    maker = network.maker(output)
    return "" if maker is None else maker.kind


def _distances(kind: str, expected: Array, got: Array, variance: float) -> npt.NDArray[np.float64]:
    p, q = np.asarray(expected, np.float64), np.asarray(got, np.float64)
    if kind == "LOGISTIC":
        p, q = np.stack([p, 1 - p], -1), np.stack([q, 1 - q], -1)
    if kind in {"SOFTMAX", "LOGISTIC"}:
        p, q = np.clip(p, SMALLEST, None), np.clip(q, SMALLEST, None)
        p, q = p / p.sum(-1, keepdims=True), q / q.sum(-1, keepdims=True)
        divergence: npt.NDArray[np.float64] = (p * np.log(p / q)).sum(-1).reshape(len(q), -1).mean(1)
        return divergence
    squares: npt.NDArray[np.float64] = np.square(p - q).reshape(len(q), -1).mean(1) / variance
    return squares
