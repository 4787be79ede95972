"""The options of files for microcontrollers."""

from __future__ import annotations

from typing import Annotated, Final

from edgecv_runtime.errors import UsageError
from edgecv_runtime.text import one_of

from edgecv_converters.target_options import Flag, TargetOptions

ACCELERATORS: Final = (
    *(f"u55-{macs}" for macs in (32, 64, 128, 256)),
    *(f"u65-{macs}" for macs in (256, 512)),
    *(f"u85-{macs}" for macs in (128, 256, 512, 1024, 2048)),
)


class MicroOptions(TargetOptions, frozen=True, kw_only=True):
    """The options of a bundle's files for microcontrollers.

    `ethos_u` is the Ethos-U accelerator, with its multiply-adds a cycle, that the time of the int8 file is estimated
    for, such as "u55-128".
    """

    ethos_u: Annotated[
        str | None,
        Flag(
            name="--ethos-u",
            metavar="u55-128",
            help="Estimate with Arm's Vela how long the int8 file takes on this Ethos-U accelerator, and in what "
            "memory.",
            panel="The file for microcontrollers",
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.ethos_u is not None and self.ethos_u not in ACCELERATORS:
            raise UsageError(
                f"--ethos-u must be {one_of(ACCELERATORS)}, got {self.ethos_u!r}",
                "The number is that of multiply-adds a cycle: the chip's maker tells it",
            )


OPTIONS: Final = MicroOptions
