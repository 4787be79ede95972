"""The functions that run in worker processes: load the source, convert one artifact, prove one artifact.

They talk through a mailbox: "source" (what the model is), "frozen" (the graph's file), "pictures" (the inputs that
are), "calibration" and "spools" (one, and all, of the data sets' preprocessed samples), "references" (the source's
answers to them).
"""

from edgecv_converters.workers.convert import Converted, convert_artifact
from edgecv_converters.workers.int8 import Quantizer, Quantizing
from edgecv_converters.workers.prove import DataSet, Proof, prove_artifact
from edgecv_converters.workers.source import SourceRequest, SourceSummary, answer_source

__all__ = [
    "Converted",
    "DataSet",
    "Proof",
    "Quantizer",
    "Quantizing",
    "SourceRequest",
    "SourceSummary",
    "answer_source",
    "convert_artifact",
    "prove_artifact",
]
