"""The records of `explain.json`: what was found, without the maps themselves."""

from __future__ import annotations

from typing import Final

import numpy as np
from edgecv_converters.explain.compare import MOVED, highest_point
from edgecv_converters.explain.departing import DepartingLayer
from edgecv_runtime.records import Record

from edgecv.explain.run import ExplainedModel, ExplainRun
from edgecv.explain.shown import in_picture
from edgecv.machine import machine_line, versions

TELLING: Final = 0.5  # a rank correlation with the shuffled network's map above it: the map shows the picture's edges


class CurveAreas(Record, frozen=True, kw_only=True):
    """The areas under the curves of a map, and of random maps; `gain` is how much better the map is."""

    deletion: float
    insertion: float
    random_deletion: float
    random_insertion: float
    gain: float


class MapRecord(Record, frozen=True, kw_only=True):
    """One map of one picture.

    Attributes:
        model, method: Who was asked, and how.
        explained: The number that it explains; `score` is that number.
        peak: Where the map is highest, x and y in the picture's pixels.
        areas: Of its curves, where they were measured.
        rank_correlation, top_overlap: With the reference's map; None for the reference itself.
        shuffled: The rank correlation with the map of a network of shuffled weights.
        missing: By integrated gradients: what the sum of attributions lacks, as a share of the difference of outputs.
        file: The picture with the map over it.
    """

    model: str
    method: str
    explained: str
    score: float
    peak: tuple[int, int]
    areas: CurveAreas | None = None
    rank_correlation: float | None = None
    top_overlap: float | None = None
    shuffled: float | None = None
    missing: float | None = None
    file: str | None = None


class PictureRecord(Record, frozen=True, kw_only=True):
    """One picture and its maps."""

    picture: str
    maps: tuple[MapRecord, ...]


class ModelSummary(Record, frozen=True, kw_only=True):
    """All maps of one model by one method.

    Attributes:
        model, method, how, layer: Who was asked, what ran, and the layer that was weighed.
        seconds: How long it took.
        better_than_random: The share of maps whose curves are better than those of random maps.
        gain: The mean of what they are better by.
        rank_correlation, top_overlap: The means over all pictures, with the reference's maps.
        moved: The share of pictures whose top region moved: they overlap by less than a half.
        moved_most: The pictures whose map changed most, the worst first.
        shuffled: The mean rank correlation with the maps of a network of shuffled weights.
        departing: The first layer inside the file whose result departs from that of the float file, where the model
            looks elsewhere and there is such a layer.
    """

    model: str
    method: str
    how: str
    layer: str | None
    seconds: float
    better_than_random: float | None = None
    gain: float | None = None
    rank_correlation: float | None = None
    top_overlap: float | None = None
    moved: float | None = None
    moved_most: tuple[str, ...] = ()
    shuffled: float | None = None
    departing: DepartingLayer | None = None


class ExplainReport(Record, frozen=True, kw_only=True):
    """All of `explain.json`.

    `strongest` are the pictures and the highest values of the channel that was asked for, the highest first.
    """

    name: str
    head: str
    summaries: tuple[ModelSummary, ...]
    pictures: tuple[PictureRecord, ...]
    machine: str
    versions: dict[str, str]
    strongest: tuple[tuple[str, float], ...] = ()


def report_of(run: ExplainRun, files: dict[tuple[int, int], str]) -> ExplainReport:
    """Return the report of a run; `files` are the names of the overlays by picture and model."""
    return ExplainReport(
        name=run.opened.name,
        head=run.opened.head.title,
        summaries=tuple(_summary(run, model) for model in run.models),
        pictures=tuple(
            PictureRecord(
                picture=picture.name,
                maps=tuple(
                    _map_record(run, number, model, files.get((number, place)))
                    for place, model in enumerate(run.models)
                ),
            )
            for number, picture in enumerate(run.pictures)
        ),
        machine=machine_line(),
        versions=versions(),
        strongest=_strongest(run),
    )


def _strongest(run: ExplainRun) -> tuple[tuple[str, float], ...]:
    """The pictures that the channel answers to, and how much, the strongest first."""
    inside = run.inside
    if inside is None or inside.channel is None:
        return ()
    return tuple((run.pictures[number].name, inside.strengths[number]) for number in inside.strongest)


def _map_record(run: ExplainRun, number: int, model: ExplainedModel, file: str | None) -> MapRecord:
    found, view = model.map(number), run.pictures[number].view
    shown = in_picture(found.values, view, (view.height, view.width))
    likeness = None if model.likeness is None else model.likeness[number]
    return MapRecord(
        model=model.title,
        method=model.method,
        explained=found.explained.title,
        score=found.score,
        peak=highest_point(shown),
        areas=areas_of(model, number),
        rank_correlation=None if likeness is None else likeness.rank_correlation,
        top_overlap=None if likeness is None else likeness.top_overlap,
        shuffled=found.shuffled,
        missing=found.missing,
        file=file,
    )


def areas_of(model: ExplainedModel, number: int) -> CurveAreas | None:
    """Return the areas of one map's curves."""
    curves = model.map(number).curves
    if curves is None:
        return None
    return CurveAreas(
        deletion=curves.area("deletion"),
        insertion=curves.area("insertion"),
        random_deletion=curves.area("random_deletion"),
        random_insertion=curves.area("random_insertion"),
        gain=curves.gain,
    )


def _summary(run: ExplainRun, model: ExplainedModel) -> ModelSummary:
    gains = [one.curves.gain for one in model.found.maps if one.curves is not None]
    shuffled = [one.shuffled for one in model.found.maps if one.shuffled is not None]
    like = model.likeness or ()
    order = sorted(range(len(like)), key=lambda number: like[number].top_overlap)
    return ModelSummary(
        model=model.title,
        method=model.method,
        how=model.found.how,
        layer=model.found.layer,
        seconds=round(model.found.seconds, 3),
        better_than_random=_mean([gain > 0 for gain in gains]),
        gain=_mean(gains),
        rank_correlation=_mean([one.rank_correlation for one in like]),
        top_overlap=_mean([one.top_overlap for one in like]),
        moved=_mean([one.top_overlap < MOVED for one in like]),
        moved_most=tuple(run.pictures[number].name for number in order[:5]),
        shuffled=_mean(shuffled),
        departing=model.departing,
    )


def _mean(values: list[float] | list[bool]) -> float | None:
    return float(np.mean(values)) if values else None
