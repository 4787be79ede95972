"""Core ML's ML programs without Core ML: a reader of saved packages, and a reference evaluator in NumPy."""

from edgecv_converters.mil.evaluator import Evaluator, Overflow
from edgecv_converters.mil.program import load_program
from edgecv_converters.mil.records import Classifier, Feature, Operation, Program, Variable
from edgecv_converters.mil.registry import UnsupportedOperationError

__all__ = [
    "Classifier",
    "Evaluator",
    "Feature",
    "Operation",
    "Overflow",
    "Program",
    "UnsupportedOperationError",
    "Variable",
    "load_program",
]
