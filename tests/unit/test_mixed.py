"""Layers in float for a budget: the search, the samples that it is judged on, the options, and what is said of it."""

from pathlib import Path

import msgspec
import pytest
from edgecv_converters.data import Sample, SampleSet
from edgecv_converters.measured import BudgetTrial, LayerSensitivity, Mixed
from edgecv_converters.quantize.fewest import fewest
from edgecv_converters.workers import kept_layers
from edgecv_runtime.errors import DataError, UsageError
from edgecv_runtime.schema import Accuracy
from hypothesis import given
from hypothesis import strategies as st

from edgecv.convert.datasets import MOST_VALIDATION, split, validation_words
from edgecv.convert.recipe import Recipe, plan
from edgecv.convert.request import from_options
from edgecv.prove.budget import best_reached, budget_gate, mixed_notes
from edgecv.report import render
from tests.unit.report_data import report


@given(st.integers(1, 300), st.data())
def test_the_fewest_layers_are_found_where_more_are_never_worse(most, data):
    needed = data.draw(st.integers(0, most))
    asked = []

    def measure(count):
        asked.append(count)
        return 0.5 if count >= needed else 0.6 + (needed - count)

    found = fewest(most, measure, 0.5)
    assert (found.count, found.drop, found.reason) == (needed, 0.5, None)
    assert len(asked) == len(set(asked)) <= 2 + 2 * needed.bit_length()


def test_an_impossible_budget_ends_with_the_best_that_was_reached():
    drops = {0: 9.0, 1: 8.0, 2: 3.0, 4: 3.0, 5: 7.0}
    found = fewest(5, lambda count: drops[count], 0.5)
    assert (found.count, found.drop) == (2, 3.0), "of equal drops the one with fewer layers"
    assert found.reason == "the budget was not met with 5 layers in float"
    assert [trial.float_layers for trial in found.trials] == [0, 1, 2, 4, 5]


def test_the_search_ends_in_time():
    found = fewest(100, lambda count: 10.0 - count, 0.0, lambda: False)
    assert (found.count, found.drop) == (0, 10.0)
    assert found.reason == "the budget was not met in the time that was given"
    turns = iter([True, True, True, True, False])
    found = fewest(100, lambda count: 5.0 - count, 0.0, lambda: next(turns))
    assert (found.count, found.reason) == (8, None), "what held is kept, though fewer might do"


def samples(folder, count, *, classes=("a", "b"), start=0):
    made = tuple(
        Sample(f"{classes[n % len(classes)]}/{n}", classes[n % len(classes)], Path(folder) / f"{n}.png")
        for n in range(start, start + count)
    )
    return SampleSet("images", Path(folder), made, tuple(sorted(classes)))


def ids(found):
    return {sample.location for sample in found.samples}


@given(st.integers(40, 200), st.integers(0, 5))
def test_half_of_the_evaluation_samples_is_seeded_balanced_and_disjoint_from_the_rest(count, seed):
    whole = samples("test", count)
    validation, evaluation = split(None, whole, seed)
    assert ids(validation) | ids(evaluation) == ids(whole)
    assert not ids(validation) & ids(evaluation)
    assert len(validation) == count // 2
    labels = [sample.label for sample in validation.samples]
    assert abs(labels.count("a") - labels.count("b")) <= 1
    assert split(None, whole, seed) == (validation, evaluation)
    assert ids(split(None, whole, seed + 1)[0]) != ids(validation)
    assert "that accuracy is not measured on" in validation_words(
        {"validation": validation, "evaluation": evaluation}, 5
    )


def test_labelled_calibration_samples_that_set_no_range_leave_the_evaluation_whole():
    whole, rest = samples("test", 60), samples("train", 1500)
    validation, evaluation = split(rest, whole, 0)
    assert evaluation == whole
    assert len(validation) == MOST_VALIDATION
    assert ids(validation) <= ids(rest)
    words = validation_words({"validation": validation, "evaluation": evaluation}, 1000)
    assert words == "1000 labelled samples of the calibration data that set no range"


@pytest.mark.parametrize(
    "rest",
    [
        samples("train", 99),
        samples("train", 500, classes=("a", "b", "c")),
        samples("test", 500),
        SampleSet("images", Path("train"), samples("train", 500).samples, ()),
    ],
    ids=["too few", "other classes", "the evaluation's own", "no classes"],
)
def test_other_calibration_samples_are_not_judged_on(rest):
    whole = samples("test", 60)
    validation, evaluation = split(rest, whole, 0)
    assert ids(validation) | ids(evaluation) == ids(whole)
    assert len(evaluation) == 30


def test_too_few_samples_are_not_split():
    with pytest.raises(DataError, match="has 39 samples, too few"):
        split(None, samples("test", 39), 0)


@pytest.mark.parametrize(
    ("more", "message", "hint"),
    [
        ({"evaluate": None}, "needs labelled samples", "--evaluate"),
        ({"max_drop": -0.1}, "must be 0 to 100 points of accuracy, got -0.1", "--max-drop 0.5"),
        ({"max_drop": float("nan")}, "must be 0 to 100 points of accuracy, got nan", "--max-drop 0.5"),
        ({"max_drop": 101.0}, "got 101", "--max-drop 0.5"),
        ({"quantize": "float16"}, "needs an int8 artifact", "--quantize int8"),
        ({"quantize": "coreml:weights8"}, "needs an int8 artifact", "--quantize int8"),
        ({"max_drop_limit": 0.0}, "--max-drop-limit must be positive", "seconds"),
        ({"quantize": "mixed"}, "mixed is what int8 becomes", "--max-drop POINTS"),
    ],
)
def test_wrong_calls_are_usage_errors_with_a_hint(more, message, hint):
    given = {"quantize": "int8", "calibrate": "a", "evaluate": "b", "max_drop": 0.5, **more}
    with pytest.raises(UsageError) as caught:
        from_options(Path("m.keras"), Path("m.edgecv"), given)
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_recipe_with_a_budget_is_data():
    recipe = Recipe(steps=plan(["int8"], []), max_drop=0.0)
    assert msgspec.json.decode(msgspec.json.encode(recipe), type=Recipe) == recipe


def choice(drop=0.25, *, source=0.9, reason=None, distance=0.5):
    layers = tuple(
        LayerSensitivity(
            layer=name, ops=("CONV_2D",), distance=d, snr_db=9.0, extra_bytes=3000, work=0.25, kept=name == "<bad>"
        )
        for name, d in (("<bad>", 2.0), ("fine", distance))
    )
    trials = (BudgetTrial(float_layers=0, drop=4.5), BudgetTrial(float_layers=1, drop=drop))
    return Mixed(
        budget=0.5,
        drop=drop,
        on="800 labelled samples",
        count=800,
        source_accuracy=source,
        layers=layers,
        trials=trials,
        seconds=1.0,
        reason=reason,
    )


MEASURED = Accuracy(
    count=100, accuracy=0.8, interval=(0.7, 0.9), reference_accuracy=0.88, lost=1, gained=0, mcnemar_p=1.0
)


def test_the_budget_is_a_gate():
    assert budget_gate(choice(0.5)).passed
    failed = choice(0.6, reason="the budget was not met with 1 layers in float")
    assert not budget_gate(failed).passed
    words = best_reached(failed)
    assert "--max-drop 0.5 cannot be met on 800 labelled samples" in words
    assert "0.6 points at best, with 1 of 2 layers in float" in words


def test_notes_say_what_was_chosen_and_when_the_samples_were_unfit():
    (first,) = mixed_notes(choice(), MEASURED)
    assert first.startswith("1 of 2 layers stay float: <bad>. Judged on 800 labelled samples")
    assert "0.25 points (4.5 with all layers in int8)" in first
    assert kept_layers(choice()) == ("<bad>",)
    assert kept_layers(None) == ()
    seen = list(mixed_notes(choice(source=0.99), MEASURED))
    assert "If it was trained on the former" in seen[1]
    assert any("no time to rank 1" in text for text in mixed_notes(choice(distance=None), None))


def test_the_page_shows_the_ranking_the_trials_and_the_price():
    page = render(msgspec.structs.replace(report(), mixed=choice()))
    section = page[page.index("<h2>Layers in float</h2>") :]
    assert "1 of 2 layers stay float: accuracy falls by 0.25 points on 800 labelled samples" in section
    assert section.index("&lt;bad&gt;") < section.index("fine")
    assert "3\N{NARROW NO-BREAK SPACE}kB" in section
    assert "\N{MINUS SIGN}4.5 points" in section
    assert "Layers in float" not in render(report())
