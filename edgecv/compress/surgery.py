"""Channels taken out of a model: the graph read, the weights cut, the model built again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgecv.compress.channels import Channels, Mask
from edgecv.compress.rebuild import rebuild
from edgecv.compress.rules import read_channels
from edgecv.compress.walk import Graph, walk


@dataclass(frozen=True, slots=True)
class Anatomy:
    """A model of one level of layers, its calls, and its channels."""

    model: Any
    graph: Graph
    channels: Channels

    @classmethod
    def of(cls, model: Any) -> Anatomy:
        """Read a model that `rebuild.flattened` made."""
        graph = walk(model)
        return cls(model, graph, read_channels(graph))

    def without(self, removed: Mask) -> Any:
        """The model without the `removed` channels (by atom); the rest of its weights as they are."""
        stays = ~removed
        changes: dict[str, dict[str, Any]] = defaultdict(dict)
        for edit in self.channels.edits.values():
            count = int(stays[edit.atoms].sum())
            changes[edit.layer][edit.key] = count if edit.prefix is None else (*edit.prefix, count)
        kept: dict[tuple[str, str], list[tuple[int, Mask]]] = defaultdict(list)
        for slot in self.channels.slots.values():
            if removed[slot.atoms].any():
                kept[slot.layer, slot.weight].append((slot.axis, stays[slot.atoms]))
        shapes = [tuple(like.shape) for like in self.graph.inputs]
        return rebuild(self.graph, self.model.name, changes, kept, shapes)

    def silenced(self, removed: Mask) -> None:
        """Set to zero, in place, every weight that reads a `removed` channel: the channels still run, to no effect."""
        from edgecv.compress.importance import weight_of

        for slot in self.channels.slots.values():
            if slot.role == "in" and removed[slot.atoms].any():
                weight = weight_of(self.model, slot)
                values = np.moveaxis(np.asarray(weight).copy(), slot.axis, 0)
                values[removed[slot.atoms]] = 0
                weight.assign(np.moveaxis(values, 0, slot.axis))
