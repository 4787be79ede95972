"""Benchmark results made for tests: their numbers are drawn, so each test can ask for what it needs."""

import numpy as np
from edgecv_runtime.bench.result import (
    BenchRow,
    BenchSettings,
    ClassCount,
    Correct,
    Latency,
    Library,
    Machine,
    MeasuredOn,
    Peak,
    Reference,
    Result,
    Sustained,
    WarmUp,
)
from edgecv_runtime.schema import Comparison

COUNT = 1000
FILES = {
    "float32": (318_444, 1.0, 860, 1.0),
    "float16": (162_300, 1.02, 860, 1.0),
    "dynamic": (96_100, 0.7, 858, 0.992),
    "int8": (89_700, 0.35, 855, 0.981),
    "int16x8": (97_000, 1.7, 861, 0.997),
}
BACKENDS = {"tflite": "litert", "onnx": "onnx", "coreml": "coreml"}
LIBRARIES = {"litert": ("ai-edge-litert", "2.1.6", ("XNNPACK",)), "onnx": ("onnxruntime", "1.25.1", ("CPU",))}
EXTENSIONS = {"tflite": "tflite", "onnx": "onnx", "coreml": "mlpackage"}


def latency(p50, *, seed=1, count=1200, samples=400):
    rng = np.random.default_rng(seed)
    times = p50 * (1 + 0.04 * rng.normal(size=count) ** 2 + 0.6 * (rng.random(count) < 0.02))
    p = [float(np.percentile(times, q)) for q in (50, 90, 99)]
    return Latency(
        count=count,
        min_us=float(times.min()),
        mean_us=float(times.mean()),
        p50_us=p[0],
        p90_us=p[1],
        p99_us=p[2],
        samples_us=tuple(float(value) for value in times[: min(samples, count)]),
    )


def comparison(agreement, count=COUNT):
    return Comparison(
        count=count,
        max_abs_error=0.2,
        mean_abs_error=0.01,
        cosine=0.9991,
        snr_db=None if agreement == 1 else 21.5,
        agreement=agreement,
        flips=(),
    )


def correct(right, count=COUNT):
    share = right / count
    low, high = max(0.0, share - 0.022), min(1.0, share + 0.022)
    lost = max(0, 860 - right) + 4
    return Correct(
        count=count,
        accuracy=share,
        interval=(low, high),
        reference_accuracy=0.86,
        lost=lost,
        gained=lost + right - 860,
        mcnemar_p=0.41,
    )


def class_counts(names, shift):
    each = COUNT // len(names)
    return tuple(
        ClassCount(
            label=name,
            count=each,
            correct=max(0, each * 86 // 100 - (place * shift) % (each // 5 + 1)),
            reference_correct=each * 86 // 100,
        )
        for place, name in enumerate(names)
    )


def sustained(p50, seconds=60, rise=0.3):
    return tuple(
        Sustained(
            second=at,
            count=round(1e7 / p50),
            p50_us=p50 * (1 + rise * at / seconds),
            p90_us=1.1 * p50 * (1 + rise * at / seconds),
        )
        for at in range(0, seconds, 10)
    )


def row(target="tflite", precision="int8", *, backend=None, threads=1, p50=1800.0, classes=(), labelled=True, **more):
    """One measured row; `p50` is float32's with one thread, in microseconds."""
    size, speed, right, agreement = FILES[precision]
    backend = backend or BACKENDS[target]
    p50 = p50 * speed / threads**0.7
    name, version, providers = LIBRARIES.get(backend, (backend, "1.0", ()))
    inference = latency(p50, seed=threads)
    fields = {
        "artifact": f"{target}/model.{precision}.{EXTENSIONS[target]}",
        "target": target,
        "precision": precision,
        "sha256": "ab" * 32,
        "bytes": size,
        "backend": backend,
        "threads": threads,
        "library": Library(name=name, version=version, providers=providers),
        "load_us": 41_000.0,
        "cold_us": 3.1 * p50,
        "preprocess": latency(210.0),
        "inference": inference,
        "postprocess": latency(6.5),
        "total": latency(p50 + 216.5),
        "per_second": 1e6 / (p50 + 216.5),
        "inferences_per_second": 1e6 / p50,
        "memory_bytes": 61_000_000,
        "memory_before_bytes": 34_000_000,
        "warm_up": WarmUp(turns=3, count=300, seconds=0.6, stable=True),
        "drift": 0.004,
        "turn_p50_us": (p50, p50 * 1.01, p50),
        "multiply_adds_per_second": 12_500_000 / p50 * 1e6,
        "peak_share": 0.31,
        "comparisons": {"golden": comparison(1.0, 8), "evaluation": comparison(agreement)},
        "correct": correct(right) if labelled else None,
        "classes": class_counts(classes, 1 + len(precision)) if labelled and classes else (),
    }
    return BenchRow(**{**fields, **more})


def not_run(target="coreml", precision="float16", reason="Core ML runs on macOS only", **more):
    fields = {
        "artifact": f"{target}/model.{precision}.{EXTENSIONS[target]}",
        "target": target,
        "precision": precision,
        "sha256": "cd" * 32,
        "bytes": 161_000,
        "backend": BACKENDS[target],
        "threads": 1,
        "not_run": reason,
    }
    return BenchRow(**{**fields, **more})


def machine(**more):
    fields = {
        "cpu": "AMD EPYC 9B14",
        "architecture": "x86_64",
        "cores": 2,
        "system": "Linux 6.1",
        "flags": ("avx2", "avx512f", "avx512_vnni"),
        "governors": ("performance",),
        "mhz": 3700.0,
        "memory_bytes": 8_200_000_000,
        "load_before": 0.12,
        "load_after": 0.95,
        "versions": {"edgecv": "0.1.0", "ai-edge-litert": "2.1.6", "onnxruntime": "1.25.1", "numpy": "2.3.1"},
    }
    return Machine(**{**fields, **more})


def gpu(on="evaluation"):
    return Reference(
        on=on,
        kind="recorded",
        description="ONNX float32 by ONNX Runtime 1.31.1 on an NVIDIA H200, recorded 2026-01-30",
        artifact="onnx/model.float32.onnx",
        library=Library(name="onnxruntime-gpu", version="1.31.1", providers=("CUDA",)),
        machine=machine(cpu="Xeon 8481C", cores=16, accelerators=("NVIDIA H200",)),
        created="2026-01-30T12:00:00Z",
        count=COUNT,
        inference=latency(240.0, seed=7),
        correct=Correct(count=COUNT, accuracy=0.86, interval=(0.837, 0.880)),
    )


def golden():
    return Reference(
        on="golden",
        kind="golden",
        description="The source model's outputs that lie in the bundle, made by Keras on the CPU",
        count=8,
    )


def result(rows, **more):
    fields = {
        "schema_version": 1,
        "name": "resnet8",
        "identity": "ef" * 32,
        "task": "classification",
        "created": "2026-01-31T12:00:00Z",
        "place": MeasuredOn(),
        "machine": machine(),
        "settings": BenchSettings(
            rounds=12, seconds=6.0, warm_up_seconds=3.0, threads=(1, 2), data="evaluation", inputs=32
        ),
        "rows": tuple(rows),
        "multiply_adds": 12_500_000,
        "peaks": (
            Peak(kind="int8", backend="litert", threads=1, multiply_adds_per_second=1.1e11, how="a 1x1 convolution"),
        ),
        "references": (gpu(), golden()),
    }
    return Result(**{**fields, **more})


def one():
    return result([row()])


def many(classes=10, **more):
    names = [f"class {place}" for place in range(classes)]
    kinds = [("tflite", name) for name in FILES] + [("onnx", "float32"), ("onnx", "int8")]
    rows = [
        row(target, precision, threads=threads, classes=names, p50=1800 if target == "tflite" else 1500)
        for target, precision in kinds
        for threads in (1, 2)
    ]
    rows += [not_run(), not_run("coreml", "int8")]
    return result(rows, **more)


def unlabelled():
    rows = [row(precision=name, labelled=False, comparisons={"golden": comparison(1.0, 8)}) for name in FILES]
    return result(rows, references=(golden(),), peaks=(), multiply_adds=None)


def unstable():
    reasons = (
        "tflite int8 on litert, 1 thread: two halves differ by 9 %",
        "the load average was 5.2 on 2 cores before anything was measured",
    )
    rows = [
        row(drift=0.09, warm_up=WarmUp(turns=40, count=4000, seconds=3.0, stable=False)),
        row(precision="float32", sustained=sustained(1800.0)),
        row("onnx", "int8", sustained=sustained(700.0, rise=0.02)),
    ]
    return result(rows, stable=False, unstable=reasons)


def phone():
    rows = [
        row(precision="float32", backend="litert", p50=5200, library=None, memory_before_bytes=None),
        row(precision="int8", backend="litert", p50=5200, sustained=sustained(1900.0)),
        row(precision="float32", backend="litert-gpu", p50=2400, total=None, preprocess=None, postprocess=None),
        not_run("tflite", "int8", "LiteRT finds no NPU", backend="litert-npu"),
    ]
    return result(
        rows,
        place=MeasuredOn(kind="adb", name="28091JEGR01234"),
        machine=Machine(
            cpu="Tensor G3",
            model="Pixel 8",
            architecture="aarch64",
            cores=9,
            system="Android 15",
            flags=("asimddp", "i8mm"),
            celsius_before=31.0,
            celsius_after=38.5,
            throttled=True,
        ),
        settings=BenchSettings(rounds=6, seconds=6.0, warm_up_seconds=3.0, sustained_seconds=60, data="evaluation"),
        peaks=(),
    )


def regression():
    def answer(snr):
        return {
            "evaluation": Comparison(
                count=300, max_abs_error=0.2, mean_abs_error=0.01, cosine=0.99, snr_db=snr, agreement=None, flips=()
            )
        }

    rows = [
        row(precision="float32", labelled=False, comparisons=answer(None)),
        row(precision="float16", labelled=False, comparisons=answer(62.0)),
        row(precision="int8", labelled=False, comparisons=answer(24.0)),
    ]
    return result(rows, task="regression", references=(golden(),))
