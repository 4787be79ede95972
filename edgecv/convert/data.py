"""Phase 2 of a conversion: its samples, preprocessed, and what the outputs and labels mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from edgecv_converters.data import SampleSet, Spool, SpoolInfo, read_truths
from edgecv_converters.model_metadata import ModelMetadata
from edgecv_converters.targets import find
from edgecv_converters.workers import DataSet, TrainingSets, Validation
from edgecv_converters.workers.exchange import CALIBRATION, METADATA, SPOOLS, TRAINING, VALIDATION
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.kinds import first_labels

from edgecv.convert import datasets
from edgecv.convert.heads import budget_head, check_budget, guessed, heads_of, judged_head
from edgecv.convert.metadata import metadata_of
from edgecv.convert.request import ConvertRequest
from edgecv.convert.source import SourcePhase
from edgecv.convert.standins import draw
from edgecv.convert.workers import Workers

Spools = Mapping[str, tuple[Spool, SpoolInfo]]
LEARNED: Final = (datasets.TRAINING, datasets.HELD_OUT)
UNPROVEN: Final = frozenset({datasets.VALIDATION, *LEARNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPhase:
    """The data of a conversion.

    Attributes:
        heads: What the outputs mean.
        metadata: What an artifact's own metadata may say of the bundle.
        golden: The samples that become golden cases.
        sets: Every set of samples by its name, "golden" included.
        spools: Their preprocessed tensors, with what is known of each sample.
        proof_sets: The sets that artifacts are proven on.
    """

    heads: tuple[Head, ...]
    metadata: ModelMetadata
    golden: SampleSet
    sets: Mapping[str, SampleSet]
    spools: Spools
    proof_sets: tuple[DataSet, ...]

    @property
    def labels(self) -> tuple[str, ...] | None:
        """The labels of the first head that has some, or None."""
        return first_labels(head.spec for head in self.heads)


def prepare_data(
    request: ConvertRequest, source: SourcePhase, sets: Mapping[str, SampleSet], workers: Workers, work: Path
) -> DataPhase:
    """Preprocess every set to disk, the calibration set first, and hand the workers what they wait for.

    Raises:
        DataError: A set does not hold what it should.
        UsageError: An option does not fit the model.
    """
    summary, specs, recipe = source.summary, source.specs, request.recipe
    heads = heads_of(request, source, sets)
    for text in guessed(request, source, heads):
        workers.observer.note(text)
    metadata = metadata_of(request, summary, heads, specs)
    for name in dict.fromkeys(spec.target for spec in recipe.steps):
        find(name).check_fit(recipe.options_of(name), metadata, summary.inputs, summary.outputs)
    workers.store.put(METADATA, metadata)
    spooled = partial(
        datasets.spool_sets,
        specs=specs,
        inputs=summary.inputs,
        heads=heads,
        request=request,
        folder=work / "spools",
        observer=workers.observer,
    )
    spools: dict[str, tuple[Spool, SpoolInfo]] = {}
    for name, made in spooled(sets):
        spools[name] = made
        if name == datasets.CALIBRATION:
            workers.store.put(CALIBRATION, made[0])
    readable = {name: samples.without(spools[name][1].skipped) for name, samples in sets.items()}
    golden = datasets.golden_samples(readable, specs, summary.inputs, recipe.golden, recipe.seed, work)
    drawn = {datasets.GOLDEN: golden}
    if not sets:
        drawn[datasets.DRAWN] = draw(
            specs, summary.inputs, datasets.DRAWN_COUNT, recipe.seed + 1, work / datasets.DRAWN / "more"
        )
    spools |= spooled(drawn)
    labelled = _Labelled(spools, sets, heads, tuple(spec.name for spec in summary.inputs))
    _share_labelled(labelled, workers)
    workers.store.put(SPOOLS, {name: made[0] for name, made in spools.items() if name not in LEARNED})
    return DataPhase(
        heads=heads,
        metadata=metadata,
        golden=golden,
        sets={**sets, **drawn},
        spools=spools,
        proof_sets=tuple(labelled.data_set(name) for name in spools if name not in UNPROVEN | _ranged(spools)),
    )


def _ranged(spools: Spools) -> frozenset[str]:
    """The samples that set the ranges prove nothing where there are enough others."""
    others = (datasets.EVALUATION, datasets.HELD_BACK)
    enough = any(name in spools and spools[name][0].count >= datasets.ENOUGH_TO_PROVE for name in others)
    return frozenset({datasets.CALIBRATION}) if enough else frozenset()


@dataclass(frozen=True, slots=True)
class _Labelled:
    """The preprocessed sets with what is known to be true of them."""

    spools: Spools
    sets: Mapping[str, SampleSet]
    heads: tuple[Head, ...]
    inputs: tuple[str, ...]

    def data_set(self, name: str) -> DataSet:
        """Return one set as it travels to a worker.

        Raises:
            DataError: It should be labelled, and is not.
        """
        spool, info = self.spools[name]
        if name not in datasets.LABELLED:
            return DataSet(name=name, ids=info.ids, inputs=spool)
        truths = read_truths(self.sets[name], info, self.heads, self.inputs)
        judged = next((head.name for head in self.heads if head.one_class and head.name in truths), None)
        return DataSet(name=name, ids=info.ids, inputs=spool, truths=truths, judged=judged)


def _share_labelled(labelled: _Labelled, workers: Workers) -> None:
    """Hand over the samples that decide which layers stay float, and those that the int8 model is trained on.

    Raises:
        UsageError: Nobody says which head is judged, or the model's answers are not one class each.
    """
    if datasets.VALIDATION in labelled.sets:
        check_budget(labelled.heads)
        data = labelled.data_set(datasets.VALIDATION)
        head = budget_head(labelled.heads, data.truths)
        on = datasets.validation_words(labelled.sets, len(data.ids))
        workers.store.put(VALIDATION, Validation(data=data, on=on, head=head))
    if datasets.TRAINING in labelled.spools:
        head = judged_head(labelled.heads, "--qat needs labels", "Give --refine, which needs none")
        train, held_out = (labelled.data_set(name) for name in LEARNED)
        workers.store.put(TRAINING, TrainingSets(train=train, held_out=held_out, head=head))
