"""The part of edgecv that a device needs: bundle, preprocessing, backends, predictor. It never imports TensorFlow."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgecv_runtime.bundle import Bundle
    from edgecv_runtime.errors import (
        BackendError,
        BundleError,
        EdgecvError,
        ImageError,
        LeftOutWarning,
        MissingDependencyError,
        SpecError,
    )
    from edgecv_runtime.heads.answers import HeadAnswer, Top
    from edgecv_runtime.picture_files import PictureWarning
    from edgecv_runtime.prediction import Prediction
    from edgecv_runtime.predictor import Predictor, load

_ERRORS = (
    *("BackendError", "BundleError", "EdgecvError", "ImageError", "LeftOutWarning", "MissingDependencyError"),
    "SpecError",
)
_HOMES = {
    **dict.fromkeys(_ERRORS, "edgecv_runtime.errors"),
    "Bundle": "edgecv_runtime.bundle",
    "HeadAnswer": "edgecv_runtime.heads.answers",
    "PictureWarning": "edgecv_runtime.picture_files",
    "Prediction": "edgecv_runtime.prediction",
    "Predictor": "edgecv_runtime.predictor",
    "Top": "edgecv_runtime.heads.answers",
    "load": "edgecv_runtime.predictor",
}

__all__ = [
    "BackendError",
    "Bundle",
    "BundleError",
    "EdgecvError",
    "HeadAnswer",
    "ImageError",
    "LeftOutWarning",
    "MissingDependencyError",
    "PictureWarning",
    "Prediction",
    "Predictor",
    "SpecError",
    "Top",
    "load",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
