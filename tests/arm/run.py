"""`make test-arm`: the lean install on emulated Raspberry Pi processors, against x86-64.

Usage: python -m tests.arm.run

Writes benchmarks/results/arm.json and docs/arm.md. Everything it makes lies in build/arm. Exit code 1 where a tool is
missing (it says what to install), or where on x86-64 or a Pi's processor a bundle does not verify or preprocessing
differs in a bit. What fails on processors that no Pi has stands in the page, and does not decide.
Time under emulation means nothing and is not recorded; results do.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgecv_runtime.bundle import Bundle

from edgecv.machine import machine_line
from tests.arm import page
from tests.arm.compare import compare, same_tensors
from tests.arm.emulator import BOOKWORM, PROCESSORS, TRIXIE, SetupError, check_tools, qemu_version, unpack
from tests.arm.lean import measure, weights
from tests.arm.machine import HOST, Machine
from tests.arm.subjects import Subject, subjects
from tests.arm.wheels import REPOSITORY, RUNTIMES, Runtime, build_wheel, install, sizes

BUILD = REPOSITORY / "build" / "arm"
RESULTS = REPOSITORY / "benchmarks" / "results" / "arm.json"
INDEX = REPOSITORY / "tests" / "golden" / "index.json"
PI_5 = PROCESSORS[2]
PLACES = (*((BOOKWORM, processor) for processor in PROCESSORS), (TRIXIE, PI_5))
NEWEST = {runtime.target: runtime for runtime in RUNTIMES}  # the last of each target: those of constraints.txt
Answers = dict[str, dict[str, Any]]  # by subject


def main() -> int:
    """Build, run, compare, write; 1 where something failed."""
    os.nice(10)
    try:
        check_tools()
        BUILD.mkdir(parents=True, exist_ok=True)
        wheel = build_wheel(BUILD)
        results = {"machine": machine_line(), "qemu": qemu_version(), "lean": lean(wheel)}
        rows = list(all_rows(wheel, list(subjects(BUILD))))
    except SetupError as error:
        print(f"error: {error}\nhint: {error.hint}", file=sys.stderr)
        return 1
    results["rows"] = rows
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    page.write(results)
    deciding = {HOST, *(processor.name for processor in PROCESSORS if processor.decides)}
    return int(any(row["failures"] and row["processor"] in deciding for row in rows))


def lean(wheel: Path) -> dict[str, Any]:
    """What the two lean installs cost here and on aarch64."""
    found = {}
    for extra, target in (("litert", "tflite"), ("onnx", "onnx")):
        found[f"{extra}, x86-64"] = measure(wheel, extra, BUILD)
        found[f"{extra}, aarch64"] = weights(sizes(install(NEWEST[target], wheel, BUILD, BOOKWORM)))
    return found


def all_rows(wheel: Path, chosen: list[Subject]) -> Iterator[dict[str, Any]]:
    """A row for every runtime on every machine, this one first: it is what the others are compared with."""
    hosts: dict[str, Answers] = {}
    for runtime in RUNTIMES:
        machine = Machine(runtime=runtime, site=install(runtime, wheel, BUILD, None))
        hosts[runtime.name] = {subject.name: machine.answers(subject, BUILD) for subject in chosen}
    for runtime in RUNTIMES:
        for machine in (Machine(runtime=runtime, site=install(runtime, wheel, BUILD, None)), *devices(runtime, wheel)):
            row = visit(machine, chosen, hosts)
            print(f"{machine.name}: {'; '.join(row['failures']) or 'ok'}", flush=True)
            yield row


def devices(runtime: Runtime, wheel: Path) -> Iterator[Machine]:
    """The emulated machines that have a wheel of the runtime."""
    for release, processor in PLACES:
        if release.python in runtime.pythons:
            site, root = install(runtime, wheel, BUILD, release), unpack(release, BUILD)
            yield Machine(runtime=runtime, site=site, root=root, release=release, processor=processor)


def visit(machine: Machine, chosen: list[Subject], hosts: dict[str, Answers]) -> dict[str, Any]:
    """All that is asked of one machine; `failures` says what must not be."""
    bundles = {subject.name: judge(machine, subject, hosts) for subject in chosen}
    vectors = machine.vectors(BUILD) if INDEX.exists() else None
    return {
        "runtime": machine.runtime.name,
        "processor": machine.processor.name if machine.processor else HOST,
        "release": machine.release.name if machine.release else None,
        "vectors": vectors,
        "bundles": bundles,
        "failures": [*wrong_vectors(vectors), *(line for name in bundles for line in wrong(name, bundles[name]))],
    }


def judge(machine: Machine, subject: Subject, hosts: dict[str, Answers]) -> dict[str, Any]:
    """One bundle on one machine: `edgecv verify`, and the pictures against x86-64."""
    found = machine.answers(subject, BUILD)
    judged: dict[str, Any] = {"verify": machine.verify(subject), "run": machine.run(subject)}
    if "error" in found:
        return {**judged, "error": found["error"]}
    newest = hosts[NEWEST[machine.runtime.target].name][subject.name]
    same = hosts[machine.runtime.name][subject.name]
    steps = output_steps(subject)
    artifacts = {
        file: answer if "error" in answer else both(answer, file, same, newest, steps[file])
        for file, answer in found["artifacts"].items()
    }
    facts = {name: found[name] for name in ("machine", "python", "versions", "imported")}
    tensors = {"pictures": len(newest["tensors"]), "equal": same_tensors(found["tensors"], newest["tensors"])}
    judged["run"]["expected"] = first_answer(found["artifacts"])
    return {**judged, **facts, "tensors": tensors, "artifacts": artifacts}


def first_answer(artifacts: dict[str, Any]) -> int | None:
    """The int8 artifact's index for the first picture: the one that `edgecv run` takes unasked."""
    indices = [answer.get("indices", [None]) for file, answer in artifacts.items() if ".int8." in file]
    return indices[0][0] if indices else None


def both(answer: Any, file: str, same: Any, newest: Any, scale: float | None) -> dict[str, Any]:
    """Against x86-64 with the same runtime (what the processor changes), and with the newest (all that changes)."""
    pairs = {"same_runtime": same, "newest_runtime": newest}
    references = {name: of["artifacts"].get(file, {"error": "did not run"}) for name, of in pairs.items()}
    return {
        name: reference if "error" in reference else compare(answer, reference, scale)
        for name, reference in references.items()
    }


def output_steps(subject: Subject) -> dict[str, float | None]:
    """The quantization step of each artifact's first output."""
    with Bundle.load(subject.bundle) as bundle:
        outputs = {artifact.file: artifact.outputs[0] for artifact in bundle.manifest.artifacts}
    return {file: io.quantization.scale if io.quantization else None for file, io in outputs.items()}


def wrong_vectors(vectors: dict[str, Any] | None) -> list[str]:
    """The golden vectors that gave other bits."""
    if vectors is None:
        return []
    if "error" in vectors:
        return [f"golden vectors: {vectors['error']}"]
    different = [*vectors["different"], *vectors["different_pictures"]]
    return [f"golden vectors: {len(different)} differ, {different[0]} first"] if different else []


def wrong(name: str, judged: dict[str, Any]) -> Iterator[str]:
    """What must not be: no result, an artifact over its gate, a preprocessed tensor with another bit, TensorFlow."""
    verify = judged["verify"]
    errors = [part["error"] for part in (judged, verify, judged["run"]) if "error" in part]
    yield from (f"{name}: {error}" for error in errors)
    if errors:
        return
    for file, parity in verify["artifacts"].items():
        if parity["status"] == "failed":
            yield f"{name}: {file}: {parity['reason']}"
    if (
        verify["pictures"] != verify["preprocessing_equal"]
        or judged["tensors"]["pictures"] != judged["tensors"]["equal"]
    ):
        yield f"{name}: preprocessing differs"
    if judged["run"]["index"] != judged["run"]["expected"]:
        yield f"{name}: edgecv run answers {judged['run']['index']} instead of {judged['run']['expected']}"
    if judged["imported"]:
        yield f"{name}: {judged['imported'][0]} was imported"


if __name__ == "__main__":
    sys.exit(main())
