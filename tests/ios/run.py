"""The steps of `make test-ios`: the Swift library and the app's logic on this machine, with LiteRT's own library.

Usage: python -m tests.ios.run

Lints and parses every Swift file, type-checks those for Apple's frameworks against the stubs, makes bundles with
`edgecv.convert`, runs the tests on them, reads what the Swift benchmark wrote, and plants faults. Exit code 1 where
something fails. Without Swift, and without a way to get it, nothing can be said: it prints `skipped` with the reason
and ends with 0. No Mac and no iPhone takes part.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from tests.ios import faults, stubs
from tests.ios.toolchain import REPOSITORY, Toolchain, UnavailableError, find_toolchain

PROJECT = REPOSITORY / "ios_demo"
PACKAGE = PROJECT / "EdgeCVTests"
SCRATCH = REPOSITORY / "build" / "swift"
# Release: golden vectors of 12 megapixels take minutes without optimization. Tests see what is internal.
BUILD = ("-c", "release", "-Xswiftc", "-enable-testing", "-Xswiftc", "-warnings-as-errors", "-Xcc", "-Werror")
# On Linux Swift 6.0's libswiftObservation asks for a function that no library has: swift::threading::fatal.
LINK = ("-Xlinker", "--allow-shlib-undefined") if sys.platform == "linux" else ()
RESULT = re.compile(r"Test run with (\d+) tests?(?: in \d+ suites?)? passed")  # newer ones count suites


class FailedError(Exception):
    """A step failed; the message says which, and what was said."""


def main() -> int:
    """Do all steps; 1 where one failed."""
    began = time.monotonic()
    try:
        toolchain = find_toolchain()
        ready = time.monotonic()
        done = [step(toolchain) for step in STEPS]
    except UnavailableError as reason:
        print(f"test-ios: skipped: {reason}")
        return 0
    except (FailedError, subprocess.TimeoutExpired) as reason:
        print(f"test-ios: failed: {reason}")
        return 1
    spent = time.monotonic() - ready
    print(f"test-ios: passed in {spent:.0f} s (and {ready - began:.0f} s for Swift): {'; '.join(done)}")
    return 0


def swift_files() -> list[Path]:
    """Every Swift file under ios_demo, of the packages, the app and the stubs."""
    return sorted(path for path in PROJECT.rglob("*.swift") if ".build" not in path.parts)


def run(toolchain: Toolchain, what: str, *words: str, folder: Path = PROJECT) -> str:
    """Run a program; return what it said.

    Raises:
        FailedError: It failed.
    """
    done = toolchain.run(*words, folder=folder, variables=litert())
    if done.returncode:
        raise FailedError(f"{what}:\n{done.stdout}")
    return done.stdout


def litert() -> dict[str, str]:
    """Where LiteRT's library lies, for the tests that run models, and its version."""
    spec = find_spec("ai_edge_litert")
    folder = Path(spec.origin).parent if spec and spec.origin else Path()
    library = next((path for path in folder.glob("libLiteRt.*")), None)
    if library is None:
        raise FailedError("the package ai-edge-litert has no libLiteRt")
    return {"LITERT_LIBRARY": str(library), "LITERT_VERSION": version("ai-edge-litert")}


def lint(toolchain: Toolchain) -> str:
    """Check the form of every file by swift-format, and that property lists and the project can be read."""
    files = [str(path.relative_to(PROJECT)) for path in swift_files()]
    run(toolchain, "swift format", "swift", "format", "lint", "--strict", "--configuration", ".swift-format", *files)
    lists = [path for kind in ("*.plist", "*.xcprivacy", "*.pbxproj") for path in sorted(PROJECT.rglob(kind))]
    run(toolchain, "plutil", "plutil", "-lint", "--", *(str(path.relative_to(PROJECT)) for path in lists))
    return f"{len(files)} Swift files and {len(lists)} property lists linted"


def parse(toolchain: Toolchain) -> str:
    """Parse every file, whichever system it is for; a program's main file stands alone, as it may hold statements."""
    files = [str(path.relative_to(PROJECT)) for path in swift_files()]
    mains = [name for name in files if name.endswith("main.swift")]
    for group in ([name for name in files if name not in mains], *([name] for name in mains)):
        run(toolchain, "parse", "swiftc", "-frontend", "-parse", "-swift-version", "6", *group)
    return "all parsed"


def check_types(toolchain: Toolchain) -> str:
    """Type-check what is for Apple's frameworks against the stubs, and see that planted mistakes are found."""
    found = stubs.check(toolchain)
    if found:
        raise FailedError(found)
    return f"the app and its targets type-checked against stubs, {len(stubs.MISTAKES)} planted mistakes found"


def bundles(_: Toolchain) -> str:
    """Make the bundles that the tests run."""
    python("bundles")
    return "bundles made"


def build_and_test(toolchain: Toolchain) -> str:
    """Build everything, warnings as errors, and run all tests."""
    scratch = ("--scratch-path", str(SCRATCH))
    run(toolchain, "build", "swift", "build", "--build-tests", *BUILD, *LINK, *scratch, folder=PACKAGE)
    said = run(toolchain, "tests", "swift", "test", "--skip-build", *BUILD, *LINK, *scratch, folder=PACKAGE)
    count = count_tests(said)
    if not count:
        raise FailedError(f"no test was run:\n{said}")
    return f"{count} tests"


def count_tests(said: str) -> int:
    """The number of tests that passed, by what `swift test` said; 0 where it ran none."""
    return max((int(count) for count in RESULT.findall(said)), default=0)


def results(_: Toolchain) -> str:
    """Let `edgecv bench --import` read what the Swift benchmark wrote."""
    python("results")
    return "its benchmarks imported"


def planted(toolchain: Toolchain) -> str:
    """Plant faults in the preprocessing: each must fail a golden vector."""
    missed = faults.check(toolchain)
    if missed:
        raise FailedError(f"no golden vector finds: {', '.join(missed)}")
    return f"{len(faults.FAULTS)} faults found by golden vectors"


def python(step: str) -> None:
    """Run a module beside this one.

    Raises:
        FailedError: It failed; what it said was printed.
    """
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run([sys.executable, "-m", f"tests.ios.{step}"], cwd=REPOSITORY, env=environment, check=False)
    if done.returncode:
        raise FailedError(f"{step}: see above")


STEPS: tuple[Callable[[Toolchain], str], ...] = (lint, parse, check_types, bundles, build_and_test, results, planted)

if __name__ == "__main__":
    sys.exit(main())
