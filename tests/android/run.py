"""The steps of `make test-android`: the Kotlin library and the app on this machine's Java virtual machine.

Usage: python -m tests.android.run

Compiles every Kotlin file, makes bundles with `edgecv.convert`, runs the JVM's tests on them, and reads what the Kotlin
benchmark wrote. Exit code 1 where something fails. Without a JDK, Maven or Maven's registry nothing can be said: it
prints `skipped` with the reason and ends with 0. No phone and no emulator take part.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from tests.android.bundles import REPOSITORY

PROJECT = REPOSITORY / "android_demo"
JAVA = 17
OFFLINE = ("Could not transfer", "Unknown host", "Connection refused", "Connect to ", "Network is unreachable")


class UnavailableError(Exception):
    """A tool that is needed is not on this machine."""


def main() -> int:
    """Build and test; 1 where something failed."""
    try:
        check_tools()
        for report in PROJECT.glob("*/target/surefire-reports/*.xml"):
            report.unlink()
        maven("test-compile")
    except UnavailableError as reason:
        print(f"test-android: skipped: {reason}")
        return 0
    except subprocess.CalledProcessError:
        return failed("the Kotlin sources do not compile")
    for step in ("bundles", "litert", "verify", "results", "phone"):
        try:
            maven("verify") if step == "verify" else python(step)
        except subprocess.CalledProcessError:
            return failed(f"{step}: see above")
    return summary()


def check_tools() -> None:
    """See that a JDK and Maven are there.

    Raises:
        UnavailableError: One is not.
    """
    for tool in ("javac", "mvn"):
        if shutil.which(tool) is None:
            raise UnavailableError(
                f"there is no {tool} here (a JDK of version {JAVA} or newer, and Maven 3.8 or newer, are needed)"
            )
    said = subprocess.run(["javac", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r"javac (\d+)", said.stdout + said.stderr)
    if found is None or int(found[1]) < JAVA:
        raise UnavailableError(f"{(said.stdout + said.stderr).strip() or 'javac'} is older than {JAVA}")


def maven(goal: str) -> None:
    """Run Maven on all modules.

    Raises:
        UnavailableError: Its registry cannot be reached.
        subprocess.CalledProcessError: It failed; what it said was printed.
    """
    command = ["mvn", "-q", "-B", "-ntp", "-f", str(PROJECT / "pom.xml"), goal]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and any(word in done.stdout for word in OFFLINE):
        line = next(line for line in done.stdout.splitlines() if any(word in line for word in OFFLINE))
        raise UnavailableError(f"Maven cannot fetch what it needs: {line.removeprefix('[ERROR] ').strip()[:300]}")
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    done.check_returncode()


def python(step: str) -> None:
    """Run a module beside this one."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-m", f"tests.android.{step}"], cwd=REPOSITORY, env=environment, check=True)


def summary() -> int:
    """Print what passed; 1 where a module ran no test."""
    modules = sorted(path.parent.parent.name for path in PROJECT.glob("*/src/test"))
    counts = {module: sum(1 for _ in cases(module)) for module in (Path(path).name for path in modules)}
    skipped = [case.get("name") for module in counts for case in cases(module) if case.find("skipped") is not None]
    if not counts or not all(counts.values()):
        return failed(f"a module ran no test: {counts}")
    vectors = sum(1 for case in cases("edgecv") if case.get("classname", "").endswith("VectorTest"))
    sources = sum(1 for path in PROJECT.rglob("*.kt") if "target" not in path.parts)
    parts = ", ".join(f"{module} {count}" for module, count in counts.items())
    passed = f"{sum(counts.values()) - len(skipped)} tests ({parts}), {vectors} of them on golden vectors"
    named = f": {', '.join(map(str, skipped))}" if skipped else ""
    print(f"test-android: passed: {passed}; {sources} Kotlin files compiled; {len(skipped)} skipped{named}")
    return 0


def cases(module: str) -> Iterator[ET.Element]:
    """The test cases in a module's reports."""
    for report in (PROJECT / module / "target" / "surefire-reports").glob("*.xml"):
        yield from ET.parse(report).getroot().iter("testcase")


def failed(why: str) -> int:
    """Print the reason of a failure, and return the exit code."""
    print(f"test-android: failed: {why}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
