"""Time two TFLite files in turn, one thread, in a process of their own, on request without the processor's AMX unit.

XNNPACK's int8 kernels for Intel AMX compute tiles of 64 input by 16 output channels. Where a network is narrower,
they cost the same whatever its width, and more than the AVX512 kernels: ResNet8 takes twice as long with them. No phone
and no Raspberry Pi has such a unit, so what stands for those is measured without it.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.interleave import Timing, compare

ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XTILEDATA = 158, 0x1023, 18  # <asm/unistd_64.h>, <asm/prctl.h>
SMALL_STACK = 4096


class File:
    """A TFLite file that can be asked, on one thread."""

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._input = self._interpreter.get_input_details()[0]
        self._output = self._interpreter.get_output_details()[0]["index"]

    @property
    def shape(self) -> tuple[int, ...]:
        """The input's shape."""
        return tuple(self._input["shape"])

    def __call__(self, sample: Any) -> Any:
        """The answer to one sample, (1, H, W, C)."""
        self._interpreter.set_tensor(self._input["index"], sample)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output)


def time_pair(ours: Path, theirs: Path, *, amx: bool, rounds: int, turn: int) -> Timing:
    """`compare` in a new process; ratios are `ours` to `theirs`."""
    arguments = [str(ours), str(theirs), "amx" if amx else "no-amx", str(rounds), str(turn)]
    run = subprocess.run(
        [sys.executable, "-m", "benchmarks.tflite_pair", *arguments], capture_output=True, text=True, check=True
    )
    return Timing(**json.loads(run.stdout))


def has_amx() -> bool:
    """Whether the processor has int8 tiles."""
    path = Path("/proc/cpuinfo")
    return path.exists() and "amx_int8" in path.read_text()


def without_amx() -> None:
    """Make Linux refuse this process the tiles: it does while a signal stack is too small to save them in."""

    class SignalStack(ctypes.Structure):
        _fields_ = (("pointer", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))

    libc = ctypes.CDLL(None, use_errno=True)
    memory = ctypes.create_string_buffer(SMALL_STACK)
    without_amx.memory = memory  # type: ignore[attr-defined]  # lives as long as the process
    libc.sigaltstack(ctypes.byref(SignalStack(ctypes.addressof(memory), 0, SMALL_STACK)), None)
    if libc.syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XTILEDATA) == 0:
        raise SystemExit("AMX could not be switched off")


def main() -> None:
    """Time the files that the arguments name, and print the result as JSON."""
    ours, theirs, amx, rounds, turn = sys.argv[1:]
    if amx == "no-amx" and has_amx():
        without_amx()
    files = [File(Path(path).read_bytes()) for path in (ours, theirs)]
    sample = np.random.default_rng(0).random(files[0].shape, np.float32)
    one, other = (partial(file, sample) for file in files)
    found = compare(("original", one), ("pruned", other), rounds=int(rounds), turn=int(turn))
    print(json.dumps({name: getattr(found, name) for name in Timing.__slots__}))


if __name__ == "__main__":
    main()
