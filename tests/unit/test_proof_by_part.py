"""Faults planted in one head, one output, one column or one channel: each fails the artifact, and is named."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from edgecv_converters.parity.gates import GateConfig
from edgecv_converters.parity.metrics import ComparisonAccumulator
from edgecv_converters.parity.parts import OutputSums, place_words, worst_head, worst_part
from edgecv_converters.parity.verdict import judge, worst
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import GateError
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.schema import Artifact, HeadSpec, Parity, TensorIO, TensorSpec

from edgecv.prove.verify import _checks
from edgecv.terminal.tables import raise_for_gates, snr
from tests import bundles

COUNT = 120
RNG = np.random.default_rng(5)


def softmax(values):
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def kinds(**named):
    """Heads of the given kinds, one an output."""
    return {
        name: HeadSpec(name=name, kind=kind, outputs=(name,), thresholds=thresholds)
        for name, (kind, thresholds) in named.items()
    }


HEADS = kinds(
    cls=("classification", ()), smile=("binary", (0.5,)), tags=("multilabel", (0.5,)), age=("regression", ()),
    pred=("regression", ()), rows=("regression", ()), pixels=("regression", ()),
)  # fmt: skip
OUTPUTS = {
    "cls": softmax(3 * RNG.normal(size=(COUNT, 6))),
    "smile": sigmoid(3 * RNG.normal(size=(COUNT, 1))),
    "tags": sigmoid(3 * RNG.normal(size=(COUNT, 5))),
    "age": 40 + 12 * RNG.normal(size=(COUNT, 1)),
    # A detector's boxes in pixels beside its scores, the columns last, and first.
    "pred": np.concatenate([640 * RNG.random((COUNT, 30, 4)), 0.05 * RNG.random((COUNT, 30, 5))], axis=-1),
    "rows": np.concatenate([640 * RNG.random((COUNT, 4, 200)), RNG.random((COUNT, 3, 200))], axis=1),
    "pixels": RNG.random((COUNT, 6, 6, 3)),
}


def proof(candidate, names=None, precision="int8", source=OUTPUTS):
    """The judgement of an artifact that gives `candidate` where the source gives OUTPUTS."""
    names = names or list(source)
    heads = [open_head(HEADS[name], [TensorSpec(name=name, shape=(1, *source[name].shape[1:]), dtype="float32")])
             for name in names]  # fmt: skip
    total = ComparisonAccumulator(heads)
    total.add([str(row) for row in range(COUNT)], {n: source[n] for n in names}, {n: candidate[n] for n in names})
    ios = tuple(TensorIO(name=name, tensor=name, shape=(1, *source[name].shape[1:]), dtype="float32") for name in names)
    artifact = Artifact(
        target="tflite", precision=precision, file="tflite/model.int8.tflite", sha256="0" * 64, bytes=1,
        inputs=(), outputs=ios, ops={}, requires={},
    )  # fmt: skip
    return judge(artifact, GateConfig.parse(), {"evaluation": total.result()}, how="a test")


def noisy(scale=0.01):
    """What a good int8 artifact gives: every value within a small part of its own column."""
    return {
        name: values + scale * values.std(axis=0, keepdims=True) * np.random.default_rng(6).normal(size=values.shape)
        for name, values in OUTPUTS.items()
    }


def changed(name, change):
    """Good outputs, but for one that `change` damages."""
    outputs = noisy()
    outputs[name] = change(outputs[name].copy())
    return outputs


def column(place, value, axis=-1):
    """Set one column to a value, or to what a function makes of it."""

    def change(values):
        moved = np.moveaxis(values, axis, 0)
        moved[place] = value(moved[place]) if callable(value) else value
        return values

    return change


def shuffled(values):
    return np.random.default_rng(9).permutation(values)


PLANTS = [
    *[("pred", column(place, 0.0), f"pred[{place}]") for place in range(4, 9)],
    *[("pred", column(place, 0.02), f"pred[{place}]") for place in range(4, 9)],
    *[("pred", column(place, 320.0), f"pred[{place}]") for place in range(4)],
    ("pred", column(slice(4, 9), 0.0), "pred[4]"),
    ("pred", column(slice(4, 9), shuffled), "pred[4:9]"),
    ("pred", column(slice(4, 9), lambda v: 0.05 - v), "pred[4:9]"),
    *[("rows", column(place, 0.0, axis=1), f"rows[{place}]") for place in range(7)],
    ("rows", column(slice(4, 7), shuffled, axis=1), "rows[4:7]"),
    *[("pixels", column(place, 0.5), f"pixels[{place}]") for place in range(3)],
    ("pixels", lambda v: v[::-1], "pixels"),
    ("age", lambda v: np.full_like(v, 40.0), "age"),
    ("age", lambda v: -v, "age"),
    ("cls", lambda v: np.roll(v, 1, axis=1), "cls"),
    ("cls", shuffled, "cls"),
    ("cls", lambda v: np.full_like(v, 1 / 6), "cls"),
    *[("cls", column(place, 0.0), f"{place} of cls") for place in range(6)],
    ("smile", lambda v: 1 - v, "smile"),
    ("smile", np.zeros_like, "1 of smile"),
    ("smile", np.ones_like, "0 of smile"),
    *[("tags", column(place, 0.0), f"{place}: yes of tags") for place in range(5)],
    *[("tags", column(place, 1.0), f"{place}: no of tags") for place in range(5)],
]


def test_enough_faults_are_planted():
    assert len(PLANTS) >= 40
    assert {name for name, _, _ in PLANTS} == set(OUTPUTS)


def test_a_good_artifact_passes_with_a_gate_for_each_head_and_each_group_of_columns():
    judged = proof(noisy())
    assert (judged.status, judged.reason) == ("passed", None)
    (measured,) = judged.comparisons.values()
    assert [head.head for head in measured.heads] == ["cls", "smile", "tags"]
    parts = [part.part for part in measured.parts]
    assert parts == ["cls", "smile", "tags", "age", "pred[0:4]", "pred[4:9]", "rows[0:4]", "rows[4:7]", "pixels"]
    read_on = [(gate.name, gate.subject) for gate in judged.gates]
    assert read_on == [*(("snr_db", part) for part in parts), *(("agreement", n) for n in ("cls", "smile", "tags"))]


@pytest.mark.parametrize(
    ("name", "change", "blamed"), PLANTS, ids=[f"{n}-{b}-{i}" for i, (n, _, b) in enumerate(PLANTS)]
)
def test_a_planted_fault_fails_the_artifact_and_is_named(name, change, blamed):
    judged = proof(changed(name, change))
    assert judged.status == "failed"
    assert blamed in judged.reason
    others = [other for other in OUTPUTS if other != name]
    assert not any(f" {other}" in f" {judged.reason}" for other in others), "what is whole is not blamed"
    with pytest.raises(GateError, match=r"tflite/model.int8.tflite") as caught:
        raise_for_gates((judged,), "hint")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_same_fault_is_found_where_the_output_is_the_only_one(name):
    assert proof(noisy(), [name]).status == "passed"
    assert proof(changed(name, lambda values: np.full_like(values, values.mean())), [name]).status == "failed"


def test_whole_numbers_are_equal_or_not_and_have_no_ratio():
    """Of a map of classes equal pixels are counted; an index that is wrong by one is as wrong as any."""
    classes = RNG.integers(0, 5, (COUNT, 12, 12))
    head = HeadSpec(name="map", kind="regression", outputs=("map",))
    numbers = HeadSpec(name="age", kind="regression", outputs=("age",))
    wrong = RNG.random(classes.shape)
    for with_age in (False, True):
        for share, status in ((0.02, "passed"), (0.2, "failed")):
            source = {"map": classes} | ({"age": OUTPUTS["age"]} if with_age else {})
            got = source | {"map": np.where(wrong < share, classes + 1, classes)}
            judged = judged_whole([head, numbers][: 1 + with_age], source, got)
            assert judged.status == status
            names = [gate.name for gate in judged.gates]
            assert names == [*(["snr_db"] if with_age else []), "agreement"]
            assert judged.comparisons["evaluation"].agreement == pytest.approx(1 - share, abs=0.02)
    rare = np.where(classes == 4, 0, classes)
    assert "never answers 4 of map" in judged_whole([head], {"map": classes}, {"map": rare}).reason


def judged_whole(specs, source, got):
    dtypes = {"map": "int64", "age": "float32"}
    heads = [open_head(one, [TensorSpec(name=n, shape=(1, *v.shape[1:]), dtype=dtypes[n]) for n, v in source.items()])
             for one in specs]  # fmt: skip
    total = ComparisonAccumulator(heads)
    total.add([str(row) for row in range(COUNT)], source, got)
    artifact = Artifact(target="onnx", precision="int8", file="m", sha256="0" * 64, bytes=1, inputs=(), outputs=(),
                        ops={}, requires={})  # fmt: skip
    return judge(artifact, GateConfig.parse(), {"evaluation": total.result()}, how="a test")


def test_a_single_head_has_its_gates_without_a_subject():
    judged = proof(noisy(), ["cls"])
    assert [(gate.name, gate.subject) for gate in judged.gates] == [("snr_db", None), ("agreement", None)]


def test_a_gate_for_constant_columns_moves_and_is_switched_off():
    damaged = changed("pred", column(8, 0.0))
    for text, status in (("constant=0", "failed"), ("constant=1", "passed"), ("constant=off", "passed")):
        heads = [open_head(HEADS["pred"], [TensorSpec(name="pred", shape=(1, 30, 9), dtype="float32")])]
        total = ComparisonAccumulator(heads)
        total.add([str(row) for row in range(COUNT)], {"pred": OUTPUTS["pred"]}, {"pred": damaged["pred"]})
        artifact = Artifact(target="onnx", precision="int8", file="m", sha256="0" * 64, bytes=1, inputs=(), outputs=(),
                            ops={}, requires={})  # fmt: skip
        config = GateConfig.parse([text, "snr=-100"])
        assert judge(artifact, config, {"golden": total.result()}, how="a test").status == status


@pytest.mark.parametrize(
    ("name", "blamed", "change"),
    [
        ("age", "age follows", lambda values: 40 - 0.1 * (values - 40)),
        ("pred", "pred[1] follows", column(1, lambda values: np.roll(values, 1, axis=0))),
    ],
)
def test_a_column_that_is_unrelated_fails_though_the_ratio_of_its_group_does_not(name, blamed, change):
    judged = proof(changed(name, change), [name])
    gates = {gate.name: gate for gate in judged.gates}
    assert gates["snr_db"].passed
    assert not gates["lost"].passed
    assert blamed in judged.reason


def test_weak_samples_make_a_proof_weak_and_a_failure_stays_one():
    good, bad = noisy(), changed("age", lambda values: -values)
    assert judged_on_weak(good).status == "weak"
    assert judged_on_weak(good).reason == "all samples are equal"
    assert judged_on_weak(bad).status == "failed"


def judged_on_weak(candidate):
    heads = [open_head(HEADS["age"], [TensorSpec(name="age", shape=(1, 1), dtype="float32")])]
    total = ComparisonAccumulator(heads)
    total.add([str(row) for row in range(COUNT)], {"age": OUTPUTS["age"]}, {"age": candidate["age"]})
    artifact = Artifact(target="onnx", precision="int8", file="m", sha256="0" * 64, bytes=1, inputs=(), outputs=(),
                        ops={}, requires={})  # fmt: skip
    return judge(
        artifact, GateConfig.parse(), {"golden": total.result()}, how="a test", weaknesses=("all samples are equal",)
    )


def test_an_artifact_is_as_good_as_the_worst_way_of_running_it():
    found = [Parity(artifact="m", status=status, how="") for status in ("passed", "not_run", "weak", "failed")]
    assert [worst(found[:n]).status for n in (1, 2, 3, 4)] == ["passed", "passed", "weak", "failed"]


def by_columns(*columns):
    """Outputs with these columns, a row a sample."""
    return {"out": np.stack(columns, axis=1)}


def judged_columns(wanted, got, precision):
    HEADS["out"] = HeadSpec(name="out", kind="regression", outputs=("out",))
    return proof(by_columns(*got), ["out"], precision, by_columns(*wanted))


@pytest.mark.parametrize("still", [0.0, 1e-4])
def test_an_error_where_the_source_is_zero_or_noise_fails_with_the_largest_columns(still):
    box, score, dead = 640 * RNG.random(COUNT), RNG.random(COUNT), still * RNG.random(COUNT)
    right = (box + 1e-4, score + 1e-6, dead + 1e-5)
    assert judged_columns((box, score, dead), right, "float32").status == "passed"
    failed = judged_columns((box, score, dead), (*right[:2], dead + 1e6), "float32")
    assert failed.status == "failed"
    assert "out[0, 2]" in failed.reason


def test_scales_that_fall_step_by_step_are_not_all_of_one_kind():
    wanted = [scale * RNG.normal(size=COUNT) for scale in (640, 85, 11, 1.5)]
    assert judged_columns(wanted, wanted, "float16").status == "passed"
    failed = judged_columns(wanted, (*wanted[:3], shuffled(wanted[3])), "float16")
    assert failed.status == "failed"
    assert "out[2:4]" in failed.reason


ROWS = [(COUNT, 7, 4), (COUNT, 9, 60), (COUNT, 9, 20, 20), (COUNT, 40, 9), (COUNT, 6, 6, 9)]


@pytest.mark.parametrize("shape", ROWS)
def test_scores_beside_boxes_are_proven_along_any_axis(shape):
    """An output that is joined along its second axis, or reshaped after it was joined, has its scores judged alone."""
    axis = 1 if shape[1] in {7, 9} else len(shape) - 1
    scale = np.where(np.arange(shape[axis]) < 4, 640.0, 0.5)
    source = {"out": RNG.random(shape) * scale.reshape([-1 if k == axis else 1 for k in range(len(shape))])}
    HEADS["out"] = HeadSpec(name="out", kind="regression", outputs=("out",))
    good, lost = ({"out": source["out"].copy()} for _ in range(2))
    good["out"] *= 1 + 0.001 * RNG.normal(size=shape)
    np.moveaxis(lost["out"], axis, 0)[4:] = 0
    assert proof(good, ["out"], "int8", source).status == "passed"
    failed = proof(lost, ["out"], "int8", source)
    assert failed.status == "failed"
    assert f"out[4:{shape[axis]}]" in failed.reason


def test_a_constant_column_is_found_where_the_rows_differ_more_in_scale():
    rows = np.geomspace(0.3, 1.0, 50)[:, None]
    source = {"out": (0.3 + 0.7 * RNG.random((COUNT, 50, 5))) * rows}
    damaged = {"out": source["out"].copy()}
    damaged["out"][..., 4] = source["out"][..., 4].mean()
    HEADS["out"] = HeadSpec(name="out", kind="regression", outputs=("out",))
    judged = proof(damaged, ["out"], "int8", source)
    assert {gate.name: gate.passed for gate in judged.gates} == {"snr_db": True, "constant": False}
    assert "out[4] varies" in judged.reason
    turned = proof({"out": damaged["out"].swapaxes(1, 2)}, ["out"], "int8", {"out": source["out"].swapaxes(1, 2)})
    assert "out[4] along axis 1 varies" in turned.reason


def test_padding_does_not_prove_the_whole_numbers_beside_it():
    source = {"map": np.zeros((COUNT, 20), np.int64)}
    source["map"][:, 0] = RNG.integers(0, 1000, COUNT)
    got = {"map": source["map"].copy()}
    got["map"][:, 0] = 7
    head = HeadSpec(name="map", kind="regression", outputs=("map",))
    assert judged_whole([head], source, got).status == "failed"
    got["map"][:, 0] = source["map"][:, 0] + 1
    judged = judged_whole([head], source, got)
    assert judged.comparisons["evaluation"].agreement == 0
    assert "never answers the value at [0] of map" in judged.reason
    assert judged_whole([head], source, source).status == "passed"


def test_the_rows_of_a_picture_are_no_columns():
    bright = RNG.random((COUNT, 28, 28, 1)) * np.geomspace(1e-3, 1, 28)[:, None, None]
    HEADS["out"] = HeadSpec(name="out", kind="regression", outputs=("out",))
    judged = proof({"out": bright + 0.01 * RNG.random(bright.shape)}, ["out"], "int8", {"out": bright})
    assert judged.status == "passed"


@pytest.mark.parametrize(("offset", "step", "status"), [(300, 1.2, "failed"), (300, 0.1, "passed"), (0, 0.1, "passed")])
def test_numbers_far_from_zero_are_judged_by_how_they_move(offset, step, status):
    """A large mean hides in the ratio of powers that the numbers do not follow the source's."""
    kelvin = offset + RNG.random(COUNT)
    judged = judged_columns([kelvin], [np.round(kelvin / step) * step], "int8")
    assert judged.status == status
    assert status == "passed" or "follows the source no better than a constant" in judged.reason


def test_too_many_columns_are_one_and_noise_beside_large_columns_is_not_judged_by_its_own_scale():
    wide = OutputSums("flat", (1, 4096), by_column=True)
    values = RNG.random((8, 4096)) * np.geomspace(1, 1e6, 4096)
    wide.add(values, values + 0.01)
    assert [part.part for part in wide.parts()] == ["flat"]
    tiny = OutputSums("out", (1, 3), by_column=True)
    values = RNG.random((8, 3)) * [1e3, 1.0, 1e-6]
    tiny.add(values, values * [1, 1, 0])
    assert [part.part for part in tiny.parts()] == ["out[0, 2]", "out[1]"]


def test_what_an_artifact_applies_itself_is_not_applied_again_before_it_decides(tmp_path):
    bundles.write_bundle(tmp_path / "m.edgecv", bundles.colour_head(activation="softmax"))
    with Bundle.load(tmp_path / "m.edgecv", verify=False) as bundle:
        applying = msgspec.structs.replace(
            bundle.manifest.artifacts[0],
            outputs=tuple(
                msgspec.structs.replace(io, activation="softmax") for io in bundle.manifest.artifacts[0].outputs
            ),
        )
        manifest = msgspec.structs.replace(bundle.manifest, artifacts=(bundle.manifest.artifacts[0], applying))
        checks = list(_checks(replace(bundle, manifest=manifest), GateConfig.parse(), 1))
    assert [check.heads[0].spec.activation for check in checks] == ["softmax", "none"]


def test_columns_are_named_as_an_index():
    assert place_words(np.array([4, 5, 6])) == "[4:7]"
    assert place_words(np.array([7])) == "[7]"
    assert place_words(np.array([1, 3, 5])) == "[1, 3, 5]"
    assert place_words(np.array([1, 3, 5, 7, 9])) == "[1, 3, 5, 7, ...]"
    assert worst_part(()) is None
    assert worst_head(()) is None


@pytest.mark.parametrize("rows", [1, COUNT])
def test_answers_that_are_not_finite_are_the_reason_that_is_given(rows):
    given = noisy()
    name = next(iter(given))
    given[name] = given[name].copy()
    given[name][:rows, 0] = np.inf
    found = proof(given)
    assert found.status == "failed"
    assert found.reason.startswith(f"{rows} of {COUNT} answers are not finite: NaN or infinite (on evaluation)")
    assert "snr_db" not in found.reason
    assert snr(found.comparisons["evaluation"]) == "not finite"
