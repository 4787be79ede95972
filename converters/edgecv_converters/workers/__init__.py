"""The functions that run in worker processes: load the source, convert one artifact, prove one artifact.

They hand objects to each other by the typed keys of `exchange`.
"""

from edgecv_converters.workers.convert import convert_artifact
from edgecv_converters.workers.mixed import kept_layers
from edgecv_converters.workers.prove import Proof, Subject, prove_artifact
from edgecv_converters.workers.records import DataSet, SourceSummary, TrainingSets, Validation
from edgecv_converters.workers.source import answer_source

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
