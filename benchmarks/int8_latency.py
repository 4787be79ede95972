"""Time int8 ONNX against int8 TFLite and both float files, interleaved in one run, one thread, batch 1.

Every round gives each artifact a turn of several calls; a turn's time is the median of its calls, and ratios are taken
within a round, so that a slow moment of the machine falls on all artifacts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_runtime.ort import onnxruntime, session_options

from benchmarks.interleave import Times, by_name
from benchmarks.shared import PICTURES, RESNET8
from edgecv.machine import machine_line, versions

Array = npt.NDArray[np.float32]
Call = Callable[[Array], object]
RESULTS = Path(__file__).resolve().parent / "results" / "int8_latency.json"
UNIT_RANGE = frozenset({"MobileNetV2", "ResNet50V2", "DenseNet121"})
BARS = {"MobileNetV2": 1.25, "ResNet50V2": 1.25, "EfficientNetB0": 1.75, "DenseNet121": 1.75}
BASE = "tflite int8"


def images(count: int, size: int) -> Array:
    """Real images, 0..255, resized bilinearly; drawn textures where the shared images are absent."""
    from PIL import Image

    files = sorted((PICTURES / "train").rglob("*.jpg"))
    if not files:
        from benchmarks.zoo_data import textures

        return textures(count, 0, size=size)[0]
    chosen = files[:: max(1, len(files) // count)][:count]
    pictures = [Image.open(f).convert("RGB").resize((size, size), Image.Resampling.BILINEAR) for f in chosen]
    return np.stack([np.asarray(picture, np.float32) for picture in pictures])


def keras_model(name: str) -> tuple[Any, Array]:
    """A network with random weights and the batch-norm statistics of real images, and inputs for it."""
    import keras

    from benchmarks.zoo_models import application
    from benchmarks.zoo_train import settle

    keras.utils.set_random_seed(0)
    model = application(name)
    samples = images(100, 96)
    if name in UNIT_RANGE:
        samples = samples / np.float32(127.5) - np.float32(1)
    settle(model, samples[:64])
    return model, samples


def resnet8_model() -> tuple[Any, Array]:
    """MLPerf Tiny's trained ResNet8, from the shared models."""
    import tf_keras

    return tf_keras.models.load_model(RESNET8, compile=False), images(100, 32)


def frozen(model: Any, shape: tuple[int, ...]) -> FrozenGraph:
    """The model at batch 1."""
    from edgecv_converters.graph.freeze import freeze
    from edgecv_runtime.schema import TensorSpec

    spec = TensorSpec(name="image", shape=(1, *shape), dtype="float32")
    return freeze(lambda tensors: [model(tensors[0], training=False)], [spec], ["probabilities"])


def artifacts(graph: FrozenGraph, samples: Array) -> dict[str, bytes]:
    """The four files, converted by edgecv's own converters."""
    from edgecv_converters.onnx.float import to_onnx
    from edgecv_converters.onnx.int8 import from_tflite
    from edgecv_converters.tflite.convert import to_tflite

    def calibration() -> Iterator[Mapping[str, Array]]:
        return ({"image": sample[None]} for sample in samples[:50])

    int8 = to_tflite(graph, "int8", samples=calibration)
    return {
        BASE: int8,
        "onnx int8": from_tflite(int8, inputs=graph.inputs, outputs=graph.outputs).SerializeToString(),
        "tflite float32": to_tflite(graph, "float32"),
        "onnx float32": to_onnx(graph).SerializeToString(),
    }


def runner(name: str, content: bytes) -> Call:
    """A call of one artifact on one thread."""
    return _tflite(content) if name.startswith("tflite") else _onnx(content)


def _tflite(content: bytes) -> Call:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]

    def call(sample: Array) -> object:
        interpreter.set_tensor(source, sample)
        interpreter.invoke()
        return interpreter.get_tensor(result)

    return call


def _onnx(content: bytes) -> Call:
    session = onnxruntime().InferenceSession(content, session_options(1), providers=["CPUExecutionProvider"])
    source = session.get_inputs()[0].name
    return lambda sample: session.run(None, {source: sample})


def timed_in_turn(calls: Mapping[str, Call], sample: Array, rounds: int, turn: int) -> dict[str, Times]:
    """The milliseconds of each artifact by name, one entry for each round."""
    ways = {name: partial(call, sample) for name, call in calls.items()}
    return {name: found / 1e3 for name, found in by_name(ways, rounds=rounds, turn=turn).items()}


def summary(name: str, times: Mapping[str, Times]) -> dict[str, Any]:
    """Median milliseconds, and the ratio to int8 TFLite within each round: median, 10th and 90th percentile."""
    ratios = {artifact: found / times[BASE] for artifact, found in times.items() if artifact != BASE}
    return {
        "model": name,
        "median_ms": {artifact: round(float(np.median(found)), 4) for artifact, found in times.items()},
        "ratio_to_tflite_int8": {
            artifact: dict(zip(("median", "p10", "p90"), _percentiles(ratio), strict=True))
            for artifact, ratio in ratios.items()
        },
        "bar": BARS.get(name),
    }


def _percentiles(ratio: Times) -> list[float]:
    return [round(float(np.percentile(ratio, q)), 3) for q in (50, 10, 90)]


def main() -> None:
    """Run all models, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=[*BARS, "ResNet8"])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--turn", type=int, default=7, help="timed calls of an artifact in a round")
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    rows = []
    for name in given.models:
        if name == "ResNet8" and not RESNET8.exists():
            print("ResNet8: skipped, ../shared is absent")
            continue
        model, samples = resnet8_model() if name == "ResNet8" else keras_model(name)
        files = artifacts(frozen(model, samples.shape[1:]), samples)
        calls = {artifact: runner(artifact, content) for artifact, content in files.items()}
        rows.append(summary(name, timed_in_turn(calls, samples[:1], given.rounds, given.turn)))
        show(rows[-1])
    result = {"machine": machine_line(), "versions": versions(), "rounds": given.rounds}
    result |= {"calls_a_turn": given.turn, "threads": 1, "models": rows}
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(result, indent=2) + "\n")


def show(row: Mapping[str, Any]) -> None:
    """Print one model's line."""
    times = "  ".join(f"{artifact} {value:.3f}" for artifact, value in row["median_ms"].items())
    ratio = row["ratio_to_tflite_int8"]["onnx int8"]
    spread = f"{ratio['median']:.2f} ({ratio['p10']:.2f}..{ratio['p90']:.2f})"
    print(f"{row['model']:16s} ms: {times}  | onnx int8 / tflite int8 {spread}, bar {row['bar']}", flush=True)


if __name__ == "__main__":
    main()
