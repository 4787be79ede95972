"""What int8 does to each layer: how it is summed, ordered, shown, and refused where there is nothing to show."""

import json
import shutil
import zipfile
from pathlib import Path

import msgspec
import numpy as np
import pytest
from edgecv_converters.measured import LayerError
from edgecv_converters.quantize.layers import Sums, clipped
from edgecv_converters.tflite.reader import Grid
from edgecv_runtime.bundle import encode_manifest
from edgecv_runtime.errors import BundleError, SourceError

from edgecv.inspect import inspect_layers, tables
from edgecv.inspect.layers import worst_first
from edgecv.report import render
from edgecv.terminal.console import PlainConsole
from tests.unit.report_data import report
from tests.unit.test_inspect import manifest


def row(layer, snr_db, **more):
    fields = {"op": "CONV_2D", "count": 50, "cosine": 0.99, "float_range": (-1.5, 3.0), "grid_range": (-1.0, 2.0)}
    return LayerError(**{**fields, "layer": layer, "snr_db": snr_db, "clipped": 0.25, **more})


ROWS = (row("early", 30.0), row("bad", 3.25), row("same", None, cosine=1.0), row("float", 20.0, grid_range=None))


def bundle(folder, rows, precision="int8", target="tflite"):
    """A bundle as far as `--layers` reads one."""
    folder.mkdir()
    made = report(((target, precision),))
    (folder / "bundle.json").write_bytes(encode_manifest(manifest(artifacts=made.artifacts, parity=made.parity)))
    (folder / "report.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(made, layers=rows)))
    return folder


@pytest.mark.parametrize(("scale", "zero"), [(0.5, 0), (0.02, -128), (3.0, 100)])
def test_clipped_values_are_those_whose_nearest_step_is_not_on_the_grid(scale, zero):
    grid = Grid(scale, zero)
    values = np.linspace(-400, 400, 10_001) * scale * 1.0007
    nearest = np.rint(values / scale) + zero
    assert clipped(values, grid) == np.count_nonzero((nearest < -128) | (nearest > 127))


def test_a_uniform_range_twice_as_wide_as_the_grid_is_clipped_by_half():
    grid = Grid(1.0, 0)
    values = np.linspace(-256.5, 255.5, 100_000)  # half a step is free at either end: 256 of 512
    assert clipped(values, grid) / values.size == pytest.approx(0.5, abs=1e-4)


def test_sums_over_samples_are_those_over_all_values_at_once():
    rng = np.random.default_rng(0)
    expected, got = rng.normal(size=(2, 6, 4, 4))
    sums = Sums(Grid(0.01, 0))
    for a, b in zip(expected, got, strict=True):
        sums.add(a, b)
    assert sums.noise == pytest.approx(np.square(expected - got).sum())
    assert sums.signal == pytest.approx(np.square(expected).sum())
    assert (sums.low, sums.high) == (expected.min(), expected.max())
    assert sums.outside == np.count_nonzero((expected < -1.285) | (expected > 1.275))
    assert sums.elements == expected.size


def test_the_worst_layer_is_first_and_one_without_error_last():
    assert [found.layer for found in worst_first(ROWS)] == ["bad", "float", "early", "same"]


def test_logits_are_not_the_worst_for_being_clipped_on_purpose(tmp_path):
    rows = (*ROWS, row("head", 1.0, op="FULLY_CONNECTED", logits=True))
    assert [found.layer for found in worst_first(rows)] == ["bad", "float", "early", "same", "head"]
    console = PlainConsole(width=120, force_terminal=False)
    with console.capture() as capture:
        for table in tables(inspect_layers(bundle(tmp_path / "m.edgecv", rows))):
            console.print(table)
    assert "FULLY_CONNECTED, logits" in capture.get()
    assert "classes that lost are clipped on purpose" in capture.get()
    page = render(msgspec.structs.replace(report(), layers=rows))
    assert "or logits: ranged for the answers" in page
    assert "or logits" not in render(msgspec.structs.replace(report(), layers=ROWS))
    gray = 'class="column not_run"'
    assert page.count(gray) == render(msgspec.structs.replace(report(), layers=ROWS)).count(gray) + 1


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_layers_of_a_bundle_come_from_its_report(tmp_path, form):
    path = bundle(tmp_path / "m.edgecv", ROWS)
    if form == "zip":
        path = Path(shutil.make_archive(str(tmp_path / "m.edgecv"), "zip", path))
    found = inspect_layers(path)
    assert (found.samples, found.layers) == (50, tuple(worst_first(ROWS)))
    console = PlainConsole(width=80, force_terminal=False)
    with console.capture() as capture:
        for table in tables(found):
            console.print(table)
    text = capture.get()
    assert max(map(len, text.splitlines())) <= 80
    assert text.index("bad") < text.index("early")
    assert json.loads(msgspec.json.encode(found))["kind"] == "layers"


def test_a_bundle_whose_only_int8_artifact_is_a_follower_has_the_layers_too(tmp_path):
    assert len(inspect_layers(bundle(tmp_path / "m.edgecv", ROWS, target="coreml")).layers) == len(ROWS)


def test_a_bundle_without_measured_layers_says_why(tmp_path):
    with pytest.raises(BundleError, match="holds no int8 artifact") as caught:
        inspect_layers(bundle(tmp_path / "float.edgecv", (), "float32"))
    assert "--quantize int8" in caught.value.hint
    with pytest.raises(BundleError, match="has no measured layers"):
        inspect_layers(bundle(tmp_path / "old.edgecv", ()))
    bare = bundle(tmp_path / "bare.edgecv", ROWS)
    (bare / "report.json").unlink()
    with pytest.raises(BundleError, match=r"holds no report\.json"):
        inspect_layers(bare)
    (bare / "report.json").write_text("{")
    with pytest.raises(BundleError, match="cannot be read"):
        inspect_layers(bare)


def test_only_bundles_have_layers(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        inspect_layers(tmp_path / "none")
    (tmp_path / "model.keras").write_bytes(b"x")
    with pytest.raises(SourceError, match="is no bundle"):
        inspect_layers(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "x")
    with pytest.raises(SourceError, match="is no bundle"):
        inspect_layers(tmp_path / "other.zip")


def test_the_page_draws_a_column_for_each_layer_and_names_the_worst():
    page = render(msgspec.structs.replace(report(), layers=(*ROWS, row("<script>", 12.0))))
    assert page.count('class="column not_run"') - render(report()).count('class="column not_run"') == 1
    assert "bad (CONV_2D): 3.2" in page
    assert "same (CONV_2D): equal" in page
    assert "&lt;script&gt; (CONV_2D)" in page
    assert "<script>" not in page
    section = page[page.index("<h2>Layers</h2>") :]
    assert section.index(">bad<") < section.index(">early<")
    assert "<h2>Layers</h2>" not in render(report())
