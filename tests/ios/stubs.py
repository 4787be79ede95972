"""Type-check the Swift sources that need Apple's frameworks against hand-written stubs, which are in ios_demo/stubs.

Usage: python -m tests.ios.stubs

A stub module has only the declarations that are used, from Apple's documentation. So a wrong label, a wrong type or a
missing `await` is found here; that Apple's own frameworks agree is not. Modules are written to build/stubs.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.ios.toolchain import REPOSITORY, Toolchain, find_toolchain

PROJECT = REPOSITORY / "ios_demo"
SOURCES = PROJECT / "EdgeCV" / "Sources"
BUILD = REPOSITORY / "build" / "stubs"
STUBS = (
    "CryptoKit",
    "CoreGraphics",
    "ImageIO",
    "CoreVideo",
    "AVFoundation",
    "CoreML",
    "CoreAI",
    "UIKit",
    "SwiftUI",
    "PhotosUI",
)
TARGETS = ("EdgeCV", "EdgeCVLiteRT", "EdgeCVCoreML", "EdgeCVCoreAI", "EdgeCVCamera", "EdgeCVDemo")
APP = "App/EdgeCVDemo"


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake in one file of a target, and what the compiler must say of it."""

    target: str
    file: str
    right: str
    wrong: str
    said: str


MISTAKES = (
    Mistake(
        "EdgeCVCamera",
        "Camera.swift",
        "setSampleBufferDelegate(receiver, queue: queue)",
        "setSampleBufferDelegate(receiver, on: queue)",
        "incorrect argument label",
    ),
    Mistake(
        "EdgeCVCoreML",
        "CoreMLEngine.swift",
        "try await MLComputePlan.load(",
        "try MLComputePlan.load(",
        "is 'async' but is not marked with 'await'",
    ),
    Mistake(
        "EdgeCVCoreAI",
        "CoreAIEngine.swift",
        "function.run(inputs: fed.value)",
        "function.run(arrays: fed.value)",
        "missing argument for parameter 'inputs'",
    ),
)


def check(toolchain: Toolchain) -> str:
    """Return what is wrong; empty where all is right and every planted mistake is found."""
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    header = SOURCES / "LiteRTLibrary" / "include" / "litert_session.h"
    (BUILD / "module.modulemap").write_text(f'module LiteRTLibrary {{ header "{header}" export * }}\n')
    for name in STUBS:  # version 5: as Apple's frameworks, they say little of concurrency
        said = compile_module(toolchain, name, [PROJECT / "stubs" / f"{name}.swift"], version="5")
        if said:
            return f"the stub {name}:\n{said}"
    for name in TARGETS:
        said = compile_module(toolchain, name, sorted((SOURCES / name).rglob("*.swift")))
        if said:
            return f"{name} against the stubs:\n{said}"
    said = compile_module(toolchain, "DemoApp", sorted((PROJECT / APP).glob("*.swift")))
    if said:
        return f"the app against the stubs:\n{said}"
    return next(filter(None, (missed(toolchain, mistake) for mistake in MISTAKES)), "")


def missed(toolchain: Toolchain, mistake: Mistake) -> str:
    """Return what is said of a mistake that is not found; empty where it is."""
    files = sorted((SOURCES / mistake.target).rglob("*.swift"))
    file = next(path for path in files if path.name == mistake.file)
    text = file.read_text()
    if text.count(mistake.right) != 1:
        return f"{mistake.file} does not have once: {mistake.right}"
    copy = BUILD / "mistake.swift"
    copy.write_text(text.replace(mistake.right, mistake.wrong))
    said = compile_module(toolchain, mistake.target, [copy, *(path for path in files if path != file)])
    return "" if mistake.said in said else f"the mistake {mistake.wrong} was not found: {said or 'it compiles'}"


def compile_module(toolchain: Toolchain, name: str, files: Sequence[Path], version: str = "6") -> str:
    """Compile files to a module that others can import; return what the compiler said, empty where all is well."""
    words = ("swiftc", "-emit-module", "-parse-as-library", "-warnings-as-errors", "-swift-version", version)
    paths = ("-I", str(BUILD), "-Xcc", f"-fmodule-map-file={BUILD}/module.modulemap")
    made = ("-module-name", name, "-emit-module-path", f"{BUILD}/{name}.swiftmodule")
    done = toolchain.run(*words, *paths, *made, *map(str, files), folder=BUILD)
    return done.stdout if done.returncode else ""


def main() -> int:
    """Check everything; 1 where something is wrong."""
    found = check(find_toolchain())
    print(found or f"stubs: all type-checked, {len(MISTAKES)} planted mistakes found")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
