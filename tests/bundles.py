"""A small real bundle for the device's tests: ONNX models that name the strongest colour of a picture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from edgecv_converters.golden import GoldenSample, write_golden
from edgecv_runtime.bundle import encode_manifest
from edgecv_runtime.decoders import Columns, Decoded, Heatmaps, Pixels, Planes
from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.errors import SpecError
from edgecv_runtime.geometry import view_of
from edgecv_runtime.golden import ReferenceAnswer
from edgecv_runtime.heads.kinds import canvas_of, first_labels, open_head
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.schema import (
    SCHEMA_VERSION,
    Artifact,
    Cpu,
    HeadSpec,
    Manifest,
    Preprocess,
    Provenance,
    QuantParams,
    SourceInfo,
    TensorIO,
    TensorSpec,
)
from PIL import Image

from tests import heads

SIZE = 4
LABELS = ("red", "green", "blue")
PIXELS = QuantParams(scale=1.0, zero_point=-128)
SCORES = QuantParams(scale=1 / 256, zero_point=-128)
PREPROCESS = Preprocess(size=(SIZE, SIZE))


def write_onnx(path: Path, *, integers: bool = False, layout: str = "NHWC", batch: int = 1) -> None:
    """The mean of each channel, a tenth of it, and softmax: pixels 0..255 to three scores."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    shape = (batch, SIZE, SIZE, 3) if layout == "NHWC" else (batch, 3, SIZE, SIZE)
    axes = [1, 2] if layout == "NHWC" else [2, 3]
    constants = {"axes": np.int64(axes), "tenth": np.float32(0.1)}
    nodes = [
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "tenth"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["scores"]),
    ]
    kind, ends = TensorProto.FLOAT, ("pixels", "scores")
    if integers:
        kind, ends = TensorProto.INT8, ("pixels_q", "scores_q")
        constants |= {"zero": np.int8(-128), "one": np.float32(PIXELS.scale), "step": np.float32(SCORES.scale)}
        nodes.insert(0, helper.make_node("DequantizeLinear", ["pixels_q", "one", "zero"], ["pixels"]))
        nodes.append(helper.make_node("QuantizeLinear", ["scores", "step", "zero"], ["scores_q"]))
    graph = helper.make_graph(
        nodes,
        "strongest_colour",
        [helper.make_tensor_value_info(ends[0], kind, shape)],
        [helper.make_tensor_value_info(ends[1], kind, (batch, 3))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
    onnx.checker.check_model(model)
    onnx.save(model, path)


def onnx_artifact(file: Path, name: str, *, integers: bool = False, layout: str = "NHWC", batch: int = 1) -> Artifact:
    """The record of a file that `write_onnx` wrote."""
    shape = (batch, SIZE, SIZE, 3) if layout == "NHWC" else (batch, 3, SIZE, SIZE)
    suffix, dtype = ("_q", "int8") if integers else ("", "float32")
    return Artifact(
        target="onnx",
        precision="int8" if integers else "float32",
        file=name,
        sha256=sha256_tree(file),
        bytes=tree_bytes(file),
        inputs=(
            TensorIO(
                name="image",
                tensor=f"pixels{suffix}",
                shape=shape,
                dtype=dtype,
                layout=layout,
                quantization=PIXELS if integers else None,
            ),
        ),
        outputs=(
            TensorIO(
                name="colour",
                tensor=f"scores{suffix}",
                shape=(batch, 3),
                dtype=dtype,
                quantization=SCORES if integers else None,
            ),
        ),
        ops={"ReduceMean": 1, "Mul": 1, "Softmax": 1},
        requires={"opset": "18"},
    )


def edit_manifest(root: Path, change: Callable[[Any], object]) -> None:
    """Change what a bundle's manifest says, as somebody with a text editor may."""
    content = json.loads((root / "bundle.json").read_bytes())
    change(content)
    (root / "bundle.json").write_text(json.dumps(content))


def plain(colour: tuple[int, int, int]) -> Image.Image:
    """A picture of one colour."""
    return Image.new("RGB", (9, 7), colour)


def softmax(picture: Image.Image) -> np.ndarray:
    """What the models compute, (1, 3) float32."""
    logits = np.asarray(picture, np.float64).mean((0, 1)) / 10
    weights = np.exp(logits - logits.max())
    return np.asarray(weights / weights.sum(), np.float32)[None]


def colour_head(kind: str = "classification", **fields: Any) -> HeadSpec:
    """The head of the models' output; `fields` are others of its record."""
    return heads.spec(kind, "colour", **{"labels": LABELS, **fields})


def write_bundle(
    root: Path, head: HeadSpec | None = None, samples: list[GoldenSample] | None = None, **changed: Any
) -> Manifest:
    """A bundle with a float32 and an int8 artifact and two golden cases; `changed` are fields of its manifest."""
    artifacts = []
    for integers, layout in () if "artifacts" in changed else ((False, "NCHW"), (True, "NHWC")):
        name = f"onnx/model.{'int8' if integers else 'float32'}.onnx"
        write_onnx(root / name, integers=integers, layout=layout)
        artifacts.append(onnx_artifact(root / name, name, integers=integers, layout=layout))
    fields = {
        "schema_version": SCHEMA_VERSION,
        "name": "colours",
        "identity": "1d" * 32,
        "inputs": (TensorSpec(name="image", shape=(1, SIZE, SIZE, 3), dtype="float32"),),
        "outputs": (TensorSpec(name="colour", shape=(1, 3), dtype="float32"),),
        "preprocess": {"image": PREPROCESS},
        "heads": (head or colour_head(),),
        "artifacts": tuple(artifacts),
        "quantization": None,
        "parity": (),
        "provenance": Provenance(
            edgecv="0.1.0",
            source=SourceInfo(format="keras", loader="keras", sha256=hashlib.sha256(b"").hexdigest(), parameters=0),
            recipe={},
            versions={},
            cpu=Cpu(architecture="x86_64", flags=()),
        ),
    }
    fields |= changed
    if "golden" not in changed:
        answered = [answers_added(sample, fields) for sample in samples or golden_samples()]
        fields["golden"] = write_golden(root / "golden", answered)
    manifest = Manifest(**{"labels": first_labels(fields["heads"]), **fields})
    if manifest.labels is not None:
        (root / "labels.txt").write_text("".join(f"{label}\n" for label in manifest.labels), encoding="utf-8")
    (root / "bundle.json").write_bytes(encode_manifest(manifest))
    return manifest


def answers_added(sample: GoldenSample, fields: Mapping[str, Any]) -> GoldenSample:
    """The sample with the answers of the heads; what is no head, or one of a newer edgecv, answers with a zero."""
    outputs, preprocess = fields["outputs"], fields["preprocess"]
    canvas = canvas_of(fields["inputs"], preprocess) if preprocess else None
    picture = next((spec for spec in preprocess.values() if spec.size is not None), None)
    seen = sample.image is not None and picture is not None
    view = view_of(picture, sample.image.height, sample.image.width) if seen else None
    nothing = ReferenceAnswer(decisions=None, scores=np.zeros((1, 1), np.float32))
    answers = {}
    for spec in fields["heads"]:
        try:
            answers[spec.name] = ReferenceAnswer.of(open_head(spec, outputs, canvas), sample.outputs, view)
        except (SpecError, KeyError, IndexError, ValueError):
            answers[spec.name] = nothing
    return replace(sample, answers=answers)


def golden_samples(**more: Callable[[np.ndarray], np.ndarray]) -> list[GoldenSample]:
    """A red and a blue picture with what the models answer; `more` are other outputs, from the preprocessed picture."""
    run = Preprocessor(PREPROCESS)
    pictures = {"red": plain((200, 10, 10)), "blue": plain((10, 20, 210))}
    return [
        GoldenSample(
            id=name,
            image=image,
            inputs={"image": run(image)},
            outputs={"colour": softmax(image), **{output: found(run(image)) for output, found in more.items()}},
            answers={},
        )
        for name, image in pictures.items()
    ]


def write_two_outputs(root: Path) -> Manifest:
    """A bundle with two heads: which colour is the strongest, and how warm the picture is, red minus blue."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    write_onnx(root / "onnx" / "model.float32.onnx")
    model = onnx.load(root / "onnx" / "model.float32.onnx")
    model.graph.initializer.append(numpy_helper.from_array(np.float32([[1], [0], [-1]]), "red_minus_blue"))
    model.graph.node.append(helper.make_node("MatMul", ["mean", "red_minus_blue"], ["warmth"]))
    model.graph.output.append(helper.make_tensor_value_info("warmth", TensorProto.FLOAT, (1, 1)))
    onnx.save(model, root / "onnx" / "model.float32.onnx")
    artifact = onnx_artifact(root / "onnx" / "model.float32.onnx", "onnx/model.float32.onnx")
    warmth = TensorIO(name="warm", tensor="warmth", shape=(1, 1), dtype="float32")
    return write_bundle(
        root,
        name="two_heads",
        outputs=(
            TensorSpec(name="colour", shape=(1, 3), dtype="float32"),
            TensorSpec(name="warm", shape=(1, 1), dtype="float32"),
        ),
        heads=(colour_head(), heads.spec("regression", "warm", title="warmth", unit="levels")),
        artifacts=(msgspec.structs.replace(artifact, outputs=(*artifact.outputs, warmth)),),
        samples=golden_samples(warm=lambda pixels: pixels.mean((1, 2)) @ np.float32([[1], [0], [-1]])),
    )


BOXES = np.float32([[[1, 1, 3, 3], [0, 0, 2, 2]]])
BOX_SCORES = np.float32([[[0.9, 0, 0], [0, 0.6, 0]]])


def write_places(root: Path) -> Manifest:
    """A bundle whose answers lie in the picture: the colour, and beside it boxes, a mask, points and a picture."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    file = root / "onnx" / "model.float32.onnx"
    write_onnx(file)
    model = onnx.load(file)
    for name, values in {"places": BOXES, "place_scores": BOX_SCORES, "full": np.float32(1 / 255)}.items():
        model.graph.initializer.append(numpy_helper.from_array(values, name))
    ends = {"boxes": "places", "box_scores": "place_scores", "planes": "pixels", "maps": "pixels", "made": None}
    shapes = {"boxes": BOXES.shape, "box_scores": BOX_SCORES.shape}
    found = {name: shapes.get(name, (1, SIZE, SIZE, 3)) for name in ends}
    for name, source in ends.items():
        node = ("Identity", [source]) if source else ("Mul", ["pixels", "full"])
        model.graph.node.append(helper.make_node(*node, [name]))
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, found[name]))
    onnx.save(model, file)
    artifact = onnx_artifact(file, "onnx/model.float32.onnx")
    more = [TensorIO(name=name, tensor=name, shape=shape, dtype="float32") for name, shape in found.items()]
    decoder = Decoded(scores=(Columns(output="box_scores"),), boxes=(Columns(output="boxes"),))
    return write_bundle(
        root,
        name="places",
        outputs=(
            TensorSpec(name="colour", shape=(1, 3), dtype="float32"),
            *(TensorSpec(name=name, shape=shape, dtype="float32") for name, shape in found.items()),
        ),
        heads=(
            colour_head(),
            HeadSpec(
                name="things",
                kind="detection",
                outputs=("boxes", "box_scores"),
                labels=LABELS,
                thresholds=(0.5,),
                decode=decoder,
            ),
            HeadSpec(name="planes", kind="segmentation", outputs=("planes",), labels=LABELS, decode=Planes()),
            HeadSpec(
                name="maps", kind="keypoints", outputs=("maps",), labels=LABELS, decode=Heatmaps(skeleton=((0, 1),))
            ),
            HeadSpec(name="made", kind="image", outputs=("made",), decode=Pixels()),
        ),
        artifacts=(msgspec.structs.replace(artifact, outputs=(*artifact.outputs, *more)),),
        samples=golden_samples(
            boxes=lambda _: BOXES,
            box_scores=lambda _: BOX_SCORES,
            planes=lambda pixels: pixels,
            maps=lambda pixels: pixels,
            made=lambda pixels: pixels * np.float32(1 / 255),
        ),
    )
