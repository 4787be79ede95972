"""How close `edgecv run` on a video comes to what inference alone and the cores allow.

A 720p video with moving content, a MobileNetV2 of 224 x 224 in int8 with int8 inputs and outputs (random weights: speed
does not depend on them), one thread of the runtime. Measured in turn, several rounds: decoding alone (OpenCV, to RGB),
preprocessing alone, inference alone (tensors that are ready), and the pipeline, which captures, preprocesses and infers
in threads. No pipeline has more frames a second than inference alone, nor than all cores have seconds for the processor
time of the three stages. The bar: at least 0.9 of the less of the two. Both preprocessings that MobileNetV2 may have
been trained behind: TensorFlow's bilinear (`image_dataset+tf`), and Pillow's (`tf`), which reads every pixel and so
costs more.

Two busy cores slow each other down (caches, memory, clock). To tell that from what the pipeline itself costs, inference
is also measured beside another process that decodes and preprocesses at the pipeline's own pace (`inference beside`).

    python -m benchmarks.video_throughput
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from edgecv_runtime import Predictor, load
from edgecv_runtime.stream import Stream, open_source

from edgecv.machine import machine_line, versions

RESULTS = Path(__file__).parent / "results" / "video_throughput.json"
BUILD = Path("build/video_throughput")
WIDTH, HEIGHT, SIDE = 1280, 720, 224
BAR = 0.9
STAGES = ("decode", "preprocess", "inference")
PRESETS = ("image_dataset+tf", "tf")
Pixels = npt.NDArray[np.uint8]


def moving_pictures(count: int) -> list[Pixels]:
    """A textured background that slides, and a disc that crosses it: BGR (720, 1280, 3)."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (90, 320, 3), dtype=np.uint8)
    wide = cv2.resize(coarse, (2 * WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    frames = []
    for number in range(count):
        shift = 4 * number % WIDTH
        frame: Pixels = np.ascontiguousarray(wide[:, shift : shift + WIDTH])
        cv2.circle(frame, (7 * number % WIDTH, HEIGHT // 2), 90, (40, 60, 220), -1)
        frames.append(frame)
    return frames


def make_video(path: Path, count: int) -> Path:
    """The video, unless it was made before."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (WIDTH, HEIGHT))
        for frame in moving_pictures(count):
            writer.write(frame)
        writer.release()
    return path


def make_bundle(path: Path, preset: str) -> Path:
    """MobileNetV2 in int8, unless it was made before; calibrated on the video's kind of pictures."""
    if path.exists():
        return path
    import keras

    import edgecv

    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(weights=None, input_shape=(SIDE, SIDE, 3))
    folder = path.parent / "calibration"
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(moving_pictures(40)[::2]):
        cv2.imwrite(str(folder / f"{number:02d}.png"), frame)
    edgecv.convert(
        model,
        path,
        quantize=["int8"],
        targets=["tflite"],
        io="int8",
        preprocess=preset,
        calibrate=folder,
        gates=["agreement=off", "snr=off"],  # the weights are random: there is nothing to prove
    )
    return path


def decode_alone(video: Path) -> float:
    """Frames a second of the source, to RGB."""
    source = open_source([str(video)])
    began = time.perf_counter()
    count = sum(1 for _ in source.frames(threading.Event()))
    took = time.perf_counter() - began
    source.close()
    return count / took


def infer_alone(predictor: Predictor, count: int) -> float:
    """Frames a second of the runtime, from tensors that are ready."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    tensor = predictor.prepare(picture)
    began = time.perf_counter()
    for _ in range(count):
        predictor.infer(tensor)
    return count / (time.perf_counter() - began)


def infer_beside(predictor: Predictor, bundle: Path, video: Path, pace: float, count: int) -> float:
    """Frames a second of the runtime, while another process decodes and preprocesses `pace` frames a second."""
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    other = context.Process(target=burden, args=(bundle, video, pace, ready, stop))
    other.start()
    try:
        ready.wait()
        return infer_alone(predictor, count)
    finally:
        stop.set()
        other.join()


def burden(bundle: Path, video: Path, pace: float, ready: Any, stop: Any) -> None:
    """Decode and preprocess the video over and over, at most `pace` frames a second."""
    with load(bundle, target="tflite", precision="int8") as predictor:
        due = time.perf_counter()
        while not stop.is_set():
            source = open_source([str(video)])
            for frame in source.frames(threading.Event()):
                predictor.prepare(frame.image)
                ready.set()
                due = max(due + 1 / pace, time.perf_counter() - 0.1)
                time.sleep(max(0.0, due - time.perf_counter()))
                if stop.is_set():
                    break
            source.close()


def prepare_alone(predictor: Predictor, count: int) -> float:
    """Frames a second of the preprocessing, for the record."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    tensor = predictor.prepare(picture)
    began = time.perf_counter()
    for _ in range(count):
        tensor = predictor.prepare(picture, tensor)
    return count / (time.perf_counter() - began)


def pipeline(predictor: Predictor, video: Path) -> float:
    """Frames a second of the whole, from the start of its threads to the last answer."""
    began = time.perf_counter()
    with Stream(predictor, open_source([str(video)])) as stream:
        count = sum(1 for _ in stream)
        took = time.perf_counter() - began
    return count / took


def main() -> None:
    """Run the rounds, print them, write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, default=RESULTS)
    given = parser.parse_args()
    video = make_video(BUILD / f"moving-{given.frames}.mp4", given.frames)
    result: dict[str, Any] = {"machine": machine_line(), "versions": {**versions(), "opencv": cv2.__version__}}
    result |= {"video": f"{WIDTH}x{HEIGHT}, {given.frames} frames", "bar": BAR}
    for preset in PRESETS:
        print(f"preprocessing {preset}")
        result[preset] = measure(video, preset, given.rounds, given.frames)
    given.output.parent.mkdir(parents=True, exist_ok=True)
    given.output.write_text(json.dumps(result, indent=2) + "\n")


def measure(video: Path, preset: str, count: int, frames: int) -> dict[str, Any]:
    """All rounds with one preprocessing."""
    rounds = []
    bundle = make_bundle(BUILD / f"mobilenet_v2-{preset}-int8-io.edgecv", preset)
    with load(bundle, target="tflite", precision="int8") as predictor:
        predictor.warm_up()
        parts: dict[str, Callable[[], float]] = {
            "decode": lambda: decode_alone(video),
            "preprocess": lambda: prepare_alone(predictor, frames),
            "inference": lambda: infer_alone(predictor, frames),
            "pipeline": lambda: pipeline(predictor, video),
        }
        for _ in range(count):
            found, costs = {}, {}
            for name, part in parts.items():
                before = time.process_time()
                found[name] = part()
                costs[name] = (time.process_time() - before) / frames
            found["limit"] = limit(found["inference"], costs)
            found["inference beside"] = infer_beside(predictor, bundle, video, found["pipeline"], frames)
            rounds.append(found)
            show(found)
        result = {"runtime": predictor.describe(), **summary(rounds)}
    print(f"median ratio {result['ratio_median']} of the limit, bar {BAR}")
    return result


def limit(inference: float, costs: dict[str, float]) -> float:
    """The frames a second that inference alone allows, or all cores for the processor time of the stages."""
    return min(inference, len(os.sched_getaffinity(0)) / sum(costs[stage] for stage in STAGES))


def ratio(found: dict[str, float]) -> float:
    """The pipeline's speed by its limit."""
    return found["pipeline"] / found["limit"]


def show(found: dict[str, float]) -> None:
    """Print one round."""
    speeds = "  ".join(f"{name} {speed:.0f}" for name, speed in found.items())
    print(f"frames a second: {speeds}  ratio {ratio(found):.2f}", flush=True)


def summary(rounds: list[dict[str, float]]) -> dict[str, Any]:
    """Medians of the rounds, and the ratio within each."""
    ratios = [ratio(found) for found in rounds]
    return {
        "frames_a_second": {name: round(float(np.median([found[name] for found in rounds])), 1) for name in rounds[0]},
        "ratio_median": round(float(np.median(ratios)), 3),
        "ratio_least": round(min(ratios), 3),
        "ratio_most": round(max(ratios), 3),
        "ratio_to_inference_beside": round(
            float(np.median([found["pipeline"] / found["inference beside"] for found in rounds])), 3
        ),
    }


if __name__ == "__main__":
    main()
