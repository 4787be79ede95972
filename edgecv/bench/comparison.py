"""Rows against a reference, on the same samples: outputs, agreement, accuracy, classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from edgecv_converters.parity.methods import activated
from edgecv_converters.parity.metrics import ComparisonAccumulator, accuracy
from edgecv_runtime.bench.result import BenchRow, ClassCount, Correct, DataSet
from edgecv_runtime.heads.arithmetic import same_rows
from edgecv_runtime.heads.kinds import heads_of
from edgecv_runtime.heads.metrics import wilson
from edgecv_runtime.heads.one_class import only_class_head
from edgecv_runtime.schema import Artifact, Comparison, Manifest

from edgecv.bench.samples import Samples

Outputs = Mapping[str, np.ndarray]
EVALUATION: DataSet = "evaluation"


def read_outputs(folder: Path, manifest: Manifest) -> dict[str, np.ndarray]:
    """Read what a worker wrote for a data set: every output by name, (samples, ...) float32."""
    return {spec.name: np.load(folder / f"{place}.npy") for place, spec in enumerate(manifest.outputs)}


class BenchComparison:
    """Compares rows of one bundle with the reference's outputs, which are there for some data sets."""

    def __init__(self, manifest: Manifest, samples: Samples, reference: Mapping[DataSet, Outputs]) -> None:
        self._manifest = manifest
        self._samples = samples
        self._reference = reference
        self._heads = heads_of(manifest)
        self._judge = only_class_head(self._heads)
        self._artifacts = {artifact.file: artifact for artifact in manifest.artifacts}

    def row(self, row: BenchRow, answers: Path) -> BenchRow:
        """The row with its comparisons and accuracy; `answers` is the folder of what it answered, by data set."""
        if row.not_run is not None:
            return row
        artifact = self._artifacts[row.artifact]
        given = [name for name in self._samples.spools if (answers / name).is_dir()]
        found = {name: read_outputs(answers / name, self._manifest) for name in given}
        comparisons = {
            name: self._compare(artifact, name, outputs) for name, outputs in found.items() if name in self._reference
        }
        row = msgspec.structs.replace(row, comparisons=comparisons)
        if self._samples.labels is None or self._judge is None or EVALUATION not in found:
            return row
        mine = self.decisions(found[EVALUATION], artifact)
        theirs = self.reference_decisions()
        return msgspec.structs.replace(
            row,
            correct=correct(self._samples.labels, mine, theirs),
            classes=classes(self._samples.labels, mine, theirs, self._judge.label_names),
        )

    def _compare(self, artifact: Artifact, name: DataSet, outputs: Outputs) -> Comparison:
        total = ComparisonAccumulator([head.given(artifact.outputs) for head in self._heads])
        total.add(self._samples.ids[name], activated(artifact, self._reference[name]), outputs)
        return total.result()

    def decisions(self, outputs: Outputs, artifact: Artifact | None = None) -> np.ndarray:
        """The class of every sample; -1 where an output is not finite. An artifact may have applied the activation."""
        assert self._judge is not None, "without such a head there are no labels"
        head = self._judge if artifact is None else self._judge.given(artifact.outputs)
        return head.answers(outputs)

    def reference_decisions(self) -> np.ndarray | None:
        """The reference's, on the evaluation samples."""
        return self.decisions(self._reference[EVALUATION]) if EVALUATION in self._reference else None


def correct(labels: np.ndarray, mine: np.ndarray, theirs: np.ndarray | None) -> Correct:
    """Right answers, paired with the reference's where there are any."""
    if theirs is None:
        right = int(np.count_nonzero(same_rows(labels, mine)))
        return Correct(count=len(labels), accuracy=right / len(labels), interval=wilson(right, len(labels)))
    paired = accuracy(labels, theirs, mine)
    return Correct(
        count=paired.count,
        accuracy=paired.accuracy,
        interval=paired.interval,
        reference_accuracy=paired.reference_accuracy,
        lost=paired.lost,
        gained=paired.gained,
        mcnemar_p=paired.mcnemar_p,
    )


def classes(
    labels: np.ndarray, mine: np.ndarray, theirs: np.ndarray | None, names: Sequence[str]
) -> tuple[ClassCount, ...]:
    """Right answers of each class that has samples, in the order of the labels."""
    return tuple(
        ClassCount(
            label=name,
            count=int(np.count_nonzero(labels == index)),
            correct=int(np.count_nonzero((labels == index) & (mine == index))),
            reference_correct=None if theirs is None else int(np.count_nonzero((labels == index) & (theirs == index))),
        )
        for index, name in enumerate(names)
        if np.any(labels == index)
    )
