"""Phase 2 of a conversion: its samples, preprocessed, and what the outputs and labels mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgecv_converters.coreml import ModelMetadata
from edgecv_converters.data import SampleSet, Spool, SpoolInfo
from edgecv_converters.targets import find
from edgecv_converters.workers import DataSet, TrainingSets, Validation
from edgecv_converters.workers.exchange import CALIBRATION, METADATA, SPOOLS, TRAINING, VALIDATION
from edgecv_runtime.errors import UsageError
from edgecv_runtime.postprocess import Head

from edgecv.convert import datasets
from edgecv.convert.heads import head_of
from edgecv.convert.metadata import labels_of, metadata_of
from edgecv.convert.request import ConvertRequest
from edgecv.convert.source import SourcePhase
from edgecv.convert.workers import Workers

Spools = Mapping[str, tuple[Spool, SpoolInfo]]
LEARNED: Final = (datasets.TRAINING, datasets.HELD_OUT)
UNPROVEN: Final = frozenset({datasets.VALIDATION, *LEARNED})
LABELLED_TASKS: Final = ("classification", "binary")  # those whose answer is one class index


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPhase:
    """The data of a conversion.

    Attributes:
        head: What the first output means.
        labels: The class names, or None.
        metadata: What an artifact's own metadata may say of the bundle.
        golden: The samples that become golden cases.
        sets: Every set of samples by its name, "golden" included.
        spools: Their preprocessed tensors, with what is known of each sample.
        proof_sets: The sets that artifacts are proven on.
    """

    head: Head
    labels: tuple[str, ...] | None
    metadata: ModelMetadata
    golden: SampleSet
    sets: Mapping[str, SampleSet]
    spools: Spools
    proof_sets: tuple[DataSet, ...]


def prepare_data(
    request: ConvertRequest, source: SourcePhase, sets: Mapping[str, SampleSet], workers: Workers, work: Path
) -> DataPhase:
    """Preprocess every set to disk, the calibration set first, and hand the workers what they wait for.

    Raises:
        DataError: A set does not hold what it should.
        UsageError: An option does not fit the model.
    """
    summary, specs, recipe = source.summary, source.specs, request.recipe
    spools: dict[str, tuple[Spool, SpoolInfo]] = {}
    for name, made in datasets.spool_sets(sets, specs, summary, request, work / "spools", workers.observer):
        spools[name] = made
        if name == datasets.CALIBRATION:
            workers.store.put(CALIBRATION, made[0])
    readable = {name: samples.without(spools[name][1].skipped) for name, samples in sets.items()}
    golden = datasets.golden_samples(readable, specs, summary.inputs, recipe.golden, recipe.seed, work)
    drawn = {datasets.GOLDEN: golden}
    spools |= datasets.spool_sets(drawn, specs, summary, request, work / "spools", workers.observer)
    head = head_of(request, summary)
    labels = labels_of(request, summary, head, sets)
    metadata = metadata_of(request, summary, head, specs, labels)
    for name in dict.fromkeys(spec.target for spec in recipe.steps):
        find(name).check_fit(recipe.options_of(name), metadata, summary.inputs, summary.outputs)
    workers.store.put(METADATA, metadata)
    _share_labelled(sets, spools, head, workers)
    workers.store.put(SPOOLS, {name: made[0] for name, made in spools.items() if name not in LEARNED})
    judged = head.task in LABELLED_TASKS
    return DataPhase(
        head=head,
        labels=labels,
        metadata=metadata,
        golden=golden,
        sets={**sets, **drawn},
        spools=spools,
        proof_sets=tuple(data_set(spools, name, labelled=judged) for name in spools if name not in UNPROVEN),
    )


def data_set(spools: Spools, name: str, *, labelled: bool) -> DataSet:
    """One preprocessed set as it travels to a worker, with its classes where they mean something."""
    spool, info = spools[name]
    return DataSet(name=name, ids=info.ids, inputs=spool, labels=info.labels if labelled else None)


def _share_labelled(sets: Mapping[str, SampleSet], spools: Spools, head: Head, workers: Workers) -> None:
    """Hand over the samples that decide which layers stay float, and those that the int8 model is trained on.

    Raises:
        UsageError: The model's answers are not one class each.
    """
    judged = head.task in LABELLED_TASKS
    if datasets.VALIDATION in sets:
        if not judged:
            raise UsageError(
                f"--max-drop needs answers that are one class each, and this model's task is {head.task}",
                "Leave it out, or say --task where the model does not show its task",
            )
        data = data_set(spools, datasets.VALIDATION, labelled=True)
        on = datasets.validation_words(sets, len(data.ids))
        workers.store.put(VALIDATION, Validation(data=data, on=on, head=head))
    if datasets.TRAINING in spools:
        if not judged:
            raise UsageError(
                f"--qat needs labels that are one class each, and this model's task is {head.task}",
                "Give --refine, which needs none, or say --task where the model does not show its task",
            )
        train, held_out = (data_set(spools, name, labelled=True) for name in LEARNED)
        workers.store.put(TRAINING, TrainingSets(train=train, held_out=held_out, head=head))
