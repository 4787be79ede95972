"""What is compared: bundles made by this checkout, each with a hundred pictures that it was not calibrated on."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.arm.emulator import SetupError
from tests.arm.wheels import REPOSITORY

SHARED = REPOSITORY.parent / "shared"
A_CLASS = 10  # pictures
TRAIN = "import sys, pathlib; from edgecv.demo import train; train(pathlib.Path(sys.argv[1]))"


@dataclass(frozen=True, slots=True)
class Subject:
    """A bundle with float32 and int8 artifacts (int8 with integer inputs and outputs), and a folder of pictures."""

    name: str
    bundle: Path
    pictures: Path


def subjects(folder: Path) -> Iterator[Subject]:
    """The demo's digits, and MLPerf Tiny's ResNet8 where its file lies beside the checkout."""
    data = folder / "digits"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    run_python("-c", TRAIN, str(data))
    yield subject("digits", folder, data / "digits.keras", "rescale", data)
    model = SHARED / "models" / "resnet8_cifar10.h5"
    if model.exists():
        yield subject("resnet8", folder, model, "none", SHARED / "data" / "cifar10_jpeg")
    else:
        print("resnet8: skipped, its model is not beside the checkout", flush=True)


def subject(name: str, folder: Path, model: Path, preset: str, data: Path) -> Subject:
    """Convert a model, and choose its pictures: the first of each class of `data`/test by name."""
    bundle, pictures = folder / f"{name}.edgecv", folder / f"{name}-pictures"
    options = ["--quantize", "float32,int8", "--target", "tflite,onnx", "--io", "int8", "--preprocess", preset]
    sets = ["--calibrate", str(data / "train"), "--labels", str(data / "test")]
    run_python("-m", "edgecv", "convert", str(model), "-o", str(bundle), "--force", *options, *sets)
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir()
    for label in sorted(path for path in (data / "test").iterdir() if path.is_dir()):
        for file in sorted(label.iterdir())[:A_CLASS]:
            shutil.copy(file, pictures / f"{label.name}-{file.name}")
    return Subject(name, bundle, pictures)


def run_python(*arguments: str) -> None:
    """Run this environment's Python in the checkout.

    Raises:
        SetupError: It failed; its last line says why.
    """
    done = subprocess.run([sys.executable, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-3:]
        raise SetupError(f"no bundle: {' '.join(last)}", "make demo shows whether conversion works here")
