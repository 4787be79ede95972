"""The choice of the channels that go, so that a budget of multiply-adds holds."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from edgecv.compress.channels import Atoms, Channels, Mask
from edgecv.compress.importance import Scores

Scope = Literal["global", "layer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Widths:
    """The widths that a layer may have, never less than `least`.

    They are the width as it is, multiples of `round_to`, and below `round_to` its half, quarter and so on, as far as
    those are whole.
    """

    round_to: int = 8
    least: int = 8

    def floor(self, width: int) -> int:
        """The narrowest that a family of `width` channels may become."""
        narrowest = max(1, math.ceil(self.least / self.round_to)) * self.round_to
        while narrowest % 2 == 0 and self.least <= narrowest // 2 < self.round_to:
            narrowest //= 2
        return min(width, narrowest)

    def below(self, width: int, most: int) -> int | None:
        """The next narrower allowed width of a family that has `most` in full, or None."""
        wanted = (math.ceil(width / self.round_to) - 1) * self.round_to
        if wanted == 0:
            wanted = self.round_to
            while wanted >= width and wanted % 2 == 0:
                wanted //= 2
        return wanted if self.floor(most) <= wanted < width else None


def least_multiply_adds(channels: Channels, widths: Widths, other: int) -> int:
    """The multiply-adds with every family at its narrowest; `other` are those of layers that stay as they are."""
    removed = np.zeros(channels.count, bool)
    for family in channels.families:
        removed[family.members[widths.floor(len(family.members)) :]] = True
    return channels.multiply_adds(removed) + other


def choose(
    channels: Channels, scores: Scores, budget: int, *, other: int = 0, scope: Scope = "global", widths: Widths
) -> Mask:
    """The channels to remove, by atom, so that at most `budget` multiply-adds stay, or as near as `widths` lets.

    With scope "global" the block of channels goes next that costs the least importance for each multiply-add it saves
    (a block leads from one allowed width to the next); with "layer" every family gives the same share, its least
    important channels first.
    """
    ordered = [family.members[np.argsort(scores[family.members], kind="stable")] for family in channels.families]
    if scope == "layer":
        return _by_share(channels, ordered, scores, budget - other, widths)
    return _by_price(channels, ordered, scores, budget - other, widths)


def _by_price(channels: Channels, ordered: Sequence[Atoms], scores: Scores, budget: int, widths: Widths) -> Mask:
    """Greedy: prices only rise while other families become narrower, so an old price is a bound for the new one."""
    removed = np.zeros(channels.count, bool)
    left = channels.multiply_adds(removed)
    taken: list[tuple[int, Atoms]] = []
    heap: list[tuple[float, int, int, int]] = []

    def offer(number: int, gone: int) -> None:
        most = len(ordered[number])
        narrower = widths.below(most - gone, most)
        if narrower is not None:
            end = most - narrower
            heapq.heappush(
                heap, (_price(channels, removed, left, scores, ordered[number][gone:end]), number, gone, end)
            )

    for number in range(len(ordered)):
        offer(number, 0)
    while heap and left > budget:
        _, number, start, end = heapq.heappop(heap)
        block = ordered[number][start:end]
        price = _price(channels, removed, left, scores, block)
        if heap and price > heap[0][0]:
            heapq.heappush(heap, (price, number, start, end))
            continue
        removed[block] = True
        taken.append((number, block))
        left = channels.multiply_adds(removed)
        offer(number, end)
    _give_back(channels, removed, taken, budget)
    return removed


def _price(channels: Channels, removed: Mask, left: int, scores: Scores, block: Atoms) -> float:
    """The importance of a block for each multiply-add that it would save."""
    without = removed.copy()
    without[block] = True
    return float(scores[block].sum()) / max(1, left - channels.multiply_adds(without))


def _give_back(channels: Channels, removed: Mask, taken: Sequence[tuple[int, Atoms]], budget: int) -> None:
    """Restore, the latest first, the blocks that the last and largest one made room for."""
    closed: set[int] = set()
    for number, block in reversed(taken):
        if number in closed:
            continue
        removed[block] = False
        if channels.multiply_adds(removed) > budget:
            removed[block] = True
            closed.add(number)


def _by_share(channels: Channels, ordered: Sequence[Atoms], scores: Scores, budget: int, widths: Widths) -> Mask:
    """The largest share of every family's width, in thousandths, that the budget lets stay.

    Where rounding leaves room in the budget, families get one more block each, the most important first.
    """
    low, high = 0, 1000
    while low < high:
        middle = (low + high + 1) // 2
        if channels.multiply_adds(_shared(channels, ordered, middle / 1000, widths)) <= budget:
            low = middle
        else:
            high = middle - 1
    removed = _shared(channels, ordered, low / 1000, widths)
    blocks = [members[removed[members]][-widths.round_to :] for members in ordered]
    rising = sorted((place for place, block in enumerate(blocks) if len(block)), key=lambda p: scores[blocks[p]].mean())
    _give_back(channels, removed, [(place, blocks[place]) for place in rising], budget)
    return removed


def _shared(channels: Channels, ordered: Sequence[Atoms], share: float, widths: Widths) -> Mask:
    removed = np.zeros(channels.count, bool)
    for members in ordered:
        most = len(members)
        rounded = math.floor(share * most / widths.round_to) * widths.round_to
        stays = most if share >= 1 else max(rounded, widths.floor(most))
        removed[members[: most - stays]] = True
    return removed
