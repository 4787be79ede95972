"""The Keras model itself as the reference, in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from edgecv_converters.data import Spool
from edgecv_converters.isolate import WorkerLimits, WorkerPool
from edgecv_converters.source.request import SourceRequest
from edgecv_converters.workers import answer_source
from edgecv_converters.workers.exchange import REFERENCES, SPOOLS
from edgecv_runtime.bench.result import DataSet, Reference
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.digest import sha256_tree
from edgecv_runtime.errors import SourceError

from edgecv.bench.comparison import Outputs, read_outputs
from edgecv.bench.reference import ReferenceOutputs
from edgecv.bench.samples import Samples
from edgecv.extras import LOADING, require
from edgecv.terminal.observer import Observer


def from_model(model: Path, bundle: Bundle, samples: Samples, work: Path, observer: Observer) -> ReferenceOutputs:
    """The answers of the source model, which must be the one that the bundle was made from.

    Raises:
        SourceError: It cannot be loaded, or is another one.
        MissingDependencyError: TensorFlow or Keras is not installed.
    """
    require(LOADING, "convert")
    if not model.exists():
        raise SourceError(f"{model} does not exist", "Give the model that the bundle was made from")
    if sha256_tree(model) != bundle.manifest.provenance.source.sha256:
        raise SourceError(
            f"{model} is not the model that the bundle {bundle.manifest.name} was made from",
            "Give that one, or convert this one anew",
        )
    work.mkdir(parents=True)
    shapes = {spec.name: spec.shape for spec in bundle.manifest.inputs}
    with WorkerPool(work, preload=("tensorflow", "keras"), jobs=1) as pool:
        pool.store.put(SPOOLS, {str(name): spool for name, spool in samples.spools.items()})
        job = pool.submit(
            "Keras reference",
            answer_source,
            WorkerLimits(),
            request=SourceRequest(path=model.absolute(), input_shapes=shapes),
            store=pool.store,
            work=work,
        )
        observer.job(job)
        job.result()
        answers = cast("dict[DataSet, Spool]", pool.store.get(REFERENCES))
        outputs: dict[DataSet, Outputs] = {
            name: read_outputs(spool.folder, bundle.manifest) for name, spool in answers.items()
        }
    return ReferenceOutputs(
        outputs=outputs,
        records=tuple(
            Reference(
                on=name, kind="keras", description="the Keras model itself, run here on the CPU", count=spool.count
            )
            for name, spool in samples.spools.items()
        ),
    )
