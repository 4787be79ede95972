"""The output of a conversion: the table of its artifacts, where the bundle is, and what there is to know."""

from __future__ import annotations

from collections.abc import Collection

from edgecv_runtime.bundle import REPORTS

from edgecv.convert.pipeline import Outcome
from edgecv.terminal.console import note, show, show_json
from edgecv.terminal.tables import KEPT, NOT_KEPT, artifact_table, raise_for_gates


def print_outcome(outcome: Outcome, *, as_json: bool, told: Collection[str] = ()) -> None:
    """Print what was made, and end as the gates say.

    Args:
        outcome: The result.
        as_json: Whether JSON goes to standard output in place of a table.
        told: The notes that were printed already.

    Raises:
        GateError: An artifact is over a gate.
    """
    if as_json:
        show_json({"path": str(outcome.path) if outcome.path else None, "report": outcome.report})
    else:
        show(artifact_table(outcome.manifest, outcome.failures))
        for row in outcome.report.heads:
            show(
                f"{row.artifact}, {row.head}: {row.words}",
                f"{'the source':>{len(row.artifact)}}: {row.reference_words}",
            )
        if outcome.path is not None:
            show(f"bundle: {outcome.path}")
            if outcome.path.is_dir():
                show(f"report: {outcome.path / REPORTS[-1]}")
    for text in outcome.report.notes:
        if text not in told:
            note(text)
    raise_for_gates(outcome.failed, KEPT if outcome.path is not None else NOT_KEPT)
