"""The functions that run in worker processes: load the source, convert one artifact, prove one artifact.

They hand objects to each other by the typed keys of `exchange`.
"""

from edgecv_converters.workers.convert import convert_artifact
from edgecv_converters.workers.mixed import Validation, kept_layers
from edgecv_converters.workers.prove import DataSet, Proof, Subject, prove_artifact
from edgecv_converters.workers.source import SourceSummary, answer_source
from edgecv_converters.workers.training import TrainingSets

__all__ = [
    "DataSet",
    "Proof",
    "SourceSummary",
    "Subject",
    "TrainingSets",
    "Validation",
    "answer_source",
    "convert_artifact",
    "kept_layers",
    "prove_artifact",
]
