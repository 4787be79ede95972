"""`docs/arm.md`: the table of agreement, and the sizes of the lean install in `docs/raspberry_pi.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.arm.emulator import BOOKWORM, PROCESSORS, TRIXIE
from tests.arm.machine import HOST
from tests.arm.wheels import REPOSITORY, RUNTIMES

PAGE = REPOSITORY / "docs" / "arm.md"
COLUMNS = (HOST, *(processor.name for processor in PROCESSORS))
BOARDS = {HOST: "x86-64", **{processor.name: f"{processor.name} ({processor.board})" for processor in PROCESSORS}}
CELLS = """\
Each cell compares with the newest runtime of that format on x86-64, the one that proved the bundle: how many pictures
have the same answer, the largest difference (in quantization steps of the output, where it is int8), and how many
output values have the same bits. The first column shows what the runtime's version alone does."""
SIZES = """\
Megabytes on disk without byte code, in the newest versions that pip gives. Imports are in fresh interpreters on the
x86-64 machine above, in turn with `import numpy, PIL.Image`: the ratio to it, its median (10th to 90th percentile)."""
WHOLE = 100  # per cent
Row = dict[str, Any]


def write(results: dict[str, Any]) -> None:
    """Write the page."""
    PAGE.write_text("\n".join(page(results)) + "\n")


def page(results: dict[str, Any]) -> Iterator[str]:
    """The lines."""
    rows = results["rows"]
    yield "# Arm: what the lean install answers"
    yield ""
    yield "Made by `make test-arm` (tests/arm); the numbers are in `benchmarks/results/arm.json`. arm64 Debian under"
    yield f"QEMU {results['qemu']}, with each board's `/proc/cpuinfo`."
    yield "**No Raspberry Pi was used, and no time was measured there.** Equal columns mean equal results; the kernels"
    yield "that a runtime chose are not recorded. No Pi has i8mm, SVE or SME: those two columns warn of other boards."
    yield from results.get("notes", ())
    yield f"Compared with: {results['machine']}."
    yield ""
    yield from summary(rows)
    yield ""
    for name in next(iter(rows))["bundles"]:
        yield from table(name, rows)
        yield ""
    yield from lean(results["lean"])


def summary(rows: list[Row]) -> Iterator[str]:
    """Preprocessing, golden vectors, `edgecv verify` and `edgecv run`, over all machines."""
    arm = [row for row in rows if row["release"]]
    judged = [bundle for row in arm for bundle in row["bundles"].values()]
    tensors = [bundle["tensors"] for bundle in judged if "tensors" in bundle]
    parities = [one for bundle in judged for one in bundle["verify"].get("artifacts", {}).values()]
    runs = [bundle["run"] for bundle in judged]
    vectors = [row["vectors"] for row in arm if row["vectors"] and "error" not in row["vectors"]]
    same = sum(one.get("index") == one.get("expected") is not None for one in runs)
    yield f"Over {len(arm)} emulated machines (processor, Debian release, runtime):"
    yield ""
    passed = sum(one["status"] == "passed" for one in parities)
    yield f"* `edgecv verify`: {passed} of {len(parities)} artifacts passed."
    yield f"* `edgecv run`: {same} of {len(runs)} gave the answer of the Python interface."
    yield (
        f"* Preprocessing: {sum(one['equal'] for one in tensors):,} of {sum(one['pictures'] for one in tensors):,} "
        "pictures gave x86-64's tensor to the bit."
    )
    if vectors:
        cases = sum(one["cases"] + one["pictures"] for one in vectors)
        wrong = sum(len(one["different"]) + len(one["different_pictures"]) for one in vectors)
        yield f"* Golden vectors (tests/golden): {cases - wrong:,} of {cases:,} equal to the bit, decoding included."
    failures = [f"* **{row['runtime']} on {row['processor']}**: {line}." for row in rows for line in row["failures"]]
    yield from failures


def table(name: str, rows: list[Row]) -> Iterator[str]:
    """One bundle: a line for each artifact and runtime, a column for each processor."""
    count = next(iter(next(iter(rows))["bundles"][name]["tensors"].items()))[1]
    yield f"## {name}, {count} pictures"
    yield ""
    yield CELLS
    yield ""
    yield f"| artifact | runtime | {' | '.join(BOARDS[column] for column in COLUMNS)} |"
    yield f"|---|---|{'---|' * len(COLUMNS)}"
    for precision in ("int8", "float32"):
        for runtime in RUNTIMES:
            cells = [cell(find(rows, runtime.name, column), name, precision) for column in COLUMNS]
            yield f"| {runtime.target} {precision} | {runtime.name} | {' | '.join(cells)} |"
    yield ""
    yield from trixie(name, rows)


def find(rows: list[Row], runtime: str, processor: str, release: str | None = BOOKWORM.name) -> Row | None:
    """The row of a machine; the host has no release."""
    wanted = (runtime, processor, None if processor == HOST else release)
    return next((row for row in rows if (row["runtime"], row["processor"], row["release"]) == wanted), None)


def cell(row: Row | None, name: str, precision: str) -> str:
    """What came of one artifact there."""
    if row is None:
        return ""
    judged = row["bundles"][name]
    if "error" in judged:
        return str(judged["error"])
    found = next(one for file, one in judged["artifacts"].items() if f".{precision}." in file)
    if "error" in found:
        return str(found["error"])
    compared = found["newest_runtime"]
    if compared["equal"] == compared["values"]:
        return "equal"
    steps = compared["max_steps"]
    largest = f"{compared['max_difference']:.0e}" if steps is None else f"{steps} step{'s' if steps != 1 else ''}"
    share = WHOLE * compared["equal"] / compared["values"]
    return f"{compared['same_answer']} of {compared['pictures']}; {largest}; {share:.1f} %"


def trixie(name: str, rows: list[Row]) -> Iterator[str]:
    """Whether the newer Debian changes anything."""
    pairs = [(row, find(rows, row["runtime"], row["processor"])) for row in rows if row["release"] == TRIXIE.name]
    same = [
        row["bundles"][name].get("artifacts") == (old or row)["bundles"][name].get("artifacts") for row, old in pairs
    ]
    if pairs:
        place = BOARDS[pairs[0][0]["processor"]]
        yield f"On Debian 13 (trixie, Python 3.13), {place}: {sum(same)} of {len(same)} runtimes gave the same figures."


def lean(found: dict[str, Any]) -> Iterator[str]:
    """Sizes and import times."""
    yield "## The lean install"
    yield ""
    yield SIZES
    yield ""
    yield "| | MB | packages | the five largest | `import edgecv_runtime` | `from edgecv_runtime import load` |"
    yield "|---|---|---|---|---|---|"
    for name, one in found.items():
        largest = ", ".join(f"{package} {size:.0f}" for package, size in one["largest"].items())
        imports = one.get("imports")
        ratios = [ratio(one_import) for one_import in list(imports.values())[1:]] if imports else ["", ""]
        yield f"| {name} | {one['megabytes']:.0f} | {one['packages']} | {largest} | {' | '.join(ratios)} |"


def ratio(found: dict[str, float]) -> str:
    """As `1.20 (1.10 to 1.30)`."""
    return f"{found['ratio']:.2f} ({found['p10']:.2f} to {found['p90']:.2f})"
