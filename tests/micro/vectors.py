"""Golden vectors as a C program runs them: frames in files, plans as C sources, tensors as it writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from edgecv_runtime.errors import SpecError
from edgecv_runtime.preprocess.quantize import quantize
from edgecv_runtime.schema import Normalize, QuantParams
from PIL import ImageOps

from edgecv.export.micro.camera import FORMATS, Camera
from edgecv.export.micro.plan import WRITES, CameraPlan, make_plan
from edgecv.export.micro.plan_text import plan_source
from tests.golden.format import Case, as_image, read_index, read_pixels, read_tensor
from tests.golden.yuv import APPLE, INDEX, ColoredIndex, YuvCase, YuvIndex, read_plane
from tests.micro.compiler import LIBRARY, build, run

HUGE = 1_000_000  # bytes of a picture
AS_BYTES = QuantParams(scale=1.0, zero_point=0)
YUV_FORMATS = {"bt601_full": ("yuyv", "uyvy"), "bt601_video": ("yuyv_video", "uyvy_video")}
PROGRAM = """#include "edgecv_preprocess.h"

#include <stdio.h>
#include <stdlib.h>

{plans}
static const struct {{ const char *file; const edgecv_plan *plan; size_t bytes, tensor, scratch; }} cases[] = {{
{table}
}};

/* Every buffer has exactly the bytes that it must have, so that the sanitizer sees each step beyond. */
int main(void)
{{
    size_t i;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {{
        uint8_t *frame = malloc(cases[i].bytes), *tensor = malloc(cases[i].tensor);
        uint8_t *scratch = malloc(cases[i].scratch);
        FILE *file = fopen(cases[i].file, "rb");
        if (!file || fread(frame, 1, cases[i].bytes, file) != cases[i].bytes)
            return 1;
        fclose(file);
        edgecv_preprocess(cases[i].plan, frame, tensor, scratch);
        fwrite(tensor, 1, cases[i].tensor, stdout);
        free(frame);
        free(tensor);
        free(scratch);
    }}
    return 0;
}}
"""


@dataclass(frozen=True, eq=False)
class Vector:
    """One frame, one plan, and what makes the expected tensor of the bytes that the C program writes."""

    name: str
    frame: np.ndarray
    plan: CameraPlan
    expected: np.ndarray
    finish: Callable[[np.ndarray], np.ndarray]


def upright(case: Case) -> np.ndarray:
    """The picture of a case, turned as its EXIF says: a camera of a microcontroller has none."""
    image = as_image(read_pixels(case.pixels), case.orientation)
    turned = ImageOps.exif_transpose(image) if case.spec.orientation == "exif" else image
    return np.asarray(turned)


def picture_vectors(case: Case) -> list[Vector]:
    """A golden picture as frames of gray, or of both orders of bytes where it is not huge."""
    pixels = upright(case)
    names = ("gray8",) if pixels.ndim == 2 else ("rgb888", "bgr888") if pixels.size < HUGE else ("rgb888",)
    pixels = np.repeat(pixels[..., None], 3, 2) if pixels.ndim == 2 else pixels
    expected = read_tensor(case.expected)
    made = []
    for name in names:
        camera = Camera(*pixels.shape[:2], FORMATS[name])
        made.append(vector(f"{case.name}_{name}", case, camera, camera.format.encode(pixels), expected))
    return made


def vector(name: str, case: Case | YuvCase, camera: Camera, frame: np.ndarray, expected: np.ndarray) -> Vector:
    """A vector in the form in which C can write it: integers as they are, floats from bytes or in steps."""
    spec, io = case.spec, case.io
    if io.dtype in WRITES and io.layout != "NCHW":
        return Vector(name, frame, make_plan(spec, io, camera), expected, lambda tensor: tensor.view(io.dtype))
    if spec.resize.semantics == "tf" and spec.resize.kernel == "bilinear":
        if io.dtype != "float32":
            raise SpecError("float16 says too little of float32")
        return _in_steps(name, spec, io, camera, frame, expected)
    plain = msgspec.structs.replace(spec, normalize=Normalize())
    as_bytes = msgspec.structs.replace(io, dtype="uint8", layout="NHWC", quantization=AS_BYTES)
    plan = make_plan(plain, as_bytes, camera)
    return Vector(name, frame, plan, expected, lambda tensor: finished(tensor, spec, io))


def _in_steps(name: str, spec: Any, io: Any, camera: Camera, frame: np.ndarray, expected: np.ndarray) -> Vector:
    """TensorFlow's bilinear to floats, held in int8: both sides are quantized with the range of what is expected."""
    step = float(np.float32(max(float(np.ptp(expected)), 1.0) / 255))
    params = QuantParams(scale=step, zero_point=int(-128 - np.rint(expected.min() / step)))
    whole = msgspec.structs.replace(io, dtype="int8", quantization=params)
    steps = quantize(expected, params, "int8")
    return Vector(name, frame, make_plan(spec, whole, camera), steps, lambda tensor: tensor.view(np.int8))


def finished(tensor: np.ndarray, spec: Any, io: Any) -> np.ndarray:
    """Bytes of the C library made floats or other integers by NumPy, which the library does not do."""
    scale, offset = (np.asarray(one, np.float32) for one in (spec.normalize.scale, spec.normalize.offset))
    values = tensor.astype(np.float32) * scale + offset
    if io.layout == "NCHW":
        values = np.moveaxis(values, -1, 1)
    if io.quantization is not None:
        return quantize(values, io.quantization, io.dtype)
    return values.astype(io.dtype)


def picture_cases() -> tuple[list[Vector], list[str]]:
    """The golden pictures that the library does, and the names of those that it does not."""
    done, left = [], []
    for case in read_index().cases:
        try:
            done += picture_vectors(case) if case.pixels is not None else []
            left += [case.name] if case.pixels is None else []
        except SpecError:
            left.append(case.name)
    return done, left


def yuv_cases() -> tuple[list[Vector], list[str]]:
    """The golden frames of Kotlin and Swift as YUYV and UYVY, whose rows each have the colours of their pair."""
    first = msgspec.json.decode(INDEX.read_bytes(), type=YuvIndex).cases
    apple = msgspec.json.decode(APPLE.read_bytes(), type=ColoredIndex).cases
    done, left = [], []
    for case in (*first, *apple):
        names = YUV_FORMATS.get(getattr(case, "colors", "bt601_full"), ())
        if case.rotation or not names:
            left.append(case.name)
            continue
        for name in names:
            camera = Camera(case.height, case.width, FORMATS[name])
            frame = packed(case, name)
            done.append(vector(f"{case.name}_{name}", case, camera, frame, read_tensor(case.expected)))
    return done, left


def packed(case: Any, name: str) -> np.ndarray:
    """The frame as YUYV or UYVY, each row with the chrominance that its pairs of pixels have."""
    tall, wide = (case.height + 1) // 2, (case.width + 1) // 2
    y = read_plane(case.y, case.height, case.width)
    y = np.pad(y, ((0, 0), (0, case.width % 2)))
    u, v = (read_plane(plane, tall, wide).repeat(2, 0)[: case.height] for plane in (case.u, case.v))
    pairs = (y[:, 0::2], u, y[:, 1::2], v) if name.startswith("yuyv") else (u, y[:, 0::2], v, y[:, 1::2])
    return np.stack(pairs, -1).reshape(case.height, -1)


def run_vectors(folder: Path, vectors: Sequence[Vector], library: Path = LIBRARY) -> dict[str, np.ndarray]:
    """What the C program makes of vectors, by their names: (1, height, width, channels) uint8, or without channels."""
    source, program = folder / "vectors.c", folder / "vectors"
    plans, rows, files = [], [], {}
    for number, one in enumerate(vectors):
        data = one.frame.tobytes()
        name = files.setdefault(hash(data), f"frame_{number}.bin")
        if name == f"frame_{number}.bin":
            (folder / name).write_bytes(data)
        plans.append(plan_source(one.plan, f"plan_{number}", static=True))
        sizes = (len(data), one.plan.tensor_bytes, one.plan.scratch)
        rows.append(f'    {{"{folder / name}", &plan_{number}, {", ".join(map(str, sizes))}}},')
    source.write_text(PROGRAM.format(plans="\n".join(plans), table="\n".join(rows)))
    build(program, source, library=library)
    written = folder / "tensors.bin"
    run("sh", "-c", f"'{program}' > '{written}'")
    return dict(split(vectors, written.read_bytes()))


def split(vectors: Sequence[Vector], data: bytes) -> Any:
    """Yield the names and the tensors, one after the other."""
    at = 0
    for one in vectors:
        size = one.plan.tensor_bytes
        shape = (1, one.plan.down.axis.size, one.plan.across.axis.size, len(one.plan.order))
        yield one.name, np.frombuffer(data[at : at + size], np.uint8).reshape(shape)
        at += size
    assert at == len(data)


def wrong(vectors: Sequence[Vector], tensors: dict[str, np.ndarray]) -> list[str]:
    """The names of vectors whose tensors differ in a bit."""
    return [one.name for one in vectors if one.finish(tensors[one.name]).tobytes() != one.expected.tobytes()]
