"""A fault in a detector, or in how its boxes are decoded: `edgecv verify` leaves with 3, and names it."""

from __future__ import annotations

import json
import shutil

import msgspec
import numpy as np
import pytest
from edgecv_runtime.decoders import Level
from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.schema import Fit

from tests import detector
from tests.command import edgecv

STRETCHED = np.diag([detector.WIDTH / detector.HEIGHT, 1, detector.WIDTH / detector.HEIGHT, 1])
SWAPPED = np.eye(4)[[1, 0, 3, 2]]
DAMAGES = {
    "boxes scaled by the wrong side": ({"boxes": STRETCHED}, "boxes"),
    "x and y swapped": ({"boxes": SWAPPED}, "boxes"),
    "one cell off": ({"cells": np.roll(np.eye(detector.COUNT), 1, axis=0)}, "boxes"),
    "class ids off by one": ({"scores": np.roll(np.eye(3), 1, axis=1)}, "agreement is"),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A sound bundle."""
    root = tmp_path_factory.mktemp("places") / "squares.edgecv"
    detector.write_bundle(root)
    return root


@pytest.fixture
def bundle(sound, tmp_path):
    """A copy of it."""
    return shutil.copytree(sound, tmp_path / sound.name)


def edit(bundle, change):
    manifest = json.loads((bundle / "bundle.json").read_text())
    change(manifest)
    (bundle / "bundle.json").write_text(json.dumps(manifest))
    return edgecv("verify", bundle)


def test_the_sound_detector_passes(bundle):
    result = edgecv("verify", bundle)
    assert result.code == 0, result.err
    assert "24 of 24 golden cases decoded" in result.out


@pytest.mark.parametrize("name", DAMAGES)
def test_a_fault_in_the_artifact_is_caught_and_named(bundle, name):
    damage, blamed = DAMAGES[name]
    detector.write_model(bundle / detector.FILE, damage)
    same = {"sha256": sha256_tree(bundle / detector.FILE), "bytes": tree_bytes(bundle / detector.FILE)}
    result = edit(bundle, lambda manifest: manifest["artifacts"][0].update(same))
    assert result.code == 3
    assert f"parity failed for {detector.FILE}" in result.message
    assert blamed in result.message


def pad_forgotten(manifest):
    """The picture is at the top of the input instead of in its middle: the same tensors, another way back."""
    manifest["preprocess"]["image"]["fit"] = msgspec.to_builtins(Fit(mode="stretch"))


def strides_of_another_level(manifest):
    level = Level(grid=(detector.ROWS, detector.COLUMNS), stride=(8.0, 8.0))
    manifest["heads"][0]["decode"]["levels"] = [msgspec.to_builtins(level)]


def corner_for_centre(manifest):
    manifest["heads"][0]["decode"]["centre"] = 0.0


def rows_for_columns(manifest):
    level = Level(grid=(detector.COLUMNS, detector.ROWS), stride=(16.0, 16.0))
    manifest["heads"][0]["decode"]["levels"] = [msgspec.to_builtins(level)]


DECODING = (pad_forgotten, strides_of_another_level, corner_for_centre, rows_for_columns)


@pytest.mark.parametrize("change", DECODING, ids=lambda change: change.__name__)
def test_a_fault_in_decoding_is_caught_and_named(bundle, change):
    result = edit(bundle, change)
    assert result.code == 3
    assert "0 of 24 golden cases decoded as they were recorded" in result.out
    assert "decod" in result.message
