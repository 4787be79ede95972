"""The time and the memory on an Ethos-U accelerator, as Arm's compiler Vela estimates them: nothing runs."""

from __future__ import annotations

import csv
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from edgecv_runtime.errors import ConversionError, MissingDependencyError
from edgecv_runtime.interpreter import clean_command, clean_environment

from edgecv_converters.micro.options import ACCELERATORS

SECONDS = 300
KIB = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The estimate for one inference.

    Attributes:
        accelerator: "u55-128" and the like.
        system: The clock and the memories that are assumed: Vela's own default.
        cycles: Of the accelerator, what it waits for memory included.
        milliseconds: These cycles at the system's clock.
        sram, flash: The bytes of memory that Vela plans with.
        on_cpu: The operators that the accelerator leaves to the processor; their time is not in it.
    """

    accelerator: str
    system: str
    cycles: int
    milliseconds: float
    sram: int
    flash: int
    on_cpu: int

    def __str__(self) -> str:
        left = "no operator is" if not self.on_cpu else f"{self.on_cpu} operators, which are not counted, are"
        return (
            f"On an Ethos-{self.accelerator.upper()} Vela estimates {self.milliseconds:.3g} ms ({self.cycles:,} cycles "
            f"at {self.system}), {self.sram:,} bytes of SRAM and {self.flash:,} of flash; {left} left to the CPU. "
            "This is Arm's estimate: nothing was run"
        )


def require_vela() -> None:
    """Check that Vela is installed.

    Raises:
        MissingDependencyError: It is not.
    """
    if find_spec("ethosu") is None:
        raise MissingDependencyError("ethos-u-vela is not installed", 'pip install "edgecv[ethos-u]"')


def estimate(file: Path, accelerator: str) -> Estimate:
    """Compile an int8 file for an accelerator, and read what Vela says of the result.

    Args:
        file: A .tflite file.
        accelerator: One of `ACCELERATORS`.

    Raises:
        ConversionError: Vela does not take the file.
        MissingDependencyError: Vela is not installed.
    """
    require_vela()
    assert accelerator in ACCELERATORS, accelerator
    with TemporaryDirectory() as folder:
        arguments = ("--accelerator-config", f"ethos-{accelerator}", "--output-dir", folder, str(file.absolute()))
        done = subprocess.run(
            clean_command("-m", "ethosu.vela", *arguments),
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        summaries = list(Path(folder).glob("*_summary_*.csv"))
        if done.returncode or len(summaries) != 1:
            said = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()[-1]
            raise ConversionError(f"Vela does not take {file.name}: {said}", "Leave --ethos-u out")
        (row,) = csv.DictReader(summaries[0].read_text(encoding="utf-8").splitlines())
    return _read(row, accelerator, done.stdout)


def _read(row: dict[str, str], accelerator: str, said: str) -> Estimate:
    on_cpu = next(line.split("=")[1].split()[0] for line in said.splitlines() if line.startswith("CPU operators"))
    clock = f"{float(row['core_clock']) / 1e6:.0f} MHz"
    return Estimate(
        accelerator=accelerator,
        system=f"{clock}, {row['system_config']}, {row['memory_mode']}",
        cycles=int(float(row["cycles_total"])),
        milliseconds=1000 * float(row["inference_time"]),
        sram=round(KIB * float(row["sram_memory_used"])),
        flash=round(KIB * (float(row["off_chip_flash_memory_used"]) + float(row["on_chip_flash_memory_used"]))),
        on_cpu=int(on_cpu),
    )
