"""Objects that the processes of one pool share, as files that appear whole or not at all."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

POLL_SECONDS = 0.005
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """The name under which one object is shared, typed with the object's class."""

    name: str


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """A folder in which each object is one file; only processes of this program write to it."""

    folder: Path

    def path(self, key: Key[T]) -> Path:
        """The file that holds the object of `key`, whether it is there yet or not."""
        return self.folder / f"{key.name}.pickle"

    def put(self, key: Key[T], value: T) -> None:
        """Make `value` visible to every process under `key`."""
        target = self.path(key)
        partial = target.with_suffix(".partial")
        with partial.open("wb") as file:
            pickle.dump(value, file, protocol=pickle.HIGHEST_PROTOCOL)
        partial.replace(target)

    def has(self, key: Key[T]) -> bool:
        """Tell whether the object of `key` has been put."""
        return self.path(key).exists()

    def get(self, key: Key[T]) -> T:
        """Wait until the object of `key` is there and return it; the pool's time limit ends a wait in vain."""
        while not self.has(key):
            time.sleep(POLL_SECONDS)
        value: T = self.read(self.path(key))
        return value

    @staticmethod
    def read(path: Path) -> Any:
        """Unpickle one file of a store."""
        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - written by this program, in its own private folder
