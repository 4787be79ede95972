"""Node names and the layers they came from."""

from __future__ import annotations

import pytest
from edgecv_converters.graph.layers import layer_of


@pytest.mark.parametrize(
    ("node", "known", "layer"),
    [
        ("model/conv2d_1/convolution", (), "conv2d_1"),
        ("model/block/conv/BiasAdd", (), "block/conv"),
        ("model/block/conv_1/BiasAdd", ("conv",), "conv"),
        ("model/conv_1/BiasAdd", ("conv", "conv_1"), "conv_1"),
        ("dense", (), "dense"),
        ("model/Softmax", (), "model"),
    ],
)
def test_layer_of(node: str, known: tuple[str, ...], layer: str) -> None:
    assert layer_of(node, known) == layer
