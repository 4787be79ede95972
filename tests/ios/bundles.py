"""Make bundles for the Swift library's tests, and record Python's answers to their golden pictures.

Usage: python -m tests.ios.bundles

Makes build/ios anew, as `tests.android.bundles` makes build/android, with TFLite files: those run in Swift.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from edgecv_runtime.bench.jobs import Options
from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.predictor import load
from edgecv_runtime.schema import Artifact, TensorIO, TensorSpec

from edgecv.run.colors import color_of
from tests import heads
from tests.android.bundles import COLORS, REPOSITORY, make_trained, write_expected
from tests.android.place_proofs import write_place_proofs
from tests.bundles import SIZE, colour_head, golden_samples, write_bundle
from tests.ios.place_bundle import write_places

BUILD = REPOSITORY / "build" / "ios"


def main() -> int:
    """Make everything beside its place, then move it there; prints what was made."""
    BUILD.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BUILD.parent, prefix=".ios-") as scratch:
        folder = Path(scratch) / BUILD.name
        folder.mkdir()
        make_trained(folder, "tflite")
        make_colours(folder)
        write_places(folder / "places.edgecv")
        make_package(folder)
        make_zips(folder, folder / "zips")
        make_kernels(folder / "kernels")
        (folder / "options.json").write_bytes(msgspec.json.encode(Options(threads=(1, 2), profile=True)))
        write_expected(folder, "tflite")
        write_place_proofs(folder / "place_proofs.json")
        (folder / "colors.json").write_text(json.dumps([color_of(index) for index in range(COLORS)]) + "\n")
        shutil.rmtree(BUILD, ignore_errors=True)
        folder.rename(BUILD)
    print(f"bundles: {', '.join(path.name for path in sorted(BUILD.glob('*.edgecv')))}")
    return 0


def make_colours(folder: Path) -> None:
    """Write small bundles that name the strongest colour: each kind of head, two heads, a batch of two."""
    made = {
        "colours": colour_head(),
        "logits": colour_head(activation="softmax"),
        "multilabel": colour_head("multilabel", activation="sigmoid", thresholds=(0.6, 0.4, 0.7)),
        "binary": colour_head("binary", activation="sigmoid", thresholds=(0.6,)),
        "regression": colour_head("regression"),
        "batch": colour_head(),
    }
    for name, head in made.items():
        root = folder / f"{name}.edgecv"
        write_bundle(root, head, name=name, artifacts=(write_tflite(root, batch=2 if name == "batch" else 1),))
    root = folder / "two_heads.edgecv"
    write_bundle(
        root,
        name="two_heads",
        outputs=(
            TensorSpec(name="colour", shape=(1, 3), dtype="float32"),
            TensorSpec(name="warm", shape=(1, 1), dtype="float32"),
        ),
        heads=(colour_head(), heads.spec("regression", "warm", title="warmth", unit="levels")),
        artifacts=(write_tflite(root, warm=True),),
        samples=golden_samples(warm=lambda pixels: pixels.mean((1, 2)) @ np.float32([[1], [0], [-1]])),
    )


def make_kernels(folder: Path) -> None:
    """Write bundles that XNNPACK runs in whole, in part and not at all, and what Python's back end says of each."""
    import tensorflow as tf

    networks = {
        "whole": lambda pixels: tf.nn.softmax(tf.reduce_mean(pixels, (1, 2))),
        "part": lambda pixels: tf.nn.softmax(tf.reduce_prod(pixels, (1, 2))),
        "nothing": lambda pixels: tf.reduce_prod(pixels, (1, 2)),
    }
    providers = {}
    for name, network in networks.items():
        root = folder / f"{name}.edgecv"
        write_bundle(root, colour_head(), name=name, artifacts=(write_tflite(root, colour=network),))
        providers[name] = load(root).backend.info.providers
    (folder / "providers.json").write_text(json.dumps(providers) + "\n")


def write_tflite(
    root: Path, *, batch: int = 1, warm: bool = False, colour: Callable[[Any], Any] | None = None
) -> Artifact:
    """Write the network of `tests.bundles.write_onnx`, or another one, as a TFLite file; `warm` is a second output."""
    import tensorflow as tf

    def network(pixels: Any) -> dict[str, Any]:
        mean = tf.reduce_mean(pixels, (1, 2))
        made = {"colour": colour(pixels) if colour else tf.nn.softmax(mean * 0.1)}
        return made | ({"warm": mean @ tf.constant([[1.0], [0.0], [-1.0]])} if warm else {})

    shape = (batch, SIZE, SIZE, 3)
    module = tf.Module()
    module.network = tf.function(network, input_signature=[tf.TensorSpec(shape, tf.float32, name="pixels")])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.network.get_concrete_function()], module)
    file = root / "tflite" / "model.float32.tflite"
    file.parent.mkdir(parents=True)
    file.write_bytes(converter.convert())
    return tflite_artifact(file, shape, warm=warm)


def tflite_artifact(file: Path, shape: tuple[int, ...], *, warm: bool) -> Artifact:
    """Describe a file that `write_tflite` wrote."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file))
    signature = interpreter._get_full_signature_list()["serving_default"]  # the names are in no public method
    names = {detail["index"]: detail["name"] for detail in interpreter.get_tensor_details()}
    outputs = {"colour": 3} | ({"warm": 1} if warm else {})
    return Artifact(
        target="tflite",
        precision="float32",
        file=f"tflite/{file.name}",
        sha256=sha256_tree(file),
        bytes=tree_bytes(file),
        inputs=(
            TensorIO(
                name="image",
                tensor=names[signature["inputs"]["pixels"]],
                shape=shape,
                dtype="float32",
                layout="NHWC",
            ),
        ),
        outputs=tuple(
            TensorIO(name=name, tensor=names[signature["outputs"][name]], shape=(shape[0], width), dtype="float32")
            for name, width in outputs.items()
        ),
        ops={"MEAN": 1, "MUL": 1, "SOFTMAX": 1},
        requires={},
    )


def make_package(folder: Path) -> None:
    """Write a bundle with an artifact that is a folder, as a Core ML package is: its digest covers all files."""
    root = folder / "package.edgecv"
    artifact = write_tflite(root)
    package = root / "coreml" / "model.float32.mlpackage"
    (package / "Data").mkdir(parents=True)
    (package / "Manifest.json").write_text("{}")
    (package / "Data" / "weights.bin").write_bytes(bytes(range(256)))
    described = msgspec.structs.replace(
        artifact,
        target="coreml",
        file="coreml/model.float32.mlpackage",
        sha256=sha256_tree(package),
        bytes=tree_bytes(package),
    )
    write_bundle(root, name="package", artifacts=(artifact, described))


def make_zips(folder: Path, into: Path) -> None:
    """Pack bundles in every way that a reader must take, and make archives that it must refuse."""
    into.mkdir()
    digits = {path.relative_to(folder / "digits.edgecv").as_posix(): path for path in _files(folder / "digits.edgecv")}
    whole = {name: path.read_bytes() for name, path in digits.items()}
    package = {path.relative_to(folder).as_posix(): path.read_bytes() for path in _files(folder / "package.edgecv")}
    _pack(into / "top.edgecv.zip", whole)
    _pack(into / "packed.edgecv.zip", {f"digits.edgecv/{name}": data for name, data in whole.items()})
    _pack(into / "stored.edgecv.zip", whole, kind=zipfile.ZIP_STORED)
    _pack(into / "package.edgecv.zip", package)
    _pack(into / "lzma.edgecv.zip", whole, kind=zipfile.ZIP_LZMA)
    _pack(into / "leaving.edgecv.zip", {"../outside": b"", "bundle.json": b"{}"})
    _pack(into / "bomb.edgecv.zip", {"bundle.json": bytes(30_000_000)})
    _pack(into / "empty.edgecv.zip", {"readme": b""})
    _pack(into / "many.edgecv.zip", {f"golden/{number}.bin": b"" for number in range(5000)})
    _pack(into / "unpacking.edgecv.zip", {"golden/x.bin": bytes(100 << 20)})
    (into / "text.edgecv.zip").write_text("no zip")
    data = (into / "top.edgecv.zip").read_bytes()
    (into / "cut.edgecv.zip").write_bytes(data[: len(data) // 2])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name twice is what is meant
        with zipfile.ZipFile(into / "twice.edgecv.zip", "w") as archive:
            archive.writestr("bundle.json", b"{}")
            archive.writestr("bundle.json", b"{}")
    model = whole["tflite/model.int8.tflite"]
    stored = (into / "stored.edgecv.zip").read_bytes()
    (into / "flipped.edgecv.zip").write_bytes(stored.replace(model, bytes([model[0] ^ 1]) + model[1:]))
    size = len(whole["bundle.json"])
    lie = stored.replace(size.to_bytes(4, "little") * 2, size.to_bytes(4, "little") + (size + 1).to_bytes(4, "little"))
    (into / "lying.edgecv.zip").write_bytes(lie)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _pack(place: Path, files: Mapping[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> None:
    with zipfile.ZipFile(place, "w", kind) as archive:
        for name, data in files.items():
            archive.writestr(name, data)


if __name__ == "__main__":
    sys.exit(main())
