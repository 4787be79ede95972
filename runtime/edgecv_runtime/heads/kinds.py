"""All kinds of heads: the one table of them, and what opens a head of a bundle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from edgecv_runtime.errors import SpecError
from edgecv_runtime.heads.base import Ending, Head, Training
from edgecv_runtime.heads.binary import Binary
from edgecv_runtime.heads.classification import Classification
from edgecv_runtime.heads.detection import Detection
from edgecv_runtime.heads.embedding import Embedding
from edgecv_runtime.heads.image import ImageHead
from edgecv_runtime.heads.keypoints import Keypoints
from edgecv_runtime.heads.multilabel import Multilabel
from edgecv_runtime.heads.regression import Regression
from edgecv_runtime.heads.segmentation import Segmentation
from edgecv_runtime.schema import HeadSpec, Manifest, Preprocess, TensorSpec

# The first kind that an output shows is the one that it is taken for.
_ALL: Final = (
    (Classification, Binary, Multilabel, Segmentation, Regression),  # which a shape may show
    (Detection, Keypoints, ImageHead, Embedding),
)
KINDS: Final[Mapping[str, type[Head]]] = {head.kind: head for kinds in _ALL for head in kinds}
Thresholds = Sequence[float] | Mapping[str, Sequence[float]]


def open_head(spec: HeadSpec, outputs: Iterable[TensorSpec], canvas: tuple[int, int] | None = None) -> Head:
    """Return the head of a record, whose kind is known.

    Args:
        spec: The record.
        outputs: The model's outputs.
        canvas: The size of its picture (see `canvas_of`).

    Raises:
        SpecError: The record does not fit its kind or the model's outputs.
    """
    found = {output.name: output for output in outputs}
    own = [found[name] for name in spec.outputs]
    try:
        return KINDS[spec.kind](spec, tuple(one.shape for one in own), tuple(one.dtype for one in own), canvas)
    except SpecError as error:
        raise SpecError(f"head {spec.name!r}: {error.message}", error.hint) from error


def canvas_of(inputs: Iterable[TensorSpec], preprocess: Mapping[str, Preprocess]) -> tuple[int, int] | None:
    """Return the size of a model's picture, (height, width) in pixels: of its first input that is one; else None."""
    return next((preprocess[one.name].size for one in inputs if preprocess[one.name].size is not None), None)


def heads_of(manifest: Manifest, thresholds: Thresholds | None = None) -> tuple[Head, ...]:
    """Return the heads of a bundle, with its thresholds or others.

    Args:
        manifest: What the bundle says of itself.
        thresholds: In place of the bundle's: one for all labels or one a label, of the only head that has thresholds,
            or of each by its name.

    Raises:
        SpecError: The thresholds are not in 0..1, are too many or too few, or are no head's.
    """
    canvas = canvas_of(manifest.inputs, manifest.preprocess)
    heads = tuple(open_head(spec, manifest.outputs, canvas) for spec in manifest.heads)
    if thresholds is None:
        return heads
    taking = [head.name for head in heads if head.takes_thresholds]
    chosen = thresholds if isinstance(thresholds, Mapping) else {_only(taking): thresholds}
    unknown = next((name for name in chosen if name not in taking), None)
    if unknown is not None:
        raise SpecError(
            f"no head named {unknown!r} has thresholds", f"Those that have are {', '.join(taking) or 'none'}"
        )
    return tuple(
        open_head(replace(head.spec, thresholds=tuple(chosen[head.name])), manifest.outputs, canvas)
        if head.name in chosen
        else head
        for head in heads
    )


def _only(names: Sequence[str]) -> str:
    if len(names) != 1:
        there = f"{', '.join(names)} have" if names else "none of its heads has"
        raise SpecError(f"the bundle does not have one head with thresholds: {there}", "Give them by the head's name")
    return names[0]


def trained_kind(training: Training, shape: Sequence[int]) -> str:
    """Return the kind of an output that was trained towards that: the first one whose outputs have such a shape."""
    kinds = [one for one in KINDS.values() if one.trained == training]
    wide = [one for one in kinds if one.one_class == (shape[-1:] == (1,))] if len(kinds) > 1 else kinds
    return (wide or kinds)[0].kind


def shown_head(outputs: Sequence[TensorSpec], ending: Ending, kind: str | None = None) -> HeadSpec:
    """Return the head of some outputs: of the kind that the first one shows, or of one that is known.

    Args:
        outputs: The model's outputs.
        ending: How the first one ends.
        kind: The head's kind, where somebody says so.
    """
    chosen = KINDS[kind] if kind else next(one for one in KINDS.values() if one.shown_by(outputs[0].shape, ending))
    names = tuple(output.name for output in outputs)
    return HeadSpec(
        name="+".join(names),
        kind=chosen.kind,
        outputs=names,
        activation=chosen.pending(ending),
        thresholds=chosen.usual_thresholds(outputs[0].shape),
        decode=chosen.usual_decoder(outputs[0].shape),
    )


def kind_words(heads: Iterable[HeadSpec]) -> str:
    """Return the kinds of a bundle's heads in their order: "regression, binary"."""
    return ", ".join(head.kind for head in heads)


def first_labels(heads: Iterable[HeadSpec]) -> tuple[str, ...] | None:
    """Return the labels of the first head that has some, or None."""
    return next((head.labels for head in heads if head.labels is not None), None)
