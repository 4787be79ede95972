"""The processor's properties that change int8 results or speed."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

INT8_FLAGS: Final = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm", "sve")
_MAC_FLAGS: Final = {"hw.optional.arm.FEAT_DotProd": "asimddp", "hw.optional.arm.FEAT_I8MM": "i8mm"}
_VNNI: Final = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})


def architecture() -> str:
    """The processor's architecture, as x86_64 or aarch64."""
    return {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _sysctl(name: str) -> str:
    if platform.system() != "Darwin":
        return ""
    done = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=False, timeout=10)
    return done.stdout.strip()


@cache
def cpu_flags() -> tuple[str, ...]:
    """The instruction sets that change int8 results or speed, those of `INT8_FLAGS` that this processor has."""
    words: set[str] = set()
    for line in _cpuinfo().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"flags", "Features"}:
            words.update(value.split())
    words.update(flag for name, flag in _MAC_FLAGS.items() if _sysctl(name) == "1")
    return tuple(flag for flag in INT8_FLAGS if flag in words)


@cache
def cpu_model() -> str:
    """The processor's name, or its architecture where it does not say."""
    names = re.findall(r"^(?:model name|Model|Hardware)\s*:\s*(\S.*)$", _cpuinfo(), flags=re.MULTILINE)
    return (names[0].strip() if names else _sysctl("machdep.cpu.brand_string")) or architecture()


def saturates_int8() -> bool:
    """Tell whether the fast uint8 x int8 kernels overflow their 16-bit sums here: x86 not known to have VNNI."""
    return architecture() == "x86_64" and not _VNNI & set(cpu_flags())


def cores() -> int:
    """The number of cores that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1
