"""Checks of what is installed and what each target needs, with the line that installs it. Imports no converter."""

from __future__ import annotations

import base64
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec
from edgecv_converters.isolate import machine_memory
from edgecv_converters.targets import known_targets
from edgecv_runtime.cpu import architecture, cpu_flags, cpu_model
from edgecv_runtime.formats import COREML, KNOWN
from edgecv_runtime.ort import onnxruntime

from edgecv import machine
from edgecv.terminal.words import DASH, byte_size

if TYPE_CHECKING:
    from rich.table import Table

Health = Literal["ok", "missing", "warning"]
CONSTRAINTS: Final = "constraints.txt"
CONVERT: Final = 'pip install "edgecv[convert]"'
SOUNDS: Final = {
    "soundfile": "sound files",
    "soxr": "sounds of another sample rate",
    "sounddevice": "microphones (edgecv run)",
}
_SOURCE: Final = ("tensorflow", "keras")
_EXPERIMENTAL: Final = frozenset(
    record.library.name for known in KNOWN.values() if known.experimental for record in known.backends
)
_OPTIONAL: Final = frozenset({"tf-keras", "opencv", *machine.SOUND, *_EXPERIMENTAL})
_LEAST_DISK: Final = 2 * 10**9
_LEAST_MEMORY: Final = 4 * 10**9
# An ONNX model of one Identity on float32 [1] (opset 13), to see which provider really takes a session.
_IDENTITY: Final = base64.b64decode(
    "CAc6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCBAoAEA0="
)


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing looked at.

    Attributes:
        component: What it is.
        version: Its version, size or name; None where it is missing.
        status: "ok", "missing", or "warning" for what works but should be known.
        needed_for: What it serves, in words.
        note: What to know about it, or None.
        install: The exact line that installs it, or None.
    """

    component: str
    version: str | None
    status: Health
    needed_for: str
    note: str | None = None
    install: str | None = None


class WantedPackage(msgspec.Struct, frozen=True, kw_only=True):
    """One package to look for.

    Attributes:
        component: Its name in the list.
        distributions: The names under which it can be installed; any one will do.
        use: What it serves, in words.
        install: The exact line that installs it.
    """

    component: str
    distributions: tuple[str, ...]
    use: str
    install: str = CONVERT


def packages() -> tuple[WantedPackage, ...]:
    """List the packages: those that load models, of every target and back end, of cameras and of sounds."""
    found = [
        WantedPackage(component="tensorflow", distributions=("tensorflow",), use="loading and converting any model"),
        WantedPackage(component="keras", distributions=("keras",), use="loading any model"),
        WantedPackage(component="tf-keras", distributions=("tf-keras",), use="Keras 2 models (.h5, older SavedModels)"),
    ]
    wanted = [(library, target.format) for target in known_targets() for library in target.needs]
    wanted += [(record.library, known) for known in KNOWN.values() for record in known.backends]
    for library, known in wanted:
        if library.name not in {package.component for package in found}:
            use = f"{'making' if library.extra == 'convert' else 'running'} {known.title}"
            one = WantedPackage(
                component=library.name, distributions=library.distributions, use=use, install=library.install
            )
            found.append(one)
    camera, install = "videos and cameras (edgecv run)", 'pip install "edgecv[camera]"'
    found.append(WantedPackage(component="opencv", distributions=machine.CAMERA, use=camera, install=install))
    for name, use in SOUNDS.items():
        extra = "microphone" if name == "sounddevice" else "sound"
        install = f'pip install "edgecv[{extra}]"'
        found.append(WantedPackage(component=name, distributions=(name,), use=use, install=install))
    return tuple(found)


def examine() -> tuple[Check, ...]:
    """Look at Python, every package, the processor, memory and disk."""
    installed = machine.versions(machine.tools() + machine.CAMERA + machine.SOUND)
    checks = [_python()]
    checks += [_package(package, installed) for package in packages()]
    checks += _two_runtimes(installed)
    checks += _cuda(installed)
    return (*checks, _core_ml_run(), _processor(), _memory(), _disk())


def targets_ready(checks: Sequence[Check]) -> dict[str, bool]:
    """List the targets, and whether this installation can convert to each, and prove where the system allows it."""
    absent = {check.component for check in checks if check.version is None}
    needs = {target.name: {*_SOURCE, *(library.name for library in target.needs)} for target in known_targets()}
    return {name: not absent & needed for name, needed in needs.items()}


def tested_versions() -> dict[str, str]:
    """The versions that edgecv was tested with, by distribution name: those of `constraints.txt`."""
    package = Path(str(resources.files("edgecv")))
    places = (package / CONSTRAINTS, package.parent / CONSTRAINTS)  # in a wheel, and in a checkout
    lines = next(place for place in places if place.is_file()).read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line)
    return {re.sub(r"[-_.]+", "-", name.strip().lower()): version.strip() for name, version in pairs}


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    return Check(component="python", version=version, status="ok", needed_for="everything")


def _package(package: WantedPackage, installed: dict[str, str]) -> Check:
    for name in package.distributions:
        if name in installed:
            return _present(package.component, name, installed[name], package.use)
    return Check(
        component=package.component,
        version=None,
        status="warning" if package.component in _OPTIONAL else "missing",
        needed_for=package.use,
        note="not installed",
        install=package.install,
    )


def _present(component: str, name: str, version: str, use: str) -> Check:
    tested = tested_versions().get(name)
    differs = tested is not None and tested != version
    return Check(
        component=component,
        version=version if name == component else f"{version} ({name})",
        status="warning" if differs else "ok",
        needed_for=use,
        note=f"tested with {tested}" if differs else None,
        install=f'pip install "{name}=={tested}"' if differs else None,
    )


def _two_runtimes(installed: dict[str, str]) -> Iterator[Check]:
    if "onnxruntime" in installed and "onnxruntime-gpu" in installed:
        yield Check(
            component="onnxruntime twice",
            version=installed["onnxruntime-gpu"],
            status="warning",
            needed_for="running ONNX",
            note="onnxruntime and onnxruntime-gpu own the same module; which one runs is chance",
            install="pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu",
        )


def _cuda(installed: dict[str, str]) -> Iterator[Check]:
    """Check that CUDA really takes a session: asked without a driver, ONNX Runtime quietly runs on the CPU."""
    if "onnxruntime-gpu" not in installed:
        return
    works = _cuda_takes_a_session()
    yield Check(
        component="CUDA",
        version="available" if works else None,
        status="ok" if works else "warning",
        needed_for="running ONNX on an NVIDIA GPU",
        note=None if works else "onnxruntime-gpu is installed, but a session falls back to the CPU",
        install=None if works else 'pip install "onnxruntime-gpu[cuda,cudnn]"',
    )


def _cuda_takes_a_session() -> bool:
    ort, name = onnxruntime(), "CUDAExecutionProvider"
    if name not in ort.get_available_providers():
        return False
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return name in ort.InferenceSession(_IDENTITY, options, providers=[name]).get_providers()


def _core_ml_run() -> Check:
    mac = COREML.backends[0].may_run
    return Check(
        component="Core ML run",
        version="macOS" if mac else None,
        status="ok" if mac else "warning",
        needed_for="running Core ML models",
        note=None if mac else "Core ML runs on macOS only; here its models are proven by reference evaluation",
    )


def _processor() -> Check:
    flags = cpu_flags()
    fast = any(flag in flags for flag in ("avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"))
    return Check(
        component="processor",
        version=", ".join(flags) or architecture(),
        status="ok" if fast else "warning",
        needed_for="fast int8",
        note=cpu_model() if fast else "no int8 dot-product instructions: int8 may be no faster than float",
    )


def _memory() -> Check:
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return Check(component="memory", version=None, status="ok", needed_for="converting", note="not known here")
    total = machine_memory()
    low = total < _LEAST_MEMORY
    note = "converting large models may run out" if low else None
    status: Health = "warning" if low else "ok"
    return Check(component="memory", version=byte_size(total), status=status, needed_for="converting", note=note)


def _disk() -> Check:
    free = shutil.disk_usage(".").free
    low = free < _LEAST_DISK
    note = "free some space before converting" if low else None
    status: Health = "warning" if low else "ok"
    return Check(component="free disk", version=byte_size(free), status=status, needed_for="converting", note=note)


def table(checks: Sequence[Check]) -> Table:
    """The checks for a terminal, 80 columns or more; the title says which targets are ready."""
    from rich.table import Table
    from rich.text import Text

    ready = targets_ready(checks)
    words = ", ".join(f"{target} {'ready' if ready[target] else 'not ready'}" for target in ready)
    made = Table(title=f"Targets: {words}", title_justify="left", title_style="bold", box=None, pad_edge=False)
    made.caption, made.caption_justify, made.caption_style = _remedies(checks), "left", ""
    made.add_column("Component", no_wrap=True)
    made.add_column("Status", no_wrap=True)
    made.add_column("Version", overflow="fold", max_width=18)
    made.add_column("Needed for", overflow="fold")
    colours = {"ok": "green", "missing": "red", "warning": "yellow"}
    for check in checks:
        status = Text(check.status, colours[check.status])
        text = "\n".join(line for line in (check.needed_for, check.note) if line)
        made.add_row(check.component, status, check.version or DASH, text)
    return made


def _remedies(checks: Sequence[Check]) -> str:
    lines = dict.fromkeys(check.install for check in checks if check.install)
    return "\n".join(f"to mend: {line}" for line in lines)
