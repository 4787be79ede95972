"""Sketches of a graph's operations are the same however many are computed at a time."""

from __future__ import annotations

import numpy as np
from edgecv_converters.graph import node_sketches
from edgecv_converters.graph.sketch import deviation

from tests import models
from tests.integration.onnx_models import frozen


def test_a_graph_that_is_run_in_parts_gives_the_sketches_of_one_run(monkeypatch):
    graph = frozen(models.trained_digits(), "coreml")
    sample = {graph.inputs[0].name: models.digits()[0][:1, ..., None] / np.float32(255)}
    whole = node_sketches.sketches(graph, sample)
    parts = []
    real = node_sketches._parts

    def counted(tensors):
        for part in real(tensors):
            parts.append(len(part))
            yield part

    monkeypatch.setattr(node_sketches, "MOST_AT_ONCE", 1000)
    monkeypatch.setattr(node_sketches, "_parts", counted)
    found = node_sketches.sketches(graph, sample)
    assert len(parts) > 5
    assert [(one.node, one.layer, one.shape) for one in found] == [(one.node, one.layer, one.shape) for one in whole]
    for one, other in zip(found, whole, strict=True):
        assert deviation(one.projections, other.projections, other.norm) < 1e-5
