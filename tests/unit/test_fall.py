"""How far a ratio may lie below the one that was recorded, and below the twin's."""

import msgspec
import numpy as np
import pytest
from edgecv_converters.parity.fall import COUNTED_DB, RECORDED, fall_gates, recorded_comparisons, recorded_falls
from edgecv_converters.parity.gates import GateConfig
from edgecv_converters.parity.metrics import ComparisonAccumulator
from edgecv_converters.parity.noise import INFINITE
from edgecv_converters.parity.verdict import judge
from edgecv_converters.workers import Proof
from edgecv_runtime.errors import UsageError
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.schema import Artifact, Comparison, Parity, PartComparison, TensorIO, TensorSpec
from edgecv_runtime.text import THIN

from edgecv.prove.judge import TwinProof, judge_proof
from edgecv.prove.output import _fall
from edgecv.report.verdict import gate_sentence
from tests import heads

RNG = np.random.default_rng(3)
COUNT = 40
SCORES = RNG.normal(size=(COUNT, 5)).astype(np.float32)
ARTIFACT = Artifact(
    target="onnx",
    precision="int8",
    file="onnx/model.int8.onnx",
    sha256="0" * 64,
    bytes=1,
    inputs=(),
    outputs=(TensorIO(name="out", tensor="out", shape=(1, 5), dtype="float32"),),
    ops={},
    requires={},
)


def measured(non_finite=0, **ratios):
    parts = tuple(PartComparison(part=name, snr_db=ratio) for name, ratio in ratios.items())
    return Comparison(
        count=8,
        max_abs_error=1,
        mean_abs_error=1,
        cosine=1,
        snr_db=1,
        agreement=None,
        non_finite=non_finite,
        parts=parts,
    )


def falls(before, now, limit=6.0):
    return {gate.subject: gate for gate in fall_gates(RECORDED, "golden", limit, before, now)}


@pytest.mark.parametrize(
    ("before", "now", "fall", "passed"),
    [
        (30.0, 30.0, 0.0, True),
        (30.0, 24.0, 6.0, True),
        (30.0, 23.5, 6.5, False),
        (30.0, 35.0, 0.0, True),
        (130.0, COUNTED_DB - 6, 6.0, True),  # a float file in a phone's float16: the precision's own bar judges it
        (None, COUNTED_DB - 7, 7.0, False),
        (None, None, 0.0, True),
        (30.0, None, 0.0, True),
        (30.0, -INFINITE, None, False),
        (-3.0, -INFINITE, None, False),
    ],
)
def test_a_ratio_may_lie_a_little_below_the_recorded_one(before, now, fall, passed):
    (gate,) = falls([measured(out=before)], measured(out=now)).values()
    assert (gate.value, gate.passed) == (fall, passed)


def test_every_part_falls_by_itself_and_the_lowest_record_counts():
    found = falls([measured(box=38.0, score=20.0), measured(box=30.0, score=25.0)], measured(box=23.0, score=15.0))
    assert {part: gate.value for part, gate in found.items()} == {"box": 7.0, "score": 5.0}
    assert [gate.passed for gate in found.values()] == [False, True]


def test_a_lucky_ratio_on_few_cases_is_none_to_keep():
    wide = msgspec.structs.replace(measured(out=27.0), count=200)
    sets = {"calibration": wide, "golden": measured(out=36.0)}
    made = Parity(artifact="m", status="passed", how="", comparisons=sets)
    assert falls(recorded_comparisons([made]), measured(out=20.0))["out"].value == 7.0
    unlucky = msgspec.structs.replace(made, comparisons={"golden": measured(out=22.0), "calibration": wide})
    assert falls(recorded_comparisons([unlucky]), measured(out=20.0))["out"].value == 2.0
    assert recorded_comparisons([msgspec.structs.replace(made, comparisons={"calibration": wide})]) == []


def test_nothing_recorded_asks_nothing_and_a_part_that_was_not_recorded_fails():
    assert falls([], measured(out=3.0)) == {}
    assert falls([measured()], measured(out=3.0)) == {}
    assert falls([measured(other=30.0)], measured(out=30.0))["out"].passed is False
    assert falls([measured(out=30.0)], measured(non_finite=1, out=30.0))["out"].passed is False


def test_the_gate_is_moved_and_switched_off_by_name():
    assert GateConfig.parse(["int8:fall=3"]).limits["mixed"].fall_db == 3
    assert GateConfig.parse(["fall=off"]).limits["int8"].fall_db is None
    assert falls([measured(out=30.0)], measured(out=3.0), limit=None) == {}
    with pytest.raises(UsageError, match="fall_db must be in"):
        GateConfig.parse(["fall=-1"])


def test_a_fall_fails_an_artifact_that_keeps_its_precisions_bars_and_is_told_in_words():
    recorded = (Parity(artifact=ARTIFACT.file, status="passed", how="", comparisons={"golden": compared(SCORES)}),)
    assert verified(1.001 * SCORES, recorded).status == "passed"
    found = verified(1.3 * SCORES, recorded)
    below = "below what was recorded when the artifact was made (on golden)"
    assert found.reason == f"the signal-to-noise ratio of out is 29.54 dB {below}, the gate is 7 dB"
    assert verified(1.3 * SCORES, ()).status == "passed"
    assert [_fall(one) for one in (found, verified(1.3 * SCORES, ()))] == [" (29.5)", ""]
    (gate,) = (gate for gate in found.gates if not gate.passed)
    words = "decibels below its record of out"
    assert gate_sentence(gate) == f"{words} 29.5{THIN}dB is above the limit of 7{THIN}dB"
    broken = verified(np.full_like(SCORES, np.nan), recorded)
    assert "one of them is not finite or not measured" in broken.reason
    assert _fall(broken) == " (not measured)"


def compared(candidate, kind="classification"):
    spec = TensorSpec(name="out", shape=(1, 5), dtype="float32")
    total = ComparisonAccumulator([open_head(heads.spec(kind, "out"), [spec])])
    total.add([str(row) for row in range(COUNT)], {"out": SCORES}, {"out": candidate})
    return total.result()


def verified(candidate, recorded):
    config, found = GateConfig.parse(), compared(candidate)
    gates = dict.fromkeys(recorded_falls(config, recorded, ARTIFACT, found), "")
    return judge(ARTIFACT, config, {"golden": found}, how="a test", more_gates=gates)


def proof(candidate, kind):
    return Proof(
        how="a test",
        comparisons={"calibration": compared(candidate, kind)},
        histogram=None,
        decisions={"calibration": candidate.argmax(1)} if kind == "classification" else {},
        rows={"calibration": np.arange(COUNT)},
    )


def twins(candidate, kind, *, config=(), activation="none", exact=True):
    noisy = SCORES + 0.03 * RNG.normal(size=SCORES.shape).astype(np.float32)
    carrier = msgspec.structs.replace(ARTIFACT, file="tflite/model.int8.tflite")
    (output,) = ARTIFACT.outputs
    artifact = msgspec.structs.replace(ARTIFACT, outputs=(msgspec.structs.replace(output, activation=activation),))
    return judge_proof(
        artifact,
        proof(candidate(noisy), kind),
        GateConfig.parse(config),
        twin=TwinProof(artifact=carrier, proof=proof(noisy, kind)),
        twin_is_exact=exact,
        mixed=None,
    )


@pytest.mark.parametrize("kind", ["classification", "regression", "embedding"])
def test_a_twin_that_gives_the_same_answers_by_other_numbers_fails(kind):
    assert twins(lambda values: values, kind).status == "passed"
    found = twins(lambda values: 1.3 * values, kind)
    assert found.status == "failed"
    assert "below that of the artifact whose quantization it carries (on calibration)" in found.reason
    if kind == "classification":
        assert found.twin.agreement == 1


def test_a_twin_is_not_judged_by_numbers_that_mean_something_else_or_where_it_is_only_told():
    def scaled(values):
        return 1.3 * values

    assert twins(scaled, "classification", activation="softmax").status == "passed"
    assert twins(scaled, "classification", config=["twin_fall=off"]).status == "passed"
    assert twins(scaled, "classification", exact=False).status == "passed"
