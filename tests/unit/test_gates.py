"""Which measurements pass which limits."""

import math

import pytest
from edgecv_converters.parity.gates import DEFAULT_LIMITS, GateConfig, GateLimits, evaluate_gates
from edgecv_runtime.errors import UsageError
from edgecv_runtime.schema import Accuracy, Comparison

from edgecv.convert.recipe import precisions


def comparison(count=100, agreement=0.97, snr_db=25.0, **more):
    fields = {"max_abs_error": 0.1, "mean_abs_error": 0.01, "cosine": 0.999, **more}
    return Comparison(count=count, agreement=agreement, snr_db=snr_db, **fields)


def labelled(lost=5, gained=3, count=1000):
    return Accuracy(
        count=count,
        accuracy=0.75 + (gained - lost) / count,
        interval=(0.7, 0.8),
        reference_accuracy=0.75,
        lost=lost,
        gained=gained,
        mcnemar_p=0.7,
    )


def gates(precision="int8", overrides=(), comparisons=None, accuracy=None):
    made = evaluate_gates(GateConfig.parse(overrides), precision, comparisons or {}, accuracy)
    return {gate.name: gate for gate in made}


def test_what_was_trained_may_answer_otherwise_unless_a_gate_says_no():
    trained = GateConfig.parse(["int8:snr=3"], trained=True).limits["int8"]
    assert (trained.agreement, trained.snr_db, trained.max_drop) == (0.75, 3, 2.0)
    assert GateConfig.parse(trained=True).limits["int8"].snr_db is None
    assert GateConfig.parse(trained=True).limits["float32"] == DEFAULT_LIMITS["float32"]


def test_every_precision_has_defaults():
    assert set(DEFAULT_LIMITS) == {*precisions(), "mixed"}
    assert GateConfig().limits == GateConfig.parse().limits == DEFAULT_LIMITS


@pytest.mark.parametrize(
    ("names", "same_as_int8"),
    [
        (("weights8", "palette8", "palette6-group4", "sparse-palette6"), True),
        (
            ("weights4", "weights4-block16", "palette4-group8", "palette2", "sparse-palette4", "sparse10-palette8"),
            False,
        ),
    ],
)
def test_fewer_bits_and_new_zeros_have_a_lower_bar(names, same_as_int8):
    for name in names:
        limits, int8 = DEFAULT_LIMITS[name], DEFAULT_LIMITS["int8"]
        assert (limits == int8) == same_as_int8
        assert limits.agreement <= int8.agreement
        assert limits.snr_db <= int8.snr_db
        assert limits.max_drop >= int8.max_drop


def test_a_recipe_has_its_own_override():
    config = GateConfig.parse(["palette4:agreement=0.97", "weights8:drop=off"])
    assert config.limits["palette4"].agreement == 0.97
    assert config.limits["palette4-group8"] == DEFAULT_LIMITS["palette4-group8"]
    assert config.limits["weights8"].max_drop is None


def test_good_int8_passes_and_the_same_numbers_fail_as_float32():
    measured = {"calibration": comparison()}
    assert all(gate.passed for gate in gates("int8", comparisons=measured, accuracy=labelled()).values())
    failed = gates("float32", comparisons=measured, accuracy=labelled(lost=9))
    assert [gate.passed for gate in failed.values()] == [False, False, False]
    assert failed["max_drop"].value == pytest.approx(0.6)


def test_the_largest_set_counts_and_golden_only_alone():
    sets = {"golden": comparison(count=500, agreement=0.1), "calibration": comparison(count=200)}
    assert gates(comparisons=sets)["agreement"].on == "calibration"
    sets["evaluation"] = comparison(count=1000, agreement=0.5)
    assert gates(comparisons=sets)["agreement"].on == "evaluation"
    assert not gates(comparisons=sets)["agreement"].passed
    assert gates(comparisons={"golden": comparison(count=4)})["snr_db"].on == "golden"


@pytest.mark.parametrize(
    ("count", "flips", "passed"), [(4, 1, True), (4, 2, False), (19, 1, True), (20, 1, False), (1, 1, True)]
)
def test_one_flip_is_allowed_in_a_small_set(count, flips, passed):
    measured = {"golden": comparison(count=count, agreement=(count - flips) / count, snr_db=70)}
    assert gates("float32", comparisons=measured)["agreement"].passed is passed


def test_a_drop_at_the_limit_passes():
    assert gates(accuracy=labelled(lost=20, gained=0), comparisons={"golden": comparison()})["max_drop"].passed
    assert not gates(accuracy=labelled(lost=21, gained=0), comparisons={"golden": comparison()})["max_drop"].passed
    assert gates(accuracy=labelled(lost=0, gained=40), comparisons={"golden": comparison()})["max_drop"].passed


@pytest.mark.parametrize(
    "broken",
    [
        comparison(snr_db=math.nan, agreement=math.nan),
        comparison(snr_db=80.0, agreement=1.0, non_finite=1),
        comparison(snr_db=80.0, agreement=1.0, max_abs_error=math.inf),
        comparison(snr_db=80.0, agreement=1.0, max_abs_error=math.nan),
        comparison(snr_db=None, agreement=0.0, max_abs_error=math.nan),
    ],
)
def test_what_is_not_finite_fails(broken):
    made = gates(comparisons={"calibration": broken})
    assert [gate.passed for gate in made.values()] == [False, False]


def test_equal_outputs_pass_and_no_measurement_fails():
    equal = comparison(agreement=1.0, snr_db=None, max_abs_error=0.0)
    assert all(gate.passed for gate in gates("float32", comparisons={"golden": equal}).values())
    assert [gate.passed for gate in gates().values()] == [False, False]


def test_regression_has_only_snr():
    assert set(gates(comparisons={"golden": comparison(agreement=None)})) == {"snr_db"}


def test_overrides_one_precision_beats_all():
    config = GateConfig.parse(["int8:agreement=0.97", "agreement=0.5", "snr=30", "float16:drop=off"])
    assert config.limits["int8"] == GateLimits(agreement=0.97, snr_db=30, max_drop=2.0, mean_iou=0.80, psnr_db=22)
    assert config.limits["float32"].agreement == 0.5
    assert config.limits["float16"].max_drop is None
    assert "max_drop" not in gates("float16", ["float16:drop=off"], {"golden": comparison()}, labelled())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("agreemnt=1", "agreement, snr, drop"),
        ("agreement", "agreement, snr, drop"),
        ("int4:snr=3", "float32, float16, dynamic, int8, int16x8"),
        ("snr=high", "needs a number or off, got 'high'"),
        ("snr=nan", "needs a number or off"),
        ("agreement=95", r"agreement must be in 0\.\.1, got 95"),
        ("drop=-1", "max_drop must be in"),
    ],
)
def test_wrong_overrides_say_what_is_known(text, words):
    with pytest.raises(UsageError) as caught:
        GateConfig.parse([text])
    assert words.replace("\\", "") in f"{caught.value.message} {caught.value.hint}"
