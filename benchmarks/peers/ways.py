"""The ways from a Keras model to a file for a device, each set up as its own documentation recommends.

`python -m benchmarks.peers.ways NETWORK WAY` goes one of them, in a process of its own, and writes its files into
build/peers/NETWORK. All of them get the same calibration samples. Inputs and outputs stay float32 in all files but
litert-quantizer's static ones, whose recipe knows int8 only.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.peers.subjects import CALIBRATION, SEED, SUBJECTS, Array, Subject

Runtime = Literal["tflite", "onnx"]
TFLITE_FLOAT, ONNX_FLOAT = "tflite_float.tflite", "onnx_float.onnx"
BOTH: tuple[Runtime, ...] = ("tflite", "onnx")
PREPARED = "ort_prepared.onnx"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file that a way makes: how it is called in the table, what runs it, and where it is in the network's folder.

    `precision` is "float32", "int8" (weights and activations), or "dynamic" (weights only).
    """

    title: str
    runtime: Runtime
    precision: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way.

    Attributes:
        package: The distribution that does it.
        make: Writes the files of a network.
        files: What it writes.
        after: The ways whose files it starts from; their time belongs to its own.
        ours: Whether it is edgecv.
    """

    package: str
    make: Callable[[Subject], None]
    files: tuple[File, ...]
    after: tuple[str, ...] = ()
    ours: bool = False


def tflite(subject: Subject, name: str, *, full_integer: bool) -> None:
    """TensorFlow Lite's converter; "Post-training integer quantization" of TensorFlow's guide, float in- and outputs.

    The Keras 2 file is saved as a SavedModel first: TensorFlow's converter takes models of Keras 3 only.
    """
    import tensorflow as tf

    converter = _tflite_converter(subject)
    if full_integer:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([sample[None]] for sample in calibration(subject))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    (subject.folder / name).write_bytes(converter.convert())


def _tflite_converter(subject: Subject) -> Any:
    import tensorflow as tf

    if subject.model().suffix == ".keras":
        return tf.lite.TFLiteConverter.from_keras_model(_keras(subject))
    return tf.lite.TFLiteConverter.from_saved_model(str(saved_model(subject)))


def _keras(subject: Subject) -> Any:
    import keras

    return keras.models.load_model(subject.model(), compile=False)


def saved_model(subject: Subject) -> Path:
    """The network as a SavedModel, by Keras's own `export`."""
    folder = subject.folder / "saved_model"
    if subject.model().suffix == ".keras":
        _keras(subject).export(folder, verbose=False)
    else:
        import tf_keras

        tf_keras.models.load_model(subject.model(), compile=False).export(str(folder))
    return folder


def litert(subject: Subject, name: str, *, static: bool) -> None:
    """litert-quantizer on the converter's float file: the recipes of its README, and its calibration where static."""
    from litert_quantizer import quantizer, recipe

    made = quantizer.Quantizer(str(subject.folder / TFLITE_FLOAT))
    if static:
        made.load_quantization_recipe(recipe.static_wi8_ai8())
        (signature,) = _signatures(subject.folder / TFLITE_FLOAT)
        data = {signature[0]: [{signature[1]: sample[None]} for sample in calibration(subject)]}
        found = made.quantize(made.calibrate(data))
    else:
        made.load_quantization_recipe(recipe.dynamic_wi8_afp32())
        found = made.quantize()
    found.export_model(str(subject.folder / name), overwrite=True)


def _signatures(path: Path) -> list[tuple[str, str]]:
    """The name of each signature of a TFLite file, and of its input."""
    from ai_edge_litert.interpreter import Interpreter

    found = Interpreter(model_path=str(path)).get_signature_list()
    return [(name, parts["inputs"][0]) for name, parts in found.items()]


def tf2onnx(subject: Subject) -> None:
    """tf2onnx's command on a SavedModel, the first way in its README."""
    folder = saved_model(subject)
    command = ["--saved-model", str(folder), "--output", str(subject.folder / ONNX_FLOAT), "--opset", "17"]
    _become("tf2onnx.convert", *command)


def ort_prepare(subject: Subject) -> None:
    """ONNX Runtime's `quant_pre_process`, which its page "Quantize ONNX models" wants before every quantization."""
    from onnxruntime.quantization.shape_inference import quant_pre_process

    quant_pre_process(subject.folder / ONNX_FLOAT, subject.folder / PREPARED)


def ort(subject: Subject, name: str, *, activation: str, method: str) -> None:
    """ONNX Runtime's `quantize_static` of "Quantize ONNX models": QDQ, weights int8 per channel.

    S8S8 is the page's first choice. It wants `reduce_range` for U8S8 only where there is no VNNI, so it is off.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    quantize_static(
        subject.folder / PREPARED,
        subject.folder / name,
        _reader(subject),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType[activation],
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod[method],
    )


def _reader(subject: Subject) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # ONNX Runtime has no types
        """Hands out one sample after the other."""

        def __init__(self, feeds: Iterator[Mapping[str, Array]]) -> None:
            self._feeds = feeds

        def get_next(self) -> Mapping[str, Array] | None:
            """The next sample by input name, or None after the last."""
            return next(self._feeds, None)

    name = _onnx_input(subject)
    return Reader({name: sample[None]} for sample in calibration(subject))


def _onnx_input(subject: Subject) -> str:
    import onnx

    return str(onnx.load(subject.folder / ONNX_FLOAT).graph.input[0].name)


def nncf(subject: Subject, name: str, *, bias_correction: bool) -> None:
    """`nncf.quantize` as in NNCF's own ONNX example (post_training_quantization/onnx/mobilenet_v2), on all samples.

    Its default corrects biases; without that it agrees more often with the model on some networks, so both are rows.
    """
    import nncf
    import onnx

    model = onnx.load(subject.folder / ONNX_FLOAT)
    source = model.graph.input[0].name
    data = nncf.Dataset(calibration(subject), lambda sample: {source: sample[None]})
    how = nncf.AdvancedQuantizationParameters(disable_bias_correction=not bias_correction)
    made = nncf.quantize(model, data, subset_size=CALIBRATION, advanced_parameters=how)
    onnx.save(made, subject.folder / name)


def olive(subject: Subject, name: str) -> None:
    """Olive's `OnnxStaticQuantization` by `olive.run`, data as in "How to Setup Custom Dataset for Calibration".

    Its defaults are S8S8, MinMax, QDQ and its own call of `quant_pre_process`; weights per channel as in ONNX Runtime's
    page, to which its description of the option refers.
    """
    import onnx
    from olive import run
    from olive.data.component.dataset import BaseDataset
    from olive.data.registry import Registry

    source, samples = _onnx_input(subject), calibration(subject)
    pairs = [({source: sample}, 0) for sample in samples]
    Registry.register_dataset("calibration")(lambda **_: BaseDataset(pairs))
    data = {"name": "calibration", "load_dataset_config": {"type": "calibration"}}
    cache = subject.folder / "olive_cache"
    shutil.rmtree(cache, ignore_errors=True)  # a second run would take its result from here
    made = run(
        {
            "input_model": {"type": "ONNXModel", "model_path": str(subject.folder / ONNX_FLOAT)},
            "data_configs": [data],
            "passes": {
                "quantize": {"type": "OnnxStaticQuantization", "data_config": "calibration", "per_channel": True}
            },
            "output_dir": str(subject.folder / "olive"),
            "cache_dir": str(cache),
        }
    )
    onnx.save(onnx.load(made.get_best_candidate().model_path), subject.folder / name)


def edgecv(subject: Subject, name: str, precisions: str, *options: str) -> None:
    """The command of the README; TFLite and ONNX, each file proven against the model."""
    made = subject.folder / f"{name}.edgecv"
    command = [
        *("convert", str(subject.model()), "--preprocess", subject.preset, "--target", "tflite,onnx"),
        *("--quantize", precisions, "--calibrate", str(subject.pictures() / "train")),
        *("--samples", str(CALIBRATION), "--seed", str(SEED), "--output", str(made), "--force", *options),
    ]
    _become("edgecv", *command)


def _become(module: str, *arguments: str) -> None:
    """Run a command in the place of this process, so that who ends the process ends the command."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606  # no shell is wanted


def calibration(subject: Subject) -> Array:
    """The samples that every way gets, as the model takes them."""
    with np.load(subject.samples) as found:
        samples: Array = found["calibration"]
    return samples


def _single(title: str, runtime: Runtime, precision: str, path: str) -> tuple[File, ...]:
    return (File(title=title, runtime=runtime, precision=precision, path=path),)


def _ort_ways() -> Iterator[tuple[str, Way]]:
    for short, activation in (("S8S8", "QInt8"), ("U8S8", "QUInt8")):
        for method in ("MinMax", "Entropy", "Percentile"):
            path = f"ort_{short}_{method}.onnx".lower()
            make = partial(ort, name=path, activation=activation, method=method)
            yield (
                path.removesuffix(".onnx"),
                Way(
                    package="onnxruntime",
                    make=make,
                    files=_single(f"ONNX Runtime {short} {method}", "onnx", "int8", path),
                    after=("tf2onnx", "ort_prepare"),
                ),
            )


def _edgecv(name: str, title: str, precisions: Mapping[str, tuple[Runtime, ...]], *options: str) -> Way:
    steps = ",".join(f"{runtime}:{precision}" for precision, runtimes in precisions.items() for runtime in runtimes)
    files = tuple(
        File(
            title=title,
            runtime=runtime,
            precision=precision,
            path=f"{name}.edgecv/{runtime}/model.{precision}.{runtime}",
        )
        for precision, runtimes in precisions.items()
        for runtime in runtimes
    )
    return Way(package="edgecv", make=lambda subject: edgecv(subject, name, steps, *options), files=files, ours=True)


WAYS: Mapping[str, Way] = {
    "tflite_float": Way(
        package="tensorflow",
        make=partial(tflite, name=TFLITE_FLOAT, full_integer=False),
        files=_single("TFLite converter", "tflite", "float32", TFLITE_FLOAT),
    ),
    "tflite_int8": Way(
        package="tensorflow",
        make=partial(tflite, name="tflite_int8.tflite", full_integer=True),
        files=_single("TFLite converter, PTQ", "tflite", "int8", "tflite_int8.tflite"),
    ),
    "litert_static": Way(
        package="litert-quantizer",
        make=partial(litert, name="litert_static.tflite", static=True),
        files=_single("litert-quantizer static", "tflite", "int8", "litert_static.tflite"),
        after=("tflite_float",),
    ),
    "litert_dynamic": Way(
        package="litert-quantizer",
        make=partial(litert, name="litert_dynamic.tflite", static=False),
        files=_single("litert-quantizer dynamic", "tflite", "dynamic", "litert_dynamic.tflite"),
        after=("tflite_float",),
    ),
    "tf2onnx": Way(package="tf2onnx", make=tf2onnx, files=_single("tf2onnx", "onnx", "float32", ONNX_FLOAT)),
    "ort_prepare": Way(package="onnxruntime", make=ort_prepare, files=(), after=("tf2onnx",)),
    **dict(_ort_ways()),
    "nncf": Way(
        package="nncf",
        make=partial(nncf, name="nncf.onnx", bias_correction=True),
        files=_single("NNCF PTQ", "onnx", "int8", "nncf.onnx"),
        after=("tf2onnx",),
    ),
    "nncf_uncorrected": Way(
        package="nncf",
        make=partial(nncf, name="nncf_uncorrected.onnx", bias_correction=False),
        files=_single("NNCF PTQ, no bias correction", "onnx", "int8", "nncf_uncorrected.onnx"),
        after=("tf2onnx",),
    ),
    "olive": Way(
        package="olive-ai",
        make=partial(olive, name="olive.onnx"),
        files=_single("Olive static", "onnx", "int8", "olive.onnx"),
        after=("tf2onnx",),
    ),
    "edgecv": _edgecv("edgecv", "edgecv", {"float32": BOTH, "dynamic": ("tflite",), "int8": BOTH}),
    "edgecv_refine": _edgecv("edgecv_refine", "edgecv --refine", {"int8": BOTH}, "--refine"),
}


def main() -> None:
    """Go the way that the arguments name."""
    network, way = sys.argv[1:]
    WAYS[way].make(SUBJECTS[network])


if __name__ == "__main__":
    main()
