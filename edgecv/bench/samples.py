"""The samples that the rows of a benchmark are compared on: golden cases, and labelled samples where they are given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edgecv_converters.data import SampleSet, Spool, open_samples, read_truths, write_spool
from edgecv_runtime.bench.measure import MOST_INPUTS, write_golden_inputs
from edgecv_runtime.bench.result import DataSet
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.heads.kinds import heads_of
from edgecv_runtime.heads.one_class import only_class_head

from edgecv.terminal.observer import Observer


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Preprocessed inputs by data set, and what is known of the labelled ones.

    Attributes:
        spools: The inputs.
        ids: Of the samples of each set.
        labels: (n,) class indices of the evaluation samples, of the only head whose answer is one class, or None.
        pictures: Some of their picture files, evenly over all; empty where they are tensors.
        skipped: The pictures that could not be read, in words; empty where there are none.
    """

    spools: dict[DataSet, Spool]
    ids: dict[DataSet, tuple[str, ...]]
    labels: np.ndarray | None = None
    pictures: tuple[Path, ...] = ()
    skipped: str = ""

    def digests(self, name: DataSet) -> Iterator[str]:
        """The SHA-256 of every sample's preprocessed inputs, float32, little-endian, in the model's order."""
        for _, batch in self.spools[name].batches(1):
            parts = (values.astype("<f4").tobytes() for values in batch.values())
            yield hashlib.sha256(b"".join(parts)).hexdigest()


def prepare(bundle: Bundle, data: Path | None, scratch: Path, observer: Observer) -> Samples:
    """Preprocess the golden cases and, where given, the evaluation samples, into files.

    Raises:
        DataError: The data has no labels, others than the bundle's, or cannot be read.
    """
    manifest, golden = bundle.manifest, bundle.golden()
    write_golden_inputs(bundle, golden, scratch / "golden")
    names = tuple(spec.name for spec in manifest.inputs)
    spools: dict[DataSet, Spool] = {"golden": Spool(scratch / "golden", names, len(golden.cases))}
    ids: dict[DataSet, tuple[str, ...]] = {"golden": tuple(case.id for case in golden.cases)}
    if data is None:
        return Samples(spools=spools, ids=ids)
    heads = heads_of(manifest)
    judge = only_class_head(heads)
    samples = open_samples(data)
    spool, info = write_spool(
        samples,
        scratch / "evaluation",
        manifest.preprocess,
        manifest.inputs,
        labels=None if judge is None else judge.label_names,
        truths=tuple(head.name for head in heads),
        on_progress=lambda done, total: observer.stage("preprocess", done, total),
    )
    truths = {} if judge is None else read_truths(samples, info, heads, manifest.preprocess.keys())
    return Samples(
        spools=spools | {"evaluation": spool},
        ids=ids | {"evaluation": info.ids},
        labels=None if judge is None else truths.get(judge.name),
        pictures=_pictures(samples, set(info.ids)),
        skipped=info.skipped_names,
    )


def _pictures(samples: SampleSet, readable: set[str]) -> tuple[Path, ...]:
    if samples.kind != "images":
        return ()
    files = [Path(str(sample.location)) for sample in samples.samples if sample.id in readable]
    count = min(MOST_INPUTS, len(files))
    return tuple(files[place * len(files) // count] for place in range(count))
