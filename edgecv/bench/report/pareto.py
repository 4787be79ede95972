"""The Pareto front: the choices for which nothing else is both cheaper and better."""

from __future__ import annotations

from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]]) -> tuple[int, ...]:
    """Find the (cost, worth) points that no other dominates, as indices from the cheapest to the dearest.

    A point dominates another where it costs no more and is worth no less, and differs. Equal points stand or fall
    together. Costs and worths are finite numbers; O(n log n).
    """
    order = sorted(range(len(points)), key=lambda index: (points[index][0], -points[index][1]))
    kept: list[int] = []
    for index in order:
        cost, worth = points[index]
        if not kept or worth > points[kept[-1]][1] or (cost, worth) == points[kept[-1]]:
            kept.append(index)
    return tuple(kept)
