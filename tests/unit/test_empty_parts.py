"""Parts of a split that have no values are gone from the frozen graph, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.graph.freeze import freeze
from edgecv_converters.graph.inspect import ops
from edgecv_runtime.schema import TensorSpec

SPEC = TensorSpec(name="x", shape=(1, 2, 2, 6), dtype="float32")


@pytest.mark.parametrize(
    ("sizes", "taken", "kinds"),
    [
        ([2, 0, 4], (0, 1, 2), {"SplitV", "ConcatV2"}),
        ([2, 0, -1], (2, 1, 0), {"SplitV", "ConcatV2"}),
        ([0, 4, 2, 0], (0, 2, 3), {"SplitV"}),  # one is left to join
    ],
)
def test_an_empty_part_is_left_out(sizes, taken, kinds):
    import tensorflow as tf

    def call(tensors):
        parts = tf.split(tensors[0], sizes, axis=3)
        return [tf.nn.relu(tf.concat([parts[place] for place in taken], axis=3))]

    frozen = freeze(call, [SPEC], ("y",), frozenset())
    values = np.random.default_rng(0).normal(size=SPEC.shape).astype(np.float32)
    np.testing.assert_array_equal(frozen.function()(tf.constant(values))[0], call([values])[0])
    assert kinds == ops(frozen).keys() & {"SplitV", "ConcatV2"}
    sized = [node for node in frozen.proto().node if node.op == "SplitV"]
    assert [node.attr["num_split"].i for node in sized] == [2]
