"""Bias correction for a file whose layers have changed: the old one made up for roundings that are gone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgecv_converters.quantize.bias import corrected, correction_samples
from edgecv_converters.quantize.execute import mixing
from edgecv_converters.quantize.floats import mean_inputs
from edgecv_converters.quantize.kernels import unknown
from edgecv_converters.quantize.network import Network, read_network
from edgecv_converters.quantize.scheme import read_scheme, write_scheme
from edgecv_converters.quantize.score import answers, distance
from edgecv_converters.tflite.reader import Array

SAMPLES = 64


def uncorrected(network: Network, int8: bytes) -> bytes:
    """The int8 file with the float file's biases, rounded: what each layer costs by itself."""
    scheme = read_scheme(network, int8)
    exact = {number: network.constants[number].astype(np.float64) for number in scheme.biases}
    return write_scheme(network, int8, scheme.with_biases(exact))


def corrected_anew(mixed: bytes, float32: bytes, samples: Sequence[Array]) -> bytes:
    """A file with biases corrected for its own roundings, if that brings it nearer to the float file; else as it was.

    Args:
        mixed: An int8 file, some operations of which are float.
        float32: The float file of the same graph.
        samples: Calibration samples for each input in the file's order; at most 64 are used.
    """
    network = read_network(mixed, float32, plain=False)
    if unknown(network) or mixing(network) is not None:
        return mixed
    few = [values[: min(SAMPLES, correction_samples(network))] for values in samples]
    scheme = read_scheme(network, mixed)
    means = mean_inputs(network, float32, few)
    found = write_scheme(network, mixed, corrected(network, mixed, scheme, few, means))
    reference = answers(float32, few)
    near, old = (distance(network, reference, answers(data, few)) for data in (found, mixed))
    return found if near < old else mixed
