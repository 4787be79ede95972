"""The functions that run in worker processes: load the source, convert one artifact, prove one artifact.

They talk through a mailbox: "source" (what the model is), "frozen" (the graph's file), "pictures" (the inputs that
are), "calibration" and "spools" (one, and all, of the data sets' preprocessed samples), "references" (the source's
answers to them), "validation" (the labelled samples that decide which layers stay float), "lessons" (those that
int8 is trained on).
"""

from edgecv_converters.workers.convert import ConversionJob, Converted, convert_artifact
from edgecv_converters.workers.int8 import Quantizer, Quantizing
from edgecv_converters.workers.mixed import Budget, Validation, kept_layers
from edgecv_converters.workers.prove import DataSet, Proof, Subject, prove_artifact
from edgecv_converters.workers.source import SourceSummary, answer_source
from edgecv_converters.workers.training import TrainingSets

__all__ = [
    "Budget",
    "ConversionJob",
    "Converted",
    "DataSet",
    "Proof",
    "Quantizer",
    "Quantizing",
    "SourceSummary",
    "Subject",
    "TrainingSets",
    "Validation",
    "answer_source",
    "convert_artifact",
    "kept_layers",
    "prove_artifact",
]
