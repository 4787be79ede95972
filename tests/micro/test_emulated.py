"""The C library on emulated microcontrollers, optimized, with fused multiply-add where there is one."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.micro import compiler, vectors
from tests.micro.test_vectors import live_vectors

BARE = Path(__file__).parent / "bare"


@dataclass(frozen=True)
class Board:
    """A board that QEMU emulates, and what its processor's compiler is told."""

    name: str
    flags: tuple[str, ...]


BOARDS = (
    Board("mps2-an385", ("-mcpu=cortex-m3",)),
    Board("mps2-an386", ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")),
)


def emulated(board: Board, program: Path, *sources: Path, include: Path = compiler.LIBRARY) -> str:
    """Build a program for a board and run it there; what it prints."""
    gcc, qemu = compiler.compiler("arm-none-eabi-gcc"), compiler.compiler("qemu-system-arm")
    compiler.run(
        *(gcc, "-std=gnu99", "-O2", "-mthumb", *board.flags, f"-I{include}", *sources, BARE / "startup.c"),
        *("-T", BARE / "board.ld", "-nostartfiles", "--specs=rdimon.specs", "-lm", "-o", program),
    )
    machine = ("-M", board.name, "-nographic", "-monitor", "none", "-serial", "none")
    return compiler.run(qemu, *machine, "-semihosting-config", "enable=on,target=native", "-kernel", program)


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_golden_vectors_have_their_bits_on_an_emulated_board(board, tmp_path):
    done = [*vectors.picture_cases()[0], *vectors.yuv_cases()[0], *live_vectors()]
    small = [one for one in done if one.frame.nbytes < 10_000 and not one.name.endswith("bgr888")]
    source = vectors.write_program(tmp_path, small)
    emulated(board, tmp_path / "vectors.elf", source, *sorted(compiler.LIBRARY.glob("*.c")))
    assert vectors.wrong(small, vectors.tensors_in(tmp_path, small)) == []
    assert len({one.case for one in small}) > 150


def test_without_rounding_each_operation_fused_ones_change_bits(tmp_path):
    """So the test above would see it: the Cortex-M4F has a fused multiply-add, and GNU C uses it unasked."""
    library = shutil.copytree(compiler.LIBRARY, tmp_path / "library")
    source = library / "edgecv_preprocess.c"
    text = source.read_text()
    assert "volatile float stored" in text
    source.write_text(text.replace("volatile float stored", "float stored"))
    frames = [one for one in vectors.yuv_cases()[0] if "tf" in one.name]
    program = vectors.write_program(tmp_path, frames)
    emulated(BOARDS[1], tmp_path / "fused.elf", program, *sorted(library.glob("*.c")), include=library)
    assert vectors.wrong(frames, vectors.tensors_in(tmp_path, frames)) != []
