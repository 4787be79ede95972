"""Where Core AI's int8 numbers and those of Core ML's evaluator part: at a rounding, or somewhere else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from edgecv_converters.coreai.make import DIGEST, METADATA_FILE, PROGRAM
from edgecv_converters.coreai.translate import write_program
from edgecv_converters.mil import Evaluator, Feature, Operation, Program, load_program
from edgecv_runtime.backends import open_backend, to_raw
from edgecv_runtime.schema import Artifact, TensorIO

Array = np.ndarray[Any, Any]
HALF: Final = 0.5


@dataclass(frozen=True, slots=True)
class Parting:
    """The first quantized tensor of one sample in which the two differ.

    Attributes:
        operation: Its `quantize`.
        steps: The largest difference in steps of its scale.
        from_half: How far at most the value before rounding is from a half, where they differ, in the same steps.
    """

    operation: str
    steps: float
    from_half: float


def partings(artifact: Artifact, package: Path, inputs: Mapping[str, Array]) -> Iterator[Parting | None]:
    """Run a Core ML package and its translation, with every quantized tensor as an output; None for equal samples.

    Args:
        artifact: The record of the Core AI model that was made of the package.
        package: The int8 package.
        inputs: Samples, by the source's names.
    """
    program = load_program(package)
    inside = [operation for operation in _computed(program) if operation.type == "quantize"]
    given = {feature.name for feature in program.outputs}
    more = [one for operation in inside for one in operation.outputs if one.name not in given]
    sizes = [tuple(size or 0 for size in one.shape) for one in more]
    features = [
        Feature(name=one.name, kind="tensor", dtype=one.dtype, shape=size)
        for one, size in zip(more, sizes, strict=True)
    ]
    ios = [TensorIO(name=one.name, tensor=one.name, shape=one.shape, dtype=one.dtype) for one in features]
    wide = msgspec.structs.replace(artifact, outputs=(*artifact.outputs, *ios))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model.aimodel"
        folder.mkdir()
        outputs = (*program.outputs, *features)
        write_program(replace(program, outputs=outputs), folder / PROGRAM, lambda operation: operation.name)
        (folder / DIGEST).write_bytes(sha256((folder / PROGRAM).read_bytes()).digest())
        (folder / METADATA_FILE).write_text('{"assetVersion": "2.0"}')
        evaluator = Evaluator(program)
        with closing(open_backend(wide, folder)) as runtime:
            for row in range(len(next(iter(inputs.values())))):
                raw = {io.name: to_raw(inputs[io.name][row : row + 1], io) for io in artifact.inputs}
                found, wanted = (
                    runtime.run(raw),
                    _watched(evaluator, {io.tensor: raw[io.name] for io in artifact.inputs}),
                )
                yield next(_differing(program, inside, found, wanted), None)


def _computed(program: Program) -> Iterator[Operation]:
    """The operations that depend on an input."""
    live = {feature.name for feature in program.inputs}
    for operation in program.operations:
        if any(isinstance(item, str) and item in live for items in operation.inputs.values() for item in items):
            live |= {variable.name for variable in operation.outputs}
            yield operation


def _watched(evaluator: Evaluator, feeds: Mapping[str, Array]) -> dict[str, Array]:
    seen: dict[str, Array] = dict(feeds)

    def watch(operation: Operation, made: tuple[Array, ...]) -> None:
        seen.update({variable.name: values.copy() for variable, values in zip(operation.outputs, made, strict=True)})

    evaluator.run(feeds, watch=watch)
    return seen


def _differing(
    program: Program, inside: list[Operation], found: Mapping[str, Array], wanted: Mapping[str, Array]
) -> Iterator[Parting]:
    constants = {one.outputs[0].name: one.inputs["val"][0] for one in program.operations if one.type == "const"}
    for operation in inside:
        name = operation.outputs[0].name
        ours, theirs = found.get(name), wanted[name]
        if ours is None or np.array_equal(ours, theirs):
            continue
        scale, source = operation.inputs["scale"][0], operation.inputs["input"][0]
        scale = constants[scale] if isinstance(scale, str) else scale
        assert isinstance(source, str)
        steps = wanted[source].astype(np.float64) / np.asarray(scale, np.float64).reshape(-1)[0]
        there = steps[ours != theirs]
        off = np.abs(ours.astype(np.float64) - theirs)
        yield Parting(operation.name, float(off.max()), float(np.abs(np.abs(there - np.floor(there)) - HALF).max()))
