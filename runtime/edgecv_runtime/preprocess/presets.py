"""Preprocessing by name: Keras's own normalizations, behind the Keras loader that read the training data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from edgecv_runtime.clip_sound_schema import Clip
from edgecv_runtime.errors import SpecError
from edgecv_runtime.schema import Fit, Normalize, Preprocess, Resize

# keras.applications.imagenet_utils.preprocess_input, modes "torch" and "caffe"
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)

NORMALIZATIONS: Mapping[str, str] = {
    "none": "0..255 as they are",
    "rescale": "0..1, x / 255",
    "tf": "-1..1, x / 127.5 - 1",
    "torch": "ImageNet mean and standard deviation, RGB",
    "caffe": "ImageNet mean subtracted, BGR",
}
LOADERS: Mapping[str, str] = {
    "load_img": "as keras.utils.load_img reads: nearest neighbour, EXIF orientation ignored, 16 bits clipped at 255",
    "image_dataset": "as keras.utils.image_dataset_from_directory reads: TensorFlow's bilinear, EXIF ignored",
}
CLIP = re.compile(r"clip(?::(\d{1,5}))?\+(.+)")  # clip+rescale, clip:4+image_dataset+rescale
PRESETS: Mapping[str, str] = {
    **NORMALIZATIONS,
    **LOADERS,
    "tensor": "the input is no picture: values as they are",
    "clip+NAME": "the input is a clip of successive frames, each prepared as NAME says; clip:4+NAME: of every fourth",
}


def parse(text: str) -> Preprocess:
    """A `.toml` file's or a preset's preprocessing, not yet fitted to an input.

    Raises:
        SpecError: The name is unknown, or the file says something impossible.
    """
    if text.lower().endswith(".toml"):
        from edgecv_runtime.preprocess.toml import from_toml

        return from_toml(Path(text))
    return from_preset(text)


def from_preset(text: str) -> Preprocess:
    """A preset: `NORMALIZATION`, `LOADER`, or `LOADER+NORMALIZATION`; `clip+` or `clip:STRIDE+` and one; or `tensor`.

    Without a loader a picture is turned upright, stretched to the input's size and resampled as Pillow's bilinear does.

    Raises:
        SpecError: The name is unknown; the hint lists those there are.
    """
    if text == "tensor":
        return Preprocess(kind="tensor")
    if found := CLIP.fullmatch(text):
        return as_clip(from_preset(found[2]), int(found[1] or 1))
    loader, plus, name = text.rpartition("+")
    if not plus and name in LOADERS:
        loader, name = name, "none"
    if name not in NORMALIZATIONS or loader not in (LOADERS if plus or loader else {""}):
        names = ", ".join([*NORMALIZATIONS, "tensor", *(f"{loader}+NAME" for loader in LOADERS), "clip+NAME"])
        raise SpecError(f"unknown preprocessing {text!r}", f"Presets are {names}; or give a .toml file")
    resize = {
        "": Resize(),
        "load_img": Resize(kernel="nearest", semantics="pillow"),
        "image_dataset": Resize(kernel="bilinear", semantics="tf"),
    }[loader]
    return Preprocess(
        orientation="ignore" if loader else "exif",
        depth="clip" if loader == "load_img" else "shift",
        color="bgr" if name == "caffe" else "rgb",
        fit=Fit(),
        resize=resize,
        normalize=normalization(name),
    )


def as_clip(picture: Preprocess, stride: int) -> Preprocess:
    """Return the preprocessing of a clip whose frames are prepared as pictures are.

    Raises:
        SpecError: That is no preprocessing of pictures, or the stride is no number of frames.
    """
    if picture.kind != "image" or stride < 1:
        raise SpecError("a clip's frames are pictures, at least one apart", "Write clip+rescale, or clip:4+rescale")
    return msgspec.structs.replace(picture, kind="clip", clip=Clip(stride=stride))


def normalization(name: str) -> Normalize:
    """Scale and offset of a Keras normalization, as float32 numbers.

    Source: `keras.applications.imagenet_utils.preprocess_input`; "rescale" is `keras.layers.Rescaling(1 / 255)`.
    """
    scale, offset = {
        "none": ((1.0,), (0.0,)),
        "rescale": ((1 / 255,), (0.0,)),
        "tf": ((1 / 127.5,), (-1.0,)),
        "torch": (
            tuple(1 / (255 * std) for std in IMAGENET_STD),
            tuple(-mean / std for mean, std in zip(IMAGENET_MEAN, IMAGENET_STD, strict=True)),
        ),
        "caffe": ((1.0,), tuple(-mean for mean in CAFFE_MEAN_BGR)),
    }[name]
    return Normalize(preset=name, scale=float32s(scale), offset=float32s(offset))


def float32s(values: Sequence[float]) -> tuple[float, ...]:
    """The shortest decimals that give back the same float32 numbers; infinity where one is too large for float32."""
    with np.errstate(over="ignore"):
        return tuple(float(str(np.float32(value))) for value in values)
