"""`edgecv verify`: are the files those that were proven, and do they give the recorded answers on this machine?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edgecv_converters.golden import GoldenSample, read_golden, read_sketches
from edgecv_converters.parity.gates import GateConfig, evaluate_gates
from edgecv_converters.parity.metrics import ComparisonAccumulator
from edgecv_converters.parity.reference import ReferenceCoreML, Suspect, faults
from edgecv_converters.parity.ways import Way, how, open_way, ways
from edgecv_converters.workers.prove import activated
from edgecv_runtime.backends import Backend, run_float, to_raw
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BackendError, ConversionError, MissingDependencyError
from edgecv_runtime.postprocess import Head
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.schema import Artifact, Gate, Parity
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from edgecv import words
from edgecv.console import show, show_json
from edgecv.observer import Observer
from edgecv.summary import STYLES, raise_for_gates, snr


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result: `preprocessing_equal` counts golden pictures whose tensor came out with the very same bits."""

    name: str
    files: int
    golden: int
    pictures: int
    preprocessing_equal: int
    parity: tuple[Parity, ...]


def verify(path: Path, *, gates: tuple[str, ...] = (), threads: int = 1, observer: Observer) -> Verification:
    """Check every digest, preprocess the golden pictures again, and run every artifact that can run here.

    Raises:
        BundleError: A file is missing, changed or not listed.
        UsageError: A gate is unknown.
    """
    GateConfig.parse(gates)
    with Bundle.load(path) as bundle:
        trained = bundle.manifest.provenance.recipe.get("epochs") is not None
        config = GateConfig.parse(gates, trained=trained)
        bundle.verify_integrity()
        cases = list(read_golden(bundle.root, bundle.manifest.golden))
        pictures, equal = _preprocess_again(bundle, cases)
        parity = []
        for number, artifact in enumerate(bundle.manifest.artifacts):
            observer.stage("golden cases", number, len(bundle.manifest.artifacts))
            parity += [_run(bundle, artifact, way, cases, config, threads) for way in ways(artifact.target)]
        files = sum(1 for file in bundle.root.rglob("*") if file.is_file())
    return Verification(
        name=bundle.manifest.name,
        files=files,
        golden=len(cases),
        pictures=pictures,
        preprocessing_equal=equal,
        parity=tuple(parity),
    )


def _preprocess_again(bundle: Bundle, cases: list[GoldenSample]) -> tuple[int, int]:
    pictures = [case for case in cases if case.image is not None]
    if not pictures:
        return 0, 0
    name, spec = next(iter(bundle.manifest.preprocess.items()))
    preprocessor = Preprocessor(spec)
    same = [np.array_equal(preprocessor(case.image), case.inputs[name]) for case in pictures if case.image is not None]
    return len(pictures), sum(same)


def _run(
    bundle: Bundle, artifact: Artifact, way: Way, cases: list[GoldenSample], config: GateConfig, threads: int
) -> Parity:
    total = ComparisonAccumulator(Head.of(bundle.manifest))
    try:
        backend = open_way(artifact, bundle.path(artifact), way, threads=threads)
    except MissingDependencyError as error:
        return Parity(artifact=artifact.file, status="not_run", how="not run", reason=f"{error.message}. {error.hint}")
    except (BackendError, ConversionError) as error:
        return Parity(artifact=artifact.file, status="failed", how="did not run", reason=error.message)
    try:
        for case in cases:
            total.add([case.id], activated(artifact, case.outputs), run_float(backend, artifact, case.inputs))
        overflow = backend.overflow if isinstance(backend, ReferenceCoreML) else None
        suspect = _suspect(bundle, backend, artifact, cases[0])
    finally:
        backend.close()
    comparisons = {"golden": total.result()}
    results = evaluate_gates(config, artifact.precision, comparisons, None)
    failed = [f"{gate.name} is {_value(gate)}, the gate is {gate.limit:g}" for gate in results if not gate.passed]
    failed += faults(failed, overflow, suspect)
    return Parity(
        artifact=artifact.file,
        status="failed" if failed else "passed",
        how=how(backend),
        reason="; ".join(failed) or None,
        comparisons=comparisons,
        gates=results,
    )


def _value(gate: Gate) -> str:
    return "not measured" if gate.value is None else f"{gate.value:.4g}"


def _suspect(bundle: Bundle, backend: Backend, artifact: Artifact, case: GoldenSample) -> Suspect | None:
    if not isinstance(backend, ReferenceCoreML):
        return None
    raw = {io.name: to_raw(case.inputs[io.name], io) for io in artifact.inputs}
    return backend.suspect(raw, read_sketches(bundle.root, bundle.manifest.golden))


def finish_verification(result: Verification, *, as_json: bool) -> None:
    """Print the result, and end as the gates say.

    Raises:
        GateError: An artifact, or the preprocessing, does not give what was recorded.
    """
    if as_json:
        show_json(result)
    else:
        show(*_lines(result))
    failed = tuple(parity for parity in result.parity if parity.status == "failed")
    if result.preprocessing_equal != result.pictures:
        reason = f"{result.pictures - result.preprocessing_equal} of {result.pictures} golden pictures differ"
        failed += (Parity(artifact="preprocessing", status="failed", how="golden pictures", reason=reason),)
    raise_for_gates(failed, "The files are those that were recorded: this machine's runtime computes differently")


def _lines(result: Verification) -> Iterator[Table | str]:
    yield f"{result.name}: {result.files} files, all as they were recorded"
    if result.pictures:
        yield f"preprocessing: {result.preprocessing_equal} of {result.pictures} golden pictures equal to the bit"
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("artifact", "parity", "SNR", "agreement", "how"):
        table.add_column(heading)
    for parity in result.parity:
        golden = parity.comparisons.get("golden")
        style = STYLES[parity.status]
        agreement = "" if golden is None or golden.agreement is None else words.percent(golden.agreement)
        how = parity.reason if parity.status == "not_run" else parity.how
        status = Text(parity.status.replace("_", " "), style)
        table.add_row(parity.artifact, status, snr(golden), agreement, how or "")
    yield table
    if all(parity.status == "not_run" for parity in result.parity):
        yield "no artifact could be run here: only the files were checked"
