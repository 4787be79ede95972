"""The zoo's detectors, segmenters, key points, pictures, embeddings, clips and sounds: trained for a minute each.

Usage: python -m benchmarks.zoo_places NAME FOLDER     (trains it, and writes the model and its labelled pictures there)
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np

from benchmarks import zoo_places_data as data
from benchmarks import zoo_places_models as models
from benchmarks import zoo_places_targets as targets
from benchmarks import zoo_places_time as timed
from benchmarks.zoo_train import settle

REVISION: Final = 1
SETTLED: Final = 256
TRAIN_SEED, CALIBRATION_SEED, EVALUATION_SEED = 1000, 2000, 3000
CALIBRATION, EVALUATION = 200, 120  # pictures
HEADS: Final = Path(__file__).with_name("zoo_heads")
KNOWN, NEW = range(48), range(1000, 1015)  # emblems of training, and those of the evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceModel:
    """One model.

    Attributes:
        head: The kind of its head, for which a file of the model's name beside this one has what it does not show.
        outputs: The outputs of the head.
        architecture: Makes it, untrained.
        draw: (count, seed) to drawn samples.
        inputs: What the network takes of samples.
        preprocess: How a bundle prepares its files for the network, as `--preprocess` takes it.
        calibrate: Writes samples without annotations into a folder.
        held_out: The same for calibration and evaluation, where those are others.
        targets: What it is trained towards: an array, or some by the names of the outputs.
        losses: As Keras takes them, likewise.
        write: Writes samples and their annotations into a folder.
        ending: Puts another end on the trained model.
        training: The number of samples it is trained on.
        epochs: How often it sees each of them.
        batch: How many at a time.
    """

    head: str
    outputs: tuple[str, ...]
    architecture: Callable[[], Any]
    draw: Callable[[int, int], Sequence[Any]]
    held_out: Callable[[int, int], Sequence[Any]] | None = None
    targets: Callable[[Any], Any]
    losses: Any
    write: Callable[[Any, Path], None]
    inputs: Callable[[Any], Any] = data.inputs
    preprocess: str = "rescale"
    calibrate: Callable[[Any, Path], None] = data.write_pictures
    ending: Callable[[Any], Any] | None = None
    training: int = 2000
    epochs: int = 10
    batch: int = 32

    @property
    def head_option(self) -> str:
        """The head as `--head` takes it."""
        return f"{'+'.join(self.outputs)}:{self.head}"


def _masks(found: Sequence[data.Scene]) -> Any:
    return np.stack([one.mask for one in found])


def _wanted(found: Sequence[data.Pair]) -> Any:
    return np.stack([one.wanted for one in found]).astype(np.float32) / 255


def _emblems(count: int, seed: int, *, identities: Sequence[int]) -> list[data.Emblem]:
    return data.emblems(identities, -(-count // len(identities)), seed)


def _grid(outputs: tuple[str, ...], ending: Callable[[Any], Any] | None = None) -> PlaceModel:
    """One trained detector, whose numbers are given out in several ways."""
    return PlaceModel(
        head="detection",
        outputs=outputs,
        architecture=models.grid_detector,
        draw=data.scenes,
        targets=targets.grid_targets,
        losses={"boxes": targets.grid_box_loss, "scores": targets.grid_class_loss},
        write=data.write_scenes,
        ending=ending,
        training=3000,
        epochs=12,
    )


PLACES: Mapping[str, PlaceModel] = {
    "ssd": PlaceModel(
        head="detection",
        outputs=("boxes", "scores"),
        architecture=models.ssd,
        draw=data.scenes,
        targets=targets.ssd_targets,
        losses={"boxes": targets.ssd_box_loss, "scores": targets.ssd_class_loss},
        write=data.write_scenes,
        training=3000,
        epochs=12,
    ),
    "detector": _grid(("boxes", "scores")),
    "detector_joined": _grid(("found",), models.joined),
    "detector_yolo": _grid(("output0",), models.yolo),
    "detector_finished": _grid(("output0",), models.finished),
    "centernet": PlaceModel(
        head="detection",
        outputs=("heat", "size", "offset"),
        architecture=models.centernet,
        draw=data.scenes,
        targets=targets.center_targets,
        losses={"heat": targets.heat_loss, "size": targets.centre_loss, "offset": targets.centre_loss},
        write=data.write_scenes,
        training=3000,
        epochs=12,
    ),
    "segmenter": PlaceModel(
        head="segmentation",
        outputs=("mask",),
        architecture=models.segmenter,
        draw=data.scenes,
        targets=_masks,
        losses="sparse_categorical_crossentropy",
        write=data.write_masks,
        epochs=5,
    ),
    "cutout": PlaceModel(
        head="segmentation",
        outputs=("mask",),
        architecture=models.cutout,
        draw=data.scenes,
        targets=lambda found: (_masks(found) > 0)[..., None].astype(np.float32),
        losses="binary_crossentropy",
        write=data.write_shapes,
        training=1000,
        epochs=3,
    ),
    "poser": PlaceModel(
        head="keypoints",
        outputs=("maps",),
        architecture=models.poser,
        draw=data.figures,
        targets=targets.point_targets,
        losses=targets.map_loss,
        write=data.write_figures,
    ),
    "denoiser": PlaceModel(
        head="image",
        outputs=("clean",),
        architecture=models.denoiser,
        draw=data.noisy,
        targets=_wanted,
        losses="mse",
        write=data.write_pairs,
        training=400,
        epochs=6,
    ),
    "enlarger": PlaceModel(
        head="image",
        outputs=("large",),
        architecture=models.enlarger,
        draw=data.halved,
        targets=_wanted,
        losses="mse",
        write=data.write_pairs,
        training=1000,
        epochs=6,
    ),
    "embedder": PlaceModel(
        head="embedding",
        outputs=("vector",),
        architecture=models.embedder,
        draw=partial(_emblems, identities=KNOWN),
        held_out=partial(_emblems, identities=NEW),
        targets=targets.emblem_targets,
        losses=targets.triplet_loss,
        write=data.write_emblems,
        training=3840,
        epochs=8,
        batch=96,
    ),
    "clips": PlaceModel(
        head="classification",
        outputs=("way",),
        architecture=timed.clip_network,
        draw=timed.clips,
        inputs=timed.clip_inputs,
        preprocess="clip:1+rescale",
        calibrate=timed.write_clips,
        targets=timed.labels,
        losses="sparse_categorical_crossentropy",
        write=timed.write_clips,
        training=2400,
    ),
    "sounds": PlaceModel(
        head="classification",
        outputs=("course",),
        architecture=timed.sound_network,
        draw=timed.sounds,
        inputs=timed.sound_inputs,
        preprocess=str(timed.SOUND_FILE),
        calibrate=timed.write_sounds,
        targets=timed.labels,
        losses="sparse_categorical_crossentropy",
        write=timed.write_sounds,
        training=1200,
        epochs=6,
    ),
}


@dataclass(frozen=True, slots=True)
class PlaceFiles:
    """A trained model, its head's description, and folders of pictures: to calibrate with, and labelled ones."""

    model: Path
    head: str
    calibration: Path
    evaluation: Path


def files_of(name: str, folder: Path) -> PlaceFiles:
    """Train a model and draw its pictures, where they are not in the folder yet."""
    chosen = PLACES[name]
    own = folder / f"{name}-{REVISION}"
    files = PlaceFiles(
        own / f"{name}.keras", f"{chosen.head_option}={HEADS / name}.toml", own / "calibrate", own / "evaluate"
    )
    draw = chosen.held_out or chosen.draw
    if not files.calibration.exists():
        chosen.calibrate(draw(CALIBRATION, CALIBRATION_SEED), files.calibration)
    if not files.evaluation.exists():
        chosen.write(draw(EVALUATION, EVALUATION_SEED), files.evaluation)
    if not files.model.exists():
        trained = _weights(chosen, folder)
        (trained if chosen.ending is None else chosen.ending(trained)).save(files.model)
    return files


def _weights(chosen: PlaceModel, folder: Path) -> Any:
    """The trained model, which several endings share."""
    model = chosen.architecture()
    path = folder / f"{model.name}-{REVISION}.weights.h5"
    if not path.exists():
        train(model, chosen)
        model.save_weights(path)
    model.load_weights(path)
    return model


def train(model: Any, chosen: PlaceModel) -> None:
    """Train with Adam, whose step falls to nothing along a cosine."""
    keras.utils.set_random_seed(0)
    found = chosen.draw(chosen.training, TRAIN_SEED)
    inputs = chosen.inputs(found)
    steps = chosen.epochs * -(-len(found) // chosen.batch)
    model.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps)), chosen.losses)
    model.fit(inputs, chosen.targets(found), batch_size=chosen.batch, epochs=chosen.epochs, verbose=2)
    settle(model, inputs[:SETTLED])


def main() -> None:
    """Train one model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=PLACES)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    print(files_of(given.name, given.folder))


if __name__ == "__main__":
    main()
