"""Reading values in the forms in which people give them."""

from __future__ import annotations

from collections.abc import Iterable


def words_of(values: Iterable[str]) -> tuple[str, ...]:
    """Split what was given several times, or with commas, into its parts, each once."""
    parts = (part.strip() for value in values for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))
