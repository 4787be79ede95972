"""The identity of a bundle, and the facts that an artifact's own metadata repeat, before anything is converted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from edgecv_converters.model_metadata import ModelMetadata
from edgecv_converters.workers import SourceSummary
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.kinds import first_labels
from edgecv_runtime.identity import bundle_identity
from edgecv_runtime.schema import Preprocess

from edgecv.convert.request import ConvertRequest


def metadata_of(
    request: ConvertRequest, summary: SourceSummary, heads: Sequence[Head], specs: Mapping[str, Preprocess]
) -> ModelMetadata:
    """Return what an artifact's own metadata may say of its bundle."""
    records = tuple(head.spec for head in heads)
    identity = bundle_identity(
        name=request.name,
        inputs=summary.inputs,
        outputs=summary.outputs,
        preprocess=specs,
        heads=records,
        labels=first_labels(records),
        source=summary.info.sha256,
        recipe=msgspec.to_builtins(request.recipe),
    )
    return ModelMetadata(
        name=request.name,
        source=summary.info,
        preprocess=dict(specs),
        heads=records,
        identity=identity,
        authorship=request.recipe.authorship,
    )
