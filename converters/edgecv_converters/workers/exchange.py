"""The objects that the workers of one conversion hand to each other: a typed key for each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from edgecv_converters.data import Spool
from edgecv_converters.isolate.store import Key
from edgecv_converters.model_metadata import ModelMetadata
from edgecv_converters.workers.records import SourceSummary, TrainingSets, Validation

SOURCE: Final[Key[SourceSummary]] = Key("source")
"""What the source model is; put by the worker that loads it."""
FROZEN: Final[Key[Path]] = Key("frozen")
"""The folder of the frozen graph that all converters start from; put by the worker that loads the source."""
PICTURES: Final[Key[frozenset[str]]] = Key("pictures")
"""The names of the inputs that are pictures."""
CALIBRATION: Final[Key[Spool]] = Key("calibration")
"""The preprocessed samples that set the quantization ranges."""
SPOOLS: Final[Key[Mapping[str, Spool]]] = Key("spools")
"""The preprocessed samples of every data set that the source answers, by the set's name."""
REFERENCES: Final[Key[Mapping[str, Spool]]] = Key("references")
"""The source model's outputs for each of `SPOOLS`, by the set's name; put by the worker that loads the source."""
REMARKS: Final[Key[tuple[str, ...]]] = Key("remarks")
"""What was seen while the source answered them; put with `REFERENCES`."""
VALIDATION: Final[Key[Validation]] = Key("validation")
"""The labelled samples that decide which layers stay float, where an accuracy budget is given."""
TRAINING: Final[Key[TrainingSets]] = Key("training")
"""The labelled samples of quantization-aware training."""
METADATA: Final[Key[ModelMetadata]] = Key("metadata")
"""What an artifact's own metadata says of its bundle."""
