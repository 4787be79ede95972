"""Tables and errors that several commands print."""

from __future__ import annotations

from edgecv_runtime.errors import GateError
from edgecv_runtime.heads.kinds import kind_words
from edgecv_runtime.schema import Artifact, Comparison, Manifest, Parity
from edgecv_runtime.text import percent
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from edgecv.terminal import words

KEPT = "The bundle was written all the same; its report shows where it differs"
NOT_KEPT = "Nothing was written. --keep-failing writes the bundle with its report; --gate NAME=VALUE moves a bar"
STYLES = {"passed": "green", "failed": "bold red", "not_run": "yellow"}


def raise_for_gates(failed: tuple[Parity, ...], hint: str) -> None:
    """End with exit code 3 where a proof failed.

    Raises:
        GateError: It did.
    """
    if failed:
        reasons = "; ".join(f"{parity.artifact}: {parity.reason}" for parity in failed)
        raise GateError(f"parity failed for {reasons}", hint)


def artifact_table(manifest: Manifest) -> Table:
    """One line an artifact: size, how near to the source, whether it passed."""
    title = f"{manifest.name}: {kind_words(manifest.heads)}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("target")
    table.add_column("precision")
    for heading in ("size", "SNR", "agreement", "accuracy", "source"):
        table.add_column(heading, justify="right")
    table.add_column("parity")
    proofs = {parity.artifact: parity for parity in manifest.parity}
    for artifact in manifest.artifacts:
        table.add_row(*_cells(artifact, proofs[artifact.file]))
    return table


def _cells(artifact: Artifact, parity: Parity) -> tuple[str | Text, ...]:
    widest = max(parity.comparisons.values(), key=lambda item: item.count, default=None)
    accuracy = parity.accuracy
    style = STYLES[parity.status]
    return (
        artifact.target,
        artifact.precision,
        words.byte_size(artifact.bytes),
        snr(widest),
        "" if widest is None or widest.agreement is None else percent(widest.agreement),
        "" if accuracy is None else percent(accuracy.accuracy),
        "" if accuracy is None else percent(accuracy.reference_accuracy),
        Text(parity.status.replace("_", " "), style),
    )


def snr(comparison: Comparison | None) -> str:
    """A signal-to-noise ratio for people; equal outputs have no noise."""
    if comparison is None:
        return ""
    return "exact" if comparison.snr_db is None else f"{words.number(comparison.snr_db)} dB"
