"""LiteRT's own library for Linux, for the tests of the Kotlin engine, and what Python answers with it.

Usage: python -m tests.android.litert, after tests.android.bundles.

Makes build/android/litert: bundles whose TFLite files take int8, uint8 and several inputs, `answers.json`, the library
that joins the Java virtual machine to LiteRT, and `library.txt`, which says where LiteRT's own is. What LiteRT's Kotlin
classes do on a phone is not in it: their declarations alone are (android_demo/litert-api). Without a C compiler it
prints why, and those tests are skipped.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import edgecv
from tests import models
from tests.android.bundles import BUILD, REPOSITORY, answers, make_two_by_two

FOLDER = BUILD / "litert"
SESSION = REPOSITORY / "ios_demo/EdgeCV/Sources/LiteRTLibrary"


def main() -> int:
    """Make all of it anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    library, compiler, java = litert_library(), shutil.which("cc") or shutil.which("gcc"), shutil.which("javac")
    if library is None or compiler is None or java is None:
        print(f"litert: left out: LiteRT's library is {library}, the C compiler is {compiler}, javac is {java}")
        return 0
    FOLDER.mkdir()
    compile_library(compiler, Path(java).resolve().parents[1] / "include")
    for io in ("int8", "uint8"):
        make_digits(io)
    make_two_by_two(FOLDER, "tflite")
    bundles = [*sorted(FOLDER.glob("*.edgecv")), BUILD / "digits.edgecv", BUILD / "people.edgecv"]
    made = [{**one, "bundle": str(path.relative_to(BUILD))} for path in bundles for one in answers(path, "tflite")]
    (FOLDER / "answers.json").write_text(json.dumps(made, indent=1) + "\n")
    (FOLDER / "library.txt").write_text(str(library))
    print(f"litert: {len(made)} TFLite files for {library.name}")
    return 0


def litert_library() -> Path | None:
    """Return the path of LiteRT's library, or None where the package does not have one for this system."""
    spec = find_spec("ai_edge_litert")
    folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    return next((path for folder in folders for path in folder.glob("libLiteRt.so")), None)


def compile_library(compiler: str, java: Path) -> None:
    """Compile the C between the Java virtual machine and LiteRT.

    Raises:
        subprocess.CalledProcessError: It does not compile.
    """
    sources = [Path(__file__).with_name("litert_jni.c"), SESSION / "litert_session.c"]
    folders = [java, java / "linux", SESSION / "include"]
    options = ["-O1", "-Wall", "-Werror", "-fPIC", "-shared", *(f"-I{folder}" for folder in folders)]
    subprocess.run([compiler, *options, *map(str, sources), "-ldl", "-o", str(FOLDER / "liblitert_jni.so")], check=True)


def make_digits(io: Literal["int8", "uint8"]) -> None:
    """Convert the CNN for digits to int8, with inputs and outputs of that type."""
    edgecv.convert(
        models.trained_digits(),
        FOLDER / f"digits_{io}.edgecv",
        targets=("tflite",),
        quantize=("int8",),
        io=io,
        preprocess="image_dataset+rescale",
        calibrate=BUILD / "digits" / "train",
    )


if __name__ == "__main__":
    sys.exit(main())
