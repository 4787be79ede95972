"""Tables and errors that several commands print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgecv_converters.measured import Failure
from edgecv_converters.parity.gates import deciding_set
from edgecv_converters.parity.parts import worst_head, worst_part
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
STYLES = {"passed": "green", "weak": "bold yellow", "failed": "bold red", "not_run": "yellow"}


def raise_for_gates(failed: tuple[Parity, ...], hint: str) -> None:
    """End with exit code 3 where a proof failed.

    Raises:
        GateError: It did.
    """
    if failed:
        reasons = "; ".join(f"{parity.artifact}: {parity.reason}" for parity in failed)
        raise GateError(f"parity failed for {reasons}", hint)


def artifact_table(manifest: Manifest, failures: Sequence[Failure] = ()) -> Table:
    """One line an artifact: size, how near to the source, whether it passed; and one for each that was not made."""
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
        for row in _parts(proofs[artifact.file]):
            table.add_row(*row)
    if manifest.quantization is not None and manifest.quantization.float_layers:
        table.caption = f"In float in the int8 files: {', '.join(manifest.quantization.float_layers)}"
        table.caption_justify = "left"
    for failure in failures:
        how = "refused" if failure.refused else "not made"
        table.add_row(failure.target, failure.precision, "", "", "", "", "", Text(how, STYLES["weak"]))
    return table


def _parts(parity: Parity) -> Iterator[tuple[str, ...]]:
    """A line for each head and each part of an output, where there are several."""
    _, measured = deciding_set(parity.comparisons)
    if measured is None:
        return
    for head in measured.heads if len(measured.heads) > 1 else ():
        yield "", head.head, "", "", percent(head.agreement)
    for part in measured.parts if len(measured.parts) > 1 else ():
        yield "", part.part, "", decibels(part.snr_db), ""


def _cells(artifact: Artifact, parity: Parity) -> tuple[str | Text, ...]:
    _, widest = deciding_set(parity.comparisons)
    worst = None if widest is None else worst_head(widest.heads)
    agreement = None if widest is None else widest.agreement if worst is None else worst.agreement
    accuracy = parity.accuracy
    style = STYLES[parity.status]
    return (
        artifact.target,
        artifact.precision,
        words.byte_size(artifact.size),
        snr(widest),
        "" if agreement is None else percent(agreement),
        "" if accuracy is None else percent(accuracy.accuracy),
        "" if accuracy is None else percent(accuracy.reference_accuracy),
        Text(parity.status.replace("_", " "), style),
    )


def snr(comparison: Comparison | None) -> str:
    """The signal-to-noise ratio for people: of the worst output, or of the worst columns of one."""
    if comparison is None:
        return ""
    if comparison.non_finite:
        return "not finite"
    worst = worst_part(comparison.parts)
    return decibels(comparison.snr_db if worst is None else worst.snr_db)


def decibels(value: float | None) -> str:
    """A ratio in decibels; equal values have no noise."""
    return "exact" if value is None else f"{words.number(value)} dB"
