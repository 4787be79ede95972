"""`tf` semantics are `tf.image.resize` within 1e-4 of a grey level, and the same integers in 99.99 % of the elements.

The figures that the tests measure are printed: `pytest -rP tests/unit/test_conformance_tf.py` shows them.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import numpy as np
import pytest
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.preprocess.presets import float32s, normalization
from edgecv_runtime.schema import Normalize, Preprocess, QuantParams, Resize, TensorIO
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import conformance
from tests.golden import independent
from tests.golden.format import as_image

MANY = settings(max_examples=400, deadline=None)
FEW = settings(max_examples=30, deadline=None)
# What calibration gives an int8 input of bytes, of 0..1, of -1..1 and of the ImageNet normalization
QUANTIZATIONS = {
    preset: QuantParams(scale=float32s([scale])[0], zero_point=zero_point)
    for preset, scale, zero_point in (
        ("none", 1.0, -128),
        ("rescale", 1 / 255, -128),
        ("tf", 1 / 127.5, -1),
        ("torch", 0.018658448, -14),
    )
}


def levels(pixels: np.ndarray, orientation: int, spec: Preprocess) -> np.ndarray:
    """What the reference resamples to, before it is normalized."""
    return Preprocessor(msgspec.structs.replace(spec, normalize=Normalize()))(as_image(pixels, orientation))[0]


def assert_close(pixels: np.ndarray, orientation: int, spec: Preprocess, io: TensorIO) -> None:
    """The resampling is TensorFlow's within 1e-4, `nearest` exactly, and every bit of what follows is plain NumPy's."""
    got = levels(pixels, orientation, spec)
    wanted = independent.levels(pixels, orientation, spec)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=0 if spec.resize.kernel == "nearest" else independent.LEVEL)
    finished = independent.finish(independent.normalize(got, spec), io)
    assert independent.same_bits(Preprocessor(spec, io)(as_image(pixels, orientation)), finished)


@MANY
@given(st.data(), conformance.pictures(conformance.small_sizes), st.integers(1, 8))
def test_any_preprocessing_of_any_picture_is_tensorflows(data, pixels, orientation):
    spec = data.draw(conformance.specs("tf"))
    assert_close(pixels, orientation, spec, data.draw(conformance.inputs(spec)))


@FEW
@given(st.data(), conformance.pictures(conformance.photo_sizes), st.integers(1, 8))
def test_pictures_of_up_to_12_megapixels_are_tensorflows(data, pixels, orientation):
    spec = data.draw(conformance.specs("tf", shorter=24))
    assert_close(pixels, orientation, spec, data.draw(conformance.inputs(spec)))


@pytest.mark.parametrize("kernel", conformance.KERNELS)
@pytest.mark.parametrize("size", [(8, 8), (224, 224), (1, 1), (3000, 5)])
def test_the_largest_picture_is_tensorflows(kernel, size):
    pixels = conformance.noise()[: 3000 * 4000 * 3].reshape(3000, 4000, 3)
    spec = Preprocess(size=size, resize=Resize(kernel=kernel, semantics="tf"))
    np.testing.assert_allclose(levels(pixels, 1, spec), independent.levels(pixels, 1, spec), rtol=0, atol=1e-4)


@dataclass
class Tally:
    """Counted over all examples."""

    elements: int = 0
    equal: int = 0
    one_step: int = 0
    farthest: float = 0.0

    def add(self, got: np.ndarray, wanted: np.ndarray) -> None:
        steps = np.abs(got.astype(np.int64) - wanted)
        self.elements += steps.size
        self.equal += int((steps == 0).sum())
        self.one_step += int((steps == 1).sum())

    @property
    def share(self) -> float:
        return self.equal / self.elements

    def __str__(self) -> str:
        share = f"{self.equal} of {self.elements} int8 elements equal tf.image.resize's ({100 * self.share:.4f} %)"
        return f"{share}, at most {self.farthest:.1e} grey levels away before"


@pytest.mark.parametrize("kernel", conformance.KERNELS)
def test_quantized_elements_are_tensorflows_in_9999_of_10000(kernel, record_property):
    tally = Tally()

    @settings(max_examples=200, deadline=None)
    @given(
        conformance.pictures(conformance.mixed_sizes, channels=3),
        conformance.outputs,
        st.sampled_from(sorted(QUANTIZATIONS)),
    )
    def count(pixels, size, preset):
        spec = Preprocess(size=size, resize=Resize(kernel=kernel, semantics="tf"), normalize=normalization(preset))
        io = TensorIO(
            name="x", tensor="x", shape=(1, *size, 3), dtype="int8", layout="NHWC", quantization=QUANTIZATIONS[preset]
        )
        wanted = independent.levels(pixels, 1, spec)
        tally.add(Preprocessor(spec, io)(pixels), independent.finish(independent.normalize(wanted, spec), io))
        tally.farthest = max(tally.farthest, float(np.abs(levels(pixels, 1, spec).astype(np.float64) - wanted).max()))

    count()
    record_property("equal_share", tally.share)
    print(f"{kernel}: {tally}")
    assert tally.elements > 50_000
    assert tally.equal + tally.one_step == tally.elements
    assert tally.share >= 0.9999
