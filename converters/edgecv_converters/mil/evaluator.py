"""Runs a Core ML program on the CPU, in the program's own types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from edgecv_runtime.errors import BackendError, BundleError

from edgecv_converters.mil.binding import Binder, BoundOperation, unsupported
from edgecv_converters.mil.dtypes import KINDS, Array
from edgecv_converters.mil.feeding import feed
from edgecv_converters.mil.records import Classifier, Operation, Program, Variable

Watch = Callable[[Operation, tuple[Array, ...]], None]
Answer = Array | str | int | dict[str, float] | dict[int, float]
EXPONENT = np.uint16(0x7C00)


@dataclass(frozen=True, slots=True)
class Overflow:
    """The first operation whose output was not finite although all that went in was.

    Attributes:
        operation, type: Its name and type; of an input that its own type cannot hold, the input's and "input".
        dtype: The type of its output.
        largest: The largest magnitude that went in.
    """

    operation: str
    type: str
    dtype: str
    largest: float


class Evaluator:
    """A program made ready to run; one that is running is used by one thread, and by those that it starts itself.

    Every operation takes and gives values of the types that the program declares. Within an operation sums are in
    float32, also for float16, and the result is rounded once, to nearest even: what an ideal device does. Devices
    differ from it by the order and the width of their sums.

    Attributes:
        program: What it runs.
        overflow: The first overflow in all runs so far, or None.

    Raises:
        UnsupportedOperationError: An operation or a parameter's value is unknown; the message names it.
        BundleError: The program contradicts itself.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.overflow: Overflow | None = None
        self._constants: dict[str, Array] = {}
        self._steps: list[BoundOperation] = []
        self._scores = ""
        binder = Binder(self._constants)
        with np.errstate(all="ignore"):
            for operation in program.operations:
                self._prepare(operation, binder)
        self._check_names()
        self._last = self._last_uses()

    def run(self, inputs: Mapping[str, Any], watch: Watch | None = None) -> dict[str, Answer]:
        """Compute the outputs for one sample.

        Args:
            inputs: By Core ML's names: tensors of the declared shapes, cast to the declared types; an image as
                uint8 HWC pixels (HW for grey) in RGB order, or as a Pillow image.
            watch: Called after each operation that is no constant, with its outputs.

        Returns:
            By Core ML's names: tensors; of a classifier the label and a dictionary of probabilities by label.

        Raises:
            BackendError: Inputs are missing, unknown, or of another shape.
            BundleError: The program contradicts itself.
        """
        return self._noted(self._run(inputs, watch))

    def run_all(self, samples: Iterable[Mapping[str, Any]], threads: int) -> list[dict[str, Answer]]:
        """Compute the outputs for several samples, as `run` does for each, in so many threads."""
        with ThreadPoolExecutor(threads) as pool:
            return [self._noted(found) for found in pool.map(self._run, samples)]

    def _noted(self, found: tuple[dict[str, Answer], Overflow | None]) -> dict[str, Answer]:
        answers, overflow = found
        self.overflow = self.overflow or overflow
        return answers

    def _run(self, inputs: Mapping[str, Any], watch: Watch | None = None) -> tuple[dict[str, Answer], Overflow | None]:
        """One sample's answers and its first overflow; nothing that is not of this sample changes."""
        values = feed(self.program.inputs, inputs)
        overflow = _of_inputs(inputs, values)
        with np.errstate(all="ignore"):
            for number, step in enumerate(self._steps):
                made, found = _compute(step, values)
                overflow = overflow or found
                if watch is not None:
                    watch(step.operation, made)
                for output, value in zip(step.operation.outputs, made, strict=True):
                    values[output.name] = value
                for name in self._last.get(number, ()):
                    values.pop(name, None)
        return self._answers(values), overflow

    def _prepare(self, operation: Operation, binder: Binder) -> None:
        if operation.type == "const":
            self._constants[operation.outputs[0].name] = _value_of(operation)
        elif operation.type == "classify":
            self._scores = _scores_of(operation)
        else:
            step = binder.bind(operation)
            if not operation.type.startswith("constexpr_"):
                self._steps.append(step)
                return
            if step.live:
                raise unsupported(operation, f"{step.reads[0]!r} is not a constant")
            made, found = _compute(step, {})
            self.overflow = self.overflow or found
            self._constants.update({o.name: value for o, value in zip(operation.outputs, made, strict=True)})

    def _check_names(self) -> None:
        known = {feature.name for feature in self.program.inputs} | self._constants.keys()
        for step in self._steps:
            for name in step.reads:
                if name not in known:
                    raise BundleError(
                        f"the operation {step.operation.name!r} reads {name!r}, which nothing made before it"
                    )
            known |= {output.name for output in step.operation.outputs}
        for name in self._wanted():
            if name not in known:
                raise BundleError(f"the program gives {name!r}, which nothing makes")

    def _tensors(self) -> list[str]:
        return [feature.name for feature in self.program.outputs if feature.kind in {"tensor", "image"}]

    def _wanted(self) -> list[str]:
        return [*self._tensors(), self._scores] if self._scores else self._tensors()

    def _last_uses(self) -> dict[int, list[str]]:
        last = {name: number for number, step in enumerate(self._steps) for name in step.reads}
        unread = {o.name: n for n, step in enumerate(self._steps) for o in step.operation.outputs if o.name not in last}
        kept = set(self._wanted())
        freed: dict[int, list[str]] = {}
        for name, number in (last | unread).items():
            if name not in kept:
                freed.setdefault(number, []).append(name)
        return freed

    def _answers(self, values: Mapping[str, Array]) -> dict[str, Answer]:
        known = {name: values[name] if name in values else self._constants[name] for name in self._wanted()}
        answers: dict[str, Answer] = {name: known[name] for name in self._tensors()}
        if self.program.classifier is None:
            return answers
        return answers | _classified(self.program.classifier, known[self._scores])


def _compute(step: BoundOperation, values: Mapping[str, Array]) -> tuple[tuple[Array, ...], Overflow | None]:
    """Compute what an operation makes of the values, and whether it overflows."""
    arguments, operation = step.arguments(values), step.operation
    try:
        result = step.kernel.function(**arguments)
    except (ValueError, IndexError) as error:
        raise BundleError(f"the operation {operation.name!r} ({operation.type}) contradicts itself: {error}") from error
    results = result if isinstance(result, tuple) else (result,)
    if len(results) != len(operation.outputs):
        raise BundleError(f"the operation {operation.name!r} ({operation.type}) has {len(operation.outputs)} outputs")
    pairs = zip(results, operation.outputs, strict=True)
    made = tuple(_declared(value, variable, operation) for value, variable in pairs)
    return made, _overflow(step, arguments, made)


def _of_inputs(given: Mapping[str, Any], values: Mapping[str, Array]) -> Overflow | None:
    """Find the first input that its own type cannot hold."""
    for name, value in values.items():
        if not _finite(value) and np.isfinite(given[name]).all():
            return Overflow(name, "input", value.dtype.name, float(np.abs(given[name]).max()))
    return None


def _overflow(step: BoundOperation, arguments: Mapping[str, Any], made: tuple[Array, ...]) -> Overflow | None:
    """Tell whether what an operation made is not finite although all that went in was."""
    if not step.kernel.widens or all(_finite(value) for value in made):
        return None
    tensors = [item for value in arguments.values() for item in (value if isinstance(value, tuple) else (value,))]
    floats = [item for item in tensors if isinstance(item, np.ndarray) and item.dtype.kind == "f" and item.size]
    if not all(np.isfinite(item).all() for item in floats):
        return None
    largest = max((float(np.abs(item).max()) for item in floats), default=0.0)
    operation = step.operation
    return Overflow(operation.name, operation.type, operation.outputs[0].dtype, largest)


def _value_of(operation: Operation) -> Array:
    given = operation.inputs.get("val", ())
    if len(given) != 1 or isinstance(given[0], str):
        raise BundleError(f"the constant {operation.name!r} has no value")
    return given[0]


def _scores_of(operation: Operation) -> str:
    given = operation.inputs.get("probabilities", ())
    if len(given) != 1 or not isinstance(given[0], str):
        raise unsupported(operation, "its probabilities are not made by the program")
    return given[0]


def _declared(value: Any, variable: Variable, operation: Operation) -> Array:
    array = np.asarray(value)
    fits = len(array.shape) == len(variable.shape) and all(
        declared in {None, size} for size, declared in zip(array.shape, variable.shape, strict=True)
    )
    if not fits:
        raise BundleError(
            f"the operation {operation.name!r} ({operation.type}) makes the shape {array.shape}, and the program "
            f"declares {variable.shape}"
        )
    return array.astype(KINDS[variable.dtype].numpy, copy=False)


def _finite(value: Array) -> bool:
    if value.dtype == np.float16:
        return not bool(((value.view(np.uint16) & EXPONENT) == EXPONENT).any())
    return value.dtype.kind != "f" or bool(np.isfinite(value).all())


def _classified(classifier: Classifier, scores: Array) -> dict[str, Answer]:
    """MIL ops, iOS15, classify: the label of the largest probability, and all of them by label."""
    flat = scores.reshape(-1)
    if flat.size != len(classifier.labels):
        raise BackendError(
            f"the classifier has {len(classifier.labels)} labels, and the program {flat.size} probabilities"
        )
    named: Any = dict(zip(classifier.labels, flat.tolist(), strict=True))
    return {classifier.predicted: classifier.labels[int(flat.argmax())], classifier.probabilities: named}
