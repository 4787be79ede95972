"""The trained models and the pictures that lie beside the repository, where they are there at all."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
PICTURES = SHARED / "data" / "cifar10_jpeg"  # CIFAR-10 as JPEG: train/CLASS/*.jpg and test/CLASS/*.jpg
RESNET8 = SHARED / "models" / "resnet8_cifar10.h5"  # MLPerf Tiny's trained image classifier, a Keras 2 file
KWS = SHARED / "models" / "kws_dscnn_savedmodel"  # MLPerf Tiny's trained keyword spotter
