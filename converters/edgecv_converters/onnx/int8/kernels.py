"""The sizes at which ONNX Runtime's int8 convolutions are fast, measured (1.31, AVX512-VNNI)."""

from __future__ import annotations

from typing import Final

PACK: Final = 4  # channels that a dot product takes at once
UNITS: Final = 16  # output channels that a kernel computes at once
POSITIONS: Final = 256  # of a map: rewriting convolutions of smaller ones gains nothing
