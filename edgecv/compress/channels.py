"""The channels of a network that belong together: what has to go when one of them goes.

Every channel that a layer makes is an atom, a number. A rule for each kind of layer says which atoms its outputs
carry, which axes of its weights run over which atoms, and which atoms are the same channel (the two sides of an
addition). Atoms that were tied become one channel, which is removed from all those axes or from none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Atoms = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Role = Literal["out", "each", "in"]
INPUT, OUTPUT = "a model input", "a model output"


@dataclass(slots=True)
class Slot:
    """One axis of one weight: which atoms its positions are.

    `role` is "out" where the layer makes the channels, "in" where it mixes them into others, "each" where every
    channel has its own number (normalization, depthwise kernels, slopes).
    """

    layer: str
    weight: str
    axis: int
    atoms: Atoms
    role: Role


@dataclass(slots=True)
class Edit:
    """A layer's configuration entry that counts atoms: `prefix` comes before the count where it is a shape."""

    layer: str
    key: str
    atoms: Atoms
    prefix: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class MultiplyAdds:
    """`factor` multiply-adds for every pair of the atoms `left` and `right` (None counts once)."""

    layer: str
    factor: int
    left: Atoms | None
    right: Atoms | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A layer through which channels cannot be followed, and how many of them stay for that."""

    layer: str
    kind: str
    reason: str
    channels: int = 0


@dataclass(frozen=True, slots=True)
class Family:
    """Channels that are alike: each is a channel of the same axes of the same weights, equally often."""

    members: Atoms
    layers: tuple[str, ...]


@dataclass(slots=True)
class Channels:
    """The channels of one network while its layers are read, and after.

    After `settle`, atoms everywhere are the representatives of their channel. The first `inputs` atoms are the model's
    own inputs.
    """

    slots: dict[tuple[str, str, int], Slot] = field(default_factory=dict)
    edits: dict[tuple[str, str], Edit] = field(default_factory=dict)
    products: list[MultiplyAdds] = field(default_factory=list)
    families: tuple[Family, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    inputs: int = 0
    _parent: list[int] = field(default_factory=list)
    _made: dict[tuple[str, str], Atoms] = field(default_factory=dict)
    _fixed: list[tuple[Atoms, str]] = field(default_factory=list)
    _refused: dict[str, tuple[Any, str, Atoms]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of atoms."""
        return len(self._parent)

    def fresh(self, count: int) -> Atoms:
        """New atoms."""
        first = len(self._parent)
        self._parent.extend(range(first, first + count))
        return np.arange(first, first + count)

    def made_by(self, layer: str, key: str, count: int) -> Atoms:
        """The atoms of a layer's output; the same ones in every call, because its weights are the same."""
        if (layer, key) not in self._made:
            self._made[layer, key] = self.fresh(count)
        return self._made[layer, key]

    def slot(self, layer: str, weight: str, axis: int, atoms: Atoms, role: Role) -> None:
        """Say which atoms an axis runs over; in a second call of the layer, that they are the first call's."""
        known = self.slots.get((layer, weight, axis))
        if known is None:
            self.slots[layer, weight, axis] = Slot(layer, weight, axis, atoms, role)
        else:
            self.tie(known.atoms, atoms)

    def edit(self, layer: str, key: str, atoms: Atoms, prefix: tuple[int, ...] | None = None) -> None:
        """Say which atoms a configuration entry counts."""
        known = self.edits.get((layer, key))
        if known is None:
            self.edits[layer, key] = Edit(layer, key, atoms, prefix)
        else:
            self.tie(known.atoms, atoms)

    def multiply(self, layer: str, factor: int, left: Atoms | None, right: Atoms | None) -> None:
        """Count one call's multiply-adds."""
        self.products.append(MultiplyAdds(layer, factor, left, right))

    def tie(self, one: Atoms, other: Atoms) -> None:
        """Make two rows of atoms the same channels, position by position; where one has one atom, nothing is tied."""
        if (len(one) == 1 or len(other) == 1) and len(one) != len(other):
            return
        for a, b in zip(one.tolist(), other.tolist(), strict=True):
            self._parent[self.find(a)] = self.find(b)

    def find(self, atom: int) -> int:
        """The representative of an atom's channel."""
        while self._parent[atom] != atom:
            self._parent[atom] = self._parent[self._parent[atom]]
            atom = self._parent[atom]
        return atom

    def fix(self, atoms: Atoms, why: str) -> None:
        """Keep these atoms' channels."""
        self._fixed.append((atoms, why))

    def refuse(self, layer: str, kind: str, reason: str, atoms: Iterable[Atoms]) -> None:
        """Keep the channels around a layer that they cannot be followed through."""
        rows = [row for row in atoms if len(row)]
        touched = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        self._refused.setdefault(layer, (kind, reason, touched))
        self.fix(touched, layer)

    def settle(self) -> None:
        """Find the channels, once every layer was read."""
        roots = np.array([self.find(atom) for atom in range(self.count)], np.int64)
        for slot in self.slots.values():
            slot.atoms = roots[slot.atoms]
        for edit in self.edits.values():
            edit.atoms = roots[edit.atoms]
        self.products = [
            MultiplyAdds(p.layer, p.factor, *(None if side is None else roots[side] for side in (p.left, p.right)))
            for p in self.products
        ]
        at_ends = self._roots_of(roots, {INPUT, OUTPUT})
        fixed = self._roots_of(roots, None)
        self.blocked = tuple(self._blocked(roots, at_ends))
        self.families = tuple(self._families(fixed))

    def _roots_of(self, roots: Atoms, reasons: set[str] | None) -> set[int]:
        return {int(root) for atoms, why in self._fixed if reasons is None or why in reasons for root in roots[atoms]}

    def _blocked(self, roots: Atoms, at_ends: set[int]) -> Iterable[Blocked]:
        for layer, (kind, reason, atoms) in self._refused.items():
            held = set(roots[atoms].tolist()) - at_ends
            if held:
                yield Blocked(layer=layer, kind=kind, reason=reason, channels=len(held))

    def _families(self, fixed: set[int]) -> Iterable[Family]:
        places: dict[int, list[tuple[int, int]]] = defaultdict(list)
        makers: dict[int, list[str]] = defaultdict(list)
        for number, slot in enumerate(self.slots.values()):
            found, counts = np.unique(slot.atoms, return_counts=True)
            for root, count in zip(found.tolist(), counts.tolist(), strict=True):
                places[root].append((number, count))
                if slot.role == "out" and slot.layer not in makers[root]:
                    makers[root].append(slot.layer)
        alike: dict[tuple[tuple[int, int], ...], list[int]] = defaultdict(list)
        for root in sorted(set(places) - fixed):
            alike[tuple(places[root])].append(root)
        for members in alike.values():
            yield Family(np.array(members), tuple(makers[members[0]]))

    def multiply_adds(self, removed: Mask) -> int:
        """The multiply-adds of one inference without the `removed` channels."""
        stays = ~removed
        total = 0
        for product in self.products:
            sides = [int(stays[side].sum()) for side in (product.left, product.right) if side is not None]
            total += product.factor * int(np.prod(sides, dtype=np.int64))
        return total
