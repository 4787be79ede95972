"""Runs on the device, with nothing but the lean install: what it answers for a bundle and a folder of pictures.

Usage: python device.py BUNDLE PICTURES RESULT.json
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from edgecv_runtime import Bundle, EdgecvError, MissingDependencyError, load
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.schema import Artifact

PACKAGES = ("numpy", "pillow", "msgspec", "typer", "ai-edge-litert", "tflite-runtime", "onnxruntime")
HEAVY = ("tensorflow", "keras")


def main(bundle: Path, pictures: Path, result: Path) -> None:
    """Write the answers, the digest of every preprocessed tensor, and what ran."""
    files = sorted(path for path in pictures.iterdir() if path.is_file())
    with Bundle.load(bundle) as opened:
        manifest = opened.manifest
        artifacts = {one.file: answers(bundle, one, files) for one in manifest.artifacts if one.target != "coreml"}
        preprocessor = Preprocessor(next(iter(manifest.preprocess.values())))
        tensors = {file.name: hashlib.sha256(preprocessor(file).tobytes()).hexdigest() for file in files}
    found = {
        "machine": platform.machine(),
        "python": platform.python_version(),
        "versions": installed(),
        "imported": [name for name in HEAVY if name in sys.modules],
        "tensors": tensors,
        "artifacts": {file: answer for file, answer in artifacts.items() if answer is not None},
    }
    result.write_text(json.dumps(found))


def answers(bundle: Path, artifact: Artifact, files: list[Path]) -> dict[str, Any] | None:
    """Every output value and the top-1 index by picture; None where no runtime for it is installed."""
    try:
        with load(bundle, target=artifact.target, precision=artifact.precision) as predictor:
            found = [predictor.predict(file) for file in files]
    except MissingDependencyError:
        return None
    except EdgecvError as error:
        return {"error": error.message}
    values = [np.concatenate([output.ravel() for output in one.outputs.values()]) for one in found]
    return {"values": [row.tolist() for row in values], "indices": [one.index for one in found]}


def installed() -> dict[str, str]:
    """The versions of the packages that bear on results."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
