"""The options of `edgecv convert` that are for the Core ML model alone."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

COREML = "The Core ML model"


class CoremlInputName(StrEnum):
    """What a Core ML model takes."""

    tensor = "tensor"
    image = "image"


class CoremlOutputName(StrEnum):
    """What a Core ML model gives."""

    tensor = "tensor"
    classifier = "classifier"


class CoremlComputeName(StrEnum):
    """What Core ML's int8 computes between its integers."""

    float32 = "float32"
    float16 = "float16"


class CoremlMinimumName(StrEnum):
    """The first system that must read a Core ML model."""

    iOS16 = "iOS16"  # noqa: N815 - Apple's name
    iOS17 = "iOS17"  # noqa: N815
    iOS18 = "iOS18"  # noqa: N815


CoremlInput = Annotated[
    CoremlInputName,
    typer.Option(
        "--coreml-input",
        help="tensor: preprocessed numbers; image: a picture of the input's size, which the model normalizes itself.",
        rich_help_panel=COREML,
    ),
]
CoremlOutput = Annotated[
    CoremlOutputName | None,
    typer.Option(
        "--coreml-output",
        help="classifier: the label and the probability of each. Default: classifier for an image input where there "
        "are labels, else tensor.",
        show_default=False,
        rich_help_panel=COREML,
    ),
]
CoremlMinimum = Annotated[
    CoremlMinimumName | None,
    typer.Option(
        "--coreml-minimum",
        help="The first system that must read it; later where the precision needs one. Default: the lowest that works.",
        show_default=False,
        rich_help_panel=COREML,
    ),
]
CoremlCompute = Annotated[
    CoremlComputeName,
    typer.Option(
        "--coreml-compute",
        help="What int8 computes between its integers: float32 gives TFLite's answers, float16 may run on the "
        "Neural Engine and gives some others.",
        rich_help_panel=COREML,
    ),
]
Author = Annotated[
    str | None,
    typer.Option("--author", metavar="NAME", help="For its metadata.", show_default=False, rich_help_panel=COREML),
]
License = Annotated[
    str | None,
    typer.Option("--license", metavar="TEXT", help="For its metadata.", show_default=False, rich_help_panel=COREML),
]
ModelVersion = Annotated[
    str | None,
    typer.Option(
        "--model-version", metavar="TEXT", help="For its metadata.", show_default=False, rich_help_panel=COREML
    ),
]
