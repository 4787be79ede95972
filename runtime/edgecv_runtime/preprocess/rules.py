"""The rules of a preprocessing block, and its fitting to one input of a model."""

from __future__ import annotations

import math

import msgspec

from edgecv_runtime.clip_sound_schema import Clip, Sound
from edgecv_runtime.errors import SpecError
from edgecv_runtime.preprocess.presets import NORMALIZATIONS, normalization
from edgecv_runtime.preprocess.sound_rules import bins_of, check_sound, resolve_sound
from edgecv_runtime.schema import Fit, Normalize, Preprocess

CHANNELS = {"rgb": 3, "bgr": 3, "gray": 1}
LARGEST = (2 - 2**-23) * 2.0**127  # float32
MOST_FRAMES, MOST_STRIDE = 1024, 10_000


def resolve(spec: Preprocess, shape: tuple[int, ...], name: str = "input") -> Preprocess:
    """Complete a preprocessing for an input of `shape` (1, H, W, C) or (1, H, W), or of any shape for tensors.

    A preset's colour becomes gray where the input has one channel, or no channel axis. A clip has the frames as one
    more axis behind the batch; a sound's two axes are time and frequency, with or without channels.

    Raises:
        SpecError: The preprocessing does not fit the input, or contradicts itself.
    """
    if spec.kind == "tensor":
        check(spec, channels=shape[-1] if len(shape) > 1 else 1)
        return spec
    if spec.kind == "sound":
        check(spec)
        return resolve_sound(spec, shape, name)
    if spec.kind == "clip":
        return _resolve_clip(spec, shape, name)
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


def frame_spec(spec: Preprocess) -> Preprocess:
    """Return what each frame of a clip goes through, as the preprocessing of a picture."""
    return msgspec.structs.replace(spec, kind="image", clip=msgspec.UNSET)


def _resolve_clip(spec: Preprocess, shape: tuple[int, ...], name: str) -> Preprocess:
    check(spec)
    if len(shape) not in {4, 5}:
        raise SpecError(
            f"input {name!r} has the shape {shape}, which is no clip (1, frames, height, width, channels)",
            "Use another kind of preprocessing",
        )
    clip = spec.clip or Clip()
    if clip.frames not in {None, shape[1]}:
        raise SpecError(f"clip.frames must be the input's, {shape[1]}, got {clip.frames}", "Leave frames out")
    frame = resolve(frame_spec(spec), (shape[0], *shape[2:]), name)
    return msgspec.structs.replace(frame, kind="clip", clip=Clip(frames=shape[1], stride=clip.stride))


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
    if spec.kind in {"tensor", "sound"}:
        _check_no_picture(spec)
    _check_parts(spec)
    if spec.size is not None and min(spec.size) < 1:
        _refuse("size", "height and width of at least 1", spec.size)
    if channels is None and spec.kind in {"image", "clip"}:
        channels = CHANNELS[spec.color]
    if isinstance(spec.sound, Sound):
        channels = bins_of(spec.sound)
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


def _check_no_picture(spec: Preprocess) -> None:
    plain = Preprocess()
    for field in ("size", "orientation", "depth", "color", "fit", "resize"):
        value = getattr(spec, field)
        if value != getattr(plain, field):
            _refuse(field, f"left out with kind = {spec.kind!r}", value)


def _check_parts(spec: Preprocess) -> None:
    """Refuse what belongs to another kind, and what is impossible of clips and sounds."""
    if spec.clip and spec.kind != "clip":
        _refuse("clip", "given only with kind = 'clip'", f"kind = {spec.kind!r}")
    if bool(spec.sound) != (spec.kind == "sound"):
        _refuse("sound", "given with kind = 'sound', and only there", f"kind = {spec.kind!r}")
    if isinstance(spec.clip, Clip):
        if spec.clip.frames is not None and not 1 <= spec.clip.frames <= MOST_FRAMES:
            _refuse("clip.frames", f"1 to {MOST_FRAMES}", spec.clip.frames)
        if not 1 <= spec.clip.stride <= MOST_STRIDE:
            _refuse("clip.stride", f"1 to {MOST_STRIDE:,} frames", spec.clip.stride)
    if isinstance(spec.sound, Sound):
        check_sound(spec.sound)


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
