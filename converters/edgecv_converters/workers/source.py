"""Loads the trained model once: freezes it for the converters, then answers the data sets as the reference."""

from __future__ import annotations

from pathlib import Path

from edgecv_converters.data import Spool
from edgecv_converters.isolate.child import go_later, progress, wait_for
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.source.model import SourceModel
from edgecv_converters.source.request import SourceRequest, open_source
from edgecv_converters.workers.exchange import FROZEN, REFERENCES, REMARKS, SOURCE, SPOOLS
from edgecv_converters.workers.records import SourceSummary

BATCH = 64


def answer_source(request: SourceRequest, store: ObjectStore, work: Path) -> None:
    """Put "frozen", then "source"; wait for "spools"; put "remarks" and "references", the outputs for each of them.

    What the model is takes a while to find out, while converters can begin.
    """
    source = open_source(request)
    source.freeze().save(work / "frozen")
    store.put(FROZEN, work / "frozen")
    store.put(SOURCE, summary_of(source))
    go_later()  # no proof needs the answers before an artifact is there
    spools = wait_for(store, SPOOLS)
    total = sum(spool.count for spool in spools.values())
    names = tuple(spec.name for spec in source.outputs)
    shapes = {spec.name: spec.shape for spec in source.outputs}
    references, done = {}, 0
    for name, spool in spools.items():
        answers = Spool(work / "references" / name, names, spool.count)
        files = answers.create(shapes)
        for rows, batch in spool.batches(BATCH):
            for output, values in source.predict(batch).items():
                files[output][rows] = values
            done += len(next(iter(batch.values())))
            progress(done, total)
        references[name] = answers
    store.put(REMARKS, source.remarks)
    store.put(REFERENCES, references)


def summarize_source(request: SourceRequest) -> SourceSummary:
    """Load a model, and return what it is.

    Raises:
        EdgecvError: It cannot be loaded.
    """
    return summary_of(open_source(request))


def summary_of(source: SourceModel) -> SourceSummary:
    """Return what a loaded model is."""
    return SourceSummary(
        info=source.info,
        inputs=source.inputs,
        outputs=source.outputs,
        endings=source.endings,
        trained_as=source.trained_as,
        has_preprocessing=source.has_preprocessing,
        scalings=source.scalings,
        notes=source.notes,
        finished=source.finished,
        beside=source.beside,
    )
