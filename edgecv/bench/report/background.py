"""The origin of the numbers: the machine, the settings, the reference, the peaks and the versions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from edgecv_runtime.bench.result import BenchSettings, Machine, MeasuredOn, Peak, Reference, Result
from edgecv_runtime.text import percent

from edgecv.bench.reference import GPU_FORMAT
from edgecv.bench.report.figures import threads_words, time_words
from edgecv.bench.report.tables import peak_words
from edgecv.report.background import pairs
from edgecv.report.html import Html, el, join
from edgecv.terminal.words import byte_size, duration, quantity

PLACES: Final = {
    "here": "the machine that ran edgecv bench",
    "ssh": "a machine over ssh",
    "adb": "an Android device over adb",
    "import": "a result that was imported",
}
REFERENCES: Final = {
    "cuda": f"{GPU_FORMAT.title} in float32 on a GPU of this machine",
    "recorded": "Recorded on another machine",
    "keras": "The source model in Keras, run on the CPU of this machine; no GPU reference was given",
    "golden": "The source model's outputs in the bundle, by Keras on a CPU; no GPU reference was given",
    "artifact": "A float32 artifact of the bundle, run on this machine; no GPU reference was given",
}


def background(result: Result) -> Html:
    """All cards of one result, side by side where there is room."""
    cards = [
        _card("Machine", _machine(result.machine, result.place)),
        _card("How it was measured", _settings(result)),
        *(_card(f"Reference, {item.on} samples", _reference(item)) for item in result.references),
        _peaks(result.peaks),
        _card("Versions", sorted(result.machine.versions.items())),
    ]
    return el("div", join([card for card in cards if card is not None]), class_="plots")


def _card(title: str, rows: Sequence[tuple[str, str | Html]]) -> Html | None:
    return el("section", el("h3", title), pairs(rows), class_="card") if rows else None


def machine_words(machine: Machine) -> str:
    """One line: processor, architecture, cores, instructions, accelerators, system."""
    first = f"{machine.model}: {machine.cpu}" if machine.model else machine.cpu
    cores = f"{machine.cores} core{'' if machine.cores == 1 else 's'}"
    parts = [first, machine.architecture, cores, " ".join(machine.flags), *machine.accelerators, machine.system]
    return ", ".join(part for part in parts if part)


def _machine(machine: Machine, place: MeasuredOn) -> list[tuple[str, str | Html]]:
    rows: list[tuple[str, str | Html]] = [("Where", PLACES[place.kind] + (f": {place.name}" if place.name else ""))]
    rows += [("Device", machine.model)] if machine.model else []
    rows += [
        ("Processor", f"{machine.cpu}, {machine.architecture}, {machine.cores} cores"),
        ("Instructions", ", ".join(machine.flags) or "none known that change int8 speed"),
        ("Governor", ", ".join(machine.governors) or "not known"),
    ]
    rows += [("Highest frequency", f"{quantity(round(machine.mhz))} MHz")] if machine.mhz else []
    rows += [("Memory", byte_size(machine.memory_bytes))] if machine.memory_bytes else []
    rows += [("Accelerators", ", ".join(machine.accelerators))] if machine.accelerators else []
    rows.append(("Load, 1 minute", _ends(machine.load_before, machine.load_after, "")))
    if machine.celsius_before is not None or machine.celsius_after is not None:
        rows.append(("Hottest sensor", _ends(machine.celsius_before, machine.celsius_after, " °C")))
    rows.append(("Slowed by heat", {None: "the system does not tell", True: "yes", False: "no"}[machine.throttled]))
    rows.append(("System", machine.system))
    return rows


def _ends(before: float | None, after: float | None, unit: str) -> str:
    first, last = ("not known" if value is None else f"{value:.3g}{unit}" for value in (before, after))
    return first if first == last else f"{first} before, {last} after"


def _settings(result: Result) -> list[tuple[str, str | Html]]:
    used = result.settings
    rows: list[tuple[str, str | Html]] = [
        ("Order", f"{used.rounds} turns each, the rows taking turns"),
        ("Measuring", f"{duration(used.seconds)} a row in all"),
        ("Warm-up", f"until stable, {duration(used.warm_up_seconds)} at most"),
        ("Threads", ", ".join(str(count) for count in used.threads)),
        ("Inputs", _inputs(used)),
    ]
    if used.sustained_seconds:
        rows.append(("Sustained", f"{duration(used.sustained_seconds)} a row without a pause"))
    if result.multiply_adds:
        rows.append(("Work", f"{quantity(result.multiply_adds)} multiply-adds a sample"))
    rows += [("Made", result.created), ("Bundle", el("code", result.identity))]
    return rows


def _inputs(used: BenchSettings) -> str:
    kind = "encoded pictures, so decoding counts" if used.input == "pictures" else "tensors"
    return f"{quantity(used.inputs)} {used.data} samples in rotation, {kind}"


def _reference(item: Reference) -> list[tuple[str, str | Html]]:
    rows: list[tuple[str, str | Html]] = [("What", item.description), ("Made by", REFERENCES[item.kind])]
    if item.artifact:
        rows.append(("Artifact", item.artifact))
    if item.library:
        providers = ", ".join(item.library.providers)
        rows.append(("Library", f"{item.library.name} {item.library.version} {providers}".strip()))
    if item.count:
        rows.append(("Samples", quantity(item.count)))
    if item.inference:
        rows.append(
            ("One inference", f"p50 {time_words(item.inference.p50_us)}, p90 {time_words(item.inference.p90_us)}")
        )
    if item.total:
        rows.append(("Whole prediction", f"p50 {time_words(item.total.p50_us)}"))
    if item.correct:
        rows.append(("Accuracy", f"{percent(item.correct.accuracy, 2)} of {quantity(item.correct.count)}"))
    if item.machine:
        rows.append(("On", machine_words(item.machine)))
    if item.created:
        rows.append(("Recorded", item.created))
    return rows


def _peaks(peaks: Sequence[Peak]) -> Html | None:
    return _card(
        "Measured peaks",
        [
            (
                f"{item.kind}, {item.backend}",
                f"{peak_words(item.multiply_adds_per_second)}, {threads_words(item.threads)}: {item.how}",
            )
            for item in peaks
        ],
    )
