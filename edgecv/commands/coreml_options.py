"""The options of `edgecv convert` that are for the Core ML model alone."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from edgecv_converters.coreml.recipes import Minimum

from edgecv.commands import options as opt

COREML = "The Core ML model"

CoremlInput = Annotated[
    Literal["tensor", "image"],
    typer.Option(
        "--coreml-input",
        help="What the model takes. tensor: preprocessed numbers; image: a picture of the input's size, which the "
        "model normalizes itself.",
        rich_help_panel=COREML,
    ),
]
CoremlOutput = Annotated[
    Literal["tensor", "classifier"] | None,
    opt.option(
        "--coreml-output",
        help="What the model gives. classifier: the label, and the probability of each label; the default for an "
        "image input where there are labels. tensor: numbers; the default elsewhere.",
        panel=COREML,
    ),
]
CoremlMinimum = Annotated[
    Minimum | None,
    opt.option(
        "--coreml-minimum",
        help="The first iOS that must read the model; a precision may need a later one. Default: the lowest that "
        "works.",
        panel=COREML,
    ),
]
CoremlCompute = Annotated[
    Literal["float32", "float16"],
    typer.Option(
        "--coreml-compute",
        help="What int8 computes with between its integers. float32 gives TFLite's answers; float16 may run on the "
        "Neural Engine and gives some other answers.",
        rich_help_panel=COREML,
    ),
]
