"""Every operation of the reference evaluator names its source, and is held against a reference somewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from edgecv_converters.mil.dtypes import Array
from edgecv_converters.mil.ops import KERNELS
from edgecv_converters.mil.registry import arithmetic

TESTS = Path(__file__).resolve().parents[1] / "integration"
TEXT = "\n".join(path.read_text(encoding="utf-8") for path in sorted(TESTS.glob("test_mil_*.py")))


@pytest.mark.parametrize("name", KERNELS)
def test_each_operation_names_its_source_and_is_tested(name):
    assert (KERNELS[name].function.__doc__ or "").startswith("MIL ops")
    assert name.removeprefix("reduce_") in TEXT


def test_a_signature_says_what_parameters_may_be():
    def swirl(
        x: Array,
        turns: int,
        pads: tuple[int, ...] | None = None,
        values: tuple[Array, ...] = (),
        mode: Literal["left", "right"] = "left",
    ) -> Array:
        del turns, pads, values, mode
        return x

    found = arithmetic(swirl).parameters
    assert [(name, p.required, p.tensor, p.several, p.choices) for name, p in found.items()] == [
        ("x", True, True, False, ()),
        ("turns", True, False, False, ()),
        ("pads", False, False, False, ()),
        ("values", False, True, True, ()),
        ("mode", False, False, False, ("left", "right")),
    ]
    assert found["turns"].convert(np.array(3, np.int32)) == 3
    assert found["pads"].convert(np.array([1, 2], np.int32)) == (1, 2)
    assert found["mode"].convert(np.array("left")) == "left"
    with pytest.raises(ValueError, match="reshape"):
        found["turns"].convert(np.array([1, 2]))
