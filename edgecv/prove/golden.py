"""The parts of a bundle's golden cases that need no artifact: pictures to tensors, and outputs to answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from edgecv_converters.golden import GoldenSample
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.geometry import view_of
from edgecv_runtime.golden import ReferenceAnswer
from edgecv_runtime.heads.kinds import heads_of
from edgecv_runtime.preprocess import Preprocessor


def preprocess_again(bundle: Bundle, cases: Sequence[GoldenSample]) -> tuple[int, int]:
    """Preprocess the golden pictures again: how many there are, and how many give the recorded tensor to the bit."""
    pictures = [case for case in cases if case.image is not None]
    if not pictures:
        return 0, 0
    name, spec = next(iter(bundle.manifest.preprocess.items()))
    preprocessor = Preprocessor(spec, shape=bundle.manifest.inputs[0].shape)
    same = [np.array_equal(preprocessor(case.image), case.inputs[name]) for case in pictures if case.image is not None]
    return len(pictures), sum(same)


def decodes_again(bundle: Bundle, case: GoldenSample) -> bool:
    """Tell whether the recorded outputs of a case are decoded to the recorded answer of every head."""
    manifest, view = bundle.manifest, None
    if case.image is not None:
        picture = next(spec for spec in manifest.preprocess.values() if spec.kind == "image")
        view = view_of(picture, case.image.height, case.image.width)
    found = {head.name: ReferenceAnswer.of(head, case.outputs, view) for head in heads_of(manifest)}
    return all(answer.equals(case.answers[name]) for name, answer in found.items())
