"""Faults planted in every kind of head, output and column, and Python's judgement of each, for Kotlin to compare with.

The samples are eight, as golden cases are. `write_proofs` writes one JSON file: the heads and shapes, the source's
outputs, those of a good artifact, and for each fault the damaged output, the name to be blamed, and the judgement.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from edgecv_converters.parity.fall import recorded_falls
from edgecv_converters.parity.gates import GOLDEN, GateConfig
from edgecv_converters.parity.metrics import ComparisonAccumulator
from edgecv_converters.parity.verdict import judge
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.schema import Artifact, HeadSpec, Parity, TensorIO, TensorSpec

from tests import heads

COUNT: Final = 8
PRECISION: Final = "int8"
WIDE_DB: Final = 30.0  # what the good artifact had on a larger set
HEADS: Final = (
    heads.spec("classification", "cls", labels=("red", "green", "blue", "grey")),
    heads.spec("binary", "smile", labels=("no", "yes")),
    heads.spec("multilabel", "tags", labels=("hat", "beard", "glasses"), activation="sigmoid"),
    heads.spec("regression", "age"),
    heads.spec("regression", "pred"),  # a detector's boxes in pixels beside its scores, the columns last
    heads.spec("regression", "rows"),  # and first
    heads.spec("regression", "pixels"),
    heads.spec("regression", "joined"),  # boxes beside scores along the shorter axis
    heads.spec("regression", "kelvin"),  # far from 0
    heads.spec("regression", "map"),  # of classes, by their indices
    heads.spec("regression", "tilted"),  # its rows differ more in scale than its columns
)
DTYPES: Final = {"map": "int64"}
Change = Callable[[np.ndarray], np.ndarray]
Tensors = Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Plant:
    """A fault in one output, and the name that the reason must say."""

    output: str
    change: Change
    blamed: str


def source() -> dict[str, np.ndarray]:
    """Return the outputs of a model whose answers are not spread evenly: green in six of eight samples."""
    rng = np.random.default_rng(7)
    scores = np.full((COUNT, 4), 0.1) + 0.05 * rng.random((COUNT, 4))
    scores[np.arange(COUNT), [1, 1, 0, 1, 1, 2, 1, 1]] = 0.7
    tags = np.where(np.arange(COUNT)[:, None] < [6, 2, 4], 1.5, -1.5) + rng.random((COUNT, 3))
    made = {
        "cls": scores,
        "smile": np.float64([[0.9, 0.8, 0.7, 0.1, 0.9, 0.2, 0.8, 0.3]]).T,
        "tags": tags,
        "age": 40 + 12 * rng.normal(size=(COUNT, 1)),
        "pred": np.concatenate([640 * rng.random((COUNT, 6, 4)), 0.05 * rng.random((COUNT, 6, 3))], axis=-1),
        "rows": np.concatenate([640 * rng.random((COUNT, 3, 48)), rng.random((COUNT, 2, 48))], axis=1),
        "pixels": rng.random((COUNT, 4, 4, 3)),
        "joined": np.concatenate([640 * rng.random((COUNT, 4, 5)), rng.random((COUNT, 3, 5))], axis=1),
        "kelvin": 300 + rng.random((COUNT, 1)),
        "map": rng.integers(0, 4, (COUNT, 6, 6)),
        "tilted": (0.3 + 0.7 * rng.random((COUNT, 12, 5))) * np.geomspace(0.3, 1.0, 12)[:, None],
    }
    return {name: values.astype(np.float32) for name, values in made.items()}


def good(outputs: Tensors) -> dict[str, np.ndarray]:
    """Return what a good int8 artifact gives: every value within a small part of its own column."""
    rng = np.random.default_rng(6)
    return {
        name: values
        if name in DTYPES
        else (values + 0.01 * values.std(axis=0, keepdims=True) * rng.normal(size=values.shape)).astype(np.float32)
        for name, values in outputs.items()
    }


def column(place: int | slice, value: float | Change, axis: int = -1) -> Change:
    """Return a change that sets columns to a value, or to what a function makes of them."""

    def change(values: np.ndarray) -> np.ndarray:
        moved = np.moveaxis(values, axis, 0)
        moved[place] = value(moved[place]) if callable(value) else value
        return values

    return change


def constant(value: float) -> Change:
    """Return a change that gives one value for all."""
    return lambda values: np.full_like(values, value)


def reverse(values: np.ndarray) -> np.ndarray:
    """Return the values of each sample's opposite."""
    return values[::-1].copy()


PLANTS: Final = (
    *(Plant("pred", column(1, lambda values, f=factor: values * f), "pred[1]") for factor in (0.75, 1.25)),
    *(Plant("pred", column(place, 320.0), f"pred[{place}]") for place in (0, 3)),
    *(Plant("pred", column(place, 0.0), f"pred[{place}]") for place in (4, 5, 6)),
    Plant("pred", column(slice(4, 7), lambda values: 0.05 - values), "pred[4:7]"),
    Plant("pred", constant(0.0), "pred[0], pred[1], pred[2], pred[3] and 3 more"),
    *(Plant("rows", column(place, 0.0, axis=1), f"rows[{place}]") for place in (0, 2, 3, 4)),
    Plant("rows", column(slice(3, 5), lambda values: values[..., ::-1].copy(), axis=1), "rows[3:5]"),
    *(Plant("pred", column(place, reverse), f"pred[{place}] follows") for place in (1, 6)),
    *(Plant("pixels", column(place, 0.5), f"pixels[{place}]") for place in range(3)),
    Plant("pixels", reverse, "pixels"),
    *(Plant("joined", column(place, 0.0, axis=1), f"joined[{place}]") for place in (0, 4, 6)),
    Plant("joined", column(slice(4, 7), lambda values: values[:, ::-1].copy(), axis=1), "joined[4:7]"),
    Plant("kelvin", lambda values: np.round(values / 1.2) * np.float32(1.2), "kelvin"),
    Plant("map", lambda values: values + (np.arange(6) < 2), "map"),
    Plant("map", lambda values: np.where(values == 3, 0, values), "3 of map"),
    Plant("map", column(2, lambda places: (places + 1) % 4), "the value at [2] of map"),
    Plant("tilted", column(4, 0.5), "tilted[4] varies"),
    Plant("tilted", column(3, reverse), "tilted[3] follows"),
    Plant("tilted", column(11, 0.5, axis=1), "tilted[11] along axis 1 varies"),
    Plant("age", constant(40.0), "age"),
    Plant("age", lambda values: -values, "age"),
    Plant("pixels", lambda values: 1.3 * values, "pixels is 19.5"),  # int8's own bars hold: only its record tells
    Plant("pred", column(slice(4, 7), lambda values: 1.3 * values), "pred[4:7] is 19.5"),
    Plant("cls", lambda values: np.roll(values, 1, axis=1), "cls"),
    Plant("cls", column(1, 0.0), "green of cls"),
    Plant("cls", column(0, np.nan), "cls"),
    Plant("smile", lambda values: 1 - values, "smile"),
    Plant("smile", constant(0.0), "yes of smile"),
    Plant("tags", column(0, -1.0), "hat: yes of tags"),
    Plant("tags", column(1, 1.0), "beard: no of tags"),
    Plant("tags", lambda values: -values, "tags"),
)


@dataclass(frozen=True, slots=True)
class ProofSet:
    """Heads, what the source and a good artifact give, and the faults.

    Attributes:
        heads: What the outputs mean.
        source: The outputs of the source, one row a sample.
        good: Those of an artifact that must pass.
        plants: The faults.
        canvas: The size of the model's picture, (height, width) in pixels; None where it takes none.
    """

    heads: tuple[HeadSpec, ...]
    source: Tensors
    good: Tensors
    plants: tuple[Plant, ...]
    canvas: tuple[int, int] | None = None


def _dtype(name: str) -> str:
    return DTYPES.get(name, "float32")


def judgement(planted: ProofSet, candidate: Tensors, recorded: tuple[Parity, ...] = ()) -> Parity:
    """Return how an artifact that gives `candidate` is judged, one sample at a time, as golden cases are.

    `recorded` is how it was judged when it was made.
    """
    outputs = planted.source
    specs = [TensorSpec(name=name, shape=(1, *v.shape[1:]), dtype=_dtype(name)) for name, v in outputs.items()]
    total = ComparisonAccumulator([open_head(head, specs, planted.canvas) for head in planted.heads])
    for row in range(COUNT):
        total.add(
            [str(row)],
            {name: values[row : row + 1] for name, values in outputs.items()},
            {name: values[row : row + 1] for name, values in candidate.items()},
        )
    ios = tuple(TensorIO(name=spec.name, tensor=spec.name, shape=spec.shape, dtype=spec.dtype) for spec in specs)
    artifact = Artifact(
        target="onnx",
        precision=PRECISION,
        file="onnx/model.int8.onnx",
        sha256="0" * 64,
        bytes=1,
        inputs=(),
        outputs=ios,
        ops={},
        requires={},
    )
    config, measured = GateConfig.parse(), total.result()
    falls = dict.fromkeys(recorded_falls(config, recorded, artifact, measured), "")
    return judge(artifact, config, {GOLDEN: measured}, how="planted", more_gates=falls)


def write_proofs(file: Path, planted: ProofSet | None = None) -> None:
    """Write faults and their judgements, those of scores and numbers where no others are given.

    Raises:
        AssertionError: A fault is not found, or the good artifact fails.
    """
    planted = planted or ProofSet(HEADS, source(), good(source()), PLANTS)
    plain = judgement(planted, planted.good)
    recorded = when_made(plain)
    assert plain.status == "passed", plain.reason
    outputs = planted.source
    record = {
        "precision": PRECISION,
        **({} if planted.canvas is None else {"canvas": planted.canvas}),
        "heads": msgspec.to_builtins(planted.heads),
        "outputs": [{"name": name, "shape": [1, *v.shape[1:]], "dtype": _dtype(name)} for name, v in outputs.items()],
        "source": {name: rows(values) for name, values in outputs.items()},
        "good": {name: rows(values) for name, values in planted.good.items()},
        "proof": msgspec.to_builtins(plain),
        "recorded": msgspec.to_builtins(recorded),
        "plants": [plant_record(plant, planted, recorded) for plant in planted.plants],
    }
    file.write_text(json.dumps(record, allow_nan=False) + "\n")


def when_made(plain: Parity) -> Parity:
    """Return the good artifact's proof with a larger set, on which its ratios were lower than on the golden cases."""
    golden = plain.comparisons[GOLDEN]
    parts = tuple(msgspec.structs.replace(part, snr_db=WIDE_DB) for part in golden.parts)
    wide = msgspec.structs.replace(golden, count=200, parts=parts)
    return msgspec.structs.replace(plain, comparisons={"calibration": wide, GOLDEN: golden})


def plant_record(plant: Plant, planted: ProofSet, recorded: Parity) -> dict[str, Any]:
    """Return the record of one fault in an artifact that was good when it was made."""
    damaged = plant.change(planted.good[plant.output].copy())
    judged = judgement(planted, {**planted.good, plant.output: damaged}, (recorded,))
    assert judged.status == "failed", f"{plant.blamed} is not found"
    assert plant.blamed in (judged.reason or ""), f"{plant.blamed} is not blamed: {judged.reason}"
    return {
        "output": plant.output,
        "blamed": plant.blamed,
        "values": rows(damaged),
        "proof": msgspec.to_builtins(judged),
    }


def rows(values: np.ndarray) -> list[list[float | None]]:
    """Return the values of each sample; what is not finite, which JSON has not, is None."""
    return [[float(value) if np.isfinite(value) else None for value in one.ravel()] for one in values]
