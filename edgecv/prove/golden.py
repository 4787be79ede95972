"""The parts of a bundle's golden cases that need no artifact: pictures to tensors, and outputs to answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from edgecv_converters.golden import GoldenSample
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.geometry import view_of
from edgecv_runtime.golden import ReferenceAnswer
from edgecv_runtime.heads.kinds import heads_of
from edgecv_runtime.preprocess import input_preprocessor
from edgecv_runtime.schema import Preprocess

NEAR: Final = 1e-5  # sounds: Fourier transforms are not rounded alike everywhere


def preprocess_again(bundle: Bundle, cases: Sequence[GoldenSample]) -> tuple[int, int]:
    """Preprocess the golden pictures, clips or sounds again: how many there are, and how many give the recorded tensor.

    Pictures and clips give it to the bit, sounds within 1e-5.
    """
    name, spec = next(iter(bundle.manifest.preprocess.items()))
    given = [(case.source if case.image is None else case.image, case.inputs[name]) for case in cases]
    pairs = [(source, tensor) for source, tensor in given if source is not None]
    if not pairs:
        return 0, 0
    prepare = input_preprocessor(spec, shape=bundle.manifest.inputs[0].shape)
    same = [_is_equal(prepare(source), tensor, spec) for source, tensor in pairs]
    return len(pairs), sum(same)


def _is_equal(found: npt.NDArray[Any], recorded: npt.NDArray[Any], spec: Preprocess) -> bool:
    if spec.kind != "sound":
        return np.array_equal(found, recorded)
    return found.shape == recorded.shape and bool(np.allclose(found, recorded, rtol=NEAR, atol=NEAR))


def decodes_again(bundle: Bundle, case: GoldenSample) -> bool:
    """Tell whether the recorded outputs of a case are decoded to the recorded answer of every head."""
    manifest, view = bundle.manifest, None
    picture = next((spec for spec in manifest.preprocess.values() if spec.size is not None), None)
    if picture is not None and case.image is not None:
        view = view_of(picture, case.image.height, case.image.width)
    elif picture is not None and case.source is not None:
        view = view_of(picture, *case.source.shape[1:3])
    found = {head.name: ReferenceAnswer.of(head, case.outputs, view) for head in heads_of(manifest)}
    return all(answer.equals(case.answers[name]) for name, answer in found.items())
