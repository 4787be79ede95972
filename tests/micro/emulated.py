"""The C library on emulated microcontrollers, built as for boards: optimized, with fused multiply-add if there is one.

Usage: python -m tests.micro.emulated (`make test-micro`). Needs arm-none-eabi-gcc with newlib, and qemu-system-arm.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.micro import compiler, vectors

BARE = Path(__file__).parent / "bare"
GCC, QEMU = "arm-none-eabi-gcc", "qemu-system-arm"


@dataclass(frozen=True)
class Board:
    """A board that QEMU emulates, and what its processor's compiler is told."""

    name: str
    title: str
    flags: tuple[str, ...]


CORTEX_M4F = Board("mps2-an386", "Cortex-M4F", ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"))
BOARDS = (
    Board("mps2-an385", "Cortex-M3", ("-mcpu=cortex-m3",)),
    CORTEX_M4F,
    Board("mps2-an500", "Cortex-M7", ("-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=hard")),
)


def run_on(board: Board, program: Path, *sources: Path, include: Path = compiler.LIBRARY) -> str:
    """Build a program for a board and run it there; what it prints."""
    compiler.run(
        *(GCC, "-std=gnu99", "-O2", "-mthumb", *board.flags, f"-I{include}", *sources, BARE / "startup.c"),
        *("-T", BARE / "board.ld", "-nostartfiles", "--specs=rdimon.specs", "-lm", "-o", program),
    )
    machine = ("-M", board.name, "-nographic", "-monitor", "none", "-serial", "none")
    return compiler.run(QEMU, *machine, "-semihosting-config", "enable=on,target=native", "-kernel", program)


def wrong_on(board: Board, folder: Path, some: list[vectors.Vector], library: Path) -> list[str]:
    """The names of vectors whose tensors differ in a bit on a board."""
    source = vectors.write_program(folder, some)
    run_on(board, folder / "vectors.elf", source, *sorted(library.glob("*.c")), include=library)
    return vectors.wrong(some, vectors.tensors_in(folder, some))


def fused(folder: Path) -> Path:
    """A library in which operations of floats are not rounded one by one: GNU C then fuses them unasked."""
    library = Path(shutil.copytree(compiler.LIBRARY, folder / "fused"))
    source = library / "edgecv_preprocess.c"
    text = source.read_text()
    assert "volatile float stored" in text
    source.write_text(text.replace("volatile float stored", "float stored"))
    return library


def main() -> int:
    """Run the golden vectors of small pictures on every board."""
    missing = [name for name in (GCC, QEMU) if shutil.which(name) is None]
    if missing:
        print(f"test-micro: skipped on emulated boards, {' and '.join(missing)} not installed")
        return 0
    done = [*vectors.picture_cases()[0], *vectors.yuv_cases()[0], vectors.ties_vector(), *vectors.live_vectors()]
    small = [one for one in done if one.frame.nbytes < 10_000]
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        for board in BOARDS:
            wrong = wrong_on(board, Path(name), small, compiler.LIBRARY)
            failed += len(wrong)
            cases = len({one.case for one in small})
            print(
                f"test-micro: {board.title} (QEMU {board.name}): {len(small)} frames of {cases} cases, wrong: {wrong}"
            )
        found = wrong_on(CORTEX_M4F, Path(name), small, fused(Path(name)))
        print(f"test-micro: Cortex-M4F with fused operations, which must differ: {found}")
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
