"""The options of the TFLite target."""

from __future__ import annotations

from typing import Annotated, Final

from edgecv_converters.target_options import Flag, TargetOptions


class TfliteOptions(TargetOptions, frozen=True, kw_only=True):
    """The options of the TFLite files of a bundle: `metadata` writes into them what other tools read."""

    metadata: Annotated[
        bool,
        Flag(
            name="--tflite-metadata",
            off="--no-tflite-metadata",
            help="Write into the files how pictures are normalized and what the labels are, so that MediaPipe Tasks "
            "and ML Kit open them. What their format cannot say exactly is left out, and said.",
            panel="The TFLite files",
        ),
    ] = True


OPTIONS: Final = TfliteOptions
