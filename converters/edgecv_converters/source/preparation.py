"""The preprocessing of pictures that a model carries beside its graph, as KerasHub's tasks do."""

from __future__ import annotations

from typing import Any, Final

from edgecv_runtime.preprocess.presets import float32s
from edgecv_runtime.schema import Fit, Kernel, Normalize, Preprocess, Resize

_KERNELS: Final[dict[str, Kernel]] = {"nearest": "nearest", "bilinear": "bilinear", "bicubic": "bicubic"}
_OF_RESIZING: Final = ("crop_to_aspect_ratio", "pad_to_aspect_ratio", "interpolation", "antialias")


def own_preprocessing(model: Any) -> Preprocess | None:
    """Read how pictures are prepared out of a model's own preprocessor; None without one that can be followed exactly.

    The size is left to the model's input. Padding, antialiasing and crops that are no square are not taken.

    Args:
        model: A Keras model, or None.
    """
    converter: Any = getattr(getattr(model, "preprocessor", None), "image_converter", None)
    if not all(hasattr(converter, name) for name in ("image_size", "scale", "offset", *_OF_RESIZING)):
        return None
    size, crops = converter.image_size, converter.crop_to_aspect_ratio
    kernel = _KERNELS.get(converter.interpolation)
    resizes = size is not None
    if resizes and (converter.pad_to_aspect_ratio or converter.antialias or (crops and size[0] != size[1])):
        return None
    if kernel is None:
        return None
    return Preprocess(
        fit=Fit(mode="crop", fraction=1.0) if resizes and crops else Fit(),
        resize=Resize(kernel=kernel, semantics="tf"),
        normalize=Normalize(scale=_by_channel(converter.scale, 1.0), offset=_by_channel(converter.offset, 0.0)),
    )


def _by_channel(values: Any, otherwise: float) -> tuple[float, ...]:
    """One value, or one a channel, as float32 numbers."""
    if values is None:
        return (otherwise,)
    several = values if isinstance(values, list | tuple) else (values,)
    return float32s([float(value) for value in several])
