"""Core ML where there is no Core ML: the saved package run by the reference evaluator, and where it goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.backends import BackendInfo
from edgecv_runtime.errors import BackendError, MissingDependencyError
from edgecv_runtime.golden_schema import Sketch
from edgecv_runtime.schema import TensorIO

from edgecv_converters.coreml.names import identifier
from edgecv_converters.graph.sketch import deviation, sketch
from edgecv_converters.mil import Evaluator, Operation, Program, load_program
from edgecv_converters.parity.suspect import Suspect

HOW: Final = "reference evaluation of the saved program"
USUAL: Final = 0.01  # what float16 may deviate by in a deep network: below, no operation is suspected
_SUFFIXES: Final = ("_cast_fp16", "_cast_fp32")
Array = npt.NDArray[Any]
Watch = Callable[[Operation, tuple[Array, ...]], None]


class ReferenceCoreML:
    """A Core ML package, executed by NumPy in the program's own types; a `Backend` for proofs, not for speed.

    Args:
        package: The saved package.
        inputs, outputs: The artifact's.
        threads: The number of samples that are computed side by side, where several are given at once.

    Raises:
        BackendError: The program holds an operation that the evaluator does not know.
        BundleError: The package is damaged.
        MissingDependencyError: coremltools, whose file format definitions are used, is not installed.
    """

    def __init__(
        self, package: Path, inputs: Sequence[TensorIO], outputs: Sequence[TensorIO], threads: int = 1
    ) -> None:
        try:
            from threadpoolctl import threadpool_limits

            self.program = load_program(package)
        except ImportError as error:
            raise MissingDependencyError(
                f"reading and evaluating a Core ML package needs {error.name}", 'pip install "edgecv[convert]"'
            ) from error
        # Products of this size are done before a second thread has woken up, and other workers have the cores.
        self._limits = threadpool_limits(1)
        self._inputs, self._outputs = inputs, outputs
        self._evaluator = Evaluator(self.program)
        self.info = BackendInfo(name="reference", version="1", providers=("NumPy",), threads=threads)

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Infer once, from and to raw tensors keyed by the source model's names."""
        return self._tensors(self._evaluator.run(self.feeds(inputs)))

    def run_all(self, samples: Sequence[Mapping[str, Array]]) -> list[dict[str, Array]]:
        """Infer once for each of several samples: NumPy computes most of it without Python's lock."""
        return [*map(self._tensors, self._evaluator.run_all(map(self.feeds, samples), self.info.threads))]

    def _tensors(self, found: Mapping[str, Any]) -> dict[str, Array]:
        return {io.name: _tensor(found[io.tensor], io, self.program) for io in self._outputs}

    def feeds(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The raw tensors as the program takes them, by its own names."""
        return {io.tensor: _fed(inputs[io.name], io, self.program) for io in self._inputs}

    def close(self) -> None:
        """Give the BLAS library its threads back."""
        self._limits.restore_original_limits()

    @property
    def overflow(self) -> str | None:
        """The first operation that overflowed in any run so far, in words; None if none did."""
        found = self._evaluator.overflow
        if found is None:
            return None
        return f"{found.dtype} overflows in {found.operation} ({found.type}), fed with values up to {found.largest:.4g}"

    def suspect(self, inputs: Mapping[str, Array], sketches: Sequence[Sketch]) -> Suspect | None:
        """The operation at which this program departs most from what the source computed on the same raw inputs."""
        trace = _Trace({identifier(known.node): known for known in sketches}, dict(_biased(sketches)))
        self.watch(inputs, trace)
        return trace.worst

    def watch(self, inputs: Mapping[str, Array], watch: Watch) -> None:
        """Run on raw tensors, and hand over what every operation gives."""
        self._evaluator.run(self.feeds(inputs), watch=watch)


@dataclass(slots=True)
class _Trace:
    """Follows a run, and keeps the operation where the deviation grows by the largest factor.

    `biased` are what operations give that have the name of a product, and its bias as well.
    """

    known: Mapping[str, Sketch]
    biased: Mapping[str, Sketch]
    worst: Suspect | None = None
    _growth: float = 1.0
    _deviations: dict[str, float] = field(default_factory=dict)

    def __call__(self, operation: Operation, outputs: tuple[Array, ...]) -> None:
        read = [value for values in operation.inputs.values() for value in values if isinstance(value, str)]
        before = max((self._deviations.get(name, 0.0) for name in read), default=0.0)
        for variable, values in zip(operation.outputs, outputs, strict=True):
            name = _bare(variable.name)
            met = (self.biased.get(name) if "bias" in operation.inputs else None) or self.known.get(name)
            found = None if met is None else _deviation(values, met)
            self._deviations[variable.name] = before if found is None else found
            if met is None or found is None or found <= USUAL or not np.isfinite(before):
                continue
            growth = found / max(before, USUAL / 10)
            if growth > self._growth:
                self._growth = growth
                self.worst = Suspect(operation.name, operation.type, met.layer, found, before)


def _biased(sketches: Sequence[Sketch]) -> Iterator[tuple[str, Sketch]]:
    """The results of biases, by the names of the products that they are added to."""
    for one, after in pairwise(sketches):
        if after.layer == one.layer and after.node.rpartition("/")[2].startswith("BiasAdd"):
            yield identifier(one.node), after


def _bare(name: str) -> str:
    for suffix in _SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _deviation(values: Array, known: Sketch) -> float | None:
    """In the layout that fits best; None where none has the source's shape."""
    if values.dtype.kind != "f":
        return None
    fitting = [laid for laid in _layouts(values) if laid.shape == known.shape]
    return min((deviation(sketch(laid), known.projections, known.norm) for laid in fitting), default=None)


def _layouts(values: Array) -> Iterator[Array]:
    yield values
    if values.ndim > 2:
        yield np.moveaxis(values, 1, -1)


def _fed(values: Array, io: TensorIO, program: Program) -> Array:
    """An image goes in as (H, W, C) bytes in RGB order, whatever order the program asks the system for."""
    if io.normalize is None:
        return values
    feature = next(feature for feature in program.inputs if feature.name == io.tensor)
    pixels: Array = values[0]
    return pixels[:, :, ::-1] if feature.colour == "BGR" else pixels


def _tensor(found: Any, io: TensorIO, program: Program) -> Array:
    if not io.by_label:
        return np.asarray(found)
    if program.classifier is None:
        raise BackendError(f"{io.tensor} should be a dictionary by label, and the program is no classifier")
    return np.asarray([[found[label] for label in program.classifier.labels]], np.float32)
