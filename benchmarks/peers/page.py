"""The tables of docs/peers.md, written between its markers from the results, and the verdicts with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import wrap

from edgecv_runtime.heads.metrics import wilson

from benchmarks.peers.records import Network, Results, Row, beaten_by

PAGE = Path(__file__).resolve().parents[2] / "docs" / "peers.md"
BEGIN, END = "<!-- made by benchmarks.peers: begin -->", "<!-- made by benchmarks.peers: end -->"
WIDTH = 140  # characters of a line of text
RUNTIMES = {"tflite": "TFLite, in LiteRT with XNNPACK", "onnx": "ONNX, in ONNX Runtime"}
HEAD = (
    "way",
    "precision",
    "size",
    "right",
    "as the model",
    "divergence",
    "latency (p10 to p90)",
    "to edgecv int8",
    "made in",
)


def write_page(results: Results) -> None:
    """Replace what is between the markers.

    Raises:
        ValueError: The page has no markers.
    """
    text = PAGE.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no line {BEGIN!r} followed by {END!r}")
    PAGE.write_text(f"{before}{BEGIN}\n{tables(results)}{END}{after}")


def tables(results: Results) -> str:
    """The verdicts, then for each network and runtime its table, in Markdown."""
    lines = ["| edgecv's int8 | on TFLite | on ONNX |", "|---|---|---|"]
    for network in results.networks:
        cells = [_verdict(network, runtime) for runtime in RUNTIMES]
        lines.append(f"| {network.title} | {' | '.join(cells)} |")
    named = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    sections = [line for network in results.networks for line in _section(network)]
    return "\n".join(["", *lines, "", *sections, *_wrapped(f"Versions: {named}."), "", ""])


def _verdict(network: Network, runtime: str) -> str:
    """Whether the front holds edgecv's default file, beyond the noise and strictly, and what is better than it."""
    base = next((row for row in network.rows if row.way == "edgecv" and _is(row, runtime, "int8")), None)
    if base is None or base.timing is None:
        return "not measured"
    peers = [row for row in network.rows if not row.ours]
    noisy, strict = (list(beaten_by(base, peers, strict=strict)) for strict in (False, True))
    if not noisy and not strict:
        return "on the front"
    if not strict:
        return f"**not on the front**: {_names(base, noisy)}; by medians it is"
    if not noisy:
        return f"on the front; by medians not: {_names(base, strict)}"
    same = "the same" if noisy == strict else _names(base, strict)
    return f"**not on the front**: {_names(base, noisy)}; by medians: {same}"


def _is(row: Row, runtime: str, precision: str) -> bool:
    return row.runtime == runtime and row.precision == precision


def _names(base: Row, rows: Sequence[Row]) -> str:
    """Who is better, and on how many samples more they agree."""
    return ", ".join(f"{row.title} ({(row.same or 0) - (base.same or 0):+d})" for row in rows)


def _section(network: Network) -> Iterator[str]:
    low, high = wilson(network.correct, network.samples)
    yield f"### {network.title}"
    yield ""
    yield from _wrapped(
        f"`{network.model}`, {network.samples:,} test samples, of which the Keras model gets"
        f" {network.correct / network.samples:.1%} right ({low:.1%} to {high:.1%}); {network.calibration} calibration"
        f" samples. {network.machine}; {'with' if network.amx else 'without'} AMX; commit {network.commit}."
    )
    yield ""
    for runtime, title in RUNTIMES.items():
        rows = [row for row in network.rows if row.runtime == runtime]
        if rows:
            yield from _table(network, runtime, title, rows)


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)


def _table(network: Network, runtime: str, title: str, rows: Sequence[Row]) -> Iterator[str]:
    busy = network.busy_elsewhere.get(runtime)
    yield f"**{title}**" + ("" if busy is None else f" (other programs used {busy:.0%} of the machine meanwhile)")
    yield ""
    yield f"| {' | '.join(HEAD)} |"
    yield f"|{'---|' * len(HEAD)}"
    for row in rows:
        yield f"| {' | '.join(_cells(network, row, rows))} |"
    yield ""


def _cells(network: Network, row: Row, rows: Sequence[Row]) -> list[str]:
    if row.not_run is not None or row.timing is None or row.correct is None or row.same is None or row.bytes is None:
        return [row.title, row.precision, f"not run: {row.not_run or 'not timed'}", *[""] * (len(HEAD) - 3)]
    front = not any(beaten_by(row, rows, strict=True))
    timing, ratio = row.timing, row.timing.ratio
    return [
        f"**{row.title}**" if front else row.title,
        row.precision,
        f"{row.bytes / 1000:,.0f} kB",
        f"{row.correct / network.samples:.1%}",
        f"{row.same / network.samples:.1%}",
        "" if row.distance is None else f"{row.distance:.5f}",
        f"{timing.p50_us:,.0f} µs ({timing.p10_us:,.0f} to {timing.p90_us:,.0f})",
        "" if ratio is None else f"{ratio.p50:.2f} ({ratio.p10:.2f} to {ratio.p90:.2f})",
        "" if row.seconds is None else f"{row.seconds:,.0f} s",
    ]
