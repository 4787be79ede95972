"""Reports made for tests: their numbers are drawn, so each test can ask for what it needs."""

import numpy as np
from edgecv_converters.measured import ClassRow, Failure, Report
from edgecv_converters.parity.gates import GateConfig, evaluate_gates
from edgecv_converters.parity.metrics import ComparisonAccumulator, accuracy
from edgecv_runtime.schema import (
    Artifact,
    CalibrationSet,
    Normalize,
    Parity,
    Preprocess,
    Quantization,
    SourceInfo,
    TensorIO,
)

from tests.heads import head

EXTENSIONS = {"tflite": "tflite", "onnx": "onnx", "coreml": "mlpackage"}
NOISE = {"float32": 1e-6, "float16": 2e-3, "dynamic": 0.06, "int8": 0.16, "int16x8": 0.03}
SIZES = {"float32": 1.0, "float16": 0.51, "dynamic": 0.29, "int8": 0.28, "int16x8": 0.3}
DEFAULT = (
    ("tflite", "float32"),
    ("tflite", "float16"),
    ("tflite", "int8"),
    ("onnx", "float32"),
    ("onnx", "int8"),
    ("coreml", "float16"),
)


def artifact(target, precision, number=0):
    io = TensorIO(name="image", tensor="image", shape=(1, 32, 32, 3), dtype="float32", layout="NHWC")
    return Artifact(
        target=target,
        precision=precision,
        file=f"{target}/model{number or ''}.{precision}.{EXTENSIONS[target]}",
        sha256="ab" * 32,
        bytes=round(318_444 * SIZES[precision]),
        inputs=(io,),
        outputs=(TensorIO(name="scores", tensor="scores", shape=(1, 10), dtype="float32"),),
        ops={"CONV_2D": 9},
        requires={},
    )


class Measured:
    """Drawn logits of a source that is right three times in four."""

    def __init__(self, samples, classes, seed=1):
        self.rng = np.random.default_rng(seed)
        self.labels = np.arange(samples) % classes
        self.logits = self.rng.normal(size=(samples, classes))
        self.logits[np.arange(samples), self.labels] += 2.6
        self.ids = [f"class{label}/{place:04d}.jpg" for place, label in enumerate(self.labels)]

    def outputs(self, noise):
        return self.logits + self.rng.normal(scale=noise, size=self.logits.shape)

    def prove(self, item, noise, *, labelled=True):
        outputs = self.outputs(noise)
        sets = {}
        for name, part in {"golden": slice(8), "calibration": slice(100), "evaluation": slice(None)}.items():
            total = ComparisonAccumulator([head(width=self.logits.shape[1])])
            total.add(self.ids[part], {"y": self.logits[part]}, {"y": outputs[part]})
            if labelled or name != "evaluation":
                sets[name] = total.result()
        measured = accuracy(self.labels, self.logits.argmax(1), outputs.argmax(1)) if labelled else None
        gates = evaluate_gates(GateConfig(), item.precision, sets, measured)
        passed = all(gate.passed for gate in gates)
        parity = Parity(
            artifact=item.file,
            status="passed" if passed else "failed",
            how="onnxruntime CPUExecutionProvider"
            if item.target == "onnx"
            else "LiteRT interpreter, XNNPACK, 1 thread",
            reason=None if passed else "a gate failed",
            comparisons=sets,
            accuracy=measured,
            gates=gates,
        )
        return parity, total.histogram(item.file), outputs


def report(kinds=DEFAULT, *, labelled=True, classes=10, samples=1000, noise=None, failures=(), name="resnet8", **more):
    drawn = Measured(samples, classes)
    artifacts = tuple(artifact(*kind, number) for number, kind in enumerate(kinds))
    proofs, histograms, right = [], [], {}
    for item in artifacts:
        if item.target == "coreml":
            why = "Core ML models run on macOS only"
            proofs.append(Parity(artifact=item.file, status="not_run", how="not run", reason=why))
            continue
        parity, histogram, outputs = drawn.prove(item, (noise or NOISE)[item.precision], labelled=labelled)
        proofs.append(parity)
        histograms.append(histogram)
        right[item.file] = outputs.argmax(1) == drawn.labels
    fields = {
        "name": name,
        "task": "classification",
        "created": "2025-03-01 12:00 UTC",
        "machine": "x86_64, 2 cores, AMD EPYC",
        "versions": {"edgecv": "0.1.0", "tensorflow": "2.21.0", "onnxruntime": "1.31.1"},
        "seconds": {"load": 2.31, "calibrate": 0.42, "convert": 14.2, "prove": 93.0},
        "source": SourceInfo(format="Keras 2 .h5", loader="tf-keras 2.21.0", sha256="cd" * 32, parameters=78_666),
        "reference": "the source model in tf-keras 2.21.0 on the CPU",
        "artifacts": artifacts,
        "parity": tuple(proofs),
        "failures": tuple(failures),
        "classes": class_rows(drawn, right, classes) if labelled else (),
        "histograms": tuple(histograms),
        "notes": ("3 images could not be read and were skipped",),
        "preprocess": {"image": Preprocess(size=(32, 32), normalize=Normalize(preset="none"))},
        "quantization": Quantization(
            quantizer="TFLite post-training",
            weights="int8 per channel",
            activations="int8 per tensor",
            io="float32",
            calibration=CalibrationSet(kind="images", count=200, skipped=3, seed=7, sha256="ef" * 32),
        ),
    }
    return Report(**{**fields, **more})


def class_rows(drawn, right, classes):
    reference = drawn.logits.argmax(1) == drawn.labels
    return tuple(
        ClassRow(
            label=f"class {place}",
            count=int((drawn.labels == place).sum()),
            reference_correct=int(reference[drawn.labels == place].sum()),
            correct={file: int(hits[drawn.labels == place].sum()) for file, hits in right.items()},
        )
        for place in range(classes)
    )


def failure(message="the converter stopped with signal 11 (segmentation fault)", log="line 1\nline 2 <b>bold</b>"):
    return Failure(
        target="coreml", precision="float16", message=message, hint="Try --targets tflite,onnx", log_tail=log
    )
