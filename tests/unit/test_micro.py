"""What can be asked for of microcontrollers, what is said without TFLM, and the names that a program registers."""

from __future__ import annotations

import os
import sys

import pytest
from edgecv_converters.micro import vela
from edgecv_converters.micro.operators import resolver_methods
from edgecv_converters.micro.options import MicroOptions
from edgecv_runtime.backends.tflm_interpreter import TFLMInterpreter, captured
from edgecv_runtime.errors import MissingDependencyError, UsageError

from edgecv import extras
from edgecv.convert.recipe import Recipe, plan


@pytest.mark.parametrize(
    ("operator", "method"),
    [
        ("ADD", "AddAdd"),
        ("ADD_N", "AddAddN"),
        ("AVERAGE_POOL_2D", "AddAveragePool2D"),
        ("CUMSUM", "AddCumSum"),
        ("DEPTHWISE_CONV_2D", "AddDepthwiseConv2D"),
        ("L2_NORMALIZATION", "AddL2Normalization"),
        ("L2_POOL_2D", "AddL2Pool2D"),
        ("PADV2", "AddPadV2"),
        ("RELU6", "AddRelu6"),
        ("RESIZE_NEAREST_NEIGHBOR", "AddResizeNearestNeighbor"),
        ("SELECT_V2", "AddSelectV2"),
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
    ],
)
def test_an_operator_is_registered_by_the_method_that_tflm_has(operator: str, method: str) -> None:
    assert resolver_methods([operator]) == (method,)


def test_each_operator_is_registered_once_in_one_order() -> None:
    assert resolver_methods(["SOFTMAX", "CONV_2D", "SOFTMAX"]) == ("AddConv2D", "AddSoftmax")


@pytest.mark.parametrize(
    ("steps", "options", "message", "hint"),
    [
        (
            plan(["int8"], ["onnx"]),
            {"numbers": "onnx"},
            "--numbers must be tflite or micro, got 'onnx'",
            "The others have no numbers of their own",
        ),
        (
            plan(["int8"], ["onnx"]),
            {"numbers": "micro"},
            "--numbers micro needs artifacts of that target",
            "Add --target micro",
        ),
        (plan(["float32"], ["micro"]), {"numbers": "micro"}, "--numbers needs an int8 artifact", "Add --quantize int8"),
        (
            plan(["float32"], ["onnx"]),
            {"dense_scales": "tensor"},
            "--dense-scales needs an int8 artifact",
            "Add --quantize int8",
        ),
        (
            plan(["int8"], ["micro"]),
            {"numbers": "micro", "quantizer": "vendor"},
            "--numbers is a part of edgecv's own quantizer",
            "Leave --quantizer vendor out",
        ),
    ],
)
def test_numbers_that_cannot_be_had_are_refused(steps, options, message, hint) -> None:
    with pytest.raises(UsageError) as caught:
        Recipe(steps=steps, **options)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_an_accelerator_is_one_that_vela_knows_and_needs_an_int8_file() -> None:
    with pytest.raises(UsageError, match=r"--ethos-u must be u55-32, .* or u85-2048, got 'u55'"):
        MicroOptions(ethos_u="u55")
    with pytest.raises(UsageError, match="--ethos-u is for the int8 file of TFLite Micro") as caught:
        Recipe(steps=plan(["float32"], ["micro"]), options={"micro": MicroOptions(ethos_u="u55-128")})
    assert caught.value.hint == "Add --target micro --quantize int8"


def test_without_vela_the_line_that_installs_it_is_told(monkeypatch) -> None:
    monkeypatch.setattr(vela, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError, match="ethos-u-vela is not installed") as caught:
        Recipe(steps=plan(["int8"], ["micro"]), options={"micro": MicroOptions(ethos_u="u55-128")})
    assert caught.value.hint == 'pip install "edgecv[ethos-u]"'


def test_without_tflm_the_line_that_installs_it_is_told_before_anything_is_converted(monkeypatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "tflite_micro" else name)
    with pytest.raises(MissingDependencyError, match="tflite-micro is not installed") as caught:
        extras.require_for(["micro"])
    assert caught.value.hint == 'pip install "edgecv[micro]", on x86-64 Linux'
    extras.require_for(["tflite", "onnx", "coreml"])


def test_without_tflm_no_file_is_opened(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tflite_micro", None)
    with pytest.raises(MissingDependencyError, match="tflite-micro is not installed") as caught:
        TFLMInterpreter(b"")
    assert caught.value.hint == 'pip install "edgecv[micro]", on x86-64 Linux'


def test_what_native_code_writes_is_kept_off_the_terminal_and_told(capfd) -> None:
    with captured() as log:
        os.write(2, b"from C++\n")
        assert log() == "from C++\n"
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"
