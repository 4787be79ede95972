"""The Core AI target."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from edgecv_runtime.backends import Backend
from edgecv_runtime.formats import COREAI as FORMAT
from edgecv_runtime.formats import COREAI_CORE, COREMLTOOLS
from edgecv_runtime.schema import Precision

from edgecv_converters.coreai.inspect import inspect_coreai
from edgecv_converters.coreai.make import METADATA_FILE, PROGRAM, make_model
from edgecv_converters.coreml.target import TARGET as PACKAGES
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.inspection import ArtifactInspection
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.targets import ConversionJob, ConversionTarget, Converted


class CoreaiTarget(ConversionTarget):
    """Apple's `coreai`, given the Core ML program of the same precision, which is translated operation by operation.

    Its models run on iOS and macOS 27. Here they are proven by Apple's CPU runtime for Linux.
    """

    format = FORMAT
    precisions = ("float32", "float16", "int8", *FORMAT.own_precisions)
    default_precision = PACKAGES.default_precision
    needs = (COREMLTOOLS, COREAI_CORE)
    passes = PACKAGES.passes
    carried = PACKAGES.carried
    slowness = 3

    def load_libraries(self) -> None:
        """Import coremltools; Apple's library starts threads, which no process may have that is copied."""
        PACKAGES.load_libraries()

    def convert(self, job: ConversionJob, frozen: FrozenGraph, store: ObjectStore) -> Converted:
        """Write the model of a job."""
        return make_model(job, frozen, store)

    def takes_integers(self, precision: Precision) -> bool:  # noqa: ARG002 - none does
        """Its inputs and outputs are those of the Core ML program."""
        return False

    def execution(self, backend: Backend) -> str:
        """Say what executed an artifact: never the device that it is for."""
        return f"{FORMAT.title} {backend.info.version} on Linux CPU"

    def recognizes(self, path: Path, head: bytes) -> bool:  # noqa: ARG002 - by names
        """Recognize a folder with a program and its metadata."""
        return (path / PROGRAM).is_file() and (path / METADATA_FILE).is_file()

    def inspect(self, path: Path) -> ArtifactInspection:
        """Describe a model by Apple's library."""
        return inspect_coreai(path)


TARGET: Final = CoreaiTarget()
