"""What each ingredient of the int8 quantizer brings: the same network, the same samples, one file for each row.

Agreement is the share of test samples on which the int8 file gives the float file's answer; the distance is the mean
Kullback-Leibler divergence of the softmax. Both are of the files, run by LiteRT, never of a simulation.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.quantize import (
    BEHIND,
    BIASES,
    LOGITS,
    RANGES,
    ROUNDING,
    SCALES,
    QuantizeSettings,
    Refinement,
    quantize,
)
from edgecv_converters.quantize.behind import readings
from edgecv_converters.quantize.network import Network, read_network
from edgecv_converters.quantize.shared import groups

from benchmarks.shared import KWS, PICTURES, RESNET8

Array = npt.NDArray[np.float32]
RESULTS = Path(__file__).resolve().parent / "results" / "int8_ingredients.json"
CALIBRATION, SEED = 500, 0
BATCH, WARM_UP, SETTLING = 64, 250, 1000  # samples, steps, samples
CHOSEN: tuple[tuple[str, tuple[str, ...] | None], ...] = (
    ("+ least-error ranges", (RANGES,)),
    ("+ ranges judged behind activation functions", (RANGES, BEHIND)),
    ("+ least-divergence logit ranges", (RANGES, BEHIND, LOGITS)),
    ("+ bias correction", (RANGES, BEHIND, LOGITS, BIASES)),
    ("+ weight scales and compensated rounding", (RANGES, BEHIND, LOGITS, SCALES, ROUNDING, BIASES)),
    ("default (chosen on the calibration samples)", None),
)
"""Each row with the steps before it; BEHIND is left out of a network in which no activation function stands alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A network as a frozen graph, its unlabelled calibration samples, and the samples it is judged on."""

    graph: FrozenGraph
    calibration: Array
    test: Array
    pictures: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One file: shares in percent, seconds of its making without the converter's own."""

    network: str
    ingredient: str
    agreement: float
    distance: float
    size: int
    seconds: float


def rows(name: str, subject: Subject, *, refine: bool) -> Iterator[Row]:
    """One row for each ingredient, from the converter alone to what edgecv makes."""
    from edgecv_converters.graph.passes import whole_pool
    from edgecv_converters.graph.passes.runner import canonical
    from edgecv_converters.tflite.convert import to_tflite
    from edgecv_converters.tflite.target import TARGET

    graph = canonical(subject.graph, TARGET.passes)
    without_whole_pool = canonical(subject.graph, [step for step in TARGET.passes if step is not whole_pool.rewrite])
    name_in = graph.inputs[0].name
    float32 = to_tflite(graph, "float32")

    def samples() -> Iterator[Mapping[str, Array]]:
        return ({name_in: sample[None]} for sample in subject.calibration)

    plain = to_tflite(graph, "int8", samples=samples)
    judge = partial(_judge, name, read_network(plain, float32), float32, subject.test)
    bare = to_tflite(without_whole_pool, "int8", samples=samples)
    yield judge("converter alone", bare, 0.0)
    yield judge("+ average over the map as MEAN", plain, 0.0)
    network = read_network(plain, float32)
    absent = () if readings(network, groups(network)) else (BEHIND,)
    for ingredient, asked in CHOSEN:
        if asked is not None and asked[-1:] == absent:
            continue
        steps = None if asked is None else tuple(step for step in asked if step not in absent)
        began = time.monotonic()
        made = quantize(plain, float32, [subject.calibration], QuantizeSettings(seed=SEED, steps=steps))
        yield judge(ingredient, made.data, time.monotonic() - began)
    if refine:
        began = time.monotonic()
        how = Refinement(pictures=frozenset({0} if subject.pictures else ()))
        made = quantize(plain, float32, [subject.calibration], QuantizeSettings(seed=SEED, refine=how))
        yield judge("--refine", made.data, time.monotonic() - began)


def _judge(
    name: str, network: Network, float32: bytes, test: Array, ingredient: str, data: bytes, seconds: float
) -> Row:
    from edgecv_converters.quantize.score import answers, distance

    reference, found = answers(float32, [test]), answers(data, [test])
    same = float((reference[0].argmax(-1) == found[0].argmax(-1)).mean())
    apart = distance(network, reference, found)
    return Row(
        network=name,
        ingredient=ingredient,
        agreement=round(100 * same, 2),
        distance=round(apart, 5),
        size=len(data),
        seconds=round(seconds, 1),
    )


def pictures(part: str, count: int) -> Array:
    """CIFAR-10 pictures, (count, 32, 32, 3), 0..255, as `--samples` chooses them."""
    from edgecv_converters.data import open_samples
    from PIL import Image

    chosen = open_samples(PICTURES / part).choose(count, SEED)
    return np.stack([np.asarray(Image.open(str(sample.location)), np.float32) for sample in chosen.samples])


def resnet8_subject() -> Subject:
    """MLPerf Tiny's ResNet8, pixels 0..255."""
    from edgecv_converters.source import load_source

    source = load_source(RESNET8)
    graph = source.freeze()
    return Subject(graph=graph, calibration=pictures("train", CALIBRATION), test=pictures("test", 1000), pictures=True)


def kws() -> Subject:
    """MLPerf Tiny's keyword spotter on drawn spectrograms: sums of noise over time, decaying cepstra."""
    from edgecv_converters.source import load_source

    graph = load_source(KWS).freeze()
    return Subject(graph=graph, calibration=_sounds(CALIBRATION, 1), test=_sounds(1000, 2), pictures=False)


def _sounds(count: int, seed: int) -> Array:
    noise = np.random.default_rng(seed).normal(0, 2, (count, 49, 10, 1))
    return np.cumsum(noise, axis=1).astype(np.float32)


def cifar_cnn() -> Subject:
    """The zoo's CIFAR CNN on pixels 0..1, as `benchmarks.compression` trains it."""
    from benchmarks.compression import CASES, base

    base(CASES[0])
    return _subject(Path("build/compression/cifar_cnn.trained.keras"), 1 / 255, 0.0)


def mobilenet_v2(epochs: int = 30) -> Subject:
    """MobileNetV2 of half width on 32 x 32 pixels of -1..1, trained here on the training images, mirrored at random."""
    path = Path("build/ingredients") / f"mobilenet_v2-{epochs}.keras"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        _train(epochs, path)
    return _subject(path, 1 / 127.5, -1.0)


def _train(epochs: int, path: Path) -> None:
    import keras
    from edgecv_converters.data import open_samples
    from PIL import Image

    from benchmarks.zoo_train import settle

    keras.utils.set_random_seed(SEED)
    inputs = keras.Input((32, 32, 3), name="image")
    larger = keras.layers.UpSampling2D(2, interpolation="nearest")(inputs)
    body = keras.applications.MobileNetV2(input_shape=(64, 64, 3), alpha=0.5, weights=None, classes=10)
    model = keras.Model(inputs, body(larger))
    samples = open_samples(PICTURES / "train")
    pixels = np.stack([np.asarray(Image.open(str(sample.location)), np.float32) for sample in samples.samples])
    labels = np.array(samples.labels(None))
    steps = epochs * -(-len(pixels) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(0.0, steps - WARM_UP, warmup_target=3e-3, warmup_steps=WARM_UP)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(SEED)
    for _ in range(epochs):
        mirrored = np.where(rng.random((len(pixels), 1, 1, 1)) < 0.5, pixels[:, :, ::-1], pixels)
        model.fit(mirrored / 127.5 - 1, labels, batch_size=BATCH, verbose=0)
    of_all_classes = pixels[:: len(pixels) // SETTLING]  # they lie class by class
    settle(model, of_all_classes / 127.5 - 1)  # moving statistics lag behind
    model.save(path)


def _subject(path: Path, scale: float, offset: float) -> Subject:
    from edgecv_converters.source import load_source

    def prepared(part: str, count: int) -> Array:
        return pictures(part, count) * np.float32(scale) + np.float32(offset)

    calibration, test = prepared("train", CALIBRATION), prepared("test", 1000)
    return Subject(graph=load_source(path).freeze(), calibration=calibration, test=test, pictures=True)


SUBJECTS: Mapping[str, Callable[[], Subject]] = {
    "ResNet8": resnet8_subject,
    "cifar_cnn": cifar_cnn,
    "KWS DS-CNN": kws,
    "MobileNetV2": mobilenet_v2,
}


def table(names: list[str], *, refine: bool) -> list[Row]:
    """All rows of some networks, printed as they come."""
    found = []
    for name in names:
        for row in rows(name, SUBJECTS[name](), refine=refine):
            found.append(row)
            measured = f"{row.agreement:6.2f} %  {row.distance:.5f}  {row.seconds:6.1f} s"
            print(f"{row.network:<12} {row.ingredient:<44} {measured}", flush=True)
    return found


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    parser.add_argument("--refine", action="store_true", help="also distil, which takes minutes a network")
    parser.add_argument("--out", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    from edgecv.machine import machine_line, versions

    found = table(chosen.networks, refine=chosen.refine)
    report = {
        "machine": machine_line(),
        "versions": versions(),
        "calibration": CALIBRATION,
        "rows": [asdict(row) for row in found],
    }
    chosen.out.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
