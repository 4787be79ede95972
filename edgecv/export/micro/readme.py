"""The README of an export: what is in it, what is left to do, and what was not run."""

from __future__ import annotations

from typing import Final

from edgecv.export.micro.layouts import LIBRARY, MODEL, TFLM, MicroLayout
from edgecv.export.micro.model import MicroModel

README: Final = "README.md"
_TEXT: Final = """# {name} on a microcontroller

Written by `edgecv export micro` for {title}. It needs {needs}.

## Next

    make -C host        (on a computer: everything but the interpreter)
{steps}

Then put your camera's frame where the example says so: {frame:,} bytes,
{width} x {height} pixels as `{format}` ({meaning}).
For another camera, or a model that was trained again, export again with `--force`:
that replaces {generated} and this file, and leaves all else as it is.

## What is in it

* `{base}{library}/`: C99 without malloc: camera formats, fit and resize, normalization and quantization by one table
  a channel, answers of the heads, the self-test. It gives the same bits as edgecv's Python runtime.
* `{base}{tflm}/`: the model in TensorFlow Lite Micro's interpreter, which is not here, and what the example does.
* `{base}{model}/`: the model, its labels, heads and preprocessing tables, {cases}, and in
  `edgecv_model_resolver.h` the {operators} operators that it uses.
* `host/`: the self-test without the interpreter.

| memory | bytes |
|---|---|
| the model, in flash | {flash:,} |
| the self-test's cases, in flash where it is called | {case_bytes:,} |
| the interpreter's arena, in RAM (`EDGECV_ARENA_BYTES`) | {arena:,} |
| scratch of the preprocessing, in RAM | {scratch:,} |
| a frame, in RAM | {frame:,} |

The arena is a fourth more than the {measured:,} bytes that TensorFlow Lite Micro took on a computer with its reference
kernels: kernels that are made for one processor want memory of their own. The example prints what is used.

## What the self-test says

For each case, how many numbers are wrong:

* `tensor`: the preprocessing, every byte;
* `heads`: the scores and decisions that come of the recorded outputs;
* `model`, with the interpreter: every number of its outputs;
* `decisions`, with the interpreter: what the heads decide by this device's outputs.

The outputs were recorded from TensorFlow Lite Micro with its reference kernels on a computer. Kernels that are made for
one processor (CMSIS-NN, ESP-NN) may round otherwise: then `model` counts the numbers that differ, and `decisions` says
whether that changed an answer.

## What was not run

Nothing of this was compiled for a board or run on one when it was written. The C of `{base}{library}/` is what edgecv's
own tests hold to its golden vectors on a computer; of the C++ they check the syntax only.
"""


def readme(model: MicroModel, layout: MicroLayout) -> str:
    """Return the README of an export."""
    camera, plan = model.plan.camera, model.plan
    frame = camera.height * camera.stride
    names = layout.generated()
    count = len(model.cases)
    return _TEXT.format(
        name=model.name,
        title=layout.title,
        needs=layout.needs,
        steps="\n".join(f"    {step}" for step in layout.steps),
        frame=frame,
        width=camera.width,
        height=camera.height,
        format=camera.format.name,
        meaning=camera.format.meaning,
        generated=f"{', '.join(f'`{name}/`' for name in names[:-1])} and `{names[-1]}/`",
        base=f"{layout.base}/" if layout.base else "",
        library=LIBRARY,
        tflm=TFLM,
        model=MODEL,
        flash=len(model.data),
        cases=f"{count} golden case{'' if count == 1 else 's'}",
        operators=len(model.methods),
        measured=model.measured_arena,
        arena=model.arena,
        scratch=plan.scratch,
        case_bytes=count * (frame + plan.tensor_bytes),
    )
