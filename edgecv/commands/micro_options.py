"""The options of `edgecv convert` that are for microcontrollers."""

from __future__ import annotations

from typing import Annotated

import typer
from edgecv_converters.targets import DenseScales

from edgecv.commands import options as opt

MICRO = "The file for microcontrollers"

Numbers = Annotated[
    str,
    typer.Option(
        "--numbers",
        metavar="TARGET",
        help="The target by whose runtime int8 is judged while it is quantized, where two round differently. micro: a "
        "microcontroller's, in place of LiteRT's.",
        rich_help_panel=MICRO,
    ),
]
DenseScalesOption = Annotated[
    DenseScales,
    typer.Option(
        "--dense-scales",
        help="Whether the int8 weights of a dense layer have a scale for each channel, or one in all (tensor), which "
        "older interpreters of microcontrollers need. Holds for all targets.",
        rich_help_panel=MICRO,
    ),
]
EthosU = Annotated[
    str | None,
    opt.option(
        "--ethos-u",
        metavar="u55-128",
        help="Estimate with Arm's Vela how long the int8 file takes on this Ethos-U accelerator, and in what memory.",
        panel=MICRO,
    ),
]
