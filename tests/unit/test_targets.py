"""Targets and formats: each is whole, one carries the quantization, and asking for them loads no converter."""

from __future__ import annotations

import subprocess
import sys
from itertools import groupby

import pytest
from edgecv_converters.graph.passes.runner import run_passes
from edgecv_converters.targets import carrier, find, known_targets
from edgecv_runtime import formats
from edgecv_runtime.artifact_choice import PREFERENCE
from edgecv_runtime.errors import BackendError, ConversionError, UsageError

from edgecv.convert.conversion import needed
from edgecv.convert.recipe import plan


@pytest.mark.parametrize("name", formats.KNOWN)
def test_every_format_has_a_target_that_is_whole(name):
    target = find(name)
    assert (target.format, target.name) == (formats.find(name), name)
    assert target.default_precision in target.precisions
    assert target.carried <= set(target.precisions)
    assert all(target.format.knows(precision) for precision in target.precisions)
    assert target.needs
    assert target.methods()


def test_one_target_carries_the_quantization_of_the_others():
    assert [(target.name, target.carrier) for target in known_targets() if target.carrier] == [carrier()]


def test_what_carries_the_quantization_is_needed_where_it_is_not_asked_for():
    assert [str(spec) for spec in needed(plan(["int8"], ["coreml"]))] == ["coreml int8", "tflite int8"]
    assert [str(spec) for spec in needed(plan(["int8"], ["onnx", "tflite"]))] == ["tflite int8", "onnx int8"]
    assert [str(spec) for spec in needed(plan(["float32"], ["onnx"]))] == ["onnx float32"]


def test_a_gpu_is_tried_first_then_int8_then_float_on_a_cpu_then_the_system_and_a_microcontroller_last():
    tried = [(one.processor, "int8" in precisions, "float32" in precisions) for one, precisions in PREFERENCE]
    assert [kind for kind, _ in groupby(tried)] == [
        ("gpu", False, True),
        ("cpu", True, False),
        ("cpu", False, True),
        ("system", True, True),
        ("microcontroller", True, True),
    ]
    assert {one.name for one, _ in PREFERENCE} == set(formats.BACKENDS)
    assert [one.name for one, _ in PREFERENCE[:3]] == ["onnx-cuda", "litert", "onnx"]


def test_names_that_are_unknown_come_with_the_known_ones():
    with pytest.raises(UsageError, match="unknown target 'tensorrt'") as caught:
        find("tensorrt")
    assert caught.value.hint == f"The targets are {', '.join(formats.KNOWN)}"
    with pytest.raises(BackendError, match="unknown backend 'tensorrt'") as caught:
        formats.backend("tensorrt")
    assert caught.value.hint == f"Backends are {', '.join(formats.BACKENDS)}"
    assert formats.title_of("tensorrt") == "tensorrt"


def test_targets_are_looked_at_without_their_converters():
    heavy = {"tensorflow", "keras", *(module for one in known_targets() for lib in one.needs for module in lib.modules)}
    code = "import sys; from edgecv_converters.targets import known_targets; known_targets(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not heavy & {name.partition(".")[0] for name in done.stdout.split()}


def break_a_reference(proto):
    proto.node[0].input[:] = ["nowhere"]


def test_a_pass_that_breaks_the_graph_is_named():
    from tensorflow.core.framework.graph_pb2 import GraphDef

    proto = GraphDef()
    proto.node.add(name="y", op="NoOp")
    with pytest.raises(ConversionError, match=r"no node 'nowhere' after the pass test_targets"):
        run_passes(proto, (break_a_reference,), ["y"])
