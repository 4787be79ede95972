"""`edgecv prune --drop-blocks` from end to end: what goes, what the report says, and what cannot be asked for."""

from __future__ import annotations

import json

import numpy as np
import pytest
from edgecv_runtime.errors import SourceError, UsageError

import edgecv
from tests import models
from tests.command import edgecv as call
from tests.integration.test_prune import FEW, QUICK, weights


def test_a_block_that_adds_nothing_goes_whole_and_channels_after_it(digits_folder, tmp_path):
    out = tmp_path / "s.keras"
    models.trained(models.residual_network(), "digits_residual").save(tmp_path / "m.keras")
    asked = ("--drop-blocks", "1", "--target-macs", "0.3", "--epochs", "1")
    result = call("prune", tmp_path / "m.keras", "-o", out, "--data", digits_folder, *FEW, *asked, "--json")
    assert result.code == 0, result.err
    assert "add_two goes with its block (two_a, " in result.message
    report = json.loads(result.out)["report"]
    (gone,) = report["dropped"]
    assert gone["block"]["addition"] == "add_two"
    assert gone["loss_after"] == pytest.approx(gone["loss_before"], abs=1e-5)
    assert report["after"]["multiply_adds"] <= 0.3 * report["before"]["multiply_adds"]
    widths = {row["layer"]: (row["width_after"], row["weights_after"]) for row in report["rows"]}
    assert widths["two_a"] == widths["two_b"] == (0, 0)
    assert 0 < widths["one_a"][0] < 8
    assert "Blocks that went whole" in out.with_suffix(".report.html").read_text()


def test_a_run_that_was_cut_short_goes_on_without_the_same_block(digits_folder, tmp_path, monkeypatch):
    from edgecv.compress import prune as running

    path = tmp_path / "m.keras"
    models.residual_network().save(path)
    options = {**QUICK, "drop_blocks": 1, "target_macs": 0.4, "epochs": 2}
    whole = edgecv.prune(path, digits_folder, tmp_path / "whole.keras", **options).report
    save = running.checkpoint.save

    def save_and_stop(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(running.checkpoint, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            edgecv.prune(path, digits_folder, tmp_path / "cut.keras", **options)
    with pytest.raises(UsageError, match="begun with another drop-blocks"):
        edgecv.prune(path, digits_folder, tmp_path / "cut.keras", **{**options, "drop_blocks": 2}, resume=True)
    resumed = edgecv.prune(path, digits_folder, tmp_path / "cut.keras", **options, resume=True).report
    assert resumed.dropped == whole.dropped
    assert resumed.rows == whole.rows
    pairs = zip(weights(tmp_path / "whole.keras"), weights(tmp_path / "cut.keras"), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)


def test_more_blocks_than_there_are_is_an_error_that_counts_them(digits_model, digits_folder, tmp_path):
    with pytest.raises(
        SourceError, match=r"only 2 residual blocks can go whole \(add_\w+, add_\w+\), --drop-blocks asks"
    ):
        edgecv.prune(models.residual_network(), digits_folder, tmp_path / "s.keras", **QUICK, drop_blocks=3)
    result = call(
        "prune", digits_model, "-o", tmp_path / "s.keras", "--data", digits_folder, *FEW, "--drop-blocks", "1"
    )
    assert result.code == 1
    assert "no residual block can go whole" in result.message
    assert list(tmp_path.iterdir()) == []
