"""Trained Keras models to TFLite, ONNX and Core ML bundles that are proven to give the same answers.

`edgecv.convert(model, "m.edgecv", quantize="int8", calibrate="photos/")` makes a bundle;
`edgecv.prune(model, "photos/", "small.keras")` makes a model smaller first;
`edgecv.load("m.edgecv").predict("photo.jpg")` uses one, and needs no TensorFlow;
`edgecv.explain("m.edgecv", "photo.jpg")` says which pixels its answer comes from;
`edgecv.benchmark("m.edgecv")` measures one; `edgecv.export_android("m.edgecv", "MyApp")` puts one into an app.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edgecv_runtime.bundle import Bundle
    from edgecv_runtime.errors import EdgecvError
    from edgecv_runtime.heads.answers import HeadAnswer, Top
    from edgecv_runtime.prediction import Prediction
    from edgecv_runtime.predictor import Predictor, load

    from edgecv.api import convert
    from edgecv.bench.command import benchmark
    from edgecv.compress.command import prune
    from edgecv.compress.result import Pruned
    from edgecv.convert.pipeline import Outcome
    from edgecv.explain.api import Explanation, explain
    from edgecv.export.android import AndroidExport, export_android
    from edgecv.export.ios import IosExport, export_ios
    from edgecv.export.micro.export import MicroExport, export_micro
else:
    # The package `edgecv.convert` holds what the function of that name runs, as `edgecv.explain` does. An import makes
    # a package an attribute of the one above it, once (and not again when this module is reloaded): after that the
    # name is free for the function.
    for _name in ("convert", "explain"):
        import_module(f"edgecv.{_name}")
        sys.modules[__name__].__dict__.pop(_name, None)

_HOMES = {
    "AndroidExport": "edgecv.export.android",
    "Bundle": "edgecv_runtime.bundle",
    "EdgecvError": "edgecv_runtime.errors",
    "Explanation": "edgecv.explain.api",
    "HeadAnswer": "edgecv_runtime.heads.answers",
    "IosExport": "edgecv.export.ios",
    "MicroExport": "edgecv.export.micro.export",
    "Outcome": "edgecv.convert.pipeline",
    "Prediction": "edgecv_runtime.prediction",
    "Predictor": "edgecv_runtime.predictor",
    "Pruned": "edgecv.compress.result",
    "Top": "edgecv_runtime.heads.answers",
    "benchmark": "edgecv.bench.command",
    "convert": "edgecv.api",
    "explain": "edgecv.explain.api",
    "export_android": "edgecv.export.android",
    "export_ios": "edgecv.export.ios",
    "export_micro": "edgecv.export.micro.export",
    "load": "edgecv_runtime.predictor",
    "prune": "edgecv.compress.command",
}

__all__ = [
    "AndroidExport",
    "Bundle",
    "EdgecvError",
    "Explanation",
    "HeadAnswer",
    "IosExport",
    "MicroExport",
    "Outcome",
    "Prediction",
    "Predictor",
    "Pruned",
    "Top",
    "benchmark",
    "convert",
    "explain",
    "export_android",
    "export_ios",
    "export_micro",
    "load",
    "prune",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
