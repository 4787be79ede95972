"""The test for NaN as a comparison with itself, for coremltools, which has no IsNan.

Needed by: `keras.ops.logaddexp`, `fmin`, `quantile` and the like, for Core ML.
"""

from __future__ import annotations

from typing import Any


def rewrite(proto: Any) -> None:
    """Replace every IsNan by NotEqual, in place."""
    for node in [node for node in proto.node if node.op == "IsNan"]:
        node.op = "NotEqual"
        node.input[:] = [node.input[0], node.input[0]]
