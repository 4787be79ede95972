"""A detector's rows: as plain numbers by their columns, and as finished boxes, which the model sorts."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.parity.gates import GateConfig
from edgecv_converters.parity.metrics import ComparisonAccumulator
from edgecv_converters.parity.verdict import judge
from edgecv_runtime.decoders import Columns, Decoded
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.schema import Artifact, HeadSpec, TensorSpec

from tests.unit.test_proof_by_part import COUNT, column

NUMBERS = HeadSpec(name="rows", kind="regression", outputs=("rows",))


def judged(total, precision):
    """The judgement of an artifact of which that was measured."""
    artifact = Artifact(target="onnx", precision=precision, file="m", sha256="0" * 64, bytes=1, inputs=(), outputs=(),
                        ops={}, requires={})  # fmt: skip
    return judge(artifact, GateConfig.parse(), {"evaluation": total.result()}, how="a test")


SCALES = [(place, factor) for place in (0, 3, 4, 8) for factor in (0.5, 0.75, 4 / 3, 2.0)]


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("axis", [-1, 1])
def test_faults_in_rows_of_boxes_and_scores_are_caught(axis, precision):
    """A detector's rows as they are, without a head that knows what they are; the columns last, or first."""
    rows = boxes_of_cells()
    faults = {
        "x and y swapped": rows[..., [1, 0, 3, 2, 4, 5, 6, 7, 8]],
        "corners swapped": rows[..., [2, 3, 0, 1, 4, 5, 6, 7, 8]],
        "classes shifted": rows[..., [0, 1, 2, 3, 5, 6, 7, 8, 4]],
        **{f"column {place} times {factor:g}": column(place, lambda v, f=factor: v * f)(rows.copy())
           for place, factor in SCALES},
    }  # fmt: skip
    assert judged_rows(rows, rows, axis, precision).status == "passed"
    passed = [name for name, got in faults.items() if judged_rows(rows, got, axis, precision).status != "failed"]
    assert passed == []


def boxes_of_cells():
    """Corners in pixels around the centre of each of 6 x 6 cells, and five scores that are seldom over nothing."""
    rng = np.random.default_rng(2)
    row, column = np.indices((6, 6)).reshape(2, -1)
    centres = np.stack([column, row], axis=1) * 16 + 8 + rng.normal(0, 4, (COUNT, 36, 2))
    half = rng.uniform(6, 24, (COUNT, 36, 2))
    scores = rng.random((COUNT, 36, 5)) * (rng.random((COUNT, 36, 5)) < 0.05)
    return np.concatenate([centres - half, centres + half, scores], axis=2)


def judged_rows(source, got, axis, precision):
    """The judgement of what a good artifact of that precision makes of `got`."""
    steps = np.asarray([0.5] * 4 + [0.004] * 5) if precision == "int8" else 0
    got = got + steps * np.random.default_rng(3).uniform(-0.5, 0.5, got.shape)
    source, got = (np.moveaxis(values, -1, axis) for values in (source, got))
    head = open_head(NUMBERS, [TensorSpec(name="rows", shape=(1, *source.shape[1:]), dtype="float32")])
    total = ComparisonAccumulator([head])
    total.add([str(row) for row in range(COUNT)], {"rows": source}, {"rows": got})
    return judged(total, precision)


@pytest.mark.parametrize("single", [1.0, 0.5])
def test_one_large_value_that_is_rounded_is_no_factor(single):
    source = np.zeros((COUNT, 1))
    source[7] = single
    head = open_head(NUMBERS, [TensorSpec(name="rows", shape=(1, 1), dtype="float32")])
    total = ComparisonAccumulator([head])
    total.add([str(row) for row in range(COUNT)], {"rows": source}, {"rows": source * 0.75})
    assert total.result().parts[0].lost == ()


FINISHED = Decoded(
    scores=(Columns(output="y", first=4, count=1),),
    boxes=(Columns(output="y", count=4),),
    numbers=(Columns(output="y", first=5),),
    class_count=3,
    overlap=None,
)
SORTED = {
    "x and y swapped": (lambda rows: rows[..., [1, 0, 3, 2, 4, 5]], "agreement"),
    "boxes scaled": (column(slice(0, 4), lambda v: v * 1.5), "agreement"),
    "one side scaled a little": (column(2, lambda v: v * 1.02), "snr_db of y[0:4]"),
    "scores scaled": (column(4, lambda v: v * 0.7), "snr_db of y[4:6]"),
    "one score for all": (column(4, 0.9), "y[4] varies"),
    "numbers off by one": (column(5, lambda v: v + 1), "agreement"),
    "no boxes": (np.zeros_like, "agreement"),
}


def finished_boxes():
    """Rows of twelve boxes, best first, of which the last four have no number."""
    rng = np.random.default_rng(8)
    centres, half = rng.uniform(30, 290, (COUNT, 12, 2)), rng.uniform(10, 30, (COUNT, 12, 2))
    scores = np.sort(rng.random((COUNT, 12, 1)), axis=1)[:, ::-1]
    numbers = rng.integers(0, 3, (COUNT, 12, 1)).astype(float)
    numbers[:, 8:] = -1
    return np.concatenate([centres - half, centres + half, scores, numbers], axis=2)


def judged_sorted(got, precision="float32"):
    spec = HeadSpec(name="y", kind="detection", outputs=("y",), thresholds=(0.2,), decode=FINISHED)
    head = open_head(spec, [TensorSpec(name="y", shape=(1, 12, 6), dtype="float32")], (320, 320))
    total = ComparisonAccumulator([head])
    total.add([str(row) for row in range(COUNT)], {"y": finished_boxes()}, {"y": got})
    return judged(total, precision)


def test_finished_boxes_are_proven_in_any_order_and_without_what_is_no_box():
    rows = finished_boxes()
    rows[:, 8:, :4] = np.random.default_rng(1).uniform(0, 320, (COUNT, 4, 4))  # noise in rows without a number
    assert judged_sorted(rows[:, ::-1].copy()).status == "passed"


@pytest.mark.parametrize("name", SORTED)
def test_a_fault_in_finished_boxes_is_caught_and_named(name):
    change, blamed = SORTED[name]
    found = judged_sorted(change(finished_boxes()))
    assert found.status == "failed"
    assert blamed in found.reason


def test_without_a_box_that_both_find_there_is_no_ratio():
    comparison = judged_sorted(finished_boxes() * 0).comparisons["evaluation"]
    assert comparison.parts == ()
    assert comparison.agreement < 0.5
