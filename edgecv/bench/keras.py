"""The Keras model itself as the reference, in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from edgecv_converters.data import Spool
from edgecv_converters.isolate import Limits, Workshop
from edgecv_converters.source.request import SourceRequest
from edgecv_converters.workers import answer_source
from edgecv_runtime.bench.result import DataSet, Reference
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.digest import sha256_tree
from edgecv_runtime.errors import SourceError

from edgecv.bench.reference import Found
from edgecv.bench.samples import Samples
from edgecv.extras import LOADING, require
from edgecv.prove.judge import Outputs, read_outputs
from edgecv.terminal.observer import Observer


def from_model(model: Path, bundle: Bundle, samples: Samples, work: Path, observer: Observer) -> Found:
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
    with Workshop(work, preload=("tensorflow", "keras"), jobs=1) as shop:
        shop.mail.put("spools", dict(samples.spools))
        job = shop.submit(
            "Keras reference",
            answer_source,
            Limits(),
            request=SourceRequest(path=model.absolute(), input_shapes=shapes),
            mail=shop.mail.folder,
            work=work,
        )
        observer.job(job)
        job.result()
        answers = cast("dict[DataSet, Spool]", shop.mail.get("references"))
        outputs: dict[DataSet, Outputs] = {
            name: read_outputs(spool.folder, bundle.manifest) for name, spool in answers.items()
        }
    return Found(
        outputs=outputs,
        records=tuple(
            Reference(
                on=name, kind="keras", description="the Keras model itself, run here on the CPU", count=spool.count
            )
            for name, spool in samples.spools.items()
        ),
    )
