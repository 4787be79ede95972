"""The lean installs: edgecv from a wheel of this checkout, its base dependencies, and one runtime."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from tests.arm.emulator import Release, SetupError

REPOSITORY = Path(__file__).resolve().parents[2]
GLIBC = range(17, 37)  # bookworm's is 2.36
PLATFORMS = ("manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in GLIBC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """One runtime at one version: what to ask pip for besides edgecv, and the extra of edgecv that has it."""

    package: str
    version: str
    target: str
    extra: str = ""
    also: tuple[str, ...] = ()
    pythons: tuple[str, ...] = ("3.11", "3.13")

    @property
    def name(self) -> str:
        """As `onnxruntime 1.31.1`."""
        return f"{self.package} {self.version}"


RUNTIMES = (
    Runtime(package="tflite-runtime", version="2.14.0", target="tflite", also=("numpy<2",), pythons=("3.11",)),
    Runtime(package="ai-edge-litert", version="2.1.6", target="tflite", extra="[litert]"),
    Runtime(package="ai-edge-litert", version="2.3.0", target="tflite", extra="[litert]"),
    Runtime(package="onnxruntime", version="1.25.1", target="onnx", extra="[onnx]"),
    Runtime(package="onnxruntime", version="1.31.1", target="onnx", extra="[onnx]"),
)


def build_wheel(folder: Path) -> Path:
    """The wheel of this checkout.

    Raises:
        SetupError: pip failed.
    """
    for old in folder.glob("edgecv-*.whl"):
        old.unlink()
    pip("wheel", "--no-deps", "--wheel-dir", str(folder), str(REPOSITORY))
    return next(folder.glob("edgecv-*.whl"))


def install(runtime: Runtime, wheel: Path, folder: Path, release: Release | None) -> Path:
    """The packages in a folder of their own, for a release on aarch64, or for this machine (None).

    Raises:
        SetupError: pip found no wheel.
    """
    system = f"{release.name}-aarch64" if release else "host"
    site = folder / f"site-{runtime.package}-{runtime.version}-{system}"
    stamp = site / ".made-from"
    origin = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == origin:
        return site
    foreign = [f"--platform={name}" for name in PLATFORMS] + [f"--python-version={release.python}"] if release else []
    wanted = [f"{wheel}{runtime.extra}", f"{runtime.package}=={runtime.version}", *runtime.also]
    pip("install", "--upgrade", "--target", str(site), "--only-binary", ":all:", *foreign, *wanted)
    stamp.write_text(origin)
    return site


def pip(*arguments: str) -> None:
    """Run pip, with its own configuration.

    Raises:
        SetupError: It failed; its last line says why.
    """
    command = [sys.executable, "-m", "pip", "--quiet", "--no-input", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["ERROR: no message"]
        raise SetupError(f"pip {arguments[0]} failed: {errors[-1][7:]}", "It needs a package index that it can reach")


def sizes(site: Path) -> dict[str, int]:
    """Bytes on disk by distribution, largest first, without byte code."""
    found = {}
    for distribution in distributions(path=[str(site)]):
        paths = {Path(str(file.locate())) for file in distribution.files or () if file.suffix != ".pyc"}
        inside = [path for path in paths if path.is_file() and path.resolve().is_relative_to(site.resolve())]
        found[distribution.metadata["Name"]] = sum(path.stat().st_size for path in inside)
    return dict(sorted(found.items(), key=lambda item: -item[1]))
