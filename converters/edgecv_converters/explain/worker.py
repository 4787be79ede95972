"""Explains the answers of one model to pictures, in a process of its own: a model is a stranger's file."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from edgecv_runtime.heads.explained import Explained
from edgecv_runtime.schema import Artifact

from edgecv_converters.explain import compare
from edgecv_converters.explain.methods import make_map, network_of, work_of
from edgecv_converters.explain.places import MapPlaces, measured
from edgecv_converters.explain.records import ExplainedPictures, ExplainOrder, MapOfPicture
from edgecv_converters.explain.settings import find_method
from edgecv_converters.explain.subjects import Answering, AnsweringSource, opened_artifact
from edgecv_converters.isolate.child import progress
from edgecv_converters.source.request import SourceRequest, open_source
from edgecv_converters.targets import ProofMethod

CURVES: Final = 2 * (1 + compare.RANDOM) * compare.POINTS  # answers that the curves of one picture take


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactToExplain:
    """An artifact of the bundle at `root` (an absolute path), and how it is run."""

    root: Path
    artifact: Artifact
    method: ProofMethod = "runtime"
    threads: int = 1


def explain_source(request: SourceRequest, order: ExplainOrder) -> ExplainedPictures:
    """Explain the answers of a trained model.

    Raises:
        EdgecvError: The model cannot be loaded, or the method does not fit it.
    """
    return explain(AnsweringSource(open_source(request), order.head), order)


def explain_artifact(place: ArtifactToExplain, order: ExplainOrder) -> ExplainedPictures:
    """Explain the answers of an artifact.

    Raises:
        EdgecvError: The runtime cannot load or run the file, or the method needs gradients.
    """
    with opened_artifact(place.root, place.artifact, order.head, place.method, place.threads) as subject:
        return explain(subject, order)


@dataclass
class _Meter:
    """Tells how far the work is, and for how long it will go on at the rate so far."""

    total: int
    done: int = 0
    began: float = field(default_factory=time.monotonic)

    def tell(self, count: int) -> None:
        self.done += count
        rate = (time.monotonic() - self.began) / self.done
        progress(self.done, self.total, rate * (self.total - self.done))


def explain(subject: Answering, order: ExplainOrder) -> ExplainedPictures:
    """Make the maps of all pictures, their curves, and the maps of the shuffled network.

    Raises:
        UsageError: The method does not fit the model, or there is no such label or layer.
    """
    began, method = time.monotonic(), find_method(order.method)
    if method.needs != "answers" or order.sanity:
        network_of(subject)
    each = work_of(order) * (2 if order.sanity else 1) + (CURVES if order.curves else 0)
    meter = _Meter(each * len(order.samples))
    places = _places(subject, order) if method.needs == "layers" else None
    maps = [_one(subject, order, row, places, meter) for row in range(len(order.samples))]
    if order.sanity:
        maps = _shuffled(subject, order, maps, places, meter)
    layer = None if places is None else places.layer
    return ExplainedPictures(how=subject.how, maps=tuple(maps), layer=layer, seconds=time.monotonic() - began)


def _places(subject: Answering, order: ExplainOrder) -> MapPlaces:
    network, sample = network_of(subject), order.samples[:1]
    return measured(network, sample, network.last_map(sample) if order.layer is None else order.layer)


def _one(subject: Answering, order: ExplainOrder, row: int, places: MapPlaces | None, meter: _Meter) -> MapOfPicture:
    canvas = subject.canvas(order.samples[row], order.settings)
    explained = _explained(subject, order, row)
    score = subject.scorer(explained)
    found = make_map(subject, canvas, explained, order, places, meter.tell)
    curves = compare.curves(canvas, score, found.values, order.settings) if order.curves else None
    if order.curves:
        meter.tell(CURVES)
    return MapOfPicture(
        explained=explained,
        score=float(score(canvas.raw[None])[0]),
        values=found.values,
        curves=curves,
        missing=found.missing,
    )


def _explained(subject: Answering, order: ExplainOrder, row: int) -> Explained:
    if order.explained is not None:
        return order.explained[row]
    outputs = subject.answer(subject.canvas(order.samples[row], order.settings).raw[None])
    return subject.head.explained(outputs, order.wanted)


def _shuffled(
    subject: Answering, order: ExplainOrder, maps: list[MapOfPicture], places: MapPlaces | None, meter: _Meter
) -> list[MapOfPicture]:
    """Shuffle the weights, and say of each map how much the one of the shuffled network is like it."""
    network_of(subject).shuffle(order.settings.seed)
    found = []
    for sample, one in zip(order.samples, maps, strict=True):
        canvas = subject.canvas(sample, order.settings)
        other = make_map(subject, canvas, one.explained, order, places, meter.tell)
        found.append(replace(one, shuffled=compare.rank_correlation(one.values, other.values)))
    return found
