"""The report says what was measured, to anyone, from one file."""

import math
import re
from html.parser import HTMLParser

import msgspec
import pytest
from edgecv_converters.measured import ClassRow, HeadRow, Report, WorstPicture
from edgecv_converters.parity.gates import GateConfig, evaluate_gates
from edgecv_converters.parity.noise import INFINITE
from edgecv_runtime.heads.words import TextTable
from edgecv_runtime.schema import Comparison, Gate, Parity

from edgecv.report import render
from edgecv.report.classes import worst_first
from edgecv.report.html import Html, el
from edgecv.report.plots import nice_ticks, power_of_ten
from edgecv.terminal.words import TIMES
from tests.unit.report_data import NOISE, failure, report

VOID = {"meta", "br", "img"}
BAD = {**NOISE, "int8": 1.2}


class Page(HTMLParser):
    """Elements and text of a document; fails on tags that do not nest."""

    def __init__(self, source):
        super().__init__()
        self.stack, self.elements, self.words = [], [], []
        self.feed(source)
        self.close()
        assert not self.stack

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        if self.stack[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"[\s\u202f]+", " ", " ".join(self.words))

    def all(self, tag, kind=None):
        return [attrs for name, attrs in self.elements if name == tag and (not kind or kind in attrs.get("class", ""))]


@pytest.fixture(scope="module")
def good():
    return Page(render(report()))


@pytest.fixture(scope="module")
def bad():
    return Page(render(report(noise=BAD, failures=[failure()])))


def test_the_verdict_comes_first(good, bad):
    assert "Passed: 5 of 6 artifacts give the source model's answers within the limits, 1 could not be run" in good.text
    assert good.text.index("Passed:") < good.text.index("TFLite float32")
    assert "Failed: 2 of 6 artifacts missed a limit and 1 target did not convert" in bad.text
    assert re.search(r"TFLite int8 : signal-to-noise ratio 0\.\d+ dB is below the limit of 8 dB", bad.text)
    assert good.all("section", "verdict passed")
    assert bad.all("section", "verdict failed")


def test_a_report_needs_nothing_else():
    source = render(report())
    outside = re.findall(r"(?:src=|href=|url|@import|<script|<link|<iframe)[^>]{0,40}", source)
    assert outside == []
    assert "http" not in source.replace("http-equiv", "")
    assert "default-src 'none'" in source


def test_names_are_text_never_markup():
    evil = "<script>alert(1)</script>\"'&"
    made = report(name=evil, failures=[failure(evil, evil)], notes=(evil,), versions={evil: evil}, machine=evil)
    made = msgspec.structs.replace(
        made,
        classes=tuple(msgspec.structs.replace(row, label=evil) for row in made.classes),
        parity=tuple(msgspec.structs.replace(row, how=evil, reason=evil) for row in made.parity),
        artifacts=tuple(msgspec.structs.replace(row, file=f"{evil}{n}") for n, row in enumerate(made.artifacts)),
    )
    page = Page(render(made))
    assert not page.all("script")
    assert page.text.count(evil) > 10


def test_every_number_of_an_artifact_is_there(good):
    made = report()
    item = made.parity[2]
    table = good.text[good.text.index("What was made") : good.text.index("At a glance")]
    assert f"{100 * item.accuracy.accuracy:.2f} %" in table
    assert f"{item.comparisons['evaluation'].snr_db:.1f} dB" in table
    assert f"{item.accuracy.lost} lost, {item.accuracy.gained} gained" in table
    assert f"3.57{TIMES} smaller than its float32" in table
    assert "LiteRT interpreter, XNNPACK, 1 thread" in table
    assert "Core ML models run on macOS only" in table


def test_plots_can_be_read_aloud(good):
    plots = good.all("svg", "") and [p for p in good.all("svg") if p.get("role") == "img"]
    assert len(plots) == 4
    assert all("TFLite int8: " in plot["aria-label"] for plot in plots)
    assert len(good.all("title")) == 5
    assert len(good.all("caption")) == len(good.all("table")) == 4


def test_failed_and_not_run_differ_in_shape(bad):
    shapes = {attrs["class"]: attrs["d"] for attrs in bad.all("path")}
    assert set(shapes) == {"dot passed", "dot failed"}
    assert shapes["dot passed"] != shapes["dot failed"]
    assert "not run" in next(attrs["aria-label"] for attrs in bad.all("svg") if "aria-label" in attrs)


def test_without_labels_there_is_no_accuracy():
    page = Page(render(report(labelled=False)))
    assert "No labelled samples were given" in page.text
    assert len([plot for plot in page.all("svg") if plot.get("role") == "img"]) == 3
    assert "Worst class" not in page.text


def test_failures_alone_show_the_log():
    page = Page(render(report(kinds=[], failures=[failure()])))
    assert "Failed: 1 target did not convert" in page.text
    assert "line 2 <b>bold</b>" in page.text
    assert "Hint: Try --targets tflite,onnx" in page.text
    assert not page.all("table")


def test_nothing_run_is_never_passed():
    page = Page(render(report(kinds=[("coreml", "float16")])))
    assert "Not run: nothing here has been proven yet" in page.text
    assert not page.all("section", "verdict passed")


def test_one_artifact_and_twenty():
    assert "Passed: the artifact gives" in Page(render(report(kinds=[("tflite", "int8")]))).text
    kinds = [(target, precision) for target in ("tflite", "onnx") for precision in NOISE] * 2
    page = Page(render(report(kinds=kinds)))
    assert page.text.count("(model19.int16x8.onnx)") >= 5
    assert len(page.all("path")) == 40


def test_a_thousand_classes_show_the_worst_thirty():
    page = Page(render(report(classes=1000, samples=3000, kinds=[("tflite", "int8")])))
    assert "The 30 worst of 1 000 classes" in page.text
    assert len(page.all("table", "pinned")) == 1
    assert len(re.findall(r"class \d+ ", page.text)) == 30


def test_the_worst_class_is_first():
    rows = [
        ClassRow(label=name, count=10, reference_correct=9, correct={"a": a, "b": b})
        for name, a, b in (("fine", 9, 9), ("worst", 9, 2), ("bad", 5, 6))
    ]
    empty = ClassRow(label="none", count=0, reference_correct=0, correct={})
    assert [row.label for row in worst_first([*rows, empty])] == ["worst", "bad", "fine"]


def test_infinite_errors_are_words():
    broken = Comparison(
        count=4,
        max_abs_error=INFINITE,
        mean_abs_error=INFINITE,
        cosine=0,
        snr_db=-INFINITE,
        agreement=0.0,
        flips=("a",),
        non_finite=4,
    )
    made = report(kinds=[("tflite", "int8")])
    parity = Parity(
        artifact=made.artifacts[0].file,
        status="failed",
        how="LiteRT",
        reason="NaN",
        comparisons={"golden": broken},
        gates=evaluate_gates(GateConfig(), "int8", {"golden": broken}, None),
    )
    stored = msgspec.json.encode(msgspec.structs.replace(made, parity=(parity,)))
    text = Page(render(msgspec.json.decode(stored, type=Report))).text
    assert text.count("not finite") >= 3
    assert "agreement 0.00 % is below the limit" in text
    assert "signal-to-noise ratio is not finite or not measured (limit 8 dB)" in text
    assert "e+308" not in text


def test_regression_has_no_agreement():
    made = report(kinds=[("tflite", "int8")], labelled=False, task="regression")
    proofs = tuple(
        msgspec.structs.replace(
            row,
            comparisons={k: msgspec.structs.replace(c, agreement=None) for k, c in row.comparisons.items()},
            gates=row.gates[:1],
        )
        for row in made.parity
    )
    page = Page(render(msgspec.structs.replace(made, parity=proofs)))
    assert len([plot for plot in page.all("svg") if plot.get("role") == "img"]) == 2


def test_positions_are_numbers():
    for made in (report(noise=BAD), report(labelled=False), report(kinds=[("onnx", "float32")])):
        source = render(made)
        assert "nan" not in re.sub(r"<style>.*</style>|[a-z]*nan[a-z]+", "", source, flags=re.DOTALL).lower()
        for attrs in Page(source).all("line"):
            assert 0 <= float(attrs["x1"].rstrip("%")) <= 100


def test_preparation_calibration_and_time_are_told(good):
    assert f"picture, upright by EXIF → rgb → stretched to 32{TIMES}32 pixels (pillow bilinear)" in good.text
    assert "200 samples (images), seed 7, 3 unreadable ones skipped" in good.text
    assert "1 min 33 s" in good.text
    assert "3 images could not be read and were skipped" in good.text


@pytest.mark.parametrize(("low", "high"), [(0.7, 0.8), (0.995, 1.0), (0, 1), (0.123, 0.1234)])
def test_ticks_cover_the_range_in_round_steps(low, high):
    ticks = nice_ticks(low, high)
    assert ticks[0] <= low + 1e-9
    assert ticks[-1] >= high - 1e-9
    assert 3 <= len(ticks) <= 8
    step = ticks[1] - ticks[0]
    assert any(math.isclose(step / 10 ** math.floor(math.log10(step * 1.0001)), n) for n in (1, 2, 5))


def test_elements_escape():
    assert el("p", "<&>", class_='a"b', data_x=None) == '<p class="a&quot;b">&lt;&amp;&gt;</p>'
    assert el("p", Html("<b></b>")) == "<p><b></b></p>"
    assert power_of_ten(-12) == "10⁻¹²"


def test_the_twin_s_gate_is_shown_with_its_limit():
    made = report()
    gate = Gate(name="twin", on="evaluation", limit=0.97, value=0.998, passed=True)
    parity = tuple(
        msgspec.structs.replace(item, gates=(*item.gates, gate)) if item.artifact.startswith("onnx") else item
        for item in made.parity
    )
    page = Page(render(msgspec.structs.replace(made, parity=parity)))
    assert "Agreement with the int8 twin" in page.text
    assert "✓ 99.80 %" in page.text
    assert "at least 97.00 %" in page.text


def test_heads_of_boxes_have_tables_curves_and_pictures():
    curves = {"cat": [1.0, 1.0, 0.5], "d<b>g": [0.0, 0.0, 0.0]}
    head = HeadRow(
        artifact="tflite/m.tflite",
        head="boxes",
        kind="detection",
        metrics={"curves": curves},
        words="mAP 80",
        reference_metrics={"curves": curves},
        reference_words="mAP 81",
        tables=(TextTable(headings=("label", "AP"), rows=(("cat", "80.0"),), total=("mean", "80.0")),),
    )
    picture = WorstPicture(
        artifact="tflite/m.tflite", head="boxes", sample="a<i>.png", share=0.5, source="AAAA", answer="BBBB"
    )
    page = render(msgspec.structs.replace(report(), heads=(head,), pictures=(picture,)))
    assert page.count('class="curve"') == 2 * 2 * 2  # labels, lines, and their marks in the legend
    assert "M30,6" in page.replace("30.0,6.0", "30,6")
    assert "50.0" in page
    assert "d&lt;b&gt;g" in page
    assert "img-src data:" in page
    assert 'src="data:image/jpeg;base64,BBBB"' in page
    assert "a&lt;i&gt;.png: source, tflite/m.tflite; 50.0" in page
