"""The bundle of `tests.android.place_bundle`, with a head of each kind that answers with places, as a TFLite file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgecv_runtime.schema import Manifest

from tests.android.place_bundle import LEAST, MIX, SHAPES, SIZE, STRIDE, write_with


def write_places(root: Path) -> Manifest:
    """Write the bundle, with a golden case for each picture."""
    file = "tflite/model.float32.tflite"
    tensors = write_tflite(root / file)
    return write_with(root, "tflite", file, tensors | {"image": tensors["pixels"]})


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
