"""Programs for the tests of the reference evaluator: built with coremltools' builder, saved, and loaded back.

Tolerances are derived. U[dtype] is the unit roundoff, half a step at 1: rounding a value v once costs at most
U |v| (below the smallest normal number: half the smallest step). A sum of n products in float32, in any order, is
off by at most n U[float32] times the sum of the magnitudes.
"""

from __future__ import annotations

import gc
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from edgecv_converters.mil import Evaluator, Program, load_program
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from tests.heap import Heap

U = {"float16": 2.0**-11, "float32": 2.0**-24}
TINY = {"float16": 2.0**-25, "float32": 2.0**-150}
FLOATS = ("float16", "float32")
SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(
    max_examples=2,  # each example is a saved program of many operations
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a case says what it is: nothing to shrink
)


@dataclass(frozen=True)
class Case:
    """One operation on given inputs, with what must come out.

    `build` makes the outputs from the inputs' variables. With `inner` None the outputs must equal `expected` bit by
    bit (rounded to the output's type); else `inner` is how far off the computation may be before that rounding.
    """

    build: Callable[..., Any]
    inputs: Sequence[np.ndarray]
    expected: Sequence[np.ndarray]
    inner: Sequence[Any] | None = None
    label: str = field(default="")


def coremltools() -> Any:
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    import coremltools as ct
    import coremltools.converters.mil.frontend.tensorflow  # sets the recursion limit; Hypothesis wants it constant

    return ct


@contextmanager
def converting() -> Iterator[None]:
    """Around coremltools: it collects garbage twice a conversion, and leaves temporary folders to the collector."""
    Heap.settle()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            yield
        finally:
            gc.collect()


def builder() -> Any:
    coremltools()
    from coremltools.converters.mil import Builder

    return Builder


def save_program(build: Callable[..., Any], inputs: Sequence[np.ndarray], folder: Path, target: str = "iOS17") -> Path:
    """An .mlpackage of one function of in0, in1, ...; nothing is optimized."""
    ct, mb = coremltools(), builder()
    from coremltools.converters.mil.mil import types

    kinds = {"float16": types.fp16, "float32": types.fp32, "int32": types.int32}
    specs = [mb.TensorSpec(value.shape, dtype=kinds[value.dtype.name]) for value in inputs]
    names = ", ".join(f"in{number}" for number in range(len(inputs)))
    scope: dict[str, Any] = {"build": build}
    exec(f"def main({names}):\n    return build({names})", scope)  # the builder reads the parameters' names
    made = mb.program(input_specs=specs, opset_version=getattr(ct.target, target))(scope["main"])
    path = folder / "model.mlpackage"
    with converting():
        ct.convert(
            made,
            convert_to="mlprogram",
            minimum_deployment_target=getattr(ct.target, target),
            pass_pipeline=ct.PassPipeline.EMPTY,
            skip_model_load=True,
            package_dir=str(path),
        )
    return path


def load_built(build: Callable[..., Any], inputs: Sequence[np.ndarray], target: str = "iOS17") -> Program:
    with tempfile.TemporaryDirectory() as folder:
        return load_program(save_program(build, inputs, Path(folder), target))


def run_built(build: Callable[..., Any], inputs: Sequence[np.ndarray], target: str = "iOS17") -> list[np.ndarray]:
    """The outputs, in order, of a program that was saved and loaded back."""
    program = load_built(build, inputs, target)
    answers = Evaluator(program).run({f"in{number}": value for number, value in enumerate(inputs)})
    return [np.asarray(answers[feature.name]) for feature in program.outputs]


def check(cases: Sequence[Case], target: str = "iOS17") -> None:
    """Run all cases as one program, and hold each output against its bound."""
    starts = np.cumsum([0, *(len(case.inputs) for case in cases)])

    def build(*given: Any) -> list[Any]:
        made: list[Any] = []
        for case, start in zip(cases, starts, strict=False):
            out = case.build(*given[start : start + len(case.inputs)])
            made += [builder().identity(x=item) for item in (out if isinstance(out, list | tuple) else [out])]
        return made

    answers = run_built(build, [value for case in cases for value in case.inputs], target)
    for case in cases:
        for number, expected in enumerate(case.expected):
            hold(case, number, np.asarray(expected), answers.pop(0))
    assert not answers


def hold(case: Case, number: int, expected: np.ndarray, found: np.ndarray) -> None:
    assert found.shape == expected.shape, case.label
    if case.inner is None:
        np.testing.assert_array_equal(found, expected.astype(found.dtype), case.label)
        return
    inner = np.broadcast_to(np.asarray(case.inner[number], np.float64), expected.shape)
    unit, tiny = U[found.dtype.name], TINY[found.dtype.name]
    allowed = inner + (np.abs(expected) + inner) * unit + tiny
    off = np.abs(found.astype(np.float64) - expected)
    assert (off <= allowed).all(), f"{case.label}: off by {(off / allowed).max():.3g} times what rounding allows"


def values(rng: np.random.Generator, shape: Sequence[int], dtype: str, low: float = -2, high: float = 2) -> np.ndarray:
    return rng.uniform(low, high, tuple(shape)).astype(dtype)


coremltools()
