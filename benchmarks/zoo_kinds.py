"""The zoo's models with other inputs or answers than a picture and its class, or of other blocks: builders and samples.

All are trained for a short time on drawn data. Their files keep the loss, as those that people bring do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks import zoo_kinds_data, zoo_kinds_models
from benchmarks.zoo_kinds_data import Arrays
from benchmarks.zoo_train import settle

REVISION = 1
SETTLED = 256
FINE_STEP = 1e-4
TRAIN_SEED, SAMPLE_SEED = 1000, 2000
CLASSES, YES, NUMBERS = "sparse_categorical_crossentropy", "binary_crossentropy", "mse"


@dataclass(frozen=True, slots=True, kw_only=True)
class KindModel:
    """One model.

    Attributes:
        architecture: Makes it, untrained.
        data: (count, seed) to the arrays of its inputs, and the truth by the name of its head.
        losses: What each output is trained with, by the truth's name, in the order of the outputs.
        training: The number of samples it is trained on.
        epochs: How often it sees each of them.
        fine: As many more, at a tenth of Adam's step: for those that are not sure of their answers before.
        suffix: The form of its file.
        weights: What each loss counts, in the order of the outputs.
    """

    architecture: Callable[[], Any]
    data: Callable[[int, int], tuple[Arrays, Arrays]]
    losses: Mapping[str, str]
    training: int = 1000
    epochs: int = 10
    fine: int = 0
    suffix: str = ".keras"
    weights: tuple[float, ...] | None = None


_small = zoo_kinds_data.small_pictures
KINDS: Mapping[str, KindModel] = {
    "two_head_mobilenet": KindModel(
        architecture=zoo_kinds_models.two_head_mobilenet,
        data=zoo_kinds_data.sized_shapes,
        losses={"shape": CLASSES, "area": NUMBERS},
        weights=(1.0, 0.01),
        training=2000,
        epochs=8,
        fine=4,
    ),
    "teachable_machine": KindModel(
        architecture=zoo_kinds_models.teachable_machine,
        data=zoo_kinds_data.three_textures,
        losses={"classes": CLASSES},
        training=240,
        epochs=3,
        suffix=".h5",
    ),
    "unet": KindModel(architecture=zoo_kinds_models.unet, data=zoo_kinds_data.masked_shapes, losses={"mask": YES}),
    "dcgan_generator": KindModel(
        architecture=zoo_kinds_models.dcgan_generator,
        data=zoo_kinds_data.components,
        losses={"picture": NUMBERS},
    ),
    "espcn": KindModel(
        architecture=zoo_kinds_models.espcn,
        data=zoo_kinds_data.shrunken,
        losses={"large": NUMBERS},
        training=400,
        epochs=20,
    ),
    "siamese": KindModel(
        architecture=zoo_kinds_models.siamese,
        data=zoo_kinds_data.digit_pairs,
        losses={"same": YES},
        training=2000,
    ),
    "vit": KindModel(
        architecture=zoo_kinds_models.vit,
        data=partial(_small, kind="textures"),
        losses={"classes": CLASSES},
    ),
    "keypoint_mlp": KindModel(
        architecture=zoo_kinds_models.keypoint_mlp,
        data=zoo_kinds_data.hands,
        losses={"gesture": CLASSES},
        training=3000,
        epochs=40,
    ),
    "bilstm": KindModel(
        architecture=zoo_kinds_models.bilstm,
        data=zoo_kinds_data.reviews,
        losses={"praise": YES},
        training=4000,
        epochs=6,
    ),
    "group_norm_resnet": KindModel(
        architecture=zoo_kinds_models.group_norm_resnet,
        data=partial(_small, kind="pictures"),
        losses={"classes": CLASSES},
        training=1500,
        epochs=9,
        fine=3,
    ),
}


def path_of(name: str, folder: Path) -> Path:
    """The file of the trained model, built first if it is not there."""
    chosen = KINDS[name]
    path = folder / f"{name}-kind{REVISION}{chosen.suffix}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partly = path.with_suffix(f".partly{chosen.suffix}")
        _trained(chosen).save(partly)
        partly.replace(path)
    return path


def sample_arrays(name: str, count: int, seed: int = 0) -> Arrays:
    """Samples that the model was not trained on, as an .npz file has them: its inputs, and the truth of each head."""
    inputs, truth = KINDS[name].data(count, SAMPLE_SEED + seed)
    return inputs | truth


def _trained(chosen: KindModel) -> Any:
    keras.utils.set_random_seed(0)
    model, (inputs, truth) = chosen.architecture(), chosen.data(chosen.training, TRAIN_SEED)
    given = list(inputs.values())
    wanted = [truth[name].astype(np.float32) for name in chosen.losses]
    _compiled(model, chosen).fit(_only(given), _only(wanted), batch_size=32, epochs=chosen.epochs, verbose=0)
    if chosen.fine:
        model.optimizer.learning_rate = FINE_STEP
        model.fit(_only(given), _only(wanted), batch_size=32, epochs=chosen.fine, verbose=0)
    settle(model, _only([array[:SETTLED] for array in given]))
    plain = chosen.architecture()  # without the optimizer's state
    plain.set_weights(model.get_weights())
    return _compiled(plain, chosen)


def _compiled(model: Any, chosen: KindModel) -> Any:
    losses = list(chosen.losses.values())
    model.compile("adam", _only(losses), loss_weights=None if chosen.weights is None else list(chosen.weights))
    return model


def _only(values: list[Any]) -> Any:
    """The value of a list of one, else the list."""
    return values if len(values) > 1 else values[0]
