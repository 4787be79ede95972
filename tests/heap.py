"""What imported modules hold, taken out of the collections of garbage.

TensorFlow, Keras and coremltools leave a million objects for good, and their converters collect at every call: looking
at them again took three quarters of the time of a conversion to Core ML.
"""

from __future__ import annotations

import gc
import sys
import warnings


class Heap:
    """The objects of this process."""

    worth_while = 100  # so many new modules
    modules = 0

    @classmethod
    def settle(cls) -> None:
        """Collect, and keep what is left from later collections, where many modules were imported meanwhile."""
        if len(sys.modules) < cls.modules + cls.worth_while:
            return
        cls.modules = len(sys.modules)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # coremltools leaves temporary folders to the collector
            gc.collect()
        gc.freeze()
