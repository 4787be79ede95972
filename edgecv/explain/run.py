"""Explains the answers to some pictures: every model that is asked, by every method, the reference first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from edgecv_converters.explain.compare import MOVED, NEAR, rank_correlation, top_overlap
from edgecv_converters.explain.departing import DepartingLayer, find_departing
from edgecv_converters.explain.insides import InsideOrder, InsideView, look_inside, look_inside_artifact
from edgecv_converters.explain.records import ExplainedPictures, ExplainOrder, Floats, MapOfPicture
from edgecv_converters.isolate import WorkerPool, children
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import DataError, ImageError, SourceError, UsageError
from edgecv_runtime.geometry import View
from edgecv_runtime.heads.explained import Explained
from edgecv_runtime.picture_files import pictures_below
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.preprocess.decode import ImageSource

from edgecv.explain.request import MOST_PICTURES, ExplainRequest
from edgecv.explain.subjects import LIMITS, Asked, OpenedSubjects, is_bundle, open_bundle, open_model
from edgecv.terminal.observer import Observer

PRELOAD = ("tensorflow", "keras")


@dataclass(frozen=True, slots=True)
class GivenPicture:
    """A picture that is explained: its name, where it is, and where it lies in the model's input."""

    name: str
    source: ImageSource
    view: View


@dataclass(frozen=True, slots=True)
class Likeness:
    """The likeness of a map to the reference's of the same picture: correlation of ranks, overlap of the top fifths."""

    rank_correlation: float
    top_overlap: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedModel:
    """The maps of all pictures by one model and one method.

    `likeness` to the reference's maps, one a picture, is None for the reference itself. `departing` is the layer at
    which the file departs from the float one, where it looks elsewhere.
    """

    title: str
    method: str
    found: ExplainedPictures
    likeness: tuple[Likeness, ...] | None = None
    departing: DepartingLayer | None = None

    @property
    def looks_elsewhere(self) -> bool:
        """Whether a top region has moved, or they overlap less on the average than those of files that agree."""
        shares = [one.top_overlap for one in self.likeness or ()]
        return bool(shares) and (min(shares) < MOVED or float(np.mean(shares)) < NEAR)

    def map(self, picture: int) -> MapOfPicture:
        """Return the map of one picture."""
        return self.found.maps[picture]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRun:
    """Everything that was found: the pictures, for each model and method their maps, and the inside of a model."""

    opened: OpenedSubjects
    pictures: tuple[GivenPicture, ...]
    models: tuple[ExplainedModel, ...]
    inside: InsideView | None = None


def explain_pictures(
    request: ExplainRequest, sources: Sequence[tuple[str, ImageSource]], observer: Observer
) -> ExplainRun:
    """Explain the answers to pictures.

    Args:
        request: What is asked, and how.
        sources: The pictures and their names.
        observer: Is told what happens.

    Raises:
        EdgecvError: The model, a picture or an option.
    """
    if not request.path.exists():
        raise SourceError(f"{request.path} does not exist", "Give a trained model, or a bundle")
    with _opened(request, observer) as (pool, opened):
        pictures, samples = _prepared(opened, sources, observer)
        models: list[ExplainedModel] = []
        for method in opened.methods:
            models += _by_method(request, opened, method, samples, pool, observer)
        models = _looked_into(opened, models, samples, pool, observer)
        inside = _inside(request, opened, samples, pool, observer)
    return ExplainRun(opened=opened, pictures=tuple(pictures), models=tuple(models), inside=inside)


@contextmanager
def _opened(request: ExplainRequest, observer: Observer) -> Iterator[tuple[WorkerPool, OpenedSubjects]]:
    if not is_bundle(request.path):
        with children(*PRELOAD) as pool:
            yield pool, open_model(request, pool, observer)
        return
    with (
        children(*(PRELOAD if request.model is not None else ())) as pool,
        Bundle.load(request.path, scratch=pool.staging) as bundle,
    ):
        yield pool, open_bundle(request, bundle, observer)


def _by_method(
    request: ExplainRequest, opened: OpenedSubjects, method: str, samples: Floats, pool: WorkerPool, observer: Observer
) -> Iterator[ExplainedModel]:
    """Ask every model; what the first one explains of each picture is explained of the others' answers, too."""
    explained: tuple[Explained, ...] | None = None
    reference: ExplainedPictures | None = None
    for asked in opened.asked:
        order = ExplainOrder(
            method=method,
            samples=samples,
            head=opened.head,
            wanted=request.wanted,
            explained=explained,
            settings=request.settings,
            layer=request.layer,
            curves=request.curves,
            sanity=request.sanity and asked.trained,
        )
        found = _ask(asked, order, pool, observer)
        likeness = None if reference is None else tuple(map(likeness_of, reference.maps, found.maps))
        yield ExplainedModel(title=asked.title, method=method, found=found, likeness=likeness)
        explained, reference = found.explained, reference or found


def _looked_into(
    opened: OpenedSubjects, models: list[ExplainedModel], samples: Floats, pool: WorkerPool, observer: Observer
) -> list[ExplainedModel]:
    """Look for the layer that is to blame inside the files that look elsewhere."""
    pairs = {one.title: one.pair for one in opened.asked}
    found: dict[str, DepartingLayer | None] = {}
    for title in dict.fromkeys(one.title for one in models if one.looks_elsewhere):
        pair = pairs[title]
        if pair is not None:
            job = pool.submit(f"layers of {title}", find_departing, LIMITS, pair=pair, samples=samples)
            observer.job(job)
            found[title] = job.result()
    return [replace(one, departing=found.get(one.title)) if one.looks_elsewhere else one for one in models]


def _inside(
    request: ExplainRequest, opened: OpenedSubjects, samples: Floats, pool: WorkerPool, observer: Observer
) -> InsideView | None:
    """Look into the Keras model, where that is asked for, or into the first file."""
    order = request.inside
    if order == InsideOrder():
        return None
    asked = next((one for one in opened.asked if one.trained), opened.asked[0])
    if not asked.trained and (order.filters or order.channel is not None or order.layer is None):
        raise UsageError(
            "filters, and the strongest pictures of a channel, are a Keras model's",
            "Give --model with the model that the bundle was made from",
        )
    function: Callable[..., Any] = look_inside if asked.trained else look_inside_artifact
    more = {"order": order} if asked.trained else {"layer": order.layer}
    job = pool.submit(f"inside {asked.title}", function, LIMITS, **asked.arguments, **more, samples=samples)
    observer.job(job)
    found: InsideView = job.result()
    return found


def _ask(asked: Asked, order: ExplainOrder, pool: WorkerPool, observer: Observer) -> ExplainedPictures:
    job = pool.submit(f"{order.method} of {asked.title}", asked.function, LIMITS, order=order, **asked.arguments)
    observer.job(job)
    found: ExplainedPictures = job.result()
    return found


def likeness_of(reference: MapOfPicture, other: MapOfPicture) -> Likeness:
    """Compare two maps of one picture."""
    return Likeness(rank_correlation(reference.values, other.values), top_overlap(reference.values, other.values))


def _prepared(
    opened: OpenedSubjects, sources: Sequence[tuple[str, ImageSource]], observer: Observer
) -> tuple[list[GivenPicture], Floats]:
    """The pictures as the source model takes them; what cannot be read is left out where there are others."""
    preprocessor = Preprocessor(opened.spec, shape=opened.input.shape)
    pictures, tensors = [], []
    for number, (name, source) in enumerate(sources):
        try:
            tensor, view = preprocessor.locate(source)
        except ImageError as error:
            if len(sources) == 1:
                raise
            observer.note(f"{name} is left out: {error.message}")
            continue
        assert view is not None, "the preprocessing is of pictures"
        pictures.append(GivenPicture(name, source, view))
        tensors.append(tensor[0])
        observer.stage("preprocess", number + 1, len(sources))
    if not pictures:
        raise DataError("none of the pictures can be read", "Give pictures, or folders of them")
    return pictures, np.stack(tensors)


def find_pictures(paths: Sequence[Path]) -> list[tuple[str, ImageSource]]:
    """List picture files, and those of folders, by name.

    Raises:
        DataError: A path does not exist, a folder has no pictures, or there are too many.
    """
    found: list[tuple[str, ImageSource]] = []
    for path in paths:
        if not path.exists():
            raise DataError(f"{path} does not exist", "Give pictures, or folders of them")
        files = pictures_below(path)[0] if path.is_dir() else [path]
        if not files:
            raise DataError(f"{path} holds no pictures", "Give pictures, or folders of them")
        found += [(str(file.relative_to(path)) if path.is_dir() else file.name, file) for file in files]
    if len(found) > MOST_PICTURES:
        raise DataError(f"{len(found)} pictures are more than {MOST_PICTURES}", "Explain some of them")
    return found
