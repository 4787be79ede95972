"""Heads for tests: of one output named "y"."""

from __future__ import annotations

from typing import Any

import numpy as np
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.kinds import KINDS, open_head
from edgecv_runtime.schema import HeadSpec, TensorSpec


def spec(kind: str = "classification", name: str = "y", **fields: Any) -> HeadSpec:
    """The record of a head, with a threshold of a half where its kind has some."""
    usual = {"thresholds": (0.5,) if KINDS[kind].takes_thresholds else ()}
    return HeadSpec(name=name, kind=kind, outputs=(name,), **{**usual, **fields})


def head(kind: str = "classification", width: int = 3, name: str = "y", **fields: Any) -> Head:
    """A head of an output of so many values."""
    return open_head(spec(kind, name, **fields), [TensorSpec(name=name, shape=(1, width), dtype="float32")])


def outputs(rows: Any, name: str = "y") -> dict[str, np.ndarray]:
    """Rows of values as the outputs of a model."""
    return {name: np.asarray(rows)}
