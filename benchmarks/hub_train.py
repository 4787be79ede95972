"""Trains KerasHub's and KerasCV's networks for a minute on drawn pictures, as their libraries train them.

Usage: python -m benchmarks.hub_train NAME FOLDER     (writes the model in two forms and its pictures there)
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from PIL import Image

from benchmarks import hub_models as models
from benchmarks import zoo_places_data as data
from benchmarks.hub_boxes import found_by

CALIBRATION, EVALUATION = 100, 60  # pictures
SEEDS: Final = {"train": 1000, "calibrate": 2000, "evaluate": 3000}
MOST: Final = 3  # shapes in a scene


@dataclass(frozen=True, slots=True, kw_only=True)
class HubModel:
    """One network of a library.

    Attributes:
        kind: The head that its outputs are.
        architecture: Makes it, with random weights.
        training: The number of pictures that it is trained on; 0 leaves it with random weights.
        epochs: How often it sees each of them.
        step: Adam's first step.
        compiled: What `compile` gets besides the optimizer.
        boxes: The keys of boxes and classes in what a detector is trained towards.
        preprocess: How its pictures are prepared, as `--preprocess` takes it. KerasHub's carry it themselves.
        module: The Python package that defines its classes, as `--custom-objects` takes it.
    """

    kind: str
    architecture: Callable[[], Any]
    training: int = 0
    epochs: int = 8
    step: float = 1e-3
    compiled: Mapping[str, Any] = field(default_factory=dict)
    boxes: tuple[str, str] = ("boxes", "labels")
    preprocess: str = "rescale"
    module: str = "keras_hub"

    @property
    def scale(self) -> float:
        """What the model takes pixels times."""
        return 1 / 255 if self.preprocess == "rescale" else 1.0


def _classifier(architecture: Callable[[], Any], training: int = 400, **options: Any) -> HubModel:
    """A network that tells the only shape of a picture."""
    return HubModel(kind="classification", architecture=architecture, training=training, **options)


MODELS: Final[Mapping[str, HubModel]] = {
    "retinanet": HubModel(kind="detection", architecture=models.retinanet, training=800, epochs=6),
    "d_fine": HubModel(kind="detection", architecture=models.d_fine),
    "yolo_v8": HubModel(
        kind="detection",
        architecture=models.yolo_v8,
        training=1200,
        epochs=12,
        step=3e-3,
        compiled={"box_loss": "ciou", "classification_loss": "binary_crossentropy"},
        boxes=("boxes", "classes"),
        preprocess="none",
        module="keras_cv",
    ),
    "segformer": HubModel(
        kind="segmentation",
        architecture=models.segformer,
        training=800,
        epochs=6,
        step=3e-3,
        compiled={"loss": keras.losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": []},
    ),
    "deeplab_v3": HubModel(
        kind="segmentation",
        architecture=models.deeplab_v3,
        training=800,
        epochs=6,
        compiled={"loss": "sparse_categorical_crossentropy", "metrics": []},
    ),
    "depth_anything": HubModel(kind="regression", architecture=models.depth_anything),
    "efficientnet_lite": _classifier(models.efficientnet_lite),
    "efficientnet_v2": _classifier(models.efficientnet_v2),
    "mobilenet_v3": _classifier(models.mobilenet_v3),
    "mobilenet_v5": _classifier(models.mobilenet_v5),
    "cspnet": _classifier(models.cspnet),
    "hgnet_v2": _classifier(models.hgnet_v2),
    "vit": _classifier(models.vit),
    "mit": _classifier(models.mit),
    "swin": _classifier(models.swin),
}


@dataclass(frozen=True, slots=True)
class HubFiles:
    """A model as `.keras` and as SavedModel, pictures to calibrate with, labelled ones, and the library's own boxes."""

    keras: Path
    saved_model: Path
    calibration: Path
    evaluation: Path
    boxes: Path


def files_of(name: str, folder: Path) -> HubFiles:
    """Train a model, save it in both forms and draw its pictures, where they are not in the folder yet."""
    chosen, own = MODELS[name], folder / name
    files = HubFiles(own / "model.keras", own / "saved_model", own / "calibrate", own / "evaluate", own / "boxes.json")
    own.mkdir(parents=True, exist_ok=True)
    if not files.saved_model.exists():
        keras.utils.set_random_seed(0)
        model = chosen.architecture()
        if chosen.training:
            train(model, chosen)
        else:
            stir(model)
        if chosen.preprocess == "rescale":
            model.preprocessor = _preprocessor(model)
        keras.saving.save_model(model, files.keras)
        model.export(files.saved_model, verbose=False)
    if not files.evaluation.exists():
        write(chosen.kind, _drawn(chosen.kind, EVALUATION, "evaluate"), files.evaluation)
        data.write_pictures(_drawn(chosen.kind, CALIBRATION, "calibrate"), files.calibration)
    if chosen.kind == "detection" and chosen.training and not files.boxes.exists():
        model = keras.saving.load_model(files.keras, compile=False)
        found = found_by(model, _drawn(chosen.kind, EVALUATION, "evaluate"), chosen.scale)
        files.boxes.write_text(json.dumps(found))
    return files


def stir(model: Any) -> None:
    """Give weights that begin at zero small random values: what only gives zeros has no scale in int8."""
    rng = np.random.default_rng(0)
    for weight in model.trainable_variables:
        if not np.any(weight):
            weight.assign(rng.normal(0, 0.05, weight.shape))


def _preprocessor(model: Any) -> Any:
    """KerasHub's own preprocessor of such a model, which its file then carries."""
    kind = type(model).preprocessor_cls
    size = tuple(model.inputs[0].shape[1:3])
    return kind(kind.image_converter_cls(image_size=size, scale=1 / 255))


def _drawn(kind: str, count: int, part: str) -> list[data.Scene]:
    """Draw scenes; for a classifier, of one shape each."""
    if kind != "classification":
        return data.scenes(count, SEEDS[part])
    return [one for one in data.scenes(5 * count, SEEDS[part]) if len(one.labels) == 1][:count]


def write(kind: str, found: Sequence[data.Scene], folder: Path) -> None:
    """Write labelled pictures, in the form that people keep them in for such a head."""
    if kind == "detection":
        data.write_scenes(found, folder)
    elif kind == "segmentation":
        data.write_masks(found, folder)
    else:
        for place, one in enumerate(found):
            own = folder / data.SHAPES[int(one.labels[0])]
            own.mkdir(parents=True, exist_ok=True)
            Image.fromarray(one.pixels).save(own / f"{place:04}.png")


def train(model: Any, chosen: HubModel) -> None:
    """Train with Adam, whose step falls to nothing along a cosine."""
    found = _drawn(chosen.kind, chosen.training, "train")
    pixels = np.stack([one.pixels for one in found]).astype(np.float32) * np.float32(chosen.scale)
    steps = chosen.epochs * -(-len(found) // 32)
    step = keras.optimizers.schedules.CosineDecay(chosen.step, steps)
    model.compile(optimizer=keras.optimizers.Adam(step, global_clipnorm=10.0), **chosen.compiled)
    model.fit(pixels, _wanted(chosen, found), batch_size=32, epochs=chosen.epochs, verbose=2)


def _wanted(chosen: HubModel, found: Sequence[data.Scene]) -> Any:
    """What the model is trained towards."""
    if chosen.kind == "classification":
        return np.asarray([one.labels[0] for one in found])
    if chosen.kind == "segmentation":
        return np.stack([one.mask for one in found])
    boxes = np.full((len(found), MOST, 4), -1, np.float32)
    labels = np.full((len(found), MOST), -1, np.float32)
    for place, one in enumerate(found):
        boxes[place, : len(one.labels)] = one.boxes
        labels[place, : len(one.labels)] = one.labels
    return dict(zip(chosen.boxes, (boxes, labels), strict=True))


def main() -> None:
    """Train one model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=MODELS)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    print(files_of(given.name, given.folder))


if __name__ == "__main__":
    main()
