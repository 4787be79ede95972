"""A small network's Core ML packages, and what is stored in them, read by coremltools itself."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from edgecv_converters.model_metadata import ModelMetadata
from edgecv_runtime.preprocess import parse
from edgecv_runtime.schema import SourceInfo

from tests import heads

LABELS = ("ant", "bee", "cat", "dog")
SIZE = (8, 12)
Array = npt.NDArray[Any]


def network(channels: int = 3, *, logits: bool = False) -> Any:
    """Two convolutions and a Dense layer on 8 x 12 pixels; the first convolution is small, the others are not.

    Every weight is a whole number of 4096ths, which float16 holds: what is stored in float16 is what was given.
    """
    import keras

    layers = keras.layers
    image = keras.Input((*SIZE, channels), name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="small")(image)
    x = layers.Conv2D(32, 3, strides=2, activation="relu", name="large")(x)
    x = layers.Conv2D(24, 3, activation="relu", name="odd")(layers.ZeroPadding2D(1)(x))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(64, activation="relu", name="hidden")(x)
    model = keras.Model(image, layers.Dense(4, None if logits else "softmax", name="scores")(x), name="net")
    rng = np.random.default_rng(5)
    model.set_weights([rng.integers(-999, 1000, w.shape) / 4096 * (w.ndim > 1) for w in model.get_weights()])
    return model


def metadata(
    preset: str = "torch",
    *,
    color: str | None = None,
    activation: str = "none",
    labels: tuple[str, ...] = LABELS,
    **more: Any,
) -> ModelMetadata:
    """What a package says of a bundle with this preprocessing."""
    spec = parse(preset)
    spec = msgspec.structs.replace(spec, size=SIZE, color=color or spec.color)
    fields: dict[str, Any] = {
        "name": "net",
        "source": SourceInfo(format="keras", loader="keras", sha256="5" * 64, parameters=1),
        "preprocess": {"image": spec},
        "heads": (heads.spec(name="answer_0", labels=labels, activation=activation),),
        "identity": "1" * 64,
    }
    return ModelMetadata(**{**fields, **more})


@lru_cache(maxsize=4)
def specification(package: Path) -> Any:
    """The protobuf message of a package."""
    import coremltools as ct

    return ct.models.MLModel(str(package), skip_model_load=True).get_spec()


def operations(package: Path) -> list[Any]:
    """The program's operations in their order, constants left out."""
    block = next(iter(specification(package).mlProgram.functions["main"].block_specializations.values()))
    return [operation for operation in block.operations if operation.type != "const"]


def weights(package: Path) -> dict[str, Array]:
    """The weight of each convolution and Dense, output channels first, as the phone unpacks it; by operation."""
    from coremltools.converters.mil.frontend.milproto.load import load

    spec = specification(package)
    folder = package / "Data" / "com.apple.CoreML" / "weights"
    program = load(spec, spec.specificationVersion, str(folder))
    found = {}
    for operation in program.functions["main"].operations:
        if operation.op_type in {"conv", "linear", "matmul"}:
            turned = operation.op_type == "matmul"
            maker = (operation.y if turned else operation.weight).op
            value = maker.outputs[0].val
            unpacked = np.asarray(maker.materialized_val_inference() if value is None else value)
            found[operation.name] = unpacked.T if turned else unpacked
    return found
