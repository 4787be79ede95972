"""What the vectors test: the list of cases, without their expected tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from edgecv_runtime.preprocess import from_preset, resolve
from edgecv_runtime.preprocess.presets import float32s
from edgecv_runtime.schema import Fit, Normalize, Preprocess, QuantParams, Resize, TensorIO

from tests.golden.pictures import Source, file_sources, noise, raw_sources, turned_sources

KERNELS = ("nearest", "bilinear", "bicubic", "lanczos", "box")
SEMANTICS = ("pillow", "tf")
STEP = float32s([2 / 255])[0]  # int8 of -1..1: every byte is then almost on a rounding tie


@dataclass(frozen=True)
class Plan:
    """A case before its expected tensor is computed: it starts from a picture or from a tensor."""

    name: str
    spec: Preprocess
    io: TensorIO
    source: Source | None = None
    orientation: int = 1
    tensor: np.ndarray | None = None


SOURCES = {source.name: source for source in (*raw_sources(), *turned_sources(), *file_sources())}


def picture(
    name: str,
    source: str,
    size: tuple[int, int],
    *,
    kernel: Any = "bilinear",
    semantics: Any = "pillow",
    preset: str = "none",
    color: Any = None,
    fit: Fit | None = None,
    orientation: Any = "exif",
    depth: Any = "shift",
    normalize: Normalize | None = None,
    **io: Any,
) -> Plan:
    """A case that starts from a picture."""
    base = from_preset(preset)
    spec = Preprocess(
        orientation=orientation,
        depth=depth,
        color=color or base.color,
        fit=fit or Fit(),
        resize=Resize(kernel=kernel, semantics=semantics),
        normalize=normalize or base.normalize,
    )
    channels = 1 if spec.color == "gray" else 3
    spec = resolve(spec, (1, *size, channels))
    layout = io.setdefault("layout", "NHWC")
    shape = {"NHWC": (1, *size, channels), "NCHW": (1, channels, *size), "none": (1, *size)}[layout]
    return Plan(name, spec, tensor_io(shape, **io), SOURCES[source], SOURCES[source].orientation)


def tensor_io(shape: tuple[int, ...], dtype: str = "float32", q: Any = None, layout: Any = "none") -> TensorIO:
    """An artifact's input; `q` is its scale and zero point."""
    params = None if q is None else QuantParams(scale=float32s([q[0]])[0], zero_point=q[1])
    return TensorIO(name="input", tensor="input", shape=shape, dtype=dtype, layout=layout, quantization=params)


def vector(name: str, values: np.ndarray, *, scale: Any = (1.0,), offset: Any = (0.0,), **io: Any) -> Plan:
    """A case that starts from a tensor, without its batch dimension."""
    normalize = Normalize(scale=float32s(scale), offset=float32s(offset))
    return Plan(
        name, Preprocess(kind="tensor", normalize=normalize), tensor_io((1, *values.shape), **io), None, 1, values
    )


def kernels() -> Iterator[Plan]:
    """Each kernel and arithmetic, down, up, down hugely, and where sides are 1 or stay as they are."""
    for semantics in SEMANTICS:
        for kernel in KERNELS:
            name = f"{semantics}_{kernel}"
            how: dict[str, Any] = {"kernel": kernel, "semantics": semantics}
            yield picture(f"{name}_down_odd", "noise", (7, 11), **how)
            yield picture(f"{name}_up", "noise", (41, 37), **how)
            yield picture(f"{name}_mixed", "noise", (10, 45), **how)
            yield picture(f"{name}_huge", "huge", (8, 8), **how)
            yield picture(f"{name}_to_1x1", "noise", (1, 1), **how)
            yield picture(f"{name}_from_1x1", "pixel", (3, 5), **how)
            yield picture(f"{name}_same_size", "noise", (23, 31), **how)
        yield picture(f"{semantics}_row", "row", (4, 12), semantics=semantics, kernel="bicubic")
        yield picture(f"{semantics}_column", "column", (11, 3), semantics=semantics, kernel="lanczos")
        yield picture(f"{semantics}_to_row", "noise", (1, 9), semantics=semantics, kernel="bilinear")
        yield picture(f"{semantics}_to_column", "noise", (9, 1), semantics=semantics, kernel="box")
        yield picture(f"{semantics}_exact_half", "gray_noise", (7, 9), semantics=semantics, color="gray")
        yield picture(f"{semantics}_exact_double", "gray_noise", (28, 36), semantics=semantics, color="gray")


def fits() -> Iterator[Plan]:
    """Each fit, where its roundings show."""
    for semantics in SEMANTICS:
        how: dict[str, Any] = {"semantics": semantics}
        yield picture(f"{semantics}_crop", "noise", (10, 12), fit=Fit(mode="crop"), **how)
        yield picture(f"{semantics}_crop_875", "noise", (10, 10), fit=Fit(mode="crop", fraction=0.875), **how)
        yield picture(f"{semantics}_resize_crop", "noise", (12, 12), fit=Fit(mode="resize_crop", shorter=14), **how)
        yield picture(f"{semantics}_letterbox_wide", "noise", (16, 16), fit=Fit(mode="letterbox", pad=(114,)), **how)
        yield picture(f"{semantics}_letterbox_tall", "tall", (16, 16), fit=Fit(mode="letterbox"), **how)
    yield picture("crop_1", "tall", (8, 8), fit=Fit(mode="crop", fraction=1.0))
    yield picture("crop_10th", "photo", (5, 5), fit=Fit(mode="crop", fraction=0.1))
    yield picture("crop_half_up", "row", (2, 2), fit=Fit(mode="crop", fraction=0.5))
    yield picture("crop_least", "noise", (4, 4), fit=Fit(mode="crop", fraction=0.001))
    yield picture("crop_not_square", "photo", (9, 21), fit=Fit(mode="crop", fraction=0.7), kernel="lanczos")
    yield picture("resize_crop_up", "noise", (30, 28), fit=Fit(mode="resize_crop", shorter=32), kernel="bicubic")
    yield picture("resize_crop_half_to_0", "bytes", (15, 15), fit=Fit(mode="resize_crop", shorter=16))
    yield picture("resize_crop_half_to_2", "bytes", (13, 13), fit=Fit(mode="resize_crop", shorter=16))
    yield picture("resize_crop_padded", "noise", (15, 26), fit=Fit(mode="resize_crop", shorter=12))
    yield picture("resize_crop_padded_all_round", "tall", (60, 12), fit=Fit(mode="resize_crop", shorter=7), preset="tf")
    yield picture("letterbox_odd_row_after", "row", (6, 9), fit=Fit(mode="letterbox", pad=(7,)))
    yield picture("letterbox_odd_column_after", "tall", (12, 6), fit=Fit(mode="letterbox", pad=(200,)), kernel="box")
    yield picture("letterbox_half_up", "bytes", (5, 9), fit=Fit(mode="letterbox", pad=(1, 2, 3)), preset="rescale")
    yield picture("letterbox_bgr", "tall", (10, 10), fit=Fit(mode="letterbox", pad=(104, 117, 124)), preset="caffe")
    yield picture("letterbox_gray", "tall", (10, 10), fit=Fit(mode="letterbox", pad=(128,)), color="gray")
    yield picture("letterbox_thin", "row", (9, 9), fit=Fit(mode="letterbox", pad=(255,)), q=(1.0, -128), dtype="int8")


def normalizations() -> Iterator[Plan]:
    """Each preset and colour on every byte: the size stays, so what is seen is the float arithmetic."""
    size = (16, 16)
    for preset in ("none", "rescale", "tf", "torch", "caffe"):
        yield picture(f"preset_{preset}", "bytes", size, preset=preset)
        yield picture(f"preset_{preset}_resized", "photo", (13, 17), preset=preset, semantics="tf")
    explicit = Normalize(scale=float32s([0.3, 0.017, 0.001]), offset=float32s([-5.1, 1 / 3, 7e4]))
    yield picture("normalize_explicit", "bytes", size, normalize=explicit)
    yield picture("normalize_one_value", "bytes", size, normalize=Normalize(scale=(0.1,), offset=(-3.7,)))
    mixed = Normalize(scale=(0.1,), offset=float32s([-1.1, 2.2, -3.3]))
    yield picture("normalize_one_scale_three_offsets", "bytes", size, normalize=mixed)
    yield picture("normalize_negative_scale", "bytes", size, normalize=Normalize(scale=(-1.0,), offset=(255.0,)))
    yield picture("bgr", "noise", (9, 8), color="bgr")
    yield picture("gray_from_rgb", "bytes", size, color="gray")
    yield picture("gray_from_gray", "gray_bytes", size, color="gray", preset="rescale")
    yield picture("rgb_from_gray", "gray_noise", (6, 5), preset="torch")


def tensors_of_pictures() -> Iterator[Plan]:
    """Layouts, dtypes, ties and clamps."""
    size = (16, 16)
    half = Normalize(scale=(1.0,), offset=(-128.0,))
    small = Normalize(scale=float32s([1e-7]), offset=(0.0,))
    yield picture("nchw_float32", "noise", (6, 9), preset="torch", layout="NCHW")
    yield picture("nchw_gray", "gray_noise", (7, 5), color="gray", layout="NCHW")
    yield picture("nchw_int8_bgr", "noise", (6, 9), preset="caffe", layout="NCHW", dtype="int8", q=(1.0, 0))
    yield picture("nchw_float16_tf", "noise", (5, 6), preset="tf", layout="NCHW", dtype="float16", semantics="tf")
    yield picture("float16", "bytes", size, preset="torch", dtype="float16")
    yield picture("float16_subnormal", "bytes", size, normalize=small, dtype="float16")
    yield picture("float16_tf_kernel", "noise", (9, 7), kernel="bicubic", semantics="tf", dtype="float16")
    yield picture("int8_bytes_less_128", "bytes", size, dtype="int8", q=(1.0, -128))
    yield picture("int8_ties", "bytes", size, dtype="int8", q=(2.0, -64))
    yield picture("int8_ties_negative", "bytes", size, dtype="int8", q=(2.0, 5), normalize=half)
    yield picture("int8_near_ties_tf", "bytes", size, preset="tf", dtype="int8", q=(STEP, -1))
    yield picture("int8_near_ties_torch", "bytes", size, preset="torch", dtype="int8", q=(0.018658448, -14))
    yield picture("int8_rescale", "bytes", size, preset="rescale", dtype="int8", q=(1 / 255, -128))
    yield picture("int8_clamps_high", "bytes", size, dtype="int8", q=(0.5, -100))
    yield picture("int8_clamps_low", "bytes", size, dtype="int8", q=(1.0, -7), normalize=half)
    yield picture("int8_coarse", "bytes", size, dtype="int8", q=(100.0, 3))
    yield picture("uint8_as_it_is", "bytes", size, dtype="uint8", q=(1.0, 0))
    yield picture("uint8_rescale", "noise", (12, 10), preset="rescale", dtype="uint8", q=(1 / 255, 0), kernel="box")
    yield picture("uint8_ties_and_clamps", "bytes", size, dtype="uint8", q=(0.25, 121), normalize=half)
    yield picture("uint8_torch", "bytes", size, preset="torch", dtype="uint8", q=(0.018658448, 114))
    yield picture("int16", "bytes", size, preset="tf", dtype="int16", q=(1 / 32767, 0))
    yield picture("int16_division", "bytes", size, preset="tf", dtype="int16", q=(2 / 765, 0))  # is no reciprocal
    yield picture("int16_ties_and_clamps", "bytes", size, dtype="int16", q=(2**-8, 0), normalize=half)
    yield picture("int16_zero_point", "noise", (6, 6), preset="caffe", dtype="int16", q=(0.005, -1000))
    yield from planes()
    for kernel in KERNELS:
        how: dict[str, Any] = {"semantics": "tf", "dtype": "int8", "q": (STEP, 0), "preset": "tf"}
        yield picture(f"int8_tf_{kernel}", "photo", (12, 12), kernel=kernel, **how)
    yield picture("int8_tf_ties", "gray_noise", (28, 9), semantics="tf", dtype="int8", q=(0.5, -128), color="gray")
    yield picture("uint8_tf_overshoot", "noise", (30, 20), kernel="bicubic", semantics="tf", dtype="uint8", q=(1.0, 0))
    yield picture("int16_tf_lanczos", "noise", (9, 14), kernel="lanczos", semantics="tf", dtype="int16", q=(0.01, 0))
    yield picture("photo_96_int8", "photo", (96, 96), preset="tf", dtype="int8", q=(STEP, -1))
    yield picture("photo_64_image_dataset", "photo", (64, 64), semantics="tf", dtype="uint8", q=(1.0, 0))


def planes() -> Iterator[Plan]:
    """Gray pictures for inputs of H x W, without a channel axis."""
    how: dict[str, Any] = {"color": "gray", "layout": "none"}
    yield picture("plane_same_size", "gray_noise", (14, 18), preset="rescale", **how)
    yield picture("plane_of_colours", "noise", (9, 12), preset="tf", **how)
    yield picture("plane_of_3_columns", "noise", (28, 3), **how)
    yield picture("plane_tf_kernel", "tall", (13, 7), semantics="tf", dtype="int8", q=(STEP, -1), preset="tf", **how)
    yield picture("plane_int8", "bytes", (16, 16), dtype="int8", q=(1.0, -128), **how)
    yield picture("plane_letterbox", "tall", (12, 12), fit=Fit(mode="letterbox", pad=(9,)), dtype="float16", **how)


def files() -> Iterator[Plan]:
    """Orientations and every kind of file."""
    for number in range(1, 9):
        yield picture(f"orientation_{number}", f"turned_{number}", (9, 14), dtype="uint8", q=(1.0, 0))
    yield picture("orientation_6_resized", "turned_6", (10, 4), preset="tf", kernel="bicubic")
    yield picture("orientation_8_letterbox", "turned_8", (12, 12), fit=Fit(mode="letterbox", pad=(9,)), semantics="tf")
    yield picture("orientation_5_resize_crop", "turned_5", (8, 8), fit=Fit(mode="resize_crop", shorter=9))
    yield picture("orientation_7_gray_crop", "turned_7", (6, 6), fit=Fit(mode="crop", fraction=0.875), color="gray")
    for number in (3, 6):
        yield picture(f"orientation_{number}_ignored", f"turned_{number}", (9, 14), orientation="ignore")
    for source in file_sources():
        how: dict[str, Any] = {"depth": source.depth, "dtype": "uint8", "q": (1.0, 0)}
        yield picture(f"file_{source.name}", source.name, (12, 16), **how)
    for name in ("palette", "palette_transparent", "cmyk", "gray_16bit", "alpha", "gif"):
        yield picture(f"file_{name}_as_gray", name, (13, 9), color="gray", dtype="uint8", q=(1.0, 0))


def tensors() -> Iterator[Plan]:
    """Inputs that are no pictures."""
    features = (noise(1, 13, 1).reshape(13).astype(np.float32) - 128) / 8
    spectrogram = (noise(49, 10, 1).astype(np.float32) - 100) / np.float32(3.7)
    clip = noise(3, 4, 10).reshape(3, 4, 5, 2).astype(np.float32)
    ties = np.arange(-40, 40, dtype=np.float32) / 8 + np.float32(1 / 16)
    near = np.float32(0.018658448) * (np.arange(-120, 120, dtype=np.float32) + np.float32(0.5))
    standard = {"scale": [1 / (i + 3) for i in range(13)], "offset": [(6 - i) / 7 for i in range(13)]}
    yield vector("tensor_features", features, **standard)
    yield vector("tensor_features_int8", features, **standard, dtype="int8", q=(0.05, -11))
    yield vector("tensor_as_it_is", features)
    yield vector("tensor_spectrogram", spectrogram, scale=[0.02], offset=[-0.3])
    yield vector("tensor_spectrogram_int8", spectrogram, dtype="int8", q=(0.5847029, 83))
    yield vector("tensor_clip_uint8", clip, scale=[1 / 255, 1 / 127.5], offset=[0, -1], dtype="uint8", q=(0.01, 100))
    yield vector("tensor_float16", spectrogram, scale=[1 / 3], dtype="float16")
    yield vector("tensor_int16", spectrogram, dtype="int16", q=(0.001, 0))
    yield vector("tensor_ties_int8", ties, dtype="int8", q=(0.125, 0))
    yield vector("tensor_near_ties_int8", near, dtype="int8", q=(0.018658448, 0))
    yield vector("tensor_ties_clamped_uint8", ties, dtype="uint8", q=(0.125, 20))


def plans() -> list[Plan]:
    """All cases, in the order of the index."""
    groups = (kernels, fits, normalizations, tensors_of_pictures, files, tensors)
    return [plan for group in groups for plan in group()]
