"""Colours for classes that stay apart for people who do not see all colours."""

from __future__ import annotations

from functools import cache
from typing import Final

Color = tuple[int, int, int]
# M. Okabe and K. Ito, Color universal design (2008), without black; ordered so that neighbours differ most.
PALETTE: Final[tuple[Color, ...]] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (204, 121, 167),
)


@cache
def color_of(index: int) -> Color:
    """Return the colour of a class: those of the palette, then the same ones darker by a quarter each time."""
    times, place = divmod(index, len(PALETTE))
    red, green, blue = (round(part * 0.75 ** min(times, 4)) for part in PALETTE[place])
    return red, green, blue
