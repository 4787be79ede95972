"""The files of `model/`: everything of one bundle that is C, and nothing of any other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from edgecv_converters.micro.operators import operators_of, resolver_methods
from edgecv_runtime.errors import BundleError
from edgecv_runtime.manifest import ANEW
from edgecv_runtime.paths import shortened
from edgecv_runtime.schema import Artifact

from edgecv.export.micro.cases import SelfTestCase, cases_source
from edgecv.export.micro.heads import MicroHead, heads_source
from edgecv.export.micro.plan import CameraPlan
from edgecv.export.micro.plan_text import plan_source
from edgecv.export.micro.text import array, comment

ROOM: Final = 1.25  # of the arena that TFLM took on a computer: kernels made for one processor want memory of their own
KIB: Final = 1024
_OPERATOR: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")  # what a stranger's model names becomes source code here

_HEADER: Final = """{about}
#ifndef EDGECV_MODEL_H
#define EDGECV_MODEL_H

#include "../edgecv/edgecv_self_test.h"

/* Frames of {width} x {height} pixels, {format}: {meaning}. */
#define EDGECV_FRAME_WIDTH {width}
#define EDGECV_FRAME_HEIGHT {height}
#define EDGECV_FRAME_BYTES {frame}

/* The model's input, and the memory that making it takes. */
#define EDGECV_TENSOR_BYTES {tensor}
#define EDGECV_SCRATCH_BYTES {scratch}

/*
 * The interpreter's arena. On a computer of 64 bits, with the reference kernels, TensorFlow Lite Micro took {measured}
 * bytes; a fourth is added for kernels that are made for one processor. The example prints what is used.
 */
#ifndef EDGECV_ARENA_BYTES
#define EDGECV_ARENA_BYTES {arena}
#endif

/* The heads, and the most scores and decisions that one of them has. */
#define EDGECV_HEADS {heads}
#define EDGECV_MOST_SCORES {scores}
#define EDGECV_MOST_DECISIONS {scores}

#ifdef __cplusplus
extern "C" {{
#endif

#define EDGECV_MODEL_BYTES {bytes}
extern const uint8_t edgecv_model_data[EDGECV_MODEL_BYTES];
extern const edgecv_plan edgecv_model_plan;
extern const edgecv_head edgecv_model_heads[EDGECV_HEADS];
extern const edgecv_self_test edgecv_model_self_test;

#ifdef __cplusplus
}}
#endif

#endif
"""
_DATA: Final = """#include "edgecv_model.h"

#if defined(__GNUC__) || defined(__clang__)
#define EDGECV_ALIGNED __attribute__((aligned(16)))
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define EDGECV_ALIGNED _Alignas(16)
#else
#error "say here how this compiler aligns an array to 16 bytes"
#endif

EDGECV_ALIGNED """
_RESOLVER: Final = """/* The operators of the model, and no others. */
#ifndef EDGECV_MODEL_RESOLVER_H
#define EDGECV_MODEL_RESOLVER_H

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

typedef tflite::MicroMutableOpResolver<{count}> EdgecvResolver;

inline TfLiteStatus edgecv_add_operators(EdgecvResolver &resolver)
{{
{calls}
    return kTfLiteOk;
}}

#endif
"""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MicroModel:
    """Everything that goes into `model/`.

    Attributes:
        name: The bundle's name.
        artifact: The artifact's record.
        data: Its file.
        plan: The preprocessing for the camera.
        heads: What its outputs mean.
        cases: The self-test.
        measured_arena: The bytes of memory that TFLM took on a computer.
        methods: The methods that add its operators to a resolver.
    """

    name: str
    artifact: Artifact
    data: bytes
    plan: CameraPlan
    heads: tuple[MicroHead, ...]
    cases: Sequence[SelfTestCase]
    measured_arena: int
    methods: tuple[str, ...]

    @property
    def arena(self) -> int:
        """The bytes of the arena that the sources give it."""
        return -(-int(self.measured_arena * ROOM) // KIB) * KIB


def methods_of(data: bytes) -> tuple[str, ...]:
    """Return the methods that add the operators of a file to a resolver.

    Raises:
        BundleError: The file has an operator of somebody's own, which TensorFlow Lite Micro lacks.
    """
    names = operators_of(data)
    if wrong := [shortened(name) for name in names if not _OPERATOR.fullmatch(name)]:
        raise BundleError(f"the model has the operator {wrong[0]!r}, which TensorFlow Lite does not have", ANEW)
    return resolver_methods(names)


def model_files(model: MicroModel) -> Mapping[str, str]:
    """Return the text of every file by its name."""
    own = '#include "edgecv_model.h"\n\n'
    data = array("uint8_t", "edgecv_model_data", np.frombuffer(model.data, np.uint8), static=False)
    return {
        "edgecv_model.h": _header(model),
        "edgecv_model_data.c": _DATA + data,
        "edgecv_model_plan.c": own + plan_source(model.plan, "edgecv_model_plan"),
        "edgecv_model_heads.c": own + heads_source(model.heads, "edgecv_model_heads"),
        "edgecv_model_cases.c": own + cases_source(model.cases, "edgecv_model_self_test"),
        "edgecv_model_resolver.h": _resolver(model.methods),
    }


def _header(model: MicroModel) -> str:
    camera = model.plan.camera
    return _HEADER.format(
        about=comment(f"The model {model.name}, by edgecv export micro: {camera}"),
        width=camera.width,
        height=camera.height,
        format=camera.format.name,
        meaning=camera.format.meaning,
        frame=camera.height * camera.stride,
        tensor=model.plan.tensor_bytes,
        scratch=model.plan.scratch,
        measured=f"{model.measured_arena:,}",
        arena=model.arena,
        heads=len(model.heads),
        scores=max(head.scores for head in model.heads),
        bytes=len(model.data),
    )


def _resolver(methods: Sequence[str]) -> str:
    calls = "\n".join(f"    if (resolver.{method}() != kTfLiteOk) return kTfLiteError;" for method in methods)
    return _RESOLVER.format(count=len(methods), calls=calls)
