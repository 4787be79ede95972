"""A conversion's words on the layers that it kept float for the sake of accuracy."""

from __future__ import annotations

from collections.abc import Iterator

from edgecv_converters.measured import Mixed
from edgecv_converters.workers import kept_layers
from edgecv_runtime.schema import Accuracy, Gate

SEEN_BEFORE = 0.05  # by so much more accuracy the validation samples are taken for training samples


def budget_gate(mixed: Mixed) -> Gate:
    """The gate of an accuracy budget, read on the validation samples."""
    passed = mixed.drop <= mixed.budget
    return Gate(name="budget", on="validation", limit=mixed.budget, value=mixed.drop, passed=passed)


def best_reached(mixed: Mixed) -> str:
    """Say why the gate failed, and what came nearest."""
    kept = len(kept_layers(mixed))
    best = f"accuracy falls by {mixed.drop:.4g} points at best, with {kept} of {len(mixed.layers)} layers in float"
    return f"--max-drop {mixed.budget:g} cannot be met on {mixed.on}: {best} ({mixed.reason})"


def mixed_notes(mixed: Mixed, measured: Accuracy | None) -> Iterator[str]:
    """Say what was chosen, and whether the samples that it was judged on were fit for it.

    Args:
        mixed: The choice.
        measured: An artifact's accuracy on the evaluation samples, which has the source's beside it.
    """
    kept = kept_layers(mixed)
    names = f": {', '.join(kept)}" if kept else ""
    yield (
        f"{len(kept)} of {len(mixed.layers)} layers stay float{names}. Judged on {mixed.on}, where accuracy falls by "
        f"{mixed.drop:.2g} points ({mixed.trials[0].drop:.2g} with all layers in int8)"
    )
    unranked = sum(layer.distance is None for layer in mixed.layers)
    if unranked:
        yield f"There was no time to rank {unranked} of the layers (--max-drop-limit): these went last"
    if measured is not None and mixed.source_accuracy > measured.reference_accuracy + SEEN_BEFORE:
        yield (
            f"The source is right on {100 * mixed.source_accuracy:.1f} % of the samples that the budget was judged on, "
            f"and on {100 * measured.reference_accuracy:.1f} % of the evaluation samples. If it was trained on the "
            "former, they show less loss than new ones do: give --calibrate samples that it was not trained on"
        )
