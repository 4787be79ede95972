"""Phase 1 of a conversion: what the source model is, and how each of its inputs is prepared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from edgecv_converters.data.inputs import preprocessing
from edgecv_converters.isolate import Job
from edgecv_converters.source.request import SourceRequest
from edgecv_converters.workers import SourceSummary, answer_source
from edgecv_converters.workers.exchange import PICTURES, SOURCE
from edgecv_runtime.schema import Preprocess

from edgecv.convert.request import ConvertRequest
from edgecv.convert.workers import Workers

MEMORY: Final = 5.0  # times the size of the model: an estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePhase:
    """The source model as far as it is known before its data: `specs` is the preprocessing of every input."""

    summary: SourceSummary
    specs: Mapping[str, Preprocess]


def start_source(request: ConvertRequest, workers: Workers, work: Path) -> Job:
    """Start the worker that loads the model, freezes it, and answers the data sets as the reference."""
    return workers.submit(
        "source model",
        _raise,
        answer_source,
        times=MEMORY,
        request=source_request(request),
        store=workers.store,
        work=work,
    )


def source_request(request: ConvertRequest) -> SourceRequest:
    """Return the request to load the model in another process."""
    return SourceRequest(
        path=request.model.absolute(),
        input_shapes=request.input_shapes,
        allow_code=request.allow_code,
        custom_objects=request.custom_objects,
        signature=request.signature,
        modules=None if request.custom_objects is None else Path.cwd(),
    )


def read_source(request: ConvertRequest, workers: Workers, job: Job) -> SourcePhase:
    """Wait for what the model is, and settle the preprocessing of its inputs.

    Raises:
        EdgecvError: The model cannot be loaded, or nobody says how its pictures are prepared.
    """
    summary: SourceSummary = workers.wait_for(SOURCE, job)
    if request.beside is not None:
        summary = replace(summary, beside=request.beside)
    for note in summary.notes:
        workers.observer.note(note)
    specs = preprocessing(request.preprocess, summary, workers.observer.note, summary.beside.preprocess)
    workers.store.put(PICTURES, frozenset(name for name, spec in specs.items() if spec.kind == "image"))
    return SourcePhase(summary=summary, specs=specs)


def _raise(job: Job) -> None:
    job.result()
