"""The data of one conversion: each input's preprocessing, and the golden, calibration and evaluation samples."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from edgecv_converters.data import Sample, SampleSet, Spool, SpoolInfo, open_samples, write_spool
from edgecv_converters.golden import GoldenSample
from edgecv_runtime import npz
from edgecv_runtime.errors import DataError, UsageError
from edgecv_runtime.files import MIB
from edgecv_runtime.geometry import View, view_of
from edgecv_runtime.golden import ReferenceAnswer
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.one_class import only_class_head
from edgecv_runtime.preprocess import decode, input_preprocessor
from edgecv_runtime.preprocess.clip import ClipPreprocessor
from edgecv_runtime.preprocess.sound import SoundPreprocessor
from edgecv_runtime.schema import Preprocess, TensorSpec
from PIL import Image

from edgecv.convert.request import ConvertRequest
from edgecv.convert.standins import draw
from edgecv.terminal.observer import Observer

FEWEST_VALIDATION, MOST_VALIDATION, FEWEST_TO_SPLIT = 100, 1000, 40
FEWEST_TO_TRAIN, HELD_OUT_PART = 40, 0.1
GOLDEN, CALIBRATION, EVALUATION, VALIDATION = "golden", "calibration", "evaluation", "validation"
HELD_BACK, DRAWN = "held-back", "drawn"  # what proves without having set a range; what stands in for real samples
STANDINS = frozenset({DRAWN})
ENOUGH_TO_PROVE, MOST_TO_PROVE, DRAWN_COUNT = 20, 200, 24
TRAINING, HELD_OUT = "training", "held-out"
MOST_FRAMES = 64 * MIB  # bytes of golden clips' frames, which are not compressed; further clips keep their tensors only
LABELLED = frozenset({EVALUATION, VALIDATION, TRAINING, HELD_OUT})


def open_sets(request: ConvertRequest) -> dict[str, SampleSet]:
    """The sets that were given, listed and chosen; with `max_drop` a validation set, with `qat` two to train and judge.

    Without an evaluation set, the proof is read on calibration data that set no range, where there are enough.

    Raises:
        DataError: A folder or file does not hold what it should.
    """
    sets: dict[str, SampleSet] = {}
    rest = None
    if request.qat is not None:
        sets |= training_sets(open_samples(request.qat, labelled=True), request.recipe.seed)
        sets[CALIBRATION] = sets[TRAINING].choose(request.recipe.samples, request.recipe.seed)
    if request.calibrate is not None:
        given = open_samples(request.calibrate)
        sets[CALIBRATION] = given.choose(request.recipe.samples, request.recipe.seed)
        rest = given.without([sample.id for sample in sets[CALIBRATION].samples])
        if request.evaluate is None and len(rest) >= ENOUGH_TO_PROVE:
            sets[HELD_BACK] = rest.choose(MOST_TO_PROVE, request.recipe.seed)
    if request.evaluate is not None:
        by_head = request.evaluate.suffix.lower() == ".npz" and request.recipe.max_drop is None
        sets[EVALUATION] = open_samples(request.evaluate, labelled=not by_head)  # an .npz may have labels by head
        if request.recipe.max_drop is not None:
            sets[VALIDATION], sets[EVALUATION] = split(rest, sets[EVALUATION], request.recipe.seed)
    return sets


def training_sets(given: SampleSet, seed: int) -> dict[str, SampleSet]:
    """Split the labelled samples: nine tenths to train on, and a tenth, balanced by class, that decides the best epoch.

    Raises:
        DataError: There are too few to train on, or one class only.
    """
    if len(given) < FEWEST_TO_TRAIN:
        raise DataError(
            f"{given.path} has {len(given)} samples, too few to train on",
            f"Give --qat at least {FEWEST_TO_TRAIN}, better some hundred of each class",
        )
    if len(given.classes) < 2:
        raise DataError(f"{given.path} has one class, so nothing can be told apart", "Give --qat all classes")
    held_out = given.choose(round(HELD_OUT_PART * len(given)), seed)
    return {TRAINING: given.without([sample.id for sample in held_out.samples]), HELD_OUT: held_out}


def split(rest: SampleSet | None, evaluation: SampleSet, seed: int) -> tuple[SampleSet, SampleSet]:
    """Choose what a budget is judged on, and what is left to measure accuracy on: no sample is in both.

    The first are up to 1,000 of the calibration data's samples that set no range, where these are at least 100, have
    the same classes, and are none of the evaluation's; else half of the evaluation's.

    Raises:
        DataError: There are too few to split.
    """
    if rest is not None and rest.classes == evaluation.classes and len(rest) >= FEWEST_VALIDATION:
        held = {_place(evaluation, sample) for sample in evaluation.samples}
        if not any(_place(rest, sample) in held for sample in rest.samples):
            return rest.choose(MOST_VALIDATION, seed), evaluation
    if len(evaluation) < FEWEST_TO_SPLIT:
        raise DataError(
            f"{evaluation.path} has {len(evaluation)} samples, too few to judge a budget on one half and measure "
            "accuracy on the other",
            f"Give at least {FEWEST_TO_SPLIT}, or --calibrate a folder with a subfolder for each class",
        )
    half = evaluation.choose(len(evaluation) // 2, seed)
    return half, evaluation.without([sample.id for sample in half.samples])


def _place(samples: SampleSet, sample: Sample) -> tuple[Path, int]:
    """The place of a sample: a file, or a row of one."""
    if isinstance(sample.location, Path):
        return sample.location.resolve(), 0
    return samples.path.resolve(), sample.location


def validation_words(sets: Mapping[str, SampleSet], count: int) -> str:
    """Say which samples a budget is judged on."""
    if sets[VALIDATION].path == sets[EVALUATION].path:
        return f"{count} evaluation samples that accuracy is not measured on"
    return f"{count} labelled samples of the calibration data that set no range"


def golden_samples(
    sets: Mapping[str, SampleSet],
    specs: Mapping[str, Preprocess],
    inputs: Sequence[TensorSpec],
    count: int,
    seed: int,
    work: Path,
) -> SampleSet:
    """The first `count` of a balanced choice from real data, or drawn ones where no data was given."""
    for name in (EVALUATION, HELD_BACK, CALIBRATION):
        if name in sets:
            return sets[name].choose(count, seed)
    return draw(specs, inputs, count, seed, work / "drawn")


def spool_sets(
    sets: Mapping[str, SampleSet],
    *,
    specs: Mapping[str, Preprocess],
    inputs: Sequence[TensorSpec],
    heads: Sequence[Head],
    request: ConvertRequest,
    folder: Path,
    observer: Observer,
) -> Iterator[tuple[str, tuple[Spool, SpoolInfo]]]:
    """Preprocess every set to disk, the calibration set first because converters wait for it."""
    judge = only_class_head(heads)
    for name in sorted(sets, key=lambda key: key != CALIBRATION):
        judged = name in LABELLED
        classed = judge if judged and sets[name].classes else None
        yield (
            name,
            write_spool(
                sets[name] if judged else unlabelled(sets[name]),
                folder / name,
                specs,
                inputs,
                labels=None if classed is None else class_names(request, sets[name], classed),
                truths=tuple(head.name for head in heads),
                on_progress=partial(observer.stage, f"preprocess {name}"),
            ),
        )


def unlabelled(samples: SampleSet) -> SampleSet:
    """Drop the classes of samples: calibration needs none, so a wrong one does not matter."""
    return SampleSet(samples.kind, samples.path, samples.samples, ())


def class_names(request: ConvertRequest, samples: SampleSet, head: Head) -> tuple[str, ...]:
    """Return the labels that were given; else the data's classes, if there are as many as the head tells apart.

    Raises:
        UsageError: The number of classes does not fit the model.
    """
    given = request.labels or head.spec.labels
    if given is not None:
        return given
    try:
        return samples.class_names(head.label_count)
    except DataError as error:  # here it is the call that lacks an option
        raise UsageError(error.message, error.hint) from None


def golden_cases(
    samples: SampleSet,
    spool: Spool,
    info: SpoolInfo,
    references: Spool,
    specs: Mapping[str, Preprocess],
    heads: Sequence[Head],
) -> list[GoldenSample]:
    """The golden set with its pictures, tensors and the source's answers."""
    single = next(iter(specs.values())) if len(specs) == 1 else None
    kept = None if single is None or single.kind == "tensor" else _Origins(single)
    rasters: dict[int, np.ndarray] = {}
    if samples.kind == "npz" and kept is not None:
        rasters = _rasters(samples, next(iter(specs)), {head.name for head in heads})
    rows = {sample.id: sample.location for sample in samples.samples}
    cases = []
    pairs = zip(info.ids, spool.batches(1), references.batches(1), strict=True)
    for number, (name, (_, inputs), (_, outputs)) in enumerate(pairs):
        origin = _Origin()
        if kept is not None:
            location = rows[name]
            origin = kept.of(location if isinstance(location, Path) else rasters[location])
        answers = {head.name: ReferenceAnswer.of(head, outputs, origin.view) for head in heads}
        case = f"{number:03d}:{name}"
        cases.append(
            GoldenSample(
                id=case, image=origin.image, inputs=inputs, outputs=outputs, answers=answers, source=origin.source
            )
        )
    return cases


@dataclass(frozen=True, slots=True)
class _Origin:
    """The beginning of a golden case: a picture, or the frames or the waveform; and where it lies in the input."""

    image: Image.Image | None = None
    source: np.ndarray | None = None
    view: View | None = None


class _Origins:
    """Decodes what golden cases begin with, for an input that is no tensor."""

    def __init__(self, spec: Preprocess) -> None:
        self._spec = spec
        self._prepare = input_preprocessor(spec)
        self._left = MOST_FRAMES

    def of(self, sample: Path | np.ndarray) -> _Origin:
        """Decode one sample: a file, or a row of an .npz file."""
        if isinstance(self._prepare, ClipPreprocessor):
            frames = self._prepare.stored(sample)
            self._left -= frames.nbytes
            view = view_of(self._spec, *frames.shape[1:3])
            return _Origin(source=frames if self._left >= 0 else None, view=view)
        if isinstance(self._prepare, SoundPreprocessor):
            return _Origin(source=self._prepare.stored(sample))
        image = decode(sample, self._spec)
        return _Origin(image=image, view=view_of(self._spec, image.height, image.width))


def _rasters(samples: SampleSet, name: str, labels: Collection[str]) -> dict[int, np.ndarray]:
    """The golden pictures of an .npz file by row, from the input's own array or the only one there is."""
    wanted = {sample.location for sample in samples.samples}
    arrays = [key for key in npz.headers(samples.path) if key == name or key not in {*npz.LABEL_KEYS, *labels}]
    own = name if name in arrays else arrays[0]
    return {row: values for row, values in enumerate(npz.rows(samples.path, own)) if row in wanted}
