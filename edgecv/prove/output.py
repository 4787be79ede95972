"""The output of `edgecv verify` and `edgecv evaluate`: tables, and the errors that a proof ends with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from edgecv_converters.parity.fall import RECORDED
from edgecv_converters.parity.verdict import DID_NOT_RUN
from edgecv_runtime.errors import BackendError
from edgecv_runtime.heads.words import TextTable
from edgecv_runtime.schema import Parity
from edgecv_runtime.text import percent
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from edgecv.prove.evaluate import Evaluation
from edgecv.prove.verify import Verification
from edgecv.terminal.console import show, show_json
from edgecv.terminal.tables import STYLES, raise_for_gates, snr
from edgecv.terminal.words import number

PREPROCESSING: Final = "preprocessing"
ANSWERS: Final = "answers"
OF_MACHINE: Final = "The files are those that were recorded: this machine's runtime computes differently"
OF_BUNDLE: Final = (
    "bundle.json says something else than when the golden cases were made: take the bundle from its source"
)
# What golden cases begin with by the kind of the input, and how near their tensors are.
INPUTS: Final = {
    "image": ("pictures", "to the bit"),
    "clip": ("clips", "to the bit"),
    "sound": ("sounds", "within 1e-5"),
    "tensor": ("tensors", "to the bit"),
}


def print_verification(result: Verification, *, as_json: bool) -> None:
    """Print the result, and end as the gates say.

    Raises:
        BackendError: An artifact could not be run.
        GateError: An artifact, the preprocessing or the decoding of answers does not give what was recorded.
    """
    words = INPUTS[result.kind]
    if as_json:
        show_json(result)
    else:
        show(*_lines(result))
    failed = tuple(parity for parity in result.parity if parity.status == "failed")
    if result.preprocessing_equal != result.pictures:
        differing = result.pictures - result.preprocessing_equal
        reason = f"{differing} of {result.pictures} golden {words[0]} differ"
        failed += (Parity(artifact=PREPROCESSING, status="failed", how=f"golden {words[0]}", reason=reason),)
    if result.answers_equal != result.golden:
        reason = f"{result.golden - result.answers_equal} of {result.golden} golden cases are decoded to other answers"
        failed += (Parity(artifact=ANSWERS, status="failed", how="golden outputs", reason=reason),)
    _raise_for_broken(failed)
    raise_for_gates(failed, OF_BUNDLE if _is_of_bundle(failed) else OF_MACHINE)


def _is_of_bundle(failed: tuple[Parity, ...]) -> bool:
    """Tell whether what failed is computed by edgecv alone, from what the bundle says."""
    return bool(failed) and all(parity.artifact in {PREPROCESSING, ANSWERS} for parity in failed)


def _raise_for_broken(failed: tuple[Parity, ...]) -> None:
    """Say which artifacts could not be run at all: no gate was held against them.

    Raises:
        BackendError: There are some.
    """
    broken = [f"{parity.artifact} did not run: {parity.reason}" for parity in failed if parity.how == DID_NOT_RUN]
    if broken:
        raise BackendError(
            "; ".join(broken),
            "The files are those that were recorded: they were damaged before, or this machine's runtime is another",
        )


def _lines(result: Verification) -> Iterator[Table | str]:
    yield f"{result.name}: {result.files} files, all as they were recorded"
    if result.pictures:
        what, near = INPUTS[result.kind]
        yield f"preprocessing: {result.preprocessing_equal} of {result.pictures} golden {what} equal {near}"
    yield f"answers: {result.answers_equal} of {result.golden} golden cases decoded as they were recorded"
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("artifact", "parity", "SNR (fall)", "agreement", "how"):
        table.add_column(heading)
    for parity in result.parity:
        golden = parity.comparisons.get("golden")
        style = STYLES[parity.status]
        agreement = "" if golden is None or golden.agreement is None else percent(golden.agreement)
        how = parity.reason if parity.status == "not_run" else parity.how
        status = Text(parity.status.replace("_", " "), style)
        table.add_row(parity.artifact, status, f"{snr(golden)}{_fall(parity)}", agreement, how or "")
    yield table
    if all(parity.status == "not_run" for parity in result.parity):
        yield "no artifact could be run here: only the files were checked"


def _fall(parity: Parity) -> str:
    """Say in brackets how far the worst ratio lies below that of when the artifact was made, if that was recorded."""
    falls = [gate.value for gate in parity.gates if gate.name == RECORDED]
    if not falls:
        return ""
    known = [fall for fall in falls if fall is not None]
    return f" ({number(round(max(known), 2) + 0.0)})" if len(known) == len(falls) else " (not measured)"


def print_evaluations(results: list[Evaluation], *, as_json: bool) -> None:
    """Print for each head of each artifact its metric in words, then its tables."""
    if as_json:
        show_json([result.record() for result in results])
    else:
        show(*_evaluation_tables(results))


def _evaluation_tables(results: list[Evaluation]) -> Iterator[Table | str]:
    """For each head of each artifact: the metric in words, then its tables."""
    several = len({result.head for result in results}) > 1
    for result in results:
        head = f", {result.head}" if several else ""
        skipped = f", {result.skipped} unreadable" if result.skipped else ""
        yield f"\n{result.artifact}{head}: {result.metrics.sentence()}{skipped}"
        for table in result.metrics.tables():
            yield _table(table)


def _table(given: TextTable) -> Table:
    table = Table(title=given.title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(given.headings):
        table.add_column(heading, justify="right" if place else "left")
    for row in given.rows:
        table.add_row(*row)
    if given.total is not None:
        table.add_section()
        table.add_row(*given.total)
    return table
