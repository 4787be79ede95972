"""Plant faults in the Swift library, one at a time: each must change the bits of a golden vector.

Usage: python -m tests.ios.faults

The library and `VectorCheck` are compiled as one program in a folder of build/faults, once as they are and once for
each fault, as many at a time as there are processors: a whole-module compilation keeps one busy.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.ios.toolchain import REPOSITORY, Toolchain, find_toolchain

BUILD = REPOSITORY / "build" / "faults"
LIBRARY = REPOSITORY / "ios_demo" / "EdgeCV" / "Sources" / "EdgeCV"
TESTS = REPOSITORY / "ios_demo" / "EdgeCVTests" / "Sources"
SUPPORT = ("Repository.swift", "GoldenVectors.swift", "DecodeVectors.swift")
LEFT_OUT = ("Bench",)  # rooms of the library that neither preprocessing nor decoding uses


@dataclass(frozen=True, slots=True)
class Fault:
    """Text of one file that is exchanged, and what that means."""

    meaning: str
    file: str
    right: str
    wrong: str


FAULTS = (
    Fault("one shift of green", "Memory.swift", "greenV &* red) >> 16", "greenV &* red) >> 17"),
    Fault("chrominance of another block", "Preprocess/Sampler.swift", "(stored >> plane.rawValue)", "stored"),
    Fault("rows and columns exchanged", "Preprocess/Sampler.swift", "orientation >= 5", "orientation >= 6"),
    Fault("gray rounded down", "Memory.swift", "7471 &* blue &+ 32768", "7471 &* blue"),
    Fault("Pillow's sums rounded down", "Preprocess/PillowPlan.swift", "<< Int32(precisionBits - 1)", "<< 0"),
    Fault("Pillow's passes in the other order", "Preprocess/PillowPlan.swift", "> max(0, 2 *", "> max(9999, 2 *"),
    Fault("a fused multiplication and addition", "Memory.swift",
          "low + (Float(bytes[size + i]) - low) * shares[column]",
          "low.addingProduct(Float(bytes[size + i]) - low, shares[column])"),
    Fault("a fused step across a mask", "Memory.swift",
          "first + (numbers[right + plane] - first) * weight.base[x]",
          "first.addingProduct(numbers[right + plane] - first, weight.base[x])"),
    Fault("a fused step down a mask", "Memory.swift",
          "first[i] + (second[i] - first[i]) * share", "first[i].addingProduct(second[i] - first[i], share)"),
    Fault("ties rounded up", "Preprocess/Numbers.swift", "(steps + 12_582_912) - 12_582_912",
          "steps.rounded(.toNearestOrAwayFromZero)"),
    Fault("a multiplication for a division", "Preprocess/Numbers.swift", "value / scale", "value * (1 / scale)"),
    Fault("the odd pixel of a letterbox before", "Preprocess/Geometry.swift", "at: (size - inner) / 2",
          "at: (size - inner + 1) / 2"),
    Fault("the way back from a letterbox without its padding", "Preprocess/Geometry.swift",
          "(place + Double(skipped - at))", "(place + Double(skipped))"),
    Fault("x and y exchanged", "Heads/Boxes/BoxForms.swift", "isSwapped ? place ^ 1 : place", "place ^ 1"),
    Fault("one anchor off", "Heads/Boxes/Cells.swift", "(place - begin) % each)", "(place - begin + 1) % each)"),
    Fault("numbers of classes cut", "Heads/Boxes/Candidates.swift",
          ".rounded(.toNearestOrEven)", ".rounded(.towardZero)"),
    Fault("halves of numbers rounded up", "Heads/Boxes/Candidates.swift", ".rounded(.toNearestOrEven)", ".rounded()"),
    Fault("labels after the background off by one", "Heads/Detection.swift",
          "kept.labels[i] -= 1", "kept.labels[i] -= 0"),
    Fault("a mask half a cell off", "Heads/Masks.swift", "let middle = place - 0.5", "let middle = place"),
)  # fmt: skip


def main() -> int:
    """Compile and run everything; 1 where the library as it is fails, or a fault is not found."""
    missed = check(find_toolchain())
    print(f"faults: {len(FAULTS)} planted, {len(missed)} not found{': ' if missed else ''}{', '.join(missed)}")
    return int(bool(missed))


def check(toolchain: Toolchain) -> list[str]:
    """Return the faults that no golden vector finds; the library as it is must pass first.

    Raises:
        SystemExit: It does not, or a fault cannot be planted.
    """
    sources = read_sources()
    found = run(toolchain, sources, "right")
    if found:
        raise SystemExit(f"faults: the library as it is gives other bits: {found}")
    planted = [sources | {fault.file: plant(fault, sources[fault.file])} for fault in FAULTS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        vectors = pool.map(run, [toolchain] * len(FAULTS), planted, map(str, range(len(FAULTS))))
        missed = []
        for fault, vector in zip(FAULTS, vectors, strict=True):
            print(f"  {fault.meaning}: {vector or 'not found'}", flush=True)
            if not vector:
                missed.append(fault.meaning)
    return missed


def plant(fault: Fault, text: str) -> str:
    """Return a file's text with a fault.

    Raises:
        SystemExit: It does not have the right text, or more than once.
    """
    if text.count(fault.right) != 1:
        raise SystemExit(f"faults: {fault.file} does not have once: {fault.right}")
    return text.replace(fault.right, fault.wrong)


def read_sources() -> dict[str, str]:
    """The files of one program without their imports of each other, by their paths in `BUILD`."""
    files = {path.relative_to(LIBRARY).as_posix(): path for path in LIBRARY.rglob("*.swift")}
    files |= {f"TestSupport/{name}": TESTS / "TestSupport" / name for name in SUPPORT}
    files["main.swift"] = TESTS / "VectorCheck" / "main.swift"
    kept = {name: path.read_text() for name, path in files.items() if name.split("/")[0] not in LEFT_OUT}
    own = re.compile(r"^(@testable )?import (EdgeCV|TestSupport)$", re.MULTILINE)
    return {name: own.sub("", text) for name, text in kept.items()}


def run(toolchain: Toolchain, sources: dict[str, str], name: str) -> str:
    """Compile the program in a folder; return the first vector whose bits differ, an empty name where there is none.

    Raises:
        SystemExit: It does not compile.
    """
    folder = BUILD / name
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in sources.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        # the repository is found from the place of this file
        file.write_text(text.replace("#filePath", f'"{TESTS}/TestSupport/Repository.swift"'))
    words = ("swiftc", "-O", "-wmo", "-swift-version", "6", "-o", "check", *sources)
    compiled = toolchain.run(*words, folder=folder)
    if compiled.returncode:
        raise SystemExit(f"faults: {compiled.stdout}")
    done: subprocess.CompletedProcess[str] = toolchain.run(str(folder / "check"), folder=folder)
    if done.returncode == 0:
        return ""
    return done.stdout.strip().splitlines()[0] if done.returncode == 1 else "it crashes"


if __name__ == "__main__":
    sys.exit(main())
