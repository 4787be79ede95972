"""The rules of a preprocessing block, and its fitting to one input of a model."""

from __future__ import annotations

import math

import msgspec

from edgecv_runtime.errors import SpecError
from edgecv_runtime.preprocess.presets import NORMALIZATIONS, normalization
from edgecv_runtime.schema import Fit, Normalize, Preprocess

CHANNELS = {"rgb": 3, "bgr": 3, "gray": 1}
LARGEST = (2 - 2**-23) * 2.0**127  # float32


def resolve(spec: Preprocess, shape: tuple[int, ...], name: str = "input") -> Preprocess:
    """Complete a preprocessing for an input of `shape` (1, H, W, C) or (1, H, W), or of any shape for tensors.

    A preset's colour becomes gray where the input has one channel, or no channel axis.

    Raises:
        SpecError: The preprocessing does not fit the input, or contradicts itself.
    """
    if spec.kind == "tensor":
        check(spec, channels=shape[-1] if len(shape) > 1 else 1)
        return spec
    if len(shape) not in {3, 4}:
        raise SpecError(
            f"input {name!r} has the shape {shape}, which is no picture (1, height, width, channels)",
            "Use the preprocessing 'tensor'",
        )
    height, width, channels = (*shape[1:], 1)[:3]
    color = spec.color
    if channels == 1 and color == "rgb" and spec.normalize.preset is not None:
        color = "gray"
    if CHANNELS[color] != channels:
        raise SpecError(
            f"input {name!r} has {channels} channel(s), color = {color!r} has {CHANNELS[color]}",
            "Set color to 'gray' for one channel, 'rgb' or 'bgr' for three",
        )
    if spec.size not in {None, (height, width)}:
        raise SpecError(f"size must be the input's, ({height}, {width}), got {spec.size}", "Leave size out")
    done = msgspec.structs.replace(spec, size=(height, width), color=color)
    check(done, channels=channels)
    return done


def check(spec: Preprocess, *, channels: int | None = None) -> None:
    """Refuse what is impossible.

    Args:
        spec: The preprocessing.
        channels: How many the input has, where that is known.

    Raises:
        SpecError: Names the field, the rule and the value got.
    """
    _check_fit(spec.fit)
    _check_preset(spec.normalize, spec.color)
    if spec.kind == "tensor":
        _check_tensor(spec)
    if spec.size is not None and min(spec.size) < 1:
        _refuse("size", "height and width of at least 1", spec.size)
    if channels is None and spec.kind == "image":
        channels = CHANNELS[spec.color]
    count = "one value" if channels == 1 else f"1 or {channels} values"
    for field in ("scale", "offset"):
        values = getattr(spec.normalize, field)
        if channels is not None and len(values) not in {1, channels}:
            _refuse(f"normalize.{field}", count, values)
        if not values or not all(math.isfinite(value) and abs(value) <= LARGEST for value in values):
            _refuse(f"normalize.{field}", "finite numbers of float32", values)
    if 0 in spec.normalize.scale:
        _refuse("normalize.scale", "other than zero, which makes all inputs equal", spec.normalize.scale)
    if spec.fit.pad is not None and channels is not None and len(spec.fit.pad) not in {1, channels}:
        _refuse("fit.pad", count, spec.fit.pad)


def _check_tensor(spec: Preprocess) -> None:
    plain = Preprocess(kind="tensor")
    for field in ("size", "orientation", "depth", "color", "fit", "resize"):
        value = getattr(spec, field)
        if value != getattr(plain, field):
            _refuse(field, "left out with kind = 'tensor'", value)


def _check_preset(normalize: Normalize, color: str) -> None:
    name = normalize.preset
    if name is None:
        return
    if name not in NORMALIZATIONS:
        _refuse("normalize.preset", f"one of {', '.join(NORMALIZATIONS)}", repr(name))
    own = normalization(name)
    for field in ("scale", "offset"):
        if getattr(normalize, field) != getattr(own, field):
            rule = f"{getattr(own, field)} with normalize.preset = {name!r}"
            _refuse(f"normalize.{field}", rule, getattr(normalize, field))
    if name == "caffe" and color != "bgr":
        _refuse("color", "'bgr' with normalize.preset = 'caffe'", repr(color))


def _check_fit(fit: Fit) -> None:
    for field, mode in (("fraction", "crop"), ("shorter", "resize_crop"), ("pad", "letterbox")):
        value = getattr(fit, field)
        if value is not None and fit.mode != mode:
            _refuse(f"fit.{field}", f"given only with mode = {mode!r}", f"{value} with mode = {fit.mode!r}")
    if fit.mode == "resize_crop" and fit.shorter is None:
        _refuse("fit.shorter", "given with mode = 'resize_crop'", None)
    if fit.fraction is not None and not 0 < fit.fraction <= 1:
        _refuse("fit.fraction", "over 0 and at most 1", fit.fraction)
    if fit.shorter is not None and not 1 <= fit.shorter <= 65536:
        _refuse("fit.shorter", "1 to 65536 pixels", fit.shorter)
    if fit.pad is not None and not all(0 <= value <= 255 for value in fit.pad):
        _refuse("fit.pad", "values in 0..255", fit.pad)


def _refuse(field: str, rule: str, got: object) -> None:
    raise SpecError(f"{field} must be {rule}, got {got}", "docs/preprocessing.md describes every field")
