"""The Core ML target."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from edgecv_runtime.backends import Backend, open_backend
from edgecv_runtime.errors import UsageError
from edgecv_runtime.formats import COREML as FORMAT
from edgecv_runtime.formats import COREMLTOOLS
from edgecv_runtime.schema import Artifact, Precision, TensorSpec

from edgecv_converters.coreml.inspect import inspect_coreml
from edgecv_converters.coreml.interface import check_fit
from edgecv_converters.coreml.make import make_package
from edgecv_converters.coreml.options import Interface
from edgecv_converters.coreml.package import load_coremltools
from edgecv_converters.coreml.recipes import RECIPES
from edgecv_converters.coreml.reference import HOW, ReferenceCoreML
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.passes import (
    bucketize,
    erfc,
    expm1,
    groups_3d,
    is_nan,
    low_rank,
    mirror_pad,
    nearest,
    resize_products,
    roll,
    split_sizes,
)
from edgecv_converters.inspection import ArtifactInspection
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.model_metadata import ModelMetadata
from edgecv_converters.target_options import TargetOptions
from edgecv_converters.targets import ConversionJob, ConversionTarget, Converted, ProofMethod

PLAIN: Final = Interface()


class CoremlTarget(ConversionTarget):
    """coremltools, for the float models from the frozen graph, and edgecv's own program for int8 from the TFLite file.

    Core ML itself is there on macOS only: elsewhere the saved program is evaluated.
    """

    format = FORMAT
    precisions = ("float32", "float16", "int8", *RECIPES)
    default_precision = "float16"
    needs = (COREMLTOOLS,)
    passes = (
        erfc.rewrite,
        resize_products.rewrite,
        expm1.rewrite,
        is_nan.rewrite,
        roll.rewrite,
        bucketize.rewrite,
        split_sizes.rewrite,
        groups_3d.rewrite,
        mirror_pad.rewrite,
        low_rank.rewrite,
        nearest.rewrite,
    )
    carried = frozenset({"int8"})
    slowness = 2

    def load_libraries(self) -> None:
        """Import coremltools without its notes."""
        load_coremltools()

    def convert(self, job: ConversionJob, frozen: FrozenGraph, store: ObjectStore) -> Converted:
        """Write the package of a job."""
        package = make_package(job.precision, frozen, job.out, store, _interface(job.options), job.quantized)
        return Converted(artifact=package.described.artifact(job), notes=package.notes, sketches=package.sketches)

    def takes_integers(self, precision: Precision) -> bool:  # noqa: ARG002 - none does
        """Core ML has no inputs and outputs of 8 bits."""
        return False

    def check_options(self, options: TargetOptions, precisions: Collection[Precision]) -> None:
        """Refuse an interface where there is no Core ML model, and `compute` where none computes in integers."""
        if _interface(options).compute != PLAIN.compute and "int8" not in precisions:
            raise UsageError("--coreml-compute is for Core ML's int8, which is not asked for", "Add --quantize int8")
        super().check_options(options, precisions)

    def check_fit(
        self,
        options: TargetOptions,
        metadata: ModelMetadata,
        inputs: Sequence[TensorSpec],
        outputs: Sequence[TensorSpec],
    ) -> None:
        """Refuse an interface that the model cannot have."""
        check_fit(_interface(options), metadata, inputs, outputs)

    def is_exact_twin(self, options: TargetOptions) -> bool:
        """In float16 int8 gives other answers now and then: how often is told, not judged."""
        return _interface(options).compute == "float32"

    def methods(self) -> tuple[ProofMethod, ...]:
        """Reference evaluation, and Core ML itself where it is."""
        return ("reference", "runtime") if sys.platform == "darwin" else ("reference",)

    def open(self, artifact: Artifact, file: Path, method: ProofMethod, *, threads: int = 1) -> Backend:
        """Load a package into the reference evaluator, or into Core ML."""
        if method == "reference":
            return ReferenceCoreML(file, artifact.inputs, artifact.outputs, threads)
        return open_backend(artifact, file, threads=threads)

    def execution(self, backend: Backend) -> str:
        """Say which of the two executed an artifact."""
        return HOW if isinstance(backend, ReferenceCoreML) else f"{FORMAT.title} {backend.info.version}"

    def recognizes(self, path: Path, head: bytes) -> bool:  # noqa: ARG002 - by names
        """Recognize a folder with a package's manifest, or a file of the older format."""
        return (path / "Manifest.json").is_file() if path.is_dir() else path.suffix == ".mlmodel"

    def inspect(self, path: Path) -> ArtifactInspection:
        """Describe a package by its protobuf, which works on every system."""
        return inspect_coreml(path)


def _interface(options: TargetOptions) -> Interface:
    return options if isinstance(options, Interface) else PLAIN


TARGET: Final = CoremlTarget()
