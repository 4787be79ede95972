"""The time of each operation in ONNX Runtime, by its own profiler."""

from __future__ import annotations

import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgecv_runtime.backends.onnx import CPU, OPTIMIZED, open_session
from edgecv_runtime.backends.structure.protobuf import fields
from edgecv_runtime.bench.profilers import COLD, HALF, Numbers, numbers, repeat, typical
from edgecv_runtime.bench.result import Profile, ProfiledOperation
from edgecv_runtime.bench.statistics import tidy
from edgecv_runtime.schema import Artifact

SUFFIX: Final = "_kernel_time"
FLOATS: Final = frozenset({"float", "float16", "bfloat16", "double"})
ADDED: Final = re.compile(r"(_prequant|_nchwc|_token_\d+|:\d+)+$")  # to a layer's name, by tf2onnx and ONNX Runtime
INNER: Final = "reorder_token_"  # what ONNX Runtime's own layouts are called
GRAPH, NODE = 7, 1  # numbers of fields in onnx.proto, of a model and of its graph
RESULT, NAME, OPERATOR = 2, 3, 4  # of a node


def profile(artifact: Artifact, file: Path, threads: int, inputs: Mapping[str, np.ndarray], seconds: float) -> Profile:
    """Run an artifact on the CPU with ONNX Runtime's profiler, and read what it wrote."""
    with tempfile.TemporaryDirectory(prefix="edgecv-profile-") as scratch:
        folder = Path(scratch)
        session, info = open_session(artifact, file, threads, provider=CPU, extra="onnx", profiled_in=folder)
        feeds = {io.tensor: inputs[io.name] for io in artifact.inputs}
        for _ in range(COLD):
            session.run(None, feeds)
        runs = repeat(lambda: session.run(None, feeds), seconds)
        events = json.loads(Path(session.end_profiling()).read_bytes())
        layers = _nodes((folder / OPTIMIZED).read_bytes())
    whole = [event["dur"] for event in events if event["name"] == "model_run"]
    return Profile(
        profiler=f"{info.name} {info.version}",
        runs=runs,
        total_us=tidy(typical(whole[COLD:])),
        operations=_operations(events, layers, COLD + runs),
    )


def _operations(
    events: Sequence[Mapping[str, Any]], layers: Sequence[tuple[str, str]], runs: int
) -> tuple[ProfiledOperation, ...]:
    """The kernels in the order in which they ran, with what each took in one inference."""
    times: dict[str, list[float]] = defaultdict(list)
    found: dict[str, Mapping[str, Any]] = {}
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith(SUFFIX):
            times[event["name"]].append(event["dur"] + HALF)
            found.setdefault(event["name"], event["args"])
    kinds = [args["op_name"] for args in found.values()]
    named = [layer for _, layer in layers] if kinds == [kind for kind, _ in layers] else [""] * len(kinds)
    return tuple(
        ProfiledOperation(
            layer=layer,
            operator=args["op_name"],
            numbers=_numbers(args),
            us=tidy(typical(times[name][COLD * len(times[name]) // runs :]) * len(times[name]) / runs),
        )
        for (name, args), layer in zip(found.items(), named, strict=True)
    )


def _numbers(args: Mapping[str, Any]) -> Numbers | None:
    """Tell by the first tensor that goes in and the first that comes out: the others may be scales."""
    sides = (args["input_type_shape"], args["output_type_shape"])
    return numbers([next(iter(shapes[0])) in FLOATS for shapes in sides if shapes])


def _nodes(model: bytes) -> list[tuple[str, str]]:
    """Operator and layer of every node of a model, in the order of the file."""
    made = []
    for _, _, start, end in _of(model, GRAPH, 0, len(model)):
        for _, _, first, last in _of(model, NODE, start, end):
            result, name, operator = (_text(model, number, first, last) for number in (RESULT, NAME, OPERATOR))
            made.append((operator, layer_name(name if result.startswith(INNER) else result)))
    return made


def layer_name(tensor: str) -> str:
    """The name of a layer without what was added to it; of several that were fused, the first."""
    return ADDED.sub("", tensor.partition(";")[0])


def _text(data: bytes, number: int, start: int, end: int) -> str:
    """The first text of a field in a message; empty where there is none."""
    return next((data[first:last].decode() for _, _, first, last in _of(data, number, start, end)), "")


def _of(data: bytes, number: int, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    return (field for field in fields(data, start, end) if field[0] == number)
