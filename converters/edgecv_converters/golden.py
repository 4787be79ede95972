"""Golden cases: pictures, preprocessed tensors and the source's answers, for any language to check against.

A picture is stored decoded and upright, as lossless PNG, so that no difference between JPEG decoders reaches
the test. The same cases give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from edgecv_runtime.bundle import MOST_GOLDEN
from edgecv_runtime.errors import BundleError, DataError
from edgecv_runtime.golden import DTYPES, FOLDER, MOST_PICTURE, ReferenceAnswer, read_part, read_tensor
from edgecv_runtime.golden_schema import Golden, GoldenAnswer, GoldenCase, GoldenTensor, Sketch
from edgecv_runtime.manifest import decode_record
from edgecv_runtime.paths import shortened
from edgecv_runtime.preprocess.decode import BROKEN
from edgecv_runtime.preprocess.silence import QUIETLY
from edgecv_runtime.schema import GoldenInfo
from PIL import Image

INDEX: Final = "golden.json"
MODES: Final = frozenset({"RGB", "L"})
Tensors = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenSample:
    """One case.

    Attributes:
        id: Which sample it is, unique among the cases.
        image: Decoded and upright, mode RGB or L, as the source file had it; None for other inputs.
        inputs: The preprocessed float32 inputs by name, batch dimension included.
        outputs: The source model's outputs by name, batch dimension included.
        answers: What the heads decode these to, by the name of the head.
        source: The decoded frames of a clip, or the waveform of a sound; None for other inputs.
    """

    id: str
    image: Image.Image | None
    inputs: Tensors
    outputs: Tensors
    answers: Mapping[str, ReferenceAnswer]
    source: npt.NDArray[Any] | None = None


def write_golden(folder: Path, cases: Iterable[GoldenSample], layers: tuple[Sketch, ...] = ()) -> GoldenInfo:
    """Write `golden.json`, pictures (`000.png`) and raw tensors (`000.input.0.bin`) into `folder`.

    `layers` are sketches of what the source computes on the first case. Tensors are C order, little-endian. File names
    hold no model or class name.

    Raises:
        DataError: No case, two with one id, a picture that is neither RGB nor gray, or a tensor that is not
        numeric.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = tuple(_write_case(folder, f"{number:03d}", sample) for number, sample in enumerate(cases))
    ids = [case.id for case in written]
    if not ids or len(set(ids)) < len(ids):
        raise DataError(f"golden cases need different ids, got {', '.join(ids) or 'no case'}")
    index = msgspec.json.format(msgspec.json.encode(Golden(cases=written, layers=layers)), indent=2) + b"\n"
    (folder / INDEX).write_bytes(index)
    return GoldenInfo(file=f"{FOLDER}/{INDEX}", sha256=_digest(index), count=len(written))


def _write_case(folder: Path, stem: str, sample: GoldenSample) -> GoldenCase:
    image = None if sample.image is None else _png(sample.image, sample.id)
    if image is not None:
        (folder / f"{stem}.png").write_bytes(image)
    return GoldenCase(
        id=sample.id,
        image=None if image is None else f"{stem}.png",
        image_sha256=None if image is None else _digest(image),
        inputs=_write_tensors(folder, f"{stem}.input", sample.inputs),
        outputs=_write_tensors(folder, f"{stem}.output", sample.outputs),
        answers=_write_answers(folder, f"{stem}.answer", sample.answers),
        source=(
            msgspec.UNSET
            if sample.source is None
            else _write_tensor(folder / f"{stem}.source.bin", "source", sample.source)
        ),
    )


def _write_answers(folder: Path, stem: str, answers: Mapping[str, ReferenceAnswer]) -> dict[str, GoldenAnswer]:
    scores = _write_tensors(folder, stem, {name: answer.scores for name, answer in answers.items()})
    return {name: GoldenAnswer(decisions=answer.decisions, scores=scores[name]) for name, answer in answers.items()}


def _png(image: Image.Image, case: str) -> bytes:
    if image.mode not in MODES:
        raise DataError(f"the picture of golden case {case!r} must be RGB or L, got mode {image.mode}")
    bare = Image.fromarray(np.asarray(image))
    buffer = io.BytesIO()
    bare.save(buffer, format="PNG", compress_level=9)
    return buffer.getvalue()


def _write_tensors(folder: Path, stem: str, tensors: Tensors) -> dict[str, GoldenTensor]:
    return {
        name: _write_tensor(folder / f"{stem}.{number}.bin", name, values)
        for number, (name, values) in enumerate(tensors.items())
    }


def _write_tensor(path: Path, name: str, values: npt.NDArray[Any]) -> GoldenTensor:
    if values.dtype.name not in DTYPES:
        raise DataError(f"golden tensor {name!r} must be numeric, got {values.dtype}")
    data = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes(order="C")
    path.write_bytes(data)
    return GoldenTensor(file=path.name, sha256=_digest(data), shape=values.shape, dtype=values.dtype.name)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def read_golden(bundle_root: Path, golden: GoldenInfo) -> Iterator[GoldenSample]:
    """The cases of a bundle, one at a time, every file checked against its size and digest.

    Raises:
        BundleError: A file is missing, changed, of the wrong size, or outside the golden folder.
    """
    return (_read_case(bundle_root, case) for case in _listed(bundle_root, golden).cases)


def read_sketches(bundle_root: Path, golden: GoldenInfo) -> tuple[Sketch, ...]:
    """Read the sketches of what the source computes inside on the first case; empty where the bundle has none.

    Raises:
        BundleError: The list is missing or changed.
    """
    return _listed(bundle_root, golden).layers


def _listed(bundle_root: Path, golden: GoldenInfo) -> Golden:
    if golden.file != f"{FOLDER}/{INDEX}":
        raise BundleError(f"the golden cases must be listed in {FOLDER}/{INDEX}, got {shortened(golden.file)!r}")
    data = read_part(bundle_root, INDEX, golden.sha256, MOST_GOLDEN)
    listed = decode_record(data, Golden, golden.file)
    if len(listed.cases) != golden.count:
        raise BundleError(f"{golden.file} lists {len(listed.cases)} cases where bundle.json has {golden.count}")
    return listed


def _read_case(root: Path, case: GoldenCase) -> GoldenSample:
    return GoldenSample(
        id=case.id,
        image=_read_image(root, case),
        inputs={name: read_tensor(root, tensor) for name, tensor in case.inputs.items()},
        outputs={name: read_tensor(root, tensor) for name, tensor in case.outputs.items()},
        answers={
            name: ReferenceAnswer(decisions=answer.decisions, scores=read_tensor(root, answer.scores))
            for name, answer in case.answers.items()
        },
        source=read_tensor(root, case.source) if case.source else None,
    )


def _read_image(root: Path, case: GoldenCase) -> Image.Image | None:
    if case.image is None:
        return None
    data = read_part(root, case.image, case.image_sha256 or "", MOST_PICTURE)
    try:
        with QUIETLY:
            image = Image.open(io.BytesIO(data), formats=["PNG"])
            image.load()
    except BROKEN as error:
        raise BundleError(f"the golden picture {shortened(case.image)} cannot be decoded: {error}") from error
    if image.mode not in MODES:
        raise BundleError(f"the golden picture {shortened(case.image)} has the mode {image.mode}, not RGB or L")
    return image
