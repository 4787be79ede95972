"""The labels and the identity of a bundle, known before anything of it is converted."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from edgecv_converters.coreml import ModelMetadata
from edgecv_converters.data import SampleSet
from edgecv_converters.workers import SourceSummary
from edgecv_runtime.identity import bundle_identity
from edgecv_runtime.postprocess import Head
from edgecv_runtime.schema import Postprocess, Preprocess

from edgecv.convert.datasets import EVALUATION, class_names
from edgecv.convert.request import ConvertRequest

ONE_CLASS_EACH = frozenset({"classification", "binary"})


def labels_of(
    request: ConvertRequest, summary: SourceSummary, head: Head, sets: Mapping[str, SampleSet]
) -> tuple[str, ...] | None:
    """The labels that were given; else the classes of the evaluation set, where the model tells as many apart."""
    width = summary.outputs[0].shape[-1] if summary.outputs[0].shape else 1
    names = request.labels
    if names is None and EVALUATION in sets and head.task in ONE_CLASS_EACH:
        names = class_names(request, sets[EVALUATION], summary.outputs)
    return names if names is None or len(names) == (2 if width == 1 else width) else None


def metadata_of(
    request: ConvertRequest,
    summary: SourceSummary,
    head: Head,
    specs: Mapping[str, Preprocess],
    labels: tuple[str, ...] | None,
) -> ModelMetadata:
    """Gather the facts of the bundle that an artifact's own metadata may repeat."""
    postprocess = Postprocess(activation=head.activation, thresholds=head.thresholds)
    identity = bundle_identity(
        name=request.name,
        task=head.task,
        inputs=summary.inputs,
        outputs=summary.outputs,
        preprocess=specs,
        postprocess=postprocess,
        labels=labels,
        source=summary.info.sha256,
        recipe=msgspec.to_builtins(request.recipe),
    )
    return ModelMetadata(
        name=request.name,
        task=head.task,
        source=summary.info,
        preprocess=dict(specs),
        postprocess=postprocess,
        labels=labels,
        identity=identity,
    )
