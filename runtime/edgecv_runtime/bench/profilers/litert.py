"""The time of each operation in LiteRT, by the profiler of its C interface; the Python interface has none.

XNNPACK, which runs most of a model, tells of its own operations, which have no names: they are set against the model's
operators by their kinds and their order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple

import numpy as np

from edgecv_runtime.bench.profilers import COLD, HALF, Numbers, numbers, repeat, typical
from edgecv_runtime.bench.profilers.litert_c import DELEGATED, Event, LiteRTModel
from edgecv_runtime.bench.result import Profile, ProfiledOperation
from edgecv_runtime.bench.statistics import tidy
from edgecv_runtime.schema import Artifact

# How XNNPACK calls what it makes of the model's operators, by the beginnings of its words; the first that fits decides.
# It computes 1 x 1 convolutions as fully connected, and a sigmoid with the product behind it by one table.
XNNPACK: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    ("Convolution", "Fully Connected"): ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"),
    ("Deconvolution",): ("TRANSPOSE_CONV",),
    ("Batch Matrix Multiply",): ("BATCH_MATMUL",),
    ("Add",): ("ADD",),
    ("Subtract",): ("SUB",),
    ("Multiply",): ("MUL",),
    ("Divide",): ("DIV",),
    ("Convert",): ("QUANTIZE", "DEQUANTIZE"),
    ("Sigmoid", "Invalid Unary Op"): ("LOGISTIC",),
    ("HardSwish",): ("HARD_SWISH",),
    ("Tanh",): ("TANH",),
    ("GELU",): ("GELU",),
    ("ELU",): ("ELU",),
    ("Leaky ReLU",): ("LEAKY_RELU",),
    ("PReLU",): ("PRELU",),
    ("Softmax",): ("SOFTMAX",),
    ("Max Pooling",): ("MAX_POOL_2D",),
    ("Average Pooling",): ("AVERAGE_POOL_2D",),
    ("Mean",): ("MEAN",),
    ("Sum",): ("SUM",),
    ("Resize Bilinear",): ("RESIZE_BILINEAR",),
    ("Constant Pad",): ("PAD", "PADV2"),
    ("Transpose",): ("TRANSPOSE",),
    ("Static Reshape",): ("RESHAPE", "EXPAND_DIMS", "SQUEEZE"),
    ("Slice",): ("SLICE", "STRIDED_SLICE", "SPLIT"),
    ("Copy",): ("CONCATENATION",),
    ("Clamp",): ("RELU", "RELU6", "RELU_N1_TO_1"),
    ("Square Root",): ("SQRT",),
    ("Reciprocal Square Root",): ("RSQRT",),
    ("Negate",): ("NEG",),
}
# What XNNPACK adds to other operations; all else that is not found among the file's operators is of no known one.
HELPERS: Final = ("Clamp", "Constant Pad", "Convert", "Copy", "Static Reshape", "Transpose")


class Operator(NamedTuple):
    """One operator of the file: its kind, the name of what it gives, and the numbers that go in and come out."""

    kind: str
    layer: str
    numbers: Numbers | None


def profile(artifact: Artifact, file: Path, threads: int, inputs: Mapping[str, np.ndarray], seconds: float) -> Profile:
    """Run an artifact with LiteRT's profiler.

    Raises:
        BackendError: The LiteRT that is installed has no such profiler, or refused the file.
    """
    operators = _operators(artifact, file, threads)
    times: list[float] = []
    with LiteRTModel(file, threads) as model:
        for io in artifact.inputs:
            model.write(io.tensor, inputs[io.name])

        def infer() -> None:
            began = perf_counter()
            model.run()
            times.append(1e6 * (perf_counter() - began))

        for _ in range(COLD):
            model.run()
        events: list[list[Event]] = []
        runs = repeat(lambda: events.append(model.profiled(infer)), seconds)
        version = model.version
    return Profile(
        profiler=f"ai-edge-litert {version}",
        runs=runs,
        total_us=tidy(typical(times)),
        operations=_operations(operators, events),
    )


def _operators(artifact: Artifact, file: Path, threads: int) -> list[Operator]:
    """The operators of the file in their order."""
    from edgecv_runtime.backends.litert import LiteRT

    interpreter = LiteRT(artifact, file, threads)
    try:
        found = list(interpreter.operators())
    finally:
        interpreter.close()
    return [Operator(kind, result.partition(";")[0], numbers(floats)) for kind, result, floats in found]


def _operations(operators: Sequence[Operator], runs: Sequence[Sequence[Event]]) -> tuple[ProfiledOperation, ...]:
    first = runs[0]
    times: dict[int, list[float]] = defaultdict(list)
    for events in runs:
        for place, event in enumerate(events):
            times[place].append(event.us + (HALF if event.kind == DELEGATED else 0.0))
    return tuple(
        ProfiledOperation(
            layer="" if operator is None else operator.layer,
            operator=event.name,
            numbers=None if operator is None else operator.numbers,
            us=tidy(typical(times[place])),
        )
        for place, (event, operator) in enumerate(zip(first, matched(operators, first), strict=True))
    )


def matched(operators: Sequence[Operator], events: Sequence[Event]) -> list[Operator | None]:
    """The operator of the file that each event belongs to.

    Events of a kind that the file has as well are laid beside its operators in order; one between two of them, as a
    clamp that belongs to an addition, goes to the one before where it is one of `HELPERS`, and else to none.
    """
    there = {_family(operator.kind) for operator in operators}
    known = [(place, word) for place, event in enumerate(events) if (word := _word(event)) in there]
    seen = {word for _, word in known}
    candidates = [operator for operator in operators if _family(operator.kind) in seen]
    lines = SequenceMatcher(
        None, [word for _, word in known], [_family(operator.kind) for operator in candidates], autojunk=False
    )
    homes = {
        known[block.a + step][0]: candidates[block.b + step]
        for block in lines.get_matching_blocks()
        for step in range(block.size)
    }
    found: list[Operator | None] = []
    for place, event in enumerate(events):
        before = found[-1] if found and event.name.startswith(HELPERS) else None
        found.append(homes.get(place, before))
    return found


def _family(kind: str) -> str:
    return next((words[0] for words, kinds in XNNPACK.items() if kind in kinds), kind)


def _word(event: Event) -> str:
    if event.kind != DELEGATED:
        return _family(event.name)
    plain = event.name.partition(" (")[0].upper().replace(" ", "_")  # as TFLite calls ABS, SQUARED_DIFFERENCE
    return next((words[0] for words in XNNPACK if event.name.startswith(words)), plain)
