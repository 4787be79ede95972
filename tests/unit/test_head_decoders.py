"""The records of heads that answer with places: what does not fit is refused, and a quick look leaves nothing out."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_runtime.decoders import Columns, Coordinates, Decoded, Heatmaps, Planes
from edgecv_runtime.errors import SpecError
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.schema import HeadSpec, TensorSpec

BOXES = Decoded(scores=(Columns(output="y", first=4),), boxes=(Columns(output="y", count=4),))


def opened(kind: str, shape: tuple[int, ...], **fields) -> Head:
    """A head of one output "y" of a model whose picture is of 32 x 48 pixels."""
    spec = HeadSpec(name="y", kind=kind, outputs=("y",), **fields)
    return open_head(spec, [TensorSpec(name="y", shape=shape, dtype="float32")], (32, 48))


@pytest.mark.parametrize("count", [2, 4])
def test_boxes_have_one_threshold_or_one_for_each_label(count):
    with pytest.raises(SpecError, match=f"one for each of 3 labels, got {count}"):
        opened("detection", (1, 5, 7), decode=BOXES, thresholds=(0.5,) * count)
    assert opened("detection", (1, 5, 7), decode=BOXES, thresholds=(0.5, 0.4, 0.3)).spec.thresholds == (0.5, 0.4, 0.3)


@pytest.mark.parametrize(
    ("kind", "shape", "fields"),
    [
        ("keypoints", (1, 4, 4, 3), {"decode": Heatmaps()}),
        ("keypoints", (1, 3, 3), {"decode": Coordinates(points=Columns(output="y", count=2))}),
        ("segmentation", (1, 4, 4, 1), {"decode": Planes(), "thresholds": (0.5,)}),
        ("segmentation", (1, 4, 4), {"decode": Planes(), "thresholds": (0.5,)}),
    ],
)
def test_a_softmax_is_over_classes(kind, shape, fields):
    with pytest.raises(SpecError, match="no softmax"):
        opened(kind, shape, activation="softmax", **fields)
    assert opened(kind, shape, activation="sigmoid", **fields).spec.activation == "sigmoid"


def test_boxes_of_any_size_are_no_reason_for_a_warning():
    # Warnings are errors in tests.
    rows = np.float32([[[-3e38, -3e38, 3e38, 3e38, 0.9], [0, 0, 1e30, 1e30, 0.8], [1, 1, 5, 5, 0.7]]])
    decisions, scores = opened("detection", rows.shape, decode=BOXES, thresholds=(0.5,)).recorded({"y": rows}, None)
    assert decisions == (0, 0, 0)
    np.testing.assert_array_equal(scores[0, :, :4], [[0, 0, 48, 32], [0, 0, 48, 32], [1, 1, 5, 5]])
