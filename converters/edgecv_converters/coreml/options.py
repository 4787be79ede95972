"""The options of the Core ML target: the interface that an app wants of a model."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from edgecv_runtime.errors import UsageError

from edgecv_converters.coreml.recipes import MINIMUMS, Minimum
from edgecv_converters.target_options import Flag, TargetOptions

PANEL: Final = "The Core ML model"
INPUTS: Final = ("tensor", "image")
OUTPUTS: Final = ("tensor", "classifier")


class Interface(TargetOptions, frozen=True, kw_only=True):
    """The interface that a Core ML model is asked to have.

    Attributes:
        input: "tensor" (preprocessed numbers) or "image" (a picture of the right size; the program normalizes it).
        output: "tensor", or "classifier": the label, and the probabilities by label. None: a classifier where the input
            is an image and there are labels.
        minimum: The first system that must read it; None for the lowest that can.
        compute: What int8 computes between its integers. "float32" gives the int8 TFLite file's answers; "float16",
            which the Neural Engine takes, rounds other values the other way, and the changes grow with depth.
    """

    input: Annotated[
        Literal["tensor", "image"],
        Flag(
            name="--coreml-input",
            help="What the model takes. tensor: preprocessed numbers; image: a picture of the input's size, which "
            "the model normalizes itself.",
            panel=PANEL,
        ),
    ] = "tensor"
    output: Annotated[
        Literal["tensor", "classifier"] | None,
        Flag(
            name="--coreml-output",
            help="What the model gives. classifier: the label, and the probability of each label; the default for "
            "an image input where there are labels. tensor: numbers; the default elsewhere.",
            panel=PANEL,
        ),
    ] = None
    minimum: Annotated[
        Minimum | None,
        Flag(
            name="--coreml-minimum",
            help="The first iOS that must read the model; a precision may need a later one. Default: the lowest "
            "that works.",
            panel=PANEL,
        ),
    ] = None
    compute: Annotated[
        Literal["float32", "float16"],
        Flag(
            name="--coreml-compute",
            help="What int8 computes with between its integers. float32 gives TFLite's answers; float16 may run "
            "on the Neural Engine and gives some other answers.",
            panel=PANEL,
        ),
    ] = "float32"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("input", self.input, INPUTS),
            ("output", self.output, (None, *OUTPUTS)),
            ("minimum", self.minimum, (None, *MINIMUMS)),
            ("compute", self.compute, ("float32", "float16")),
        ):
            if value not in known:
                wanted = ", ".join(word for word in known if word)
                raise UsageError(f"--coreml-{name} must be one of {wanted}, got {value!r}", "See edgecv convert --help")


OPTIONS: Final = Interface
