"""A conversion's maps of importance: whether each artifact looks at the same place as the model it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from edgecv_converters.explain.compare import MOVED, rank_correlation, top_overlap
from edgecv_converters.explain.records import ExplainedPictures, ExplainOrder, Floats
from edgecv_converters.explain.worker import ArtifactToExplain, explain_artifact, explain_source
from edgecv_converters.isolate import Job
from edgecv_converters.measured import ArtifactMaps, MapPair
from edgecv_converters.parity.methods import spread
from edgecv_converters.targets import find
from edgecv_runtime.errors import EdgecvError, UsageError
from edgecv_runtime.schema import Artifact, Gate

from edgecv.convert.data import DataPhase
from edgecv.convert.recipe import ArtifactSpec
from edgecv.convert.request import ConvertRequest
from edgecv.convert.source import SourcePhase, source_request
from edgecv.convert.staging import Staging
from edgecv.convert.workers import Workers

METHOD: Final = "occlusion"  # the one that every format can be asked by, in few answers
MEMORY: Final = 5.0  # times the size of the model


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationPhase:
    """The maps of some samples by the source model, and by each artifact that ran.

    Attributes:
        on: The set that the samples are of.
        ids: Their names.
        samples: What the source model takes.
        source: The source model's maps; None where none were asked for.
        artifacts: Those of the artifacts.
    """

    on: str = ""
    ids: tuple[str, ...] = ()
    samples: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    source: ExplainedPictures | None = None
    artifacts: Mapping[ArtifactSpec, ExplainedPictures] = field(default_factory=dict)

    def compared(self, spec: ArtifactSpec, artifact: Artifact) -> ArtifactMaps | None:
        """Return how like an artifact's maps are to the source's; None where there are none."""
        if self.source is None or spec not in self.artifacts:
            return None
        pairs = tuple(
            MapPair(
                sample=name,
                explained=one.explained.title,
                rank_correlation=rank_correlation(one.values, other.values),
                top_overlap=top_overlap(one.values, other.values),
            )
            for name, one, other in zip(self.ids, self.source.maps, self.artifacts[spec].maps, strict=True)
        )
        return ArtifactMaps(
            artifact=artifact.file,
            method=METHOD,
            on=self.on,
            rank_correlation=float(np.mean([pair.rank_correlation for pair in pairs])),
            top_overlap=float(np.mean([pair.top_overlap for pair in pairs])),
            moved=float(np.mean([pair.top_overlap < MOVED for pair in pairs])),
            pairs=pairs,
        )


def check_explainable(request: ConvertRequest, source: SourcePhase) -> None:
    """Refuse to explain a model that does not take one picture.

    Raises:
        UsageError: It does not, and explanations are asked for.
    """
    if not request.explain:
        return
    if len(source.specs) != 1 or next(iter(source.specs.values())).kind != "image":
        raise UsageError("--explain is for models that take one picture", "Leave it out")


def explain_samples(
    request: ConvertRequest,
    data: DataPhase,
    artifacts: Mapping[ArtifactSpec, Artifact],
    workers: Workers,
    staging: Staging,
) -> ExplanationPhase:
    """Explain the source's answers to some samples, then the artifacts' answers to the same.

    Raises:
        EdgecvError: The source model cannot be explained.
    """
    if not request.explain:
        return ExplanationPhase()
    chosen = max(data.proof_sets, key=lambda one: one.inputs.count)
    rows = spread(chosen.inputs.count, request.explain)
    name = chosen.inputs.names[0]
    samples = np.asarray(np.load(chosen.inputs.path(name), mmap_mode="r")[rows])
    order = ExplainOrder(method=METHOD, samples=samples, head=data.heads[0], curves=False)
    made: dict[str, ExplainedPictures | EdgecvError] = {}
    workers.submit(
        "explain source model",
        lambda job: made.update({"": _result(job)}),
        explain_source,
        times=MEMORY,
        request=source_request(request),
        order=order,
    )
    workers.finish()
    source = made[""]
    if isinstance(source, EdgecvError):
        raise source
    found = _artifacts(order, source, artifacts, workers, staging)
    ids = tuple(chosen.ids[row] for row in rows.tolist())
    return ExplanationPhase(on=chosen.name, ids=ids, samples=samples, source=source, artifacts=found)


def _artifacts(
    order: ExplainOrder,
    source: ExplainedPictures,
    artifacts: Mapping[ArtifactSpec, Artifact],
    workers: Workers,
    staging: Staging,
) -> dict[ArtifactSpec, ExplainedPictures]:
    made: dict[ArtifactSpec, ExplainedPictures | EdgecvError] = {}
    same = ExplainOrder(
        method=order.method, samples=order.samples, head=order.head, explained=source.explained, curves=False
    )
    for spec, artifact in artifacts.items():
        if "runtime" in find(spec.target).methods():
            place = ArtifactToExplain(root=staging.bundle.absolute(), artifact=artifact)
            workers.submit(
                f"explain {spec}",
                lambda job, spec=spec: made.update({spec: _result(job)}),  # type: ignore[misc]
                explain_artifact,
                times=MEMORY,
                place=place,
                order=same,
            )
    workers.finish()
    for spec, result in made.items():
        if isinstance(result, EdgecvError):
            workers.observer.note(f"{spec} is not explained: {result.message}")
    return {spec: result for spec, result in made.items() if not isinstance(result, EdgecvError)}


def _result(job: Job) -> ExplainedPictures | EdgecvError:
    try:
        found: ExplainedPictures = job.result()
    except EdgecvError as error:
        return error
    return found


def map_gate(found: ArtifactMaps | None, limit: float | None, explained: bool) -> Gate | None:
    """Return the gate of an artifact's maps: their mean rank correlation with the source's.

    Args:
        found: What was measured of the artifact, if it ran.
        limit: The gate; None where it is off.
        explained: Whether the artifact can be run here, so that it should have been.
    """
    if limit is None or (found is None and not explained):
        return None
    value, on = (None, "samples") if found is None else (found.rank_correlation, found.on)
    passed = value is not None and value >= limit
    return Gate(name="explanation", on=on, limit=limit, value=value, passed=passed)
