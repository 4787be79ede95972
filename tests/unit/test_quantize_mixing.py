"""Which operations mix samples, told from shapes alone."""

from __future__ import annotations

import pytest
from edgecv_converters.quantize.execute import mixing
from edgecv_converters.quantize.network import Network
from edgecv_converters.tflite.reader import Op


def of_two(kind, first, second, result):
    """A network of one operation with two operands."""
    return Network(
        ops=(Op(kind, (0, 1), (2,), None),),
        inputs=(0, 1),
        outputs=(2,),
        names=("a", "b", "c"),
        shapes=(first, second, result),
        dtypes=("bool", "bool", "bool"),
        constants={},
        grids={},
        products=(),
        twins={},
        floats=frozenset(),
    )


@pytest.mark.parametrize("kind", ["ADD", "EQUAL", "LOGICAL_AND", "LOGICAL_OR"])
def test_an_operand_of_fewer_axes_is_stretched_across_samples(kind):
    apart = of_two(kind, (1, 4, 8), (1, 1, 8), (1, 4, 8))
    assert mixing(apart) is None
    stretched = of_two(kind, (1, 4, 8), (1, 8), (1, 4, 8))
    assert mixing(stretched) is stretched.ops[0]


def test_matrices_of_fewer_axes_are_stretched_across_samples():
    assert mixing(of_two("BATCH_MATMUL", (1, 2, 4, 8), (1, 2, 8, 4), (1, 2, 4, 4))) is None
    stretched = of_two("BATCH_MATMUL", (1, 2, 4, 8), (1, 8, 4), (1, 2, 4, 4))
    assert mixing(stretched) is stretched.ops[0]
