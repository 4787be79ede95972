"""The labelled data of a model's heads: a folder's classes, one array of labels, or an array for each head."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from edgecv_runtime.errors import DataError
from edgecv_runtime.heads.annotation import Annotations, Marked
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.one_class import only_class_head
from edgecv_runtime.npz import LABEL_KEYS
from edgecv_runtime.npz import headers as npz_headers
from edgecv_runtime.npz import read as read_npz

from edgecv_converters.data.samples import SampleSet
from edgecv_converters.data.spool import SpoolInfo


def read_truths(
    samples: SampleSet, info: SpoolInfo, heads: Sequence[Head], inputs: Collection[str]
) -> dict[str, np.ndarray]:
    """Return the labelled data by head, one row for each sample of a spool, in the form of `Head.answers`.

    Labels without a head's name are those of the only head whose answer is one class, or of the only head there is. The
    classes of a folder are also the identities of the only head that tells identities apart, where none chooses one.

    Args:
        samples: What was spooled.
        info: Which of it could be read.
        heads: The heads of the model.
        inputs: The names of the model's inputs, whose arrays are no labels.

    Raises:
        DataError: There are no labels, nobody knows which head they are of, or they are not what the head answers.
    """
    truths: dict[str, np.ndarray] = {}
    if samples.annotations is not None:
        return _marked(samples.annotations, info, heads)
    rows = [int(sample) for sample in info.ids] if samples.kind == "npz" else []
    arrays = set(npz_headers(samples.path)) - set(inputs) if samples.kind == "npz" else set()
    for head in heads:
        key = head.name if head.name in arrays else _unnamed(head, heads, arrays)
        if key is not None:
            truths[head.name] = head.read_truth(read_npz(samples.path, key)[rows], f"{samples.path}: {key}")
    classed = _classed(heads)
    if info.labels is not None and classed is not None:
        truths.setdefault(classed.name, np.asarray(info.labels, np.int64))
    if not truths:
        raise DataError(*_reason(samples, heads))
    return truths


def _classed(heads: Sequence[Head]) -> Head | None:
    """The head that a folder's classes are of; None where several may be, or none."""
    found = [head for head in heads if head.identifies]
    return only_class_head(heads) or (found[0] if len(found) == 1 and not any(h.one_class for h in heads) else None)


def _marked(annotations: Annotations, info: SpoolInfo, heads: Sequence[Head]) -> dict[str, np.ndarray]:
    """Read what people marked, for the heads that answer with such."""
    marks = [Marked(name, annotations.by_id[name], view) for name, view in zip(info.ids, info.views, strict=True)]
    found = {head.name: head.read_marks(marks, annotations) for head in heads}
    truths = {name: truth for name, truth in found.items() if truth is not None}
    if not truths:
        kinds = ", ".join(dict.fromkeys(head.kind for head in heads))
        raise DataError(
            f"{annotations.path} ({annotations.form}) says nothing of a head of the kind {kinds}",
            "docs/data.md shows what each kind is measured on",
        )
    return truths


def _unnamed(head: Head, heads: Sequence[Head], arrays: Collection[str]) -> str | None:
    """The array of labels without a head's name, where it must be that of a head that chooses no class."""
    if len(heads) > 1 or head.one_class:
        return None
    return next((key for key in LABEL_KEYS if key in arrays), None)


def _reason(samples: SampleSet, heads: Sequence[Head]) -> tuple[str, str]:
    names = ", ".join(head.name for head in heads)
    each = f"Store an .npz file with one array of labels for each head, named like it: {names}"
    if samples.classes:
        several = [head.name for head in heads if head.one_class]
        problem = f"several heads choose one class: {', '.join(several)}" if several else "no head chooses one class"
        return f"{samples.path} has classes, and {problem}", each
    if samples.kind == "npz":
        return f"{samples.path} has no labels", f"Store the class indices as an array named {LABEL_KEYS[0]!r}. {each}"
    return f"{samples.path} has no labels", "Put the images of each class into a subfolder of its own"
