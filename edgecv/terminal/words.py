"""Numbers and settings in words that people read: the same ones in tables and in the report."""

from __future__ import annotations

import math
from typing import Final

from edgecv_runtime.clip_sound_schema import Sound
from edgecv_runtime.schema import Fit, Normalize, Preprocess, QuantParams
from edgecv_runtime.text import THIN
from msgspec import UNSET, structs

DASH: Final = "\N{EN DASH}"
MINUS: Final = "\N{MINUS SIGN}"
TIMES: Final = "\N{MULTIPLICATION SIGN}"
NOT_FINITE: Final = "not finite"
_ABSURD: Final = 1e300  # what stands for an infinity in JSON; no real measurement comes near


def is_finite(value: float) -> bool:
    """False for NaN, infinities and the numbers that stand for them in JSON."""
    return math.isfinite(value) and abs(value) < _ABSURD


def byte_size(count: int) -> str:
    """Bytes in decimal units, as phones and download pages count them: 950 B, 97.4 kB, 3.42 MB."""
    if count < 1000:
        return f"{count}{THIN}B"
    power = min(3, int(math.log10(count * 1.0005) / 3))
    return f"{count / 1000**power:.3g}{THIN}{('kB', 'MB', 'GB')[power - 1]}"


def quantity(count: int) -> str:
    """A count with thin spaces between thousands."""
    return f"{count:,}".replace(",", THIN)


def points(change: float) -> str:
    """A signed change of accuracy (0..1) in points of 100."""
    value = round(100 * change, 2)
    sign = "+" if value > 0 else MINUS if value < 0 else "±"
    return f"{sign}{abs(value):.4g}"


def number(value: float) -> str:
    """Three significant digits; exponents as 1.2e-7."""
    if not is_finite(value):
        return NOT_FINITE
    text = f"{value:.3g}".replace("e-0", "e-").replace("e+0", "e+")
    return text.replace("-", MINUS, 1) if text.startswith("-") else text


def decibels(value: float | None) -> str:
    """A signal-to-noise ratio; None stands for equal values."""
    if value is None:
        return "equal"
    return f"{value:.1f}{THIN}dB" if is_finite(value) else NOT_FINITE


def span_words(ends: tuple[float, float]) -> str:
    """The ends of a range: -0.5 to 12.3."""
    return f"{number(ends[0])} to {number(ends[1])}"


def duration(seconds: float) -> str:
    """Seconds as 0.42 s, 12 s or 3 min 05 s."""
    if seconds < 60:
        return f"{seconds:.2g}{THIN}s" if seconds < 10 else f"{seconds:.0f}{THIN}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}{THIN}min {rest:02d}{THIN}s"


def shape_words(shape: tuple[int, ...]) -> str:
    """A tensor's shape as sizes with a times sign between; "scalar" without dimensions."""
    return TIMES.join(str(size) for size in shape) or "scalar"


def quant_words(params: QuantParams | None) -> str:
    """A tensor's scale and zero point, or a dash."""
    return DASH if params is None else f"scale {params.scale:.6g}, zero {params.zero_point}"


def preprocess_words(step: Preprocess) -> str:
    """One line that says what happens to a picture (or tensor) before it enters the model."""
    numbers = _normalize_words(step.normalize)
    if step.sound:
        return f"{_sound_words(step.sound)} → {numbers}"
    if step.clip:
        every = "" if step.clip.stride == 1 else f", one in {step.clip.stride}"
        frame = preprocess_words(structs.replace(step, kind="image", clip=UNSET))
        return f"{step.clip.frames} frames{every}, each: {frame}"
    if step.kind == "tensor" or step.size is None:
        return f"tensor as it is → {numbers}"
    turned = "upright by EXIF" if step.orientation == "exif" else "EXIF orientation ignored"
    kernel = f"{step.resize.semantics} {step.resize.kernel}"
    height, width = step.size
    size = f"{width}{TIMES}{height} pixels"
    return f"picture, {turned} → {step.color} → {_fit_words(step.fit)} to {size} ({kernel}) → {numbers}"


def _sound_words(sound: Sound) -> str:
    """One line that says what becomes of a waveform."""
    kind = f"{sound.spectrum}, {sound.taper} window of {sound.window}, hop {sound.hop}, FFT of {sound.fft}"
    mel = "" if sound.mel is None else f" → {sound.mel.bins} mel bands ({sound.mel.form})"
    log = "" if sound.log == "none" else f" → {sound.log} (floor {sound.floor:g})"
    log += "" if sound.cepstra is None else f" → {sound.cepstra.count} cepstral coefficients ({sound.cepstra.form})"
    return f"{(sound.samples or 0) / sound.rate:.3g}{THIN}s of sound at {sound.rate}{THIN}Hz → {kind}{mel}{log}"


def _fit_words(fit: Fit) -> str:
    if fit.mode == "crop":
        return f"centred square of {fit.fraction or 1:g} of the shorter side, scaled"
    if fit.mode == "resize_crop":
        return f"shorter side scaled to {fit.shorter}, centre cropped"
    if fit.mode == "letterbox":
        pad = ", ".join(str(value) for value in fit.pad or (0,))
        return f"letterbox (pad {pad})"
    return "stretched"


def _normalize_words(step: Normalize) -> str:
    scale = ", ".join(f"{value:.6g}" for value in step.scale)
    offset = ", ".join(f"{value:.6g}" for value in step.offset)
    name = f" ({step.preset})" if step.preset else ""
    if set(step.scale) == {1.0} and set(step.offset) == {0.0}:
        return f"values unchanged{name}"
    return f"x {TIMES} [{scale}] + [{offset}]{name}"
