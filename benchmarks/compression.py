"""What channel pruning brings on CIFAR-10 images: latency, size and accuracy, against the equally trained original.

cifar_cnn is trained here first, ResNet8 comes trained. Each is pruned and fine-tuned by `edgecv.prune`; the original
gets the same fine-tuning epochs with the same settings. `edgecv.convert` makes both TFLite float32 and int8, timed in
turn, one thread, batch 1; where the processor has AMX, with it and without it, and the bars are for without (see
`tflite_pair`). The training images (8,000) give the validation split as well; accuracy is that of the test images
(1,000).
What takes long is kept in build/compression and done again only where it is not there.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from edgecv_converters.data import open_samples
from edgecv_runtime.heads.metrics import wilson
from edgecv_runtime.preprocess import from_preset, resolve
from edgecv_runtime.schema import TensorSpec
from PIL import Image

import edgecv
from benchmarks.shared import PICTURES, RESNET8
from benchmarks.tflite_pair import File, has_amx, time_pair
from edgecv.compress.checkpoint import Progress
from edgecv.compress.command import prune
from edgecv.compress.data import Reading, TrainingData, read_files
from edgecv.compress.fit import Trainer, train
from edgecv.compress.head import TrainingHead
from edgecv.compress.load import flat, load_flat
from edgecv.compress.options import Augmentation, PruneOptions, TrainingOptions
from edgecv.machine import machine_line, versions
from edgecv.terminal.observer import Silent

Array = npt.NDArray[np.float32]
Precision = Literal["float32", "int8"]
RESULTS = Path(__file__).resolve().parent / "results" / "compression_pruning.json"
WORK = Path("build/compression")
AUGMENT: tuple[Augmentation, ...] = ("flip", "translation")
HEAD = TrainingHead("softmax", 10)
PRECISIONS: tuple[Precision, ...] = ("float32", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One network: how it is prepared and trained, how far it is pruned, and the least that must come of it.

    Cases of one `network` share what is trained before anything is pruned, and the original they are compared with.
    `training` epochs make it (ResNet8's go on from the weights that it comes with); after `epochs` more, pruned and
    original are compared: both learn at `rate` with the changes of `tuning`, the share `distill` of it from the
    original as it was. `speed` and `size` are ratios, original to pruned.
    """

    name: str
    network: str
    preset: str
    scale: float
    training: int
    target_macs: float
    scope: Literal["global", "layer"]
    epochs: int
    rate: float
    distill: float
    tuning: tuple[Augmentation, ...]
    round_to: int = 16
    min_width: int = 8
    drop_blocks: int = 0
    speed: float
    size: float


RESNET8_CASE: Mapping[str, Any] = {
    "network": "resnet8",
    "preset": "none",
    "scale": 1.0,
    "training": 60,
    "scope": "global",
    "epochs": 100,
    "rate": 3e-3,
    "distill": 0.9,
    "tuning": (*AUGMENT, "mixup"),
    "min_width": 32,
    "drop_blocks": 1,
    "speed": 1.5,
}
CASES = (
    Case(
        name="cifar_cnn",
        network="cifar_cnn",
        preset="rescale",
        scale=1 / 255,
        training=60,
        target_macs=0.4,
        scope="layer",
        epochs=30,
        rate=1e-3,
        distill=0.7,
        tuning=AUGMENT,
        speed=2.0,
        size=2.5,
    ),
    Case(name="resnet8_half", target_macs=0.485, size=1.5, **RESNET8_CASE),
    Case(name="resnet8_short", target_macs=0.63, size=1.0, **RESNET8_CASE),
)


class Teller(Silent):
    """Prints what a run tells."""

    def note(self, text: str) -> None:
        """One line."""
        print(text, flush=True)


def architecture(case: Case) -> Any:
    """The network, untrained, or as it comes."""
    import keras

    keras.utils.set_random_seed(0)
    if case.network == "resnet8":
        return load_flat(RESNET8, input_shapes={}, allow_code=False, custom_objects=None)
    from benchmarks.zoo_models import cifar_cnn

    return flat(cifar_cnn())


def training_data(case: Case, model: Any) -> TrainingData:
    """The training images, split as `edgecv.prune` splits them, prepared once."""
    name = model.inputs[0]._keras_history.operation.name  # noqa: SLF001  # as Keras itself names its inputs
    spec = TensorSpec(name=name, shape=(1, *model.inputs[0].shape[1:]), dtype="float32")
    how = Reading(
        head=HEAD,
        inputs=(spec,),
        specs={name: resolve(from_preset(case.preset), spec.shape, name)},
        labels=None,
        share=0.15,
        seed=0,
    )
    return read_files(PICTURES / "train", WORK / f"data_{case.preset}", how, Teller())


def trained(model: Any, case: Case, settings: TrainingOptions, name: str, teacher: Any = None) -> Any:
    """The model at its best validation accuracy; from the disk where it was trained before."""
    import keras

    path = WORK / f"{case.network}.{name}.keras"
    if path.exists():
        return keras.models.load_model(path, compile=False)
    keras.utils.set_random_seed(0)
    trainer = Trainer(model=model, head=HEAD, training=settings, data=training_data(case, model), teacher=teacher)
    progress = Progress(step=1)

    def tell(epoch: Any, _: Progress) -> None:
        said = f"{epoch.epoch}/{settings.epochs}: {epoch.loss:.3f}, {epoch.validation_accuracy:.4f}"
        print(case.network, name, said, flush=True)

    train(trainer, progress, [], settings.epochs, lambda _p, _b: None, tell, Silent())
    model.save(path)
    return model


def base(case: Case) -> Any:
    """The network at its best, before anything is pruned."""
    first = TrainingOptions(epochs=case.training, augment=AUGMENT, patience=case.training + 1)
    return trained(architecture(case), case, first, "trained")


def tuning(case: Case) -> TrainingOptions:
    """How pruned and original are trained, both taught by the original as it was."""
    return TrainingOptions(
        epochs=case.epochs, learning_rate=case.rate, augment=case.tuning, distill=case.distill, patience=case.epochs + 1
    )


def pruned(case: Case, source: Path) -> Any:
    """What `edgecv.prune` makes of the trained network."""
    import keras

    path = WORK / f"{case.name}.pruned.keras"
    if not path.exists():
        settings = tuning(case)
        options: PruneOptions = {
            "target_macs": case.target_macs,
            "scope": case.scope,
            "round_to": case.round_to,
            "min_width": case.min_width,
            "drop_blocks": case.drop_blocks,
            "epochs": settings.epochs,
            "learning_rate": settings.learning_rate,
            "augment": settings.augment,
            "distill": settings.distill,
            "patience": settings.patience,
            "preprocess": case.preset,
            "resume": path.with_name(f"{path.name}.work").exists(),
        }
        prune(source, PICTURES / "train", path, observer=Teller(), **options)
    return keras.models.load_model(path, compile=False)


def pictures(part: str, scale: float) -> tuple[Array, npt.NDArray[np.int64]]:
    """Images as the model takes them, and their classes."""
    samples = open_samples(PICTURES / part, labelled=True)
    pixels = [np.asarray(Image.open(Path(str(sample.location))).convert("RGB")) for sample in samples.samples]
    return np.stack(pixels).astype(np.float32) * np.float32(scale), np.asarray(samples.labels(None))


def converted(model: Any, case: Case, name: str) -> dict[Precision, bytes]:
    """The TFLite files that `edgecv.convert` makes of a model, with its defaults."""
    bundle = WORK / f"{case.name}.{name}.edgecv"
    edgecv.convert(
        model,
        bundle,
        quantize=PRECISIONS,
        targets=["tflite"],
        preprocess=case.preset,
        calibrate=PICTURES / "train",
        force=True,
    )
    return {precision: (bundle / "tflite" / f"model.{precision}.tflite").read_bytes() for precision in PRECISIONS}


def accuracy_of(content: bytes, samples: Array, labels: npt.NDArray[np.int64]) -> float:
    """The share of samples that a file gets right."""
    file = File(content)
    answers = np.array([file(sample[None]).argmax() for sample in samples])
    return float((answers == labels).mean())


def latency(contents: Mapping[str, bytes], stem: str, rounds: int, turn: int) -> dict[str, Any]:
    """Both files in turn; with AMX as well, where there is one."""
    paths = {name: WORK / f"{stem}.{name}.tflite" for name in contents}
    for name, content in contents.items():
        paths[name].write_bytes(content)
    found = {}
    for amx in (False, True) if has_amx() else (False,):
        timing = time_pair(paths["original"], paths["pruned"], amx=amx, rounds=rounds, turn=turn)
        found["with_amx" if amx else "latency"] = {
            "median_us": timing.median_us,
            "speed_up": timing.ratio,
            "p10_p90": [timing.p10, timing.p90],
        }
    return found


def measure(case: Case, original: Any, smaller: Any, rounds: int, turn: int) -> dict[str, Any]:
    """Both files of each precision: bytes, test accuracy, latency in turn."""
    samples, labels = pictures("test", case.scale)
    found: dict[str, Any] = {}
    files = {"original": converted(original, case, "original"), "pruned": converted(smaller, case, "pruned")}
    for precision in PRECISIONS:
        contents = {name: made[precision] for name, made in files.items()}
        accuracy = {name: accuracy_of(content, samples, labels) for name, content in contents.items()}
        right = {name: round(share * len(labels)) for name, share in accuracy.items()}
        found[precision] = {
            "bytes": {name: len(content) for name, content in contents.items()},
            "size_ratio": round(len(contents["original"]) / len(contents["pruned"]), 3),
            "accuracy": accuracy,
            "interval": {name: [round(end, 4) for end in wilson(n, len(labels))] for name, n in right.items()},
            "points_lost": round(100 * (accuracy["original"] - accuracy["pruned"]), 2),
            **latency(contents, f"{case.name}.{precision}", rounds, turn),
        }
    return found


def bars(case: Case, found: Mapping[str, Any]) -> dict[str, bool]:
    """Which of the promises hold."""
    kept = {f"{p} speed-up >= {case.speed}": found[p]["latency"]["speed_up"] >= case.speed for p in found}
    kept |= {f"{p} size ratio >= {case.size}": found[p]["size_ratio"] >= case.size for p in found}
    return kept | {f"{p} points lost <= 1": found[p]["points_lost"] <= 1 for p in found}


def run(case: Case, rounds: int, turn: int) -> dict[str, Any]:
    """One network from training to results."""
    first = base(case)
    source = WORK / f"{case.network}.trained.keras"
    smaller = pruned(case, source)
    original = trained(flat(first), case, tuning(case), "tuned", teacher=first)
    samples, labels = pictures("test", case.scale)
    before = float((np.asarray(first.predict(samples, verbose=0)).argmax(1) == labels).mean())
    found = measure(case, original, smaller, rounds, turn)
    report = json.loads((WORK / f"{case.name}.pruned.report.json").read_text())
    return {
        "case": asdict(case),
        "accuracy_before_fine_tuning": before,
        "fine_tuning_epochs_of_both": case.epochs,
        "widths": {row["layer"]: [row["width_before"], row["width_after"]] for row in report["rows"]},
        "multiply_adds": {name: report[name]["multiply_adds"] for name in ("before", "after")},
        "parameters": {name: report[name]["parameters"] for name in ("before", "after")},
        "seconds_of_pruning": report["seconds"],
        "tflite": found,
        "bars": bars(case, found),
    }


def main() -> None:
    """Run the chosen networks and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"{', '.join(case.name for case in CASES)}; all by default")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--turn", type=int, default=20)
    parser.add_argument("--fresh", action="store_true", help="train again")
    arguments = parser.parse_args()
    if not PICTURES.is_dir():
        raise SystemExit("the shared CIFAR-10 images are not there: nothing to measure on")
    if arguments.fresh:
        shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True, exist_ok=True)
    chosen = [case for case in CASES if not arguments.names or case.name in arguments.names]
    known = json.loads(RESULTS.read_text())["networks"] if RESULTS.exists() else {}
    for case in chosen:
        known[case.name] = run(case, arguments.rounds, arguments.turn)
        print(json.dumps(known[case.name], indent=2))
    content = {"machine": machine_line(), "versions": versions(), "networks": known}
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
