"""The real models and images that lie beside the repository, where they do."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.command import edgecv

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not (SHARED / "models").is_dir(), reason="../shared with the real models is not there"),
]


def report_of(out):
    report = json.loads((out / "report.json").read_text())
    sizes = {artifact["file"]: artifact["bytes"] for artifact in report["artifacts"]}
    return {parity["artifact"]: parity for parity in report["parity"]}, sizes


def test_resnet8_in_int8_keeps_its_accuracy_on_all_targets(tmp_path):
    out, images = tmp_path / "r8.edgecv", SHARED / "data" / "cifar10_jpeg"
    (tmp_path / "labels.txt").write_text("\n".join(sorted(path.name for path in (images / "test").iterdir())))
    result = edgecv(
        *("convert", SHARED / "models" / "resnet8_cifar10.h5", "--preprocess", "none", "--quantize", "int8"),
        *(
            "--labels",
            tmp_path / "labels.txt",
            "--calibrate",
            images / "train",
            "--evaluate",
            images / "test",
            "-o",
            out,
        ),
    )
    assert result.code == 0, result.err
    parity, sizes = report_of(out)
    tflite, onnx = parity["tflite/model.int8.tflite"], parity["onnx/model.int8.onnx"]
    assert sizes["tflite/model.int8.tflite"] <= 100_000
    for proof in (tflite, onnx):
        assert proof["accuracy"]["count"] == 1000
        assert abs(proof["accuracy"]["accuracy"] - proof["accuracy"]["reference_accuracy"]) <= 0.01
    assert onnx["twin"]["count"] == 1000
    assert onnx["twin"]["agreement"] >= 0.995


def test_keyword_spotting_from_a_savedmodel_of_tensors(tmp_path):
    rng = np.random.default_rng(5)
    smooth = np.cumsum(rng.normal(0, 2, (300, 49, 10, 1)), axis=1).astype(np.float32)
    np.savez(tmp_path / "sounds.npz", input_1=smooth)
    out, model = tmp_path / "kws.edgecv", SHARED / "models" / "kws_dscnn_savedmodel"
    data = ("--preprocess", "tensor", "--calibrate", tmp_path / "sounds.npz", "--samples", "300")
    result = edgecv("convert", model, "-q", "int8", *data, "-o", out)
    assert result.code == 0, result.err
    parity, sizes = report_of(out)
    assert sizes["tflite/model.int8.tflite"] <= 100_000
    assert parity["tflite/model.int8.tflite"]["comparisons"]["calibration"]["agreement"] >= 0.95
    assert parity["onnx/model.int8.onnx"]["twin"]["agreement"] >= 0.995
