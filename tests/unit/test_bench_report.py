"""The benchmark's report says what was measured, to anyone, from one file, and says when not to rely on it."""

import re

import msgspec
import pytest
from edgecv_runtime.bench.result import MeasuredOn, Result, Sustained, decode_result, encode_result
from edgecv_runtime.schema import Comparison

from edgecv.bench.report import render_html
from edgecv.terminal.words import MINUS, TIMES
from tests.unit import bench_results as made
from tests.unit.test_report import Page

replace = msgspec.structs.replace
EVIL = "<script>alert(1)</script>\"'&|"


def page(*results):
    return Page(render_html(results))


@pytest.fixture(scope="module")
def many():
    return page(made.many())


@pytest.fixture(scope="module")
def two():
    return page(made.many(), made.phone())


CASES = {
    "one": [made.one()],
    "many": [made.many(40)],
    "unlabelled": [made.unlabelled()],
    "unstable": [made.unstable()],
    "phone": [made.phone()],
    "regression": [made.regression()],
    "nothing": [made.result([made.not_run()])],
    "empty": [made.result([], references=(), peaks=())],
    "two": [made.many(), made.phone()],
    "the same twice": [made.one(), made.one()],
}


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_result_is_a_whole_page_that_needs_nothing_else(name):
    source = render_html([decode_result(encode_result(result), name) for result in CASES[name]])
    found = Page(source)
    assert len(found.all("h1")) == 1
    assert re.findall(r"(?:src=|href=|url\(|@import|<script|<link|<iframe)[^>]{0,40}", source) == []
    assert "http" not in source.replace("http-equiv", "")
    assert "default-src 'none'" in source
    drawn = re.sub(r"<style>.*</style>", "", source, flags=re.DOTALL)
    assert not re.search(r"\b(nan|inf|None)\b", drawn)


@pytest.mark.parametrize("name", CASES)
def test_what_is_drawn_stays_within_its_drawing(name):
    for tag, attrs in page(*CASES[name]).elements:
        for key in {"line": ("x1", "x2"), "rect": ("x", "width"), "circle": ("cx",)}.get(tag, ()):
            if key in attrs:
                assert 0 <= float(attrs[key].rstrip("%")) <= 100.01
        if tag == "rect":
            assert float(attrs["x"].rstrip("%")) + float(attrs["width"].rstrip("%")) <= 100.5


def test_the_headline_says_what_is_fastest_at_which_cost(many):
    head = many.text[: many.text.index("Measured")]
    row = made.many().rows[13]
    assert (row.target, row.precision, row.threads) == ("onnx", "int8", 2)
    assert f"ONNX int8 on onnx with 2 threads is fastest: {row.inference.p50_us:.0f} µs an inference" in head
    assert f"(2.86{TIMES} as fast as its float32)" in head
    assert "with the reference's answer on 98.1 % of 1 000 evaluation samples, accuracy 85.5 %" in head
    assert "The fastest that changes no answer is ONNX float32 on onnx with 2 threads" in head


def test_an_unstable_run_says_so_before_any_number():
    result = made.unstable()
    found = page(result)
    assert found.all("section", "verdict failed")
    at = found.text.index("Unstable: do not rely on these times")
    assert at < found.text.index("is fastest")
    assert all(reason in found.text for reason in result.unstable)
    assert "warm-up did not settle" in found.text
    assert "unstable" in found.text[: found.text.index("Unstable")]
    assert "Unstable" not in page(replace(result, stable=True)).text


def test_an_unstable_run_without_reasons_is_unstable_all_the_same():
    found = page(replace(made.one(), stable=False))
    assert "Unstable: do not rely on these times no reason given" in found.text


def test_the_unstable_one_of_two_is_named():
    found = page(made.phone(), made.unstable())
    assert "AMD EPYC 9B14: the load average was 5.2" in found.text
    assert "Pixel 8: the load" not in found.text


def test_every_number_of_a_row_is_there():
    row = made.row(load_us=41_300.0, cold_us=12_340.0, peak_share=0.314, multiply_adds_per_second=6.94e9)
    text = page(made.result([row])).text
    table = text[text.index("Artifact p50") : text.index("At a glance")]
    for words in (
        *(f"{getattr(row.inference, key):.0f} µs" for key in ("p50_us", "min_us", "p90_us")),
        f"{row.inference.p99_us / 1000:.3g} ms",
        "89.7 kB",
        "41.3 ms",
        "first 12.3 ms",
        "61 MB",
        "added 27 MB",
        f"85.50 % ({MINUS}0.5)",
        "83.3 to 87.7 %, chance?",
        "98.10 %",
        "of 1 000 (evaluation)",
        "31.4 %",
        "6.94 G/s",
        "litert, 1 thread; ai-edge-litert 2.1.6 XNNPACK",
    ):
        assert words in table


def test_a_significant_change_is_called_real():
    right = replace(made.correct(800), mcnemar_p=0.0004)
    assert "77.8 to 82.2 %, real" in page(made.result([made.row(correct=right)])).text


def test_what_was_not_run_has_its_reason_and_no_number(many):
    rows = many.text[many.text.index("Not run:") : many.text.index("At a glance")]
    assert rows.count("Core ML runs on macOS only") == 2
    assert "161 kB" in rows
    assert "µs" not in rows
    nothing = page(made.result([made.not_run()]))
    assert "Nothing was run." in nothing.text
    assert nothing.all("section", "verdict not_run")


def test_the_reference_and_how_it_was_made_are_told(many):
    assert "ONNX float32 by ONNX Runtime 1.31.1 on an NVIDIA H200, recorded 2026-01-30 (evaluation)" in many.text
    assert "Recorded on another machine" in many.text
    keras = replace(made.golden(), kind="keras", description="The source model in tf-keras", on="evaluation")
    found = page(made.result([made.row()], references=(keras,)))
    assert "run on the CPU of this machine; no GPU reference was given" in found.text
    assert "Answers were compared with nothing." in page(made.result([made.row()], references=())).text


def test_machine_settings_peaks_and_versions_are_told(many):
    for words in (
        "AMD EPYC 9B14, x86_64, 2 cores",
        "avx2, avx512f, avx512_vnni",
        "performance",
        "3 700 MHz",
        "0.12 before, 0.95 after",
        "12 turns each, the rows taking turns",
        "32 evaluation samples in rotation, encoded pictures, so decoding counts",
        "110 G multiply-adds/s, 1 thread: a 1x1 convolution",
        "ai-edge-litert 2.1.6",
    ):
        assert words in many.text
    device = page(made.phone()).text
    assert "31 °C before, 38.5 °C after" in device
    assert "an Android device over adb: 28091JEGR01234" in device
    assert re.search(r"Slowed by heat\s+yes", device)


def test_places_stand_side_by_side(two):
    part = two.text[two.text.index("Side by side") : two.text.index("Measured on AMD")]
    assert "Artifact AMD EPYC 9B14 Pixel 8" in part
    fast, slow = made.many().rows[7].inference.p50_us, made.phone().rows[1].inference.p50_us
    assert f"litert, 1 thread; {slow / fast:.3g}{TIMES} the time" in part
    assert two.text.count("is fastest:") == 2
    assert "Side by side" not in page(made.one()).text


def test_each_machine_has_a_front_of_its_own(two):
    titles = [svg["aria-label"] for svg in two.all("svg") if svg.get("role") == "img"]
    assert [title.split(".")[0] for title in titles] == [
        "Accuracy against latency, AMD EPYC 9B14",
        "Accuracy against latency, Pixel 8",
        "Accuracy against size",
    ]
    assert "TFLite int8, litert, 1 thread, Pixel 8: 85.50" in titles[1]


def test_the_front_is_drawn_named_and_marked_in_the_table(many):
    label = next(svg["aria-label"] for svg in many.all("svg") if "latency" in svg.get("aria-label", ""))
    front = re.findall(r"(?:: |; )([A-Z]\w+ \w+, \w+, \d thread)", label)
    assert front == [
        "ONNX int8, onnx, 2 thread",
        "TFLite dynamic, litert, 2 thread",
        "ONNX float32, onnx, 2 thread",
        "TFLite int16x8, litert, 2 thread",
    ]
    assert many.text.count("◆ front") == 4 + 1  # and the caption
    assert many.text.count("◆ front, fastest") == 1


def test_points_on_the_front_differ_in_shape(many):
    best = [attrs for attrs in many.all("path") if "best" in attrs["class"]]
    rest = [attrs for attrs in many.all("circle") if attrs["class"] == "rest"]
    assert len(best) == 4 + 3
    assert len(rest) == 10 + 2


def test_without_labels_agreement_is_drawn():
    found = page(made.unlabelled())
    assert "Agreement with the reference against latency" in found.text
    assert "8 golden samples" in found.text
    assert "Classes" not in found.text
    assert "accuracy" not in found.text[: found.text.index("Measured")].lower()


def test_a_measure_that_more_rows_have_is_drawn():
    rows = [made.row(), made.row(precision="float32", correct=None), made.row("onnx", "int8", correct=None)]
    assert "Agreement with the reference against latency" in page(made.result(rows)).text
    some = [made.row(), made.row(precision="float32", correct=None, comparisons={})]
    assert "Without this measure, and so not drawn: 2." in page(made.result(some)).text


def test_regression_is_judged_by_its_signal_to_noise_ratio():
    found = page(made.regression())
    assert "at a signal-to-noise ratio of 24.0 dB" in found.text
    assert "Equal outputs stand 10 dB above the best of the others." in found.text
    label = next(svg["aria-label"] for svg in found.all("svg") if svg.get("role") == "img")
    assert "TFLite float16, litert, 1 thread: 62.0" not in label  # slower and worse than float32, which is equal
    assert "TFLite float32, litert, 1 thread: equal" in label


def test_outputs_that_are_not_finite_are_told():
    broken = Comparison(
        count=10,
        max_abs_error=1.7e308,
        mean_abs_error=1.7e308,
        cosine=0.0,
        snr_db=-1.7e308,
        agreement=None,
        non_finite=4,
    )
    found = page(made.result([made.row(comparisons={"evaluation": broken}, correct=None)], task="regression"))
    assert "but its outputs are not finite on 4 evaluation samples" in found.text
    assert "e+308" not in found.text


def test_columns_without_any_number_are_left_out():
    head = page(made.unlabelled()).text
    assert "Load Memory Size Agreement Of peak" in head
    assert "Size Accuracy Agreement" in page(made.one()).text
    assert "Size Signal to noise Of peak" in page(made.regression()).text
    some = page(made.result([made.row(), made.row(memory_bytes=None)]))
    assert "Load Memory Size" in some.text
    assert sum(cell.get("data-label") == "Memory" for cell in some.all("td")) == 2


def test_few_samples_are_called_few():
    assert "on all 8 golden samples, which are few." in page(made.unlabelled()).text
    assert "which are few" not in page(made.many()).text


def test_the_parts_of_a_prediction_are_told_where_they_are_known():
    row = made.row()
    text = page(made.result([row])).text
    assert f"preprocess {row.preprocess.p50_us:.0f} µs, inference {row.inference.p50_us:.0f} µs, postprocess" in text
    alone = page(made.result([made.row(preprocess=None, postprocess=None, total=None)])).text
    part = alone[alone.index("Where a prediction") :]
    assert "preprocess 2" not in part


def test_times_that_a_clock_cannot_tell_from_zero_are_drawn():
    nothing = replace(made.latency(1.0), min_us=0.0, p50_us=0.0, p90_us=0.0, p99_us=0.0, samples_us=(0.0, 0.0))
    found = page(made.result([made.row(inference=nothing, postprocess=nothing)]))
    assert "0 µs" in found.text


def test_a_latency_without_samples_shows_its_percentiles():
    bare = replace(made.latency(500.0), samples_us=())
    found = page(made.result([made.row(inference=bare)], references=()))
    assert not found.all("rect", "column")
    assert len(found.all("line", "quantile")) == 3


def test_throttling_shows_in_the_sustained_curve():
    points = tuple(Sustained(second=10.0 * at, count=900, p50_us=1000.0, p90_us=1100.0 + 110 * at) for at in range(6))
    found = page(made.result([made.row(sustained=points)]))
    assert "p90 1.1 ms at first, 1.65 ms in the end (+50.0 %)" in found.text
    heights = [float(dot["cy"]) for dot in found.all("circle", "bench")]
    assert heights == sorted(heights, reverse=True)
    assert len(set(heights)) == 6
    assert "Sustained" not in page(made.one()).text


def test_forty_classes_show_the_worst_thirty_by_their_change():
    found = page(made.many(40))
    assert "The 30 worst of 40 classes" in found.text
    table = found.text[found.text.index("The 30 worst") : found.text.index("Background")]
    assert len(re.findall(r"class \d+ ", table)) == 30
    rows = made.many(40).rows[:14]
    worst = min((item.correct - item.reference_correct) / item.count for row in rows for item in row.classes)
    first = re.search(r"class \d+ 25 [\d.]+ % (.*?) class", table).group(1)
    assert f"▼ {MINUS}{-100 * worst:.4g}" in first


def test_classes_are_one_column_an_artifact_where_threads_agree(many):
    table = many.text[many.text.index("Worst first") : many.text.index("Background")]
    head = table[: table.index("class ")]
    assert head.count("TFLite int8") == 1


def test_artifacts_with_the_same_name_are_told_apart():
    rows = [made.row(), made.row(artifact="tflite/model.other.tflite")]
    found = page(made.result(rows))
    assert "TFLite int8 (model.int8.tflite)" in found.text
    assert "TFLite int8 (model.other.tflite)" in found.text


def evil(value):
    """The same result with markup in every text that is free."""
    if isinstance(value, msgspec.Struct):
        kept = {"target", "precision", "kind", "on", "data", "input", "task", "created", "sha256", "identity"}
        fields = {key: getattr(value, key) for key in value.__struct_fields__ if key not in kept}
        return replace(value, **{key: evil(item) for key, item in fields.items()})
    if isinstance(value, str):
        return EVIL
    if isinstance(value, tuple):
        return tuple(evil(item) for item in value)
    if isinstance(value, dict):
        whole = all(isinstance(item, str) for item in value.values())
        return {(EVIL if whole else key): evil(item) for key, item in value.items()}
    return value


def test_texts_from_results_are_text_never_markup():
    results = [evil(made.many(place=MeasuredOn(kind="ssh", name="pi"))), evil(made.phone()), evil(made.unstable())]
    assert msgspec.json.decode(encode_result(results[0]), type=Result) == results[0]
    source = render_html(results)
    found = Page(source)
    assert not found.all("script")
    assert "<script" not in source
    assert found.text.count(EVIL) > 40


def test_tables_have_captions_and_every_plot_has_words(two):
    assert len(two.all("caption")) == len(two.all("table")) == 6
    assert all(
        svg.get("aria-label") or svg.get("aria-hidden") or svg.get("class") == "anchor" for svg in two.all("svg")
    )
    lists = two.all("ul", "rows")
    assert len(lists) == 3
    assert all(item["aria-label"] for item in lists)
