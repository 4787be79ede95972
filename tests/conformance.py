"""Random pictures and preprocessings for the conformance tests: cheap to draw, as wide as what edgecv promises."""

from __future__ import annotations

from functools import cache

import numpy as np
from edgecv_runtime.preprocess.presets import float32s, normalization
from edgecv_runtime.schema import Fit, Normalize, Preprocess, QuantParams, Resize, TensorIO
from hypothesis import strategies as st

KERNELS = ("nearest", "bilinear", "bicubic", "lanczos", "box")
HIGHEST, WIDEST = 3000, 4000
SPARE = 1 << 16
ZERO_POINTS = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}

sides = st.one_of(st.integers(1, 12), st.integers(1, 300))
small_sizes = st.tuples(sides, sides)
photo_sizes = st.tuples(st.integers(1, HIGHEST), st.integers(1, WIDEST))
mixed_sizes = st.integers(0, 19).flatmap(lambda n: small_sizes if n else photo_sizes)
outputs = st.tuples(st.integers(1, 96), st.integers(1, 96))
fractions = st.one_of(st.sampled_from([0.1, 0.5, 0.875, 1.0, None]), st.floats(2**-10, 1))
numbers = st.floats(-300, 300, width=32)
scales = st.floats(2**-10, 4, width=32)


@cache
def noise() -> np.ndarray:
    """Enough random bytes for the largest picture, and some more to begin elsewhere."""
    return np.frombuffer(np.random.default_rng(7).bytes(HIGHEST * WIDEST * 3 + SPARE), np.uint8)


@st.composite
def pictures(draw: st.DrawFn, sizes: st.SearchStrategy[tuple[int, int]], channels: int | None = None) -> np.ndarray:
    """Decoded pictures, height x width x 1 or 3: noise, noise of black and white, or one flat colour."""
    height, width = draw(sizes)
    channels = channels or draw(st.sampled_from([3, 3, 1]))
    begin = draw(st.integers(0, SPARE))
    bytes_ = noise()[begin : begin + height * width * channels].reshape(height, width, channels)
    kind = draw(st.sampled_from(["noise", "noise", "noise", "black and white", "flat"]))
    if kind == "black and white":
        return (bytes_ >> 7) * np.uint8(255)
    return bytes_ if kind == "noise" else np.full_like(bytes_, bytes_[0, 0])


@st.composite
def fits(draw: st.DrawFn, channels: int, shorter: int = 96) -> Fit:
    """Every mode with its field."""
    mode = draw(st.sampled_from(["stretch", "crop", "resize_crop", "letterbox"]))
    pad = st.lists(st.integers(0, 255), min_size=channels, max_size=channels)
    return Fit(
        mode=mode,
        fraction=draw(fractions) if mode == "crop" else None,
        shorter=draw(st.integers(1, shorter)) if mode == "resize_crop" else None,
        pad=draw(st.one_of(st.none(), pad.map(tuple))) if mode == "letterbox" else None,
    )


@st.composite
def normalizations(draw: st.DrawFn, channels: int) -> Normalize:
    """A preset, or any scale and offset for all channels or for each."""
    presets = ["none", "rescale", "tf", *(["torch", "caffe"] if channels == 3 else [])]
    if draw(st.booleans()):
        return normalization(draw(st.sampled_from(presets)))
    counts = [draw(st.sampled_from([1, channels])) for _ in range(2)]
    scale, offset = ([draw(strategy) for _ in range(n)] for n, strategy in zip(counts, (scales, numbers), strict=True))
    return Normalize(scale=float32s(scale), offset=float32s(offset))


@st.composite
def specs(draw: st.DrawFn, semantics: str, shorter: int = 96) -> Preprocess:
    """A whole preprocessing of pictures in one arithmetic."""
    color = draw(st.sampled_from(["rgb", "rgb", "bgr", "gray"]))
    channels = 1 if color == "gray" else 3
    return Preprocess(
        size=draw(outputs),
        orientation=draw(st.sampled_from(["exif", "ignore"])),
        color=color,
        fit=draw(fits(channels, shorter)),
        resize=Resize(kernel=draw(st.sampled_from(KERNELS)), semantics=semantics),
        normalize=draw(normalizations(channels)),
    )


@st.composite
def inputs(draw: st.DrawFn, spec: Preprocess) -> TensorIO:
    """An artifact's input for a preprocessing, in every layout and dtype."""
    height, width = spec.size or (0, 0)
    channels = 1 if spec.color == "gray" else 3
    dtype = draw(st.sampled_from(["float32", "float16", *ZERO_POINTS]))
    layout = draw(st.sampled_from(["NHWC", "NCHW"]))
    params = None
    if dtype in ZERO_POINTS:
        scale = draw(st.one_of(st.sampled_from([1.0, 0.5, 2.0, 1 / 255, 2 / 255]), scales))
        params = QuantParams(scale=float32s([scale])[0], zero_point=draw(st.integers(*ZERO_POINTS[dtype])))
    shape = (1, height, width, channels) if layout == "NHWC" else (1, channels, height, width)
    return TensorIO(name="x", tensor="x", shape=shape, dtype=dtype, layout=layout, quantization=params)
