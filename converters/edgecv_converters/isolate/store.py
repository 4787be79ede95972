"""Objects passed between the processes of one workshop, as files that appear whole or not at all."""

from __future__ import annotations

import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A folder in which each object is one file; only processes of this program write to it."""

    folder: Path

    def put(self, name: str, value: Any) -> None:
        """Make `value` visible to every process under `name`."""
        target = self.folder / f"{name}.pickle"
        partial = target.with_suffix(".partial")
        with partial.open("wb") as file:
            pickle.dump(value, file, protocol=pickle.HIGHEST_PROTOCOL)
        partial.replace(target)

    def get(self, name: str) -> Any:
        """Wait until `name` is there (the workshop's time limit ends a wait that is in vain) and return it."""
        path = self.folder / f"{name}.pickle"
        while not path.exists():
            time.sleep(POLL_SECONDS)
        return self.read(path)

    @staticmethod
    def read(path: Path) -> Any:
        """Unpickle one file of the mailbox."""
        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - written by this program, in its own private folder
