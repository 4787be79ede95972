"""What maps of importance are worth where the truth is known, and what they cost.

`python -m benchmarks.explain [--out FILE] [--part NAME]`. A network is trained on drawn shapes at random places on
clutter: the highest point of a map must lie in the shape's box (the pointing game), on the Keras model and on its
int8 file. A second one is trained on pictures in which a coloured corner says the class: its maps must show the corner.
Then one layer of the int8 file gets half its scale, and the maps must say so. RISE is timed beside bare inferences.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from edgecv_converters.explain import masking
from edgecv_converters.explain.compare import highest_point, rank_correlation, top_overlap
from edgecv_converters.explain.departing import FilePair, find_departing
from edgecv_converters.explain.records import ExplainedPictures, ExplainOrder
from edgecv_converters.explain.settings import ExplainSettings
from edgecv_converters.explain.subjects import AnsweringSource, opened_artifact
from edgecv_converters.explain.worker import explain
from edgecv_converters.source.request import SourceRequest, open_source
from edgecv_runtime.backends import open_backend
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.heads.kinds import heads_of

import edgecv
from benchmarks.explain_data import CORNER, NAMES, Drawn, chance, draw, half_hidden, pointed, trained
from edgecv import machine

OUT: Final = Path("benchmarks/results/explain.json")
COUNT: Final = 100  # pictures of the pointing game
MASKS: Final = 1500
MARGIN: Final = 2  # pixels around a box, half a place of the network's last map
ON_KERAS: Final = ("gradcam", "gradcam++", "hirescam", "integrated-gradients", "smoothgrad", "occlusion", "rise")
ON_FILES: Final = ("occlusion", "rise")
SETTINGS: Final = ExplainSettings(masks=MASKS)


def main() -> None:
    """Measure the parts that are asked for, and write them beside those that were measured before."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--part", choices=("shapes", "corner", "rise"), action="append")
    options = parser.parse_args()
    found = json.loads(options.out.read_text()) if options.out.exists() else {}
    parts = {"shapes": shapes, "corner": shortcut, "rise": rate}
    for name in options.part or parts:
        with tempfile.TemporaryDirectory() as scratch:
            found[name] = parts[name](Path(scratch))
        print(name, json.dumps(found[name], indent=2), flush=True)
    found |= {"machine": machine.machine_line(), "versions": machine.versions()}
    options.out.write_text(json.dumps(found, indent=2) + "\n")


def shapes(folder: Path) -> dict[str, Any]:
    """The pointing game of every method on the Keras model and on the int8 file, and a planted fault in that file."""
    model, test = made(folder, COUNT, corner=False)
    right = model.predict(test.pictures.astype(np.float32), verbose=0).argmax(axis=1) == test.labels
    boxes = test.boxes + np.asarray([-MARGIN, -MARGIN, MARGIN, MARGIN])
    rows = [*on_keras(folder, test, ON_KERAS), *on_files(folder, test, ON_FILES)]
    plain = next(one for name, method, one in rows if name.endswith("int8.tflite") and method == "occlusion")
    keras = next(one for name, method, one in rows if name == "keras" and method == "occlusion")
    return {
        "pictures": COUNT,
        "accuracy": float(right.mean()),
        "chance": chance(boxes),
        "masks": MASKS,
        "pointing_game": {f"{name} {method}": pointed(peaks(one), boxes) for name, method, one in rows},
        "int8_against_keras": likeness(keras, plain),
        "planted_fault": planted(folder, test, keras),
    }


def shortcut(folder: Path) -> dict[str, Any]:
    """The share of maps whose highest point lies in the corner, on a network that looks at nothing else."""
    model, test = made(folder, COUNT // 2, corner=True)
    right = model.predict(test.pictures.astype(np.float32), verbose=0).argmax(axis=1) == test.labels
    rows = [*on_keras(folder, test, ON_KERAS), *on_files(folder, test, ON_FILES)]
    near = np.tile([0, 0, CORNER + 3, CORNER + 3], (COUNT // 2, 1))
    return {
        "pictures": COUNT // 2,
        "accuracy": float(right.mean()),
        "chance": chance(near),
        "in_the_corner": {f"{name} {method}": pointed(peaks(one), near) for name, method, one in rows},
        "in_the_shape": {f"{name} {method}": pointed(peaks(one), test.boxes) for name, method, one in rows},
    }


def made(folder: Path, count: int, *, corner: bool) -> tuple[Any, Drawn]:
    """Train, convert to int8, and draw the pictures that are explained."""
    data = draw(8000, 0, corner=corner)
    model = trained(data, 6) if corner else trained(half_hidden(data, 0), 18)
    model.save(folder / "shapes.keras")
    np.savez(folder / "some.npz", pixels=data.pictures[:200])
    edgecv.convert(
        folder / "shapes.keras",
        folder / "shapes.edgecv",
        quantize=["float32", "int8"],
        targets=["tflite"],
        preprocess="none",
        calibrate=folder / "some.npz",
        labels=NAMES,
    )
    return model, draw(count, 9, corner=corner, nothing=False)


Row = tuple[str, str, ExplainedPictures]


def order_of(head: Any, test: Drawn, method: str, **more: Any) -> ExplainOrder:
    """The order to explain the answers to the drawn pictures."""
    return ExplainOrder(
        method=method, samples=test.pictures.astype(np.float32), head=head, settings=SETTINGS, curves=False, **more
    )


def on_keras(folder: Path, test: Drawn, methods: tuple[str, ...]) -> list[Row]:
    """Explain the Keras model."""
    with Bundle.load(folder / "shapes.edgecv") as bundle:
        head = heads_of(bundle.manifest)[0]
    subject = AnsweringSource(open_source(SourceRequest(path=folder / "shapes.keras")), head)
    rows = []
    for method in methods:
        rows.append(("keras", method, explain(subject, order_of(head, test, method))))
        print("keras", method, round(rows[-1][2].seconds, 1), flush=True)
    return rows


def on_files(folder: Path, test: Drawn, methods: tuple[str, ...], **more: Any) -> list[Row]:
    """Explain the int8 file."""
    rows = []
    with Bundle.load(folder / "shapes.edgecv", verify=False) as bundle:
        head, artifact = heads_of(bundle.manifest)[0], bundle.artifact("tflite", "int8")
        with opened_artifact(bundle.root, artifact, head, "runtime", 1) as subject:
            for method in methods:
                rows.append((artifact.file, method, explain(subject, order_of(head, test, method, **more))))
                print(artifact.file, method, round(rows[-1][2].seconds, 1), flush=True)
    return rows


def peaks(found: ExplainedPictures) -> npt.NDArray[np.int64]:
    """Where each map is highest: x and y."""
    return np.asarray([highest_point(one.values) for one in found.maps])


def likeness(one: ExplainedPictures, other: ExplainedPictures) -> dict[str, float]:
    """How like maps are."""
    pairs = list(zip(one.maps, other.maps, strict=True))
    overlaps = [top_overlap(left.values, right.values) for left, right in pairs]
    return {
        "rank_correlation": float(np.mean([rank_correlation(left.values, right.values) for left, right in pairs])),
        "top_overlap": float(np.mean(overlaps)),
        "moved": float(np.mean([overlap < 0.5 for overlap in overlaps])),
    }


def planted(folder: Path, test: Drawn, keras: ExplainedPictures) -> dict[str, Any]:
    """Halve the scale of each convolution's weights in turn, and compare the maps with the Keras model's again."""
    file = folder / "shapes.edgecv" / "tflite" / "model.int8.tflite"
    whole = file.read_bytes()
    with Bundle.load(folder / "shapes.edgecv") as bundle:
        int8, float32 = (bundle.artifact("tflite", precision) for precision in ("int8", "float32"))
        pair = FilePair(root=bundle.root.absolute(), artifact=int8, float32=float32)
    rows = {}
    for layer in range(5):
        file.write_bytes(halved(whole, layer))
        found = on_files(folder, test, ("occlusion",), explained=keras.explained)[0][2]
        departing = find_departing(pair, test.pictures.astype(np.float32))
        named = None if departing is None else departing.layer
        rows[f"conv_{layer}"] = {**likeness(keras, found), "named": named}
    file.write_bytes(whole)
    return rows


def halved(data: bytes, layer: int) -> bytes:
    """An int8 TFLite file with half the scale of one convolution's weights, and of its bias, which is in their unit."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(data), 0)
    graph = model.subgraphs[0]
    codes = [code.builtinCode for code in model.operatorCodes]
    convolutions = [op for op in graph.operators if codes[op.opcodeIndex] == schema.BuiltinOperator.CONV_2D]
    for tensor in convolutions[layer].inputs[1:]:
        numbers = graph.tensors[tensor].quantization
        numbers.scale = [0.5 * scale for scale in numbers.scale]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def rate(folder: Path) -> dict[str, Any]:
    """RISE with 1,000 masks on MobileNetV2-224 in int8, beside a plain loop of as many inferences, in turns."""
    import keras

    keras.utils.set_random_seed(0)
    keras.applications.MobileNetV2(weights=None).save(folder / "mobile.keras")
    pictures = np.random.default_rng(0).integers(0, 256, (20, 224, 224, 3), np.uint8)
    np.savez(folder / "some.npz", pixels=pictures)
    edgecv.convert(
        folder / "mobile.keras",
        folder / "mobile.edgecv",
        quantize="int8",
        targets=["tflite"],
        preprocess="tf",
        calibrate=folder / "some.npz",
        quantizer="vendor",
        io="int8",
        gates=["agreement=off", "snr=off", "constant=off"],
        keep_failing=True,
    )
    with Bundle.load(folder / "mobile.edgecv") as bundle:
        head, artifact = heads_of(bundle.manifest)[0], bundle.manifest.artifacts[0]
        backend = open_backend(artifact, bundle.path(artifact))
        with opened_artifact(bundle.root, artifact, head, "runtime", 1) as subject:
            settings = ExplainSettings(masks=1000)
            canvas = subject.canvas(pictures[0].astype(np.float32) / 127.5 - 1, settings)
            score = subject.scorer(head.explained(subject.answer(canvas.raw[None])))
            raw = {artifact.inputs[0].name: canvas.raw[None]}
            bare, ours = [], []
            for _ in range(5):
                bare.append(timed(lambda: [backend.run(raw) for _ in range(1000)]))
                ours.append(timed(lambda: masking.rise(canvas, score, settings, lambda _: None)))
        backend.close()
    return {
        "masks": 1000,
        "bare_seconds": bare,
        "rise_seconds": ours,
        "rate_of_bare": float(np.median(np.divide(bare, ours))),
    }


def timed(work: Any) -> float:
    """Processor time of this thread and of the runtime's, which is one thread: what else runs here does not count."""
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
