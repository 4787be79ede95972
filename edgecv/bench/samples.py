"""The samples that the rows of a benchmark are compared on: golden cases, and labelled samples where they are given."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edgecv_converters.data import SampleSet, Spool, open_samples, write_spool
from edgecv_runtime.bench.measure import MOST_INPUTS, write_golden_inputs
from edgecv_runtime.bench.result import DataSet
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.schema import Manifest

from edgecv.terminal.observer import Observer

LABELLED_TASKS = ("classification", "binary")  # those whose answer is one class index


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Preprocessed inputs by data set, and what is known of the labelled ones.

    Attributes:
        spools: The inputs.
        ids: Of the samples of each set.
        labels: (n,) class indices of the evaluation samples, or None.
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
    labelled = manifest.task in LABELLED_TASKS
    samples = open_samples(data, labelled=labelled)
    spool, info = write_spool(
        samples,
        scratch / "evaluation",
        manifest.preprocess,
        manifest.inputs,
        labels=label_names(manifest) if labelled else None,
        on_progress=lambda done, total: observer.stage("preprocess", done, total),
    )
    return Samples(
        spools=spools | {"evaluation": spool},
        ids=ids | {"evaluation": info.ids},
        labels=np.asarray(info.labels) if labelled and info.labels is not None else None,
        pictures=_pictures(samples, set(info.ids)),
        skipped=info.skipped_names,
    )


def label_names(manifest: Manifest) -> tuple[str, ...]:
    """The class names, or their indices as text."""
    width = 2 if manifest.task == "binary" else manifest.outputs[0].shape[-1]
    return manifest.labels or tuple(str(index) for index in range(width))


def _pictures(samples: SampleSet, readable: set[str]) -> tuple[Path, ...]:
    if samples.kind != "images":
        return ()
    files = [Path(str(sample.location)) for sample in samples.samples if sample.id in readable]
    count = min(MOST_INPUTS, len(files))
    return tuple(files[place * len(files) // count] for place in range(count))
