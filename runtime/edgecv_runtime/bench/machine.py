"""The machine as far as it bears on a measurement, and what else it was doing meanwhile."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from edgecv_runtime.bench.result import Machine
from edgecv_runtime.cpu import architecture, cores, cpu_flags, cpu_model

PACKAGES: Final = (
    "edgecv",
    "ai-edge-litert",
    "tflite-runtime",
    "onnxruntime",
    "onnxruntime-gpu",
    "coremltools",
    "numpy",
    "pillow",
    "msgspec",
)
CPUS, THERMAL, STAT = Path("/sys/devices/system/cpu"), Path("/sys/class/thermal"), Path("/proc/stat")
USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL = range(8)  # proc(5), /proc/stat
BUSY: Final = (USER, NICE, SYSTEM, IRQ, SOFTIRQ)


def versions() -> dict[str, str]:
    """Python's version, and those of the packages that take part."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def load_average() -> float | None:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def hottest() -> float | None:
    """The temperature of the hottest sensor in degrees Celsius, where the system tells."""
    found = [number / 1000 for number in _numbers(THERMAL.glob("thermal_zone*/temp"))]
    return round(max(found), 1) if found else None


def facts(accelerators: tuple[str, ...] = ()) -> Machine:
    """This machine as it is before a measurement."""
    return Machine(
        cpu=cpu_model(),
        architecture=architecture(),
        cores=cores(),
        system=f"{platform.system()} {platform.release()}",
        model=_board(),
        flags=cpu_flags(),
        governors=_governors(),
        mhz=_highest_mhz(),
        memory_bytes=_memory(),
        load_before=load_average(),
        celsius_before=hottest(),
        accelerators=accelerators,
        versions=versions(),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def _numbers(paths: Iterator[Path]) -> list[int]:
    texts = [_text(path) for path in paths]
    return [int(text) for text in texts if text.lstrip("-").isdigit()]


def _board() -> str | None:
    """A single-board computer's own name, such as "Raspberry Pi 4 Model B Rev 1.4"."""
    return _text(Path("/proc/device-tree/model")) or None


def _governors() -> tuple[str, ...]:
    return tuple(sorted({_text(path) for path in CPUS.glob("cpu[0-9]*/cpufreq/scaling_governor")} - {""}))


def _highest_mhz() -> float | None:
    found = _numbers(CPUS.glob("cpu[0-9]*/cpufreq/cpuinfo_max_freq"))
    return max(found) / 1000 if found else None


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return None


def peak_memory() -> int:
    """The most memory in bytes that this process had resident.

    On Linux from VmHWM: `ru_maxrss` there begins at the parent's size, because a new process starts as its copy.
    """
    for line in _text(Path("/proc/self/status")).splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak  # macOS counts bytes, others kibibytes


@dataclass(frozen=True, slots=True)
class Jiffies:
    """The time of all cores since the system started, in clock ticks: what programs used, what was stolen, all."""

    busy: int
    stolen: int
    every: int

    @classmethod
    def now(cls) -> Jiffies | None:
        """The counters, where the system has them."""
        first = _text(STAT).partition("\n")[0].split()
        if len(first) < 9 or first[0] != "cpu":
            return None
        ticks = [int(number) for number in first[1:9]]
        return cls(busy=sum(ticks[place] for place in BUSY), stolen=ticks[STEAL], every=sum(ticks))


def elsewhere(before: Jiffies | None, after: Jiffies | None, own_seconds: float) -> tuple[float | None, float | None]:
    """The shares (0..1) of all cores' time that other programs used, and that was stolen, between two moments.

    `own_seconds` is the processor time that the measurement itself used between them.
    """
    if before is None or after is None or after.every <= before.every:
        return None, None
    every = after.every - before.every
    others = after.busy - before.busy - own_seconds * os.sysconf("SC_CLK_TCK")
    return _share(others / every), _share((after.stolen - before.stolen) / every)


def _share(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 4)
