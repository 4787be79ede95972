"""Pictures of the samples whose answers differ most, with the source's answer and the artifact's drawn on them."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from edgecv_converters.measured import WorstPicture
from edgecv_converters.parity.gates import deciding_set
from edgecv_converters.parity.worst import WorstSample
from edgecv_converters.workers import Proof
from edgecv_runtime.errors import BackendError, ImageError
from edgecv_runtime.geometry import View, view_of
from edgecv_runtime.heads.base import Head, Outputs
from edgecv_runtime.preprocess import decode
from edgecv_runtime.schema import Preprocess
from PIL import Image

from edgecv.convert.recipe import ArtifactSpec
from edgecv.convert.result import ConversionResult
from edgecv.run.drawing import draw

LARGEST: Final = 360  # pixels of the longer side
QUALITY: Final = 82  # of JPEG


def worst_pictures(result: ConversionResult) -> tuple[WorstPicture, ...]:
    """Draw the samples on which each artifact is farthest from the source, where its answers are places or pictures.

    Only samples that are files of pictures are drawn.
    """
    heads = [head for head in result.data.heads if head.pictured]
    specs = [spec for spec in result.source.specs.values() if spec.size is not None]
    if not heads or len(specs) != 1:
        return ()
    return tuple(
        picture
        for (spec, method), proof in result.proof.proofs.items()
        if method == "runtime" and isinstance(proof, Proof)
        for picture in _of_artifact(spec, proof, result, specs[0], heads[0])
    )


def _of_artifact(
    spec: ArtifactSpec, proof: Proof, result: ConversionResult, preprocess: Preprocess, head: Head
) -> Iterator[WorstPicture]:
    on, _ = deciding_set(proof.comparisons)
    artifact = result.conversion.artifacts[spec]
    files = {sample.id: sample.location for sample in result.data.sets[on].samples}
    own = head.given(artifact.outputs)
    for sample in proof.worst.get(on, ()):
        location = files.get(sample.id)
        if isinstance(location, Path):
            try:
                yield _drawn(location, sample, preprocess, own, artifact.file)
            except (ImageError, BackendError):
                continue  # it says nothing that the table does not say


def _drawn(location: Path, sample: WorstSample, preprocess: Preprocess, head: Head, file: str) -> WorstPicture:
    image = decode(location, preprocess).convert("RGB")
    view = view_of(preprocess, image.height, image.width)
    pixels = np.asarray(image)
    return WorstPicture(
        artifact=file,
        head=head.name,
        sample=sample.id,
        share=sample.share,
        source=_jpeg(pixels, head, sample.reference, view),
        answer=_jpeg(pixels, head, sample.candidate, view),
    )


def _jpeg(pixels: np.ndarray, head: Head, outputs: Outputs, view: View) -> str:
    drawn = Image.fromarray(draw(pixels, head.drawing(head.read(outputs, view), 3)))
    drawn.thumbnail((LARGEST, LARGEST))
    data = io.BytesIO()
    drawn.save(data, "JPEG", quality=QUALITY)
    return base64.b64encode(data.getvalue()).decode("ascii")
