"""Golden vectors as a C program runs them: frames in files, plans as C sources, tensors as it writes them."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from edgecv_runtime.errors import SpecError
from edgecv_runtime.preprocess import Preprocessor, from_preset
from edgecv_runtime.preprocess.presets import float32s
from edgecv_runtime.preprocess.quantize import quantize
from edgecv_runtime.schema import Fit, Normalize, QuantParams, Resize, TensorIO
from PIL import ImageOps

from edgecv.export.micro.camera import FORMATS, Camera
from edgecv.export.micro.plan import WRITES, CameraPlan, make_plan
from edgecv.export.micro.plan_text import plan_source
from tests.golden.format import Case, as_image, read_index, read_pixels, read_tensor, sha256
from tests.golden.yuv import APPLE, INDEX, ColoredIndex, YuvCase, YuvIndex, read_plane
from tests.micro.compiler import LIBRARY, build, compiler, run

HUGE = 1_000_000  # bytes of a picture
LIVE = (
    ("rgb565be", "caffe", "bgr"),
    ("rgb565le", "torch", "bgr"),
    ("gray8", "tf", "rgb"),
    ("uyvy", "rescale", "gray"),
    ("bgr888", "torch", "rgb"),
)
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
    FILE *written = fopen("{folder}/tensors.bin", "wb");
    size_t i;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {{
        uint8_t *frame = malloc(cases[i].bytes), *tensor = malloc(cases[i].tensor);
        uint8_t *scratch = malloc(cases[i].scratch);
        FILE *file = fopen(cases[i].file, "rb");
        if (!file || fread(frame, 1, cases[i].bytes, file) != cases[i].bytes)
            return 1;
        fclose(file);
        edgecv_preprocess(cases[i].plan, frame, tensor, scratch);
        fwrite(tensor, 1, cases[i].tensor, written);
        free(frame);
        free(tensor);
        free(scratch);
    }}
    fclose(written);
    return 0;
}}
"""


@dataclass(frozen=True, eq=False)
class Vector:
    """One frame, one plan, and what makes the expected tensor of the bytes that the C program writes."""

    name: str
    case: str
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
        return Vector(
            name, case.name, frame, make_plan(spec, io, camera), expected, lambda tensor: tensor.view(io.dtype)
        )
    if spec.resize.semantics == "tf" and spec.resize.kernel == "bilinear":
        if io.dtype != "float32":
            raise SpecError("float16")
        return _in_steps(name, case, camera, frame, expected)
    plain = msgspec.structs.replace(spec, normalize=Normalize())
    as_bytes = msgspec.structs.replace(io, dtype="uint8", layout="NHWC", quantization=AS_BYTES)
    plan = make_plan(plain, as_bytes, camera)
    return Vector(name, case.name, frame, plan, expected, lambda tensor: finished(tensor, spec, io))


def _in_steps(name: str, case: Any, camera: Camera, frame: np.ndarray, expected: np.ndarray) -> Vector:
    """TensorFlow's bilinear to floats, held in int8: both sides are quantized with the range of what is expected."""
    step = float(np.float32(max(float(np.ptp(expected)), 1.0) / 255))
    params = QuantParams(scale=step, zero_point=int(-128 - np.rint(expected.min() / step)))
    whole = msgspec.structs.replace(case.io, dtype="int8", quantization=params)
    steps = quantize(expected, params, "int8")
    plan = make_plan(case.spec, whole, camera)
    return Vector(name, case.name, frame, plan, steps, lambda tensor: tensor.view(np.int8))


def finished(tensor: np.ndarray, spec: Any, io: Any) -> np.ndarray:
    """Bytes of the C library made floats or other integers by NumPy, which the library does not do."""
    scale, offset = (np.asarray(one, np.float32) for one in (spec.normalize.scale, spec.normalize.offset))
    values = tensor.astype(np.float32) * scale + offset
    if io.layout == "NCHW":
        values = np.moveaxis(values, -1, 1)
    if io.quantization is not None:
        return quantize(values, io.quantization, io.dtype)
    return values.astype(io.dtype)


def plain_vector(name: str, spec: Any, io: Any, camera: Camera, frame: np.ndarray, expected: np.ndarray) -> Vector:
    """A vector of integers that is no golden one."""
    plan = make_plan(spec, io, camera)
    return Vector(name, name, frame, plan, expected, lambda tensor: tensor.view(io.dtype))


def live_vector(name: str, preset: str, color: Any, resize: Resize) -> Vector:
    """Noise of a camera of 34 x 26 pixels, letterboxed to an int8 tensor of 20 x 24 as Python's runtime does it."""
    camera = Camera(26, 34, FORMATS[name])
    spec = msgspec.structs.replace(
        from_preset(preset), color=color, fit=Fit(mode="letterbox", pad=(90,)), resize=resize, size=(20, 24)
    )
    shape = (1, 20, 24, 1 if color == "gray" else 3)
    params = QuantParams(scale=float32s([0.0187])[0] if preset != "caffe" else 1.0, zero_point=-5)
    io = TensorIO(name="x", tensor="x", shape=shape, dtype="int8", layout="NHWC", quantization=params)
    frame = np.random.default_rng(2).integers(0, 256, (26, camera.stride), np.uint8)
    expected = Preprocessor(spec, io)(np.ascontiguousarray(camera.format.decode(frame)))
    return plain_vector(f"{name}_{preset}_{resize.semantics}", spec, io, camera, frame, expected)


def live_vectors() -> list[Vector]:
    """Vectors of both arithmetics from cameras that the golden vectors have not."""
    resizes = Resize(kernel="bicubic"), Resize(kernel="bilinear", semantics="tf")
    return [live_vector(*one, resize) for one in LIVE for resize in resizes]


def noise_vectors() -> list[Vector]:
    """Noise of every byte in every format, to bytes as they are."""
    io = TensorIO(name="x", tensor="x", shape=(1, 40, 64, 3), dtype="uint8", layout="NHWC", quantization=AS_BYTES)
    spec, made = msgspec.structs.replace(from_preset("none"), size=(40, 64)), []
    for name, form in FORMATS.items():
        camera = Camera(40, 64, form)
        noise = np.random.default_rng(1).integers(0, 256, (40, camera.stride), np.uint8)
        noise[0, :4], noise[1, :4] = 0, 255
        made.append(plain_vector(name, spec, io, camera, noise, form.decode(noise)[None]))
    return made


def ties_vector() -> Vector:
    """Values in steps of a sixteenth, many of them half way between two integers; not so by a reciprocal of 1.75."""
    camera, size = Camera(40, 50, FORMATS["gray8"]), (80, 100)
    spec = msgspec.structs.replace(
        from_preset("none"), color="gray", resize=Resize(kernel="bilinear", semantics="tf"), size=size
    )
    params = QuantParams(scale=1.75, zero_point=-70)
    io = TensorIO(name="x", tensor="x", shape=(1, *size, 1), dtype="int8", layout="NHWC", quantization=params)
    frame = np.random.default_rng(3).integers(0, 256, (camera.height, camera.stride), np.uint8)
    return plain_vector("ties", spec, io, camera, frame, Preprocessor(spec, io)(frame))


def picture_cases() -> tuple[list[Vector], Counter[str]]:
    """The golden pictures that the library does, and why it does not do the others."""
    done, left = [], Counter()
    for case in read_index().cases:
        if case.pixels is None:
            left["no picture"] += 1
            continue
        try:
            done += picture_vectors(case)
        except SpecError as error:
            left["TensorFlow's kernel" if "the resize is TensorFlow's" in error.message else error.message] += 1
    return done, left


def yuv_cases() -> tuple[list[Vector], Counter[str]]:
    """The golden frames of Kotlin and Swift as YUYV and UYVY, whose rows each have the colours of their pair."""
    first = msgspec.json.decode(INDEX.read_bytes(), type=YuvIndex).cases
    apple = msgspec.json.decode(APPLE.read_bytes(), type=ColoredIndex).cases
    done, left = [], Counter()
    for case in (*first, *apple):
        colors = getattr(case, "colors", "bt601_full")
        if case.rotation or colors not in YUV_FORMATS:
            left["turned" if case.rotation else colors.partition("_")[0]] += 1
            continue
        for name in YUV_FORMATS[colors]:
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


def write_program(folder: Path, vectors: Sequence[Vector]) -> Path:
    """Write frames and the source of the program that runs vectors; returns the source."""
    source = folder / "vectors.c"
    plans, rows, files = [], [], {}
    for number, one in enumerate(vectors):
        data = one.frame.tobytes()
        name = files.setdefault(sha256(data), f"frame_{number}.bin")
        if name == f"frame_{number}.bin":
            (folder / name).write_bytes(data)
        plans.append(plan_source(one.plan, f"plan_{number}", static=True))
        sizes = (len(data), one.plan.tensor_bytes, one.plan.scratch)
        rows.append(f'    {{"{folder / name}", &plan_{number}, {", ".join(map(str, sizes))}}},')
    source.write_text(PROGRAM.format(plans="\n".join(plans), table="\n".join(rows), folder=folder))
    return source


def run_vectors(folder: Path, vectors: Sequence[Vector]) -> dict[str, np.ndarray]:
    """What the C program makes of vectors, by their names: (1, height, width, channels) uint8."""
    assert output_of(build(folder / "vectors", write_program(folder, vectors))) == b""
    return tensors_in(folder, vectors)


def tensors_in(folder: Path, vectors: Sequence[Vector]) -> dict[str, np.ndarray]:
    """The tensors that the program of a folder has written."""
    return dict(split(vectors, (folder / "tensors.bin").read_bytes()))


def fails(folder: Path, vectors: Sequence[Vector], library: Path) -> bool:
    """Tell whether the program of `write_program` with another library ends badly, or gives a wrong tensor."""
    program, kept = library / "vectors", folder / "vectors.o"
    if not kept.exists():
        run(compiler(), "-std=c99", "-O0", "-c", f"-I{LIBRARY}", folder / "vectors.c", "-o", kept)
    run(compiler(), "-std=c99", "-O0", f"-I{library}", kept, *sorted(library.glob("*.c")), "-lm", "-o", program)
    done = subprocess.run([program], capture_output=True, timeout=60, check=False)
    return done.returncode != 0 or wrong(vectors, tensors_in(folder, vectors)) != []


def output_of(program: Path) -> bytes:
    """The bytes that a program writes; it ends well, and no sanitizer says a word."""
    done = subprocess.run([program], capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout


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
