"""Residual blocks taken out whole: the addition's other side stays, what it added goes.

A network whose blocks refine one running sum does much the same with a block less (Veit, Wilber and Belongie 2016),
and a layer that is not there costs no time at all, where a narrower one may cost what it did before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from edgecv.compress.rebuild import rebuild
from edgecv.compress.rules import read_channels
from edgecv.compress.walk import Call, Graph, walk


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A residual block: what is added to a tensor that also goes on unchanged.

    Attributes:
        addition: The layer that adds; it goes as well.
        layers: The layers between, in the order of their calls.
        multiply_adds: Theirs, for one inference.
    """

    addition: str
    layers: tuple[str, ...]
    multiply_adds: int


class Dropped(msgspec.Struct, frozen=True, kw_only=True):
    """A block that went: the mean training loss before and after, with the model not trained in between."""

    block: Block
    loss_before: float
    loss_after: float


def blocks_of(model: Any) -> list[Block]:
    """The blocks that can be taken out of a model of one level of layers; inner ones as well as those around them."""
    graph = walk(model)
    made = {number: place for place, call in enumerate(graph.calls) for number in call.outputs}
    shared = {name for name, count in Counter(call.name for call in graph.calls).items() if count > 1}
    counted = _multiply_adds(graph)
    found = []
    for call in graph.calls:
        places = _between(graph, made, call)
        names = tuple(graph.calls[place].name for place in places)
        if places and call.name not in shared and not shared.intersection(names):
            total = sum(counted.get(name, 0) for name in names)
            found.append(Block(addition=call.name, layers=names, multiply_adds=total))
    return found


def without(model: Any, blocks: Sequence[Block]) -> Any:
    """The model without these blocks, every other weight as it is."""
    made = model
    for block in blocks:
        graph = walk(made)
        rest = _rest(graph, block)
        made = rebuild(rest, model.name, {}, {}, [tuple(like.shape) for like in graph.inputs])
    return made


def cheapest(
    model: Any, loss: Callable[[Any], float], before: float, tell: Callable[[int, int], None]
) -> tuple[Block, Any, float] | None:
    """The block whose absence raises the loss least for each multiply-add that it saves.

    Args:
        model: Of one level of layers; it stays as it is.
        loss: Judges a model.
        before: The loss of `model`.
        tell: Is told how many blocks of how many were judged.

    Returns:
        The block, the model without it and that model's loss; None where there is no block.
    """
    best: tuple[float, Block, Any, float] | None = None
    candidates = blocks_of(model)
    for number, block in enumerate(candidates, 1):
        shorter = without(model, [block])
        after = loss(shorter)
        price = (after - before) / max(1, block.multiply_adds)
        if best is None or price < best[0]:
            best = (price, block, shorter, after)
        tell(number, len(candidates))
    return None if best is None else best[1:]


def _between(graph: Graph, made: dict[int, int], addition: Call) -> list[int]:
    """The calls from one side of an addition back to its other side, where nothing else uses them; else none."""
    if type(addition.layer).__name__ != "Add" or len(addition.inputs) != 2 or addition.constants:
        return []
    one, other = addition.inputs
    if graph.shapes[one] != graph.shapes[other]:
        return []
    return _chain(graph, made, addition, one, other) or _chain(graph, made, addition, other, one)


def _chain(graph: Graph, made: dict[int, int], addition: Call, start: int, end: int) -> list[int]:
    """The calls that make the tensor `end` of `start` alone, and of which nothing but `addition` has any use."""
    places: set[int] = set()
    wanted = [end]
    while wanted:
        number = wanted.pop()
        if number == start or made.get(number) in places:
            continue
        if number not in made:
            return []
        places.add(made[number])
        wanted.extend(graph.calls[made[number]].inputs)
    inside = {number for place in places for number in graph.calls[place].outputs}
    users = (call for place, call in enumerate(graph.calls) if place not in places and call is not addition)
    used = inside.intersection(graph.outputs) or any(inside.intersection(call.inputs) for call in users)
    return [] if used else sorted(places)


def _rest(graph: Graph, block: Block) -> Graph:
    """The graph with the sum's readers reading the side that stays."""
    gone = {block.addition, *block.layers}
    addition = next(call for call in graph.calls if call.name == block.addition)
    made = {number for call in graph.calls if call.name in block.layers for number in call.outputs}
    stays = next(number for number in addition.inputs if number not in made)
    instead = {addition.outputs[0]: stays}
    kept = [_reading(call, instead) for call in graph.calls if call.name not in gone]
    outputs = tuple(instead.get(number, number) for number in graph.outputs)
    return replace(graph, calls=kept, outputs=outputs)


def _reading(call: Call, instead: dict[int, int]) -> Call:
    binding = {place: instead.get(number, number) for place, number in call._binding.items()}  # noqa: SLF001  # a copy
    return replace(call, inputs=tuple(instead.get(number, number) for number in call.inputs), _binding=binding)


def _multiply_adds(graph: Graph) -> dict[str, int]:
    """Those of each layer that the channel graph counts."""
    found: dict[str, int] = {}
    for product in read_channels(graph).products:
        sides = [len(side) for side in (product.left, product.right) if side is not None]
        total = product.factor
        for side in sides:
            total *= side
        found[product.layer] = found.get(product.layer, 0) + total
    return found
