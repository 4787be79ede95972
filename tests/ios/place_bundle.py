"""The bundle of `tests.android.place_bundle`, with a head of each kind that answers with places, as a TFLite file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgecv_converters.golden import GoldenSample
from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.schema import Artifact, Manifest, TensorIO, TensorSpec

from tests.android.place_bundle import HEADS, LEAST, MIX, PREPROCESS, SHAPES, SIZE, STRIDE, outputs_of, pictures
from tests.bundles import write_bundle


def write_places(root: Path) -> Manifest:
    """Write the bundle, with a golden case for each picture."""
    file = "tflite/model.float32.tflite"
    tensors = write_tflite(root / file)
    run = Preprocessor(PREPROCESS)
    samples = [
        GoldenSample(id=name, image=image, inputs={"image": run(image)}, outputs=outputs_of(run(image)), answers={})
        for name, image in pictures().items()
    ]
    pixels = TensorIO(name="image", tensor=tensors["pixels"], shape=(1, *SIZE, 3), dtype="float32", layout="NHWC")
    artifact = Artifact(
        target="tflite",
        precision="float32",
        file=file,
        sha256=sha256_tree(root / file),
        bytes=tree_bytes(root / file),
        inputs=(pixels,),
        outputs=tuple(
            TensorIO(name=name, tensor=tensors[name], shape=shape, dtype="float32") for name, shape in SHAPES.items()
        ),
        ops={},
        requires={},
    )
    return write_bundle(
        root,
        samples=samples,
        name="places",
        inputs=(TensorSpec(name="image", shape=(1, *SIZE, 3), dtype="float32"),),
        outputs=tuple(TensorSpec(name=name, shape=shape, dtype="float32") for name, shape in SHAPES.items()),
        preprocess={"image": PREPROCESS},
        heads=HEADS,
        artifacts=(artifact,),
    )


def write_tflite(file: Path) -> dict[str, str]:
    """Write the model; returns the name of each input and output inside the file."""
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    def network(pixels: Any) -> dict[str, Any]:
        mask = pixels * (1 / 255)
        maps = tf.nn.avg_pool2d(mask, STRIDE, STRIDE, "VALID")
        scores = tf.reshape(maps, SHAPES["scores"])
        return {
            "scores": scores,
            "boxes": scores @ tf.constant(MIX) + LEAST,
            "mask": mask,
            "maps": maps,
            "made": 1 - mask,
            "vector": tf.reduce_mean(mask, (1, 2)),
        }

    module = tf.Module()
    module.network = tf.function(network, input_signature=[tf.TensorSpec((1, *SIZE, 3), tf.float32, name="pixels")])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.network.get_concrete_function()], module)
    file.parent.mkdir(parents=True)
    file.write_bytes(converter.convert())
    interpreter = Interpreter(str(file))
    signature = interpreter._get_full_signature_list()["serving_default"]  # the names are in no public method
    names = {detail["index"]: detail["name"] for detail in interpreter.get_tensor_details()}
    return {name: names[place] for name, place in (signature["inputs"] | signature["outputs"]).items()}
