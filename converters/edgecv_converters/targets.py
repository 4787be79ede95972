"""The targets of conversions: what each one makes and of what, and how its artifacts are proven and looked into.

`edgecv_converters/NAME/target.py` holds `TARGET`, the one implementation for the file format NAME; it is imported when
it is asked for, and the libraries of its converter when something is converted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple

import msgspec
import numpy.typing as npt
from edgecv_runtime import formats
from edgecv_runtime.digest import sha256_file, sha256_tree, tree_bytes
from edgecv_runtime.errors import UsageError
from edgecv_runtime.formats import FileFormat, PythonLibrary
from edgecv_runtime.golden_schema import Sketch
from edgecv_runtime.schema import DATA_SUFFIX, Artifact, DataFile, Precision, TensorIO, TensorSpec

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.passes.runner import GraphPass
from edgecv_converters.inspection import ArtifactInspection
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.measured import LayerError, Mixed
from edgecv_converters.target_options import TargetOptions

if TYPE_CHECKING:
    from edgecv_runtime.backends import Backend

IoType = Literal["float32", "int8", "uint8"]
Quantizer = Literal["edgecv", "vendor"]
DenseScales = Literal["channel", "tensor"]
ProofMethod = Literal["runtime", "reference"]
REFINE_SECONDS: Final = 540.0  # that a distillation may take where nobody says


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The points of 100 that accuracy may lose, and the seconds that the search for float layers may take."""

    points: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantizing:
    """The settings with which int8 files are quantized.

    Attributes:
        quantizer: "edgecv", or "vendor": the converter's own, by the smallest and largest value.
        seed: Of every draw.
        refine_seconds: At most so long is distilled; None leaves it out.
        epochs: So many are trained on labelled samples; None leaves it out.
        budget: What accuracy may lose: layers stay float to keep to it. None leaves all in int8.
        strict: Whether a layer that has no int8 form is an error, in place of staying float.
        numbers: The target by whose kernels int8 files are run and judged while they are made.
        dense_scales: Whether the weights of a dense layer have a scale for each channel, or one in all.
    """

    quantizer: Quantizer = "edgecv"
    seed: int = 0
    refine_seconds: float | None = None
    epochs: int | None = None
    budget: Budget | None = None
    strict: bool = False
    numbers: str = formats.TFLITE.name
    dense_scales: DenseScales = "channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionJob:
    """The job of converting the frozen graph to one artifact.

    Attributes:
        target, precision: The artifact.
        root, file: Where it goes: the file `root/file`.
        io: The dtype of the inputs and outputs of an artifact that takes integers.
        options: What an app wants of this target's artifacts alone.
        quantized: The file that carries the one quantization, for a precision that is made of it.
        how: How that file is made.
    """

    target: str
    precision: Precision
    root: Path
    file: str
    io: IoType
    options: TargetOptions
    quantized: Path | None
    how: Quantizing

    @property
    def out(self) -> Path:
        """The file or folder that the artifact is written to."""
        return self.root / self.file

    def data_file(self) -> DataFile | msgspec.UnsetType:
        """The record of the second file, where one was written."""
        name = f"{self.file}{DATA_SUFFIX}"
        path = self.root / name
        if not path.exists():
            return msgspec.UNSET
        return DataFile(file=name, sha256=sha256_file(path), bytes=path.stat().st_size)


class ArtifactDescription(NamedTuple):
    """The inputs and outputs of an artifact, how often it has each operator, and what it needs to run."""

    inputs: tuple[TensorIO, ...]
    outputs: tuple[TensorIO, ...]
    ops: dict[str, int]
    requires: dict[str, str]

    def artifact(self, job: ConversionJob) -> Artifact:
        """Return the manifest's record of what a job has written."""
        return Artifact(
            target=job.target,
            precision=job.precision,
            file=job.file,
            sha256=sha256_tree(job.out),
            bytes=tree_bytes(job.out),
            data=job.data_file(),
            inputs=self.inputs,
            outputs=self.outputs,
            ops=self.ops,
            requires=self.requires,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """One artifact and, of the one that carries the quantization, what was done to it, layer by layer.

    `float_layers` stay float because they have no right int8 form, `mixed` tells of those that an accuracy budget
    wants, and `float32_bytes` is the size of the float32 file that it was quantized from.
    `sketches` are of the source's graph, for a target whose reference evaluation looks for wrong operations.
    """

    artifact: Artifact
    steps: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sketches: tuple[Sketch, ...] = ()
    layers: tuple[LayerError, ...] = ()
    float_layers: tuple[str, ...] = ()
    float32_bytes: int | None = None
    mixed: Mixed | None = None


class ConversionTarget(ABC):
    """Everything that is known of one target besides how its files run, which is `format`.

    Attributes:
        format: The file format of its artifacts.
        precisions: The precisions that it can convert to, in the order in which artifacts are listed.
        default_precision: The precision where none is asked for.
        needs: The libraries that converting needs, besides those that load the source model.
        passes: The rewrites that bring the frozen graph to the form that its converter takes.
        carrier: The precision whose artifact carries the one quantization of all targets; None for all but one target.
        carried: The precisions that are made of that artifact; the others are made of the frozen graph.
        memory: How many times the size of the model converting takes of memory: an estimate.
        slowness: The place of the target in the order of time that converting takes; the slowest one is started first.
    """

    format: ClassVar[FileFormat]
    precisions: ClassVar[tuple[Precision, ...]]
    default_precision: ClassVar[Precision] = "float32"
    needs: ClassVar[tuple[PythonLibrary, ...]] = ()
    passes: ClassVar[tuple[GraphPass, ...]] = ()
    carrier: ClassVar[Precision | None] = None
    carried: ClassVar[frozenset[Precision]] = frozenset()
    memory: ClassVar[float] = 6
    slowness: ClassVar[int] = 0

    @property
    def name(self) -> str:
        """The name of the format, and of the target on the command line."""
        return self.format.name

    def load_libraries(self) -> None:  # noqa: B027 - nothing is the usual answer
        """Import what converting needs; this is done while the source model is still being frozen."""

    @abstractmethod
    def convert(self, job: ConversionJob, frozen: FrozenGraph, store: ObjectStore) -> Converted:
        """Write the artifact of a job, and describe it.

        Args:
            job: What is made.
            frozen: The graph, after `passes`.
            store: Where the other workers' objects come from (`workers.exchange`).

        Raises:
            ConversionError: The converter refused the model.
        """

    def takes_integers(self, precision: Precision) -> bool:
        """Tell whether an artifact of that precision can have integer inputs and outputs."""
        return precision == "int8"

    def check_options(self, options: TargetOptions, precisions: Collection[Precision]) -> None:
        """Refuse options of this target that mean nothing for the precisions that are asked of it (none: not a target).

        Raises:
            UsageError: An option is for what is not made.
        """
        if not precisions and (given := options.given()):
            raise UsageError(
                f"{given[0]} is for {self.format.title}, which is not among the targets",
                f"Add --target {self.name}, or leave it out",
            )

    def check_fit(  # noqa: B027
        self, options: TargetOptions, metadata: Any, inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]
    ) -> None:
        """Refuse options that the model does not fit, before anything is converted.

        Raises:
            UsageError: It does not; the message names the option.
        """

    def is_exact_twin(self, options: TargetOptions) -> bool:  # noqa: ARG002 - some targets look at them
        """Tell whether what carries the one quantization must give the very same answers as the carrier."""
        return True

    def kernels(self) -> Callable[[bytes], Any] | None:
        """Return what opens an int8 file in this target's runtime while the file is quantized; None where nothing does.

        What it opens has the form of LiteRT's interpreter, and any tensor can be read (`quantize.watched`).
        """
        return None

    def methods(self) -> tuple[ProofMethod, ...]:
        """Return the methods by which artifacts can be executed for a proof on this system; the last is the best."""
        return ("runtime",)

    def open(
        self,
        artifact: Artifact,
        file: Path,
        method: ProofMethod,  # noqa: ARG002 - most targets have one
        *,
        threads: int = 1,
    ) -> Backend:
        """Load an artifact to be executed by one of `methods`.

        Raises:
            BackendError: The runtime, or the evaluator, refused the file.
            BundleError: The file is damaged.
            MissingDependencyError: What executes it is not installed.
        """
        from edgecv_runtime.backends import open_backend

        return open_backend(artifact, file, threads=threads)

    def execution(self, backend: Backend) -> str:
        """Say what executed an artifact, for the report."""
        return str(backend.info)

    def compare_layers(
        self,
        file: Path,  # noqa: ARG002 - one target keeps the results inside
        float32: Path,  # noqa: ARG002
        samples: npt.NDArray[Any],  # noqa: ARG002
    ) -> tuple[LayerError, ...]:
        """Compare every result inside a quantized artifact with that of the float32 one of the same graph.

        Args:
            file: The quantized artifact, whose only input is float32.
            float32: The other one.
            samples: (count, ...) float32.

        Returns:
            One record for each result in the order of computation; nothing where the inside is not to be seen.
        """
        return ()

    def layer_maps(
        self,
        file: Path,  # noqa: ARG002 - one target keeps the results inside
        layer: str,  # noqa: ARG002
        samples: npt.NDArray[Any],  # noqa: ARG002
    ) -> npt.NDArray[Any]:
        """Return the map that a layer inside an artifact gives for some samples.

        Args:
            file: The artifact, which has one input.
            layer: The source model's layer.
            samples: Raw tensors of that input, (n, ...).

        Returns:
            (n, height, width, channels) float32.

        Raises:
            UsageError: The format does not show its results inside, or there is no such layer.
        """
        raise UsageError(f"{self.format.title} files do not show what their layers give", "Explain the Keras model")

    @abstractmethod
    def recognizes(self, path: Path, head: bytes) -> bool:
        """Tell whether a folder, or a file that begins with `head`, is an artifact of this format."""

    @abstractmethod
    def inspect(self, path: Path) -> ArtifactInspection:
        """Describe an artifact that nobody vouches for.

        Raises:
            BundleError: It is damaged.
            MissingDependencyError: What reads it is not installed.
        """


@cache
def find(name: str) -> ConversionTarget:
    """Return the target of that name.

    Raises:
        UsageError: There is none; the hint lists those there are.
    """
    module = import_module(f"edgecv_converters.{formats.find(name).name}.target")
    target: ConversionTarget = module.TARGET
    return target


@cache
def known_targets() -> tuple[ConversionTarget, ...]:
    """Return all targets, in the order in which artifacts are listed."""
    return tuple(find(name) for name in formats.KNOWN)


def carrier() -> tuple[str, Precision]:
    """Return the target and the precision of the artifact that carries the one quantization of all targets."""
    return next((target.name, target.carrier) for target in known_targets() if target.carrier is not None)
