"""Profiles: times in whole microseconds, XNNPACK's operations beside the file's, and what is shown of them."""

import io
import re

import msgspec
import pytest
from edgecv_runtime import formats
from edgecv_runtime.bench import profilers
from edgecv_runtime.bench.profilers.litert import XNNPACK, Operator, matched
from edgecv_runtime.bench.profilers.litert_c import DELEGATED, OPERATOR, Event
from edgecv_runtime.bench.profilers.onnx import layer_name
from edgecv_runtime.bench.result import Profile, ProfiledOperation, decode_result, encode_result
from edgecv_runtime.errors import BackendError, UsageError

from edgecv.bench.devices.android import AdbDevice
from edgecv.bench.report import render_html, table
from edgecv.bench.report.profile import by_layer, by_operator, float_words
from edgecv.bench.report.view import benches
from edgecv.terminal.console import PlainConsole
from edgecv.terminal.observer import Silent
from tests.unit import bench_results as made


def operation(layer, operator, us, numbers="integer"):
    return ProfiledOperation(layer=layer, operator=operator, numbers=numbers, us=us)


PROFILE = Profile(
    profiler="onnxruntime 1.31.1",
    runs=100,
    total_us=120.0,
    operations=(
        operation("input", "QuantizeLinear", 5.0, "conversion"),
        operation("stem/<b>", "QLinearConv", 40.0),
        operation("stem/<b>", "Clip", 5.0),
        operation("up", "Resize", 30.0, "float"),
        operation("head", "QLinearConv", 15.0),
        operation("", "DequantizeLinear", 5.0, "conversion"),
    ),
)


def result(profile, precision="int8"):
    return made.result(rows=(made.row("onnx", precision, profile=profile),))


def printed(one):
    out = io.StringIO()
    PlainConsole(file=out, width=110).print(table([one]))
    return re.sub(r"[^\S\n]+", " ", out.getvalue())


def test_times_in_whole_microseconds_give_a_fine_mean_that_a_slow_moment_does_not_move():
    assert profilers.typical([2, 3, 3, 2, 3, 2, 2, 3]) == 2.5
    assert profilers.typical([3, 3, 3, 900]) == 3
    assert profilers.typical([7]) == 7


def test_what_an_operation_computes_with():
    assert profilers.numbers([True, True]) == "float"
    assert profilers.numbers([False, True]) == "conversion"
    assert profilers.numbers([False, False]) == "integer"
    assert profilers.numbers([]) is None


def test_a_profile_takes_ten_inferences_at_least_and_a_hundred_at_most():
    assert profilers.repeat(lambda: None, 0.0) == 10
    assert profilers.repeat(lambda: None, 60.0) == 100


def layers(operators, events):
    file = [Operator(kind, f"{number}", "integer") for number, kind in enumerate(operators)]
    found = matched(
        file, [Event(*((DELEGATED, name, 1) if name[1:2].islower() else (OPERATOR, name, 1))) for name in events]
    )
    return [None if one is None else int(one.layer) for one in found]


def test_a_clamp_belongs_to_the_addition_before_it():
    block = ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD"]
    events = ["Convolution (NHWC, QC8) IGEMM", "Convolution (NHWC, QC8) DWConv", "Convolution (NHWC, QC8) GEMM"]
    events += ["Add (ND)", "Clamp (NC)"]
    assert layers(block * 3, events * 3) == [0, 1, 2, 3, 3, 4, 5, 6, 7, 7, 8, 9, 10, 11, 11]


def test_operators_that_xnnpack_leaves_to_the_interpreter_or_fuses_away_are_skipped():
    operators = ["QUANTIZE", "PAD", "CONV_2D", "MEAN", "FULLY_CONNECTED", "SOFTMAX", "DEQUANTIZE"]
    events = ["Convert (NC)", "Convolution (NHWC, QC8) IGEMM", "Mean (ND) Reduce2", "Static Reshape (NC)"]
    events += ["Fully Connected (NC, QS8, QC8W) GEMM", "SOFTMAX", "Convert (NC)"]
    assert layers(operators, events) == [0, 2, 3, 3, 4, 5, 6]


def test_what_xnnpack_calls_by_tflites_own_word_is_found_and_what_is_no_helper_is_of_no_operator():
    operators = ["CONV_2D", "SQRT", "SQUARED_DIFFERENCE", "NEG"]
    events = ["Convolution (NHWC, QC8) IGEMM", "Square Root (NC)", "Squared Difference (ND)", "Unheard Of (NC)"]
    assert layers(operators, [*events, "Negate (NC)"]) == [0, 1, 2, None, 3]


def test_no_operation_is_called_integer_that_is_not_known():
    known = (operation("stem", "Convolution", 6.0), operation("", "Unheard Of", 2.0, None))
    whole = Profile(profiler="p", runs=1, total_us=8.0, operations=known)
    (view,) = benches([result(whole)])[0].measured
    assert "known to be computed in floats" in float_words(view)
    assert "of what takes 25.0\N{NARROW NO-BREAK SPACE}% of the time it is not known" in float_words(view)


def test_several_copies_are_one_concatenation_and_what_comes_first_may_be_unknown():
    operators = ["CONV_2D", "CONCATENATION", "CONV_2D"]
    events = ["Whatever (NC)", "Convolution (NHWC, F32)", "Copy (NC, X32)", "Copy (NC, X32)", "Convolution (NHWC, F32)"]
    assert layers(operators, events) == [None, 0, 1, 1, 2]


def test_a_swish_is_one_table_and_a_1_by_1_convolution_is_fully_connected():
    operators = [
        "CONV_2D",
        "LOGISTIC",
        "MUL",
        "DEPTHWISE_CONV_2D",
        "LOGISTIC",
        "MUL",
        "MEAN",
        "CONV_2D",
        "LOGISTIC",
        "MUL",
    ]
    events = ["Fully Connected (NC, QS8, QC8W) GEMM", "Invalid Unary Op", "Convolution (NHWC, QC8) DWConv"]
    events += ["Invalid Unary Op", "Mean (ND) Reduce", "Fully Connected (NC, QS8, QC8W) GEMM", "Sigmoid (NC)"]
    assert layers(operators, [*events, "Multiply (ND)"]) == [0, 1, 3, 4, 6, 7, 8, 9]


def test_every_kind_of_operator_has_one_word():
    kinds = [kind for kinds in XNNPACK.values() for kind in kinds]
    assert len(kinds) == len(set(kinds))


@pytest.mark.parametrize(
    ("tensor", "name"),
    [
        ("model/conv2d/BiasAdd;model/conv2d/Conv2D_prequant_token_14", "model/conv2d/BiasAdd"),
        ("model/add/Add_prequant_token_43", "model/add/Add"),
        ("model/activation/Relu:0_nchwc", "model/activation/Relu"),
        ("dense1", "dense1"),
    ],
)
def test_a_layers_name_is_without_what_runtimes_add(tensor, name):
    assert layer_name(tensor) == name


def test_only_runtimes_with_a_profiler_profile():
    profiled = [name for name, record in formats.BACKENDS.items() if record.profiler]
    assert profiled == ["litert", "onnx"]
    for name in profiled:
        assert callable(profilers.find(name))
    with pytest.raises(BackendError, match="CUDA does not tell the time of single operations"):
        profilers.find("onnx-cuda")


def test_a_phone_is_not_asked_for_profiles(tmp_path):
    from edgecv_runtime.bench.jobs import Options

    with pytest.raises(UsageError, match="--profile is for this machine"):
        AdbDevice().bench(tmp_path, Options(profile=True), Silent())


def test_shares_are_of_all_operations_and_the_longest_comes_first():
    assert [(one.name, one.count, one.us, one.share) for one in by_operator(PROFILE)][:2] == [
        ("QLinearConv", 2, 55.0, 0.55),
        ("Resize", 1, 30.0, 0.3),
    ]
    first, *_, last = by_layer(PROFILE)
    assert (first.name, first.operator, first.us) == ("stem/<b>", "QLinearConv, Clip", 45.0)
    assert last.name == "DequantizeLinear"
    assert sum(one.share for one in by_layer(PROFILE)) == pytest.approx(1)


def test_what_an_integer_artifact_computes_in_floats_is_named():
    (bench,) = benches([result(PROFILE)])
    told = re.sub(r"\s", " ", float_words(bench.measured[0]))
    assert told == ("Computed in floats, 30.0 % of the time: up; turning floats to integers and back takes 10.0 %")
    (bench,) = benches([result(PROFILE, "float32")])
    assert float_words(bench.measured[0]) is None
    kept = msgspec.structs.replace(PROFILE, operations=PROFILE.operations[:2])
    (bench,) = benches([result(kept)])
    assert float_words(bench.measured[0]).startswith("No operation is computed in floats")


def test_the_console_and_the_page_show_it():
    text = printed(result(PROFILE))
    assert "onnxruntime 1.31.1, 100 inferences of 120 µs with the profiler, 6 operations" in text
    assert "QLinearConv 2 55 µs 55.0 %" in text
    assert "stem/<b> 2 45 µs 45.0 %" in text
    assert "Computed in floats, 30.0 % of the time: up" in text
    page = render_html([result(PROFILE)])
    assert "Inside an inference" in page
    assert "stem/&lt;b&gt;" in page
    assert "stem/<b>" not in page
    assert "Inside an inference" not in render_html([result(None)])


def test_a_reason_stands_where_nothing_is_known():
    one = result(Profile(not_profiled="its process was killed by SIGSEGV"))
    assert "not profiled: ONNX int8, onnx, 1 thread: its process was killed by SIGSEGV" in printed(one)
    assert "Not profiled: its process was killed by SIGSEGV" in render_html([one])


def test_a_profile_comes_back_from_json():
    assert decode_result(encode_result(result(PROFILE)), "here").rows[0].profile == PROFILE
