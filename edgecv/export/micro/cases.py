"""The self-test's cases: golden pictures as a camera would give them, and what must come of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from edgecv_runtime.backends import Backend, to_real
from edgecv_runtime.backends.structure.flatbuffer import Flatbuffer
from edgecv_runtime.backends.structure.tflite import IDENTIFIER
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BundleError
from edgecv_runtime.golden import FOLDER, MOST_PICTURE, read_part
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.preprocess.decode import decode
from edgecv_runtime.schema import Artifact, Preprocess
from PIL import Image

from edgecv.export.micro.camera import FORMATS, Bytes, Camera
from edgecv.export.micro.heads import MicroHead
from edgecv.export.micro.text import array, quoted

MOST_CASES: Final = 4
MOST_BYTES: Final = 64 << 10  # of all frames: they lie in the flash of whoever runs the self-test


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SelfTestCase:
    """One case of the self-test.

    Attributes:
        name: The golden case that the frame is made of.
        frame: The camera's bytes, (height, bytes of a row).
        tensor: The model's input that edgecv's Python runtime makes of what the frame means.
        outputs: What TFLM gives for that tensor, in the order of the file's outputs.
        scores: The scores of all heads, one after the other.
        decisions: The decisions of all heads, one after the other.
    """

    name: str
    frame: Bytes
    tensor: npt.NDArray[Any]
    outputs: tuple[npt.NDArray[Any], ...]
    scores: npt.NDArray[np.float32]
    decisions: npt.NDArray[np.int64]


def golden_pictures(bundle: Bundle, spec: Preprocess) -> list[tuple[str, Image.Image]]:
    """Return the golden pictures, upright, in colours, by their names.

    Raises:
        BundleError: There is none, so there would be no self-test.
    """
    coloured = msgspec.structs.replace(spec, color="rgb")
    found = [
        (case.id, decode(read_part(bundle.root, case.image, case.image_sha256, MOST_PICTURE), coloured))
        for case in bundle.golden().cases
        if case.image is not None and case.image_sha256 is not None
    ]
    if not found:
        raise BundleError(
            f"the bundle {bundle.manifest.name} has no pictures in {FOLDER}/", "Make it anew with edgecv convert"
        )
    return found


def usual_camera(picture: Image.Image) -> Camera:
    """Return the camera that gives a picture as it is: without a colour in it, one of gray."""
    pixels = np.asarray(picture)
    plain = bool((pixels == pixels[..., :1]).all())
    return Camera(picture.height, picture.width, FORMATS["gray8" if plain else "rgb888"])


def output_places(data: bytes) -> Mapping[str, int]:
    """Return the place of each output of a TFLite file that is whole, by the name of its tensor."""
    graph = Flatbuffer(data).root(IDENTIFIER).tables(2)[0]
    tensors = graph.tables(0)
    return {tensors[number].text(3): place for place, number in enumerate(graph.numbers(2, "i"))}


def make_cases(
    pictures: Sequence[tuple[str, Image.Image]],
    camera: Camera,
    spec: Preprocess,
    artifact: Artifact,
    backend: Backend,
    places: Mapping[str, int],
    heads: Sequence[MicroHead],
) -> list[SelfTestCase]:
    """Return as many cases as are worth their flash, the first pictures first.

    Raises:
        BackendError: TFLM does not run the model.
    """
    ordered = sorted(artifact.outputs, key=lambda io: places[io.tensor])
    count = max(1, min(MOST_CASES, len(pictures), MOST_BYTES // (camera.height * camera.stride)))
    prepare = Preprocessor(spec, artifact.inputs[0])
    cases = []
    for name, picture in pictures[:count]:
        scene = picture.resize((camera.width, camera.height), Image.Resampling.BILINEAR)
        frame = camera.format.encode(np.asarray(scene))
        tensor = prepare(np.ascontiguousarray(camera.format.decode(frame)))
        found = backend.run({artifact.inputs[0].name: tensor})
        outputs = tuple(found[io.name] for io in ordered)
        scores, decisions = _answers(heads, found)
        case = SelfTestCase(name=name, frame=frame, tensor=tensor, outputs=outputs, scores=scores, decisions=decisions)
        cases.append(case)
    return cases


def _answers(
    heads: Sequence[MicroHead], outputs: Mapping[str, npt.NDArray[Any]]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return the scores and the decisions of all heads."""
    scores, decisions = [], []
    for one in heads:
        real = {one.io.name: to_real(outputs[one.io.name], one.io)}
        scores.append(one.head.scores(real).reshape(-1))
        decided = one.head.decisions(real)
        decisions.append(np.zeros(0, np.int64) if decided is None else np.asarray(decided).reshape(-1))
    return np.concatenate(scores), np.concatenate(decisions)


def cases_source(cases: Sequence[SelfTestCase], name: str) -> str:
    """Return the definition of the `edgecv_self_test` of that name, with all that it points to."""
    parts, rows = [], []
    for place, case in enumerate(cases):
        own = f"case_{place}"
        outputs = [f"{own}_output_{which}" for which in range(len(case.outputs))]
        parts += [
            array("uint8_t", f"{own}_frame", case.frame),
            array("uint8_t", f"{own}_tensor", case.tensor.view(np.uint8)),
            *(array("uint8_t", o, out.view(np.uint8)) for o, out in zip(outputs, case.outputs, strict=True)),
            array("void *const", f"{own}_outputs", outputs),
            array("float", f"{own}_scores", case.scores),
            # a head that decides nothing leaves none, and C has no empty arrays
            array("uint16_t", f"{own}_decisions", case.decisions if case.decisions.size else [0]),
        ]
        fields = (f"{own}_{field}" for field in ("frame", "tensor", "outputs", "scores", "decisions"))
        rows.append(f"    {{{quoted(case.name)}, {', '.join(fields)}}},\n")
    first = cases[0]
    sizes = array("uint32_t", "output_bytes", [output.nbytes for output in first.outputs])
    test = (
        f"const edgecv_self_test {name} = {{\n    &edgecv_model_plan, edgecv_model_heads, cases, output_bytes,\n"
        f"    {first.tensor.nbytes}, EDGECV_HEADS, {len(cases)}, {len(first.outputs)},\n}};\n"
    )
    listed = f"static const edgecv_case cases[{len(cases)}] = {{\n{''.join(rows)}}};\n"
    return "\n".join([*parts, listed, sizes, test])
