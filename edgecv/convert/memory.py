"""The memory that converting a large model needs, said before it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgecv_converters.isolate import machine_memory
from edgecv_converters.targets import find

from edgecv.convert.recipe import ArtifactSpec

GB: Final = 1e9
LARGE: Final = 3 * GB
HUGE_PAGES: Final = 0.2 * GB  # of weights: below it, huge pages take memory and save no time


def wants_huge_pages(model_bytes: int) -> bool:
    """Tell whether a model of this size is converted faster in huge pages of memory."""
    return model_bytes >= HUGE_PAGES


def memory_note(made: Sequence[ArtifactSpec], model_bytes: int, together: int) -> str | None:
    """Return what is said of the memory that artifacts need, or None where it is little.

    Args:
        made: The artifacts.
        model_bytes: The size of the source model.
        together: The bytes that workers which run side by side may need.
    """
    needs = sorted(int(find(spec.target).memory * model_bytes) for spec in made)
    if needs[-1] < LARGE:
        return None
    text = f"a model of {model_bytes / GB:.2g} GB needs about {needs[-1] / GB:.2g} GB of memory"
    if needs[-1] > machine_memory():
        text += f", and this machine has {machine_memory() / GB:.2g} GB: a converter may be stopped"
    if len(needs) > 1 and sum(needs[:2]) > together:
        text += "; its artifacts are made one after another"
    return text
