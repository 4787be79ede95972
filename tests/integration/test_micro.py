"""Files for microcontrollers: TFLM runs them, says what memory they take, and judges the quantization if asked to."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
import pytest
from edgecv_converters.micro.kernels import MicroKernels
from edgecv_converters.micro.refusals import tried_out
from edgecv_converters.micro.target import ARENA
from edgecv_converters.micro.vela import estimate
from edgecv_converters.quantize.score import answers
from edgecv_converters.quantize.watched import Kernels, UnusableFileError, WatchedFile, interpreter_of
from edgecv_converters.tflite.compact import compact
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import load
from edgecv_converters.tflite.ends import with_io
from edgecv_converters.tflite.reader import TFLiteGraph
from edgecv_converters.tflite.write import packed
from edgecv_runtime.backends.litert import LiteRT
from edgecv_runtime.backends.tflm import TFLM
from edgecv_runtime.backends.tflm_interpreter import TFLMError, TFLMInterpreter
from edgecv_runtime.backends.tflm_trial import check_alone
from edgecv_runtime.errors import BackendError, BundleError, ConversionError

import edgecv
from tests.integration.quantized_networks import files
from tests.integration.tflite_one_op import one_op

pytestmark = pytest.mark.skipif(
    find_spec("tflite_micro") is None, reason="tflite-micro has wheels for Linux on x86-64 alone"
)


def test_an_arena_of_the_bytes_that_are_told_is_enough_and_one_byte_fewer_is_not() -> None:
    _, int8, _, _ = files("residual")
    data = compact(with_io(int8, "int8"))
    use = tried_out(data)
    assert use.total >= use.head + use.tail
    inputs = [np.zeros(detail["shape"], detail["dtype"]) for detail in TFLMInterpreter(data).inputs]
    TFLMInterpreter(data, arena=use.total).run(inputs)
    with pytest.raises(TFLMError, match="TFLM refuses the file"):
        TFLMInterpreter(data, arena=use.total - 1).run(inputs)


def test_an_operator_that_tflm_lacks_is_named_with_its_layer(capfd) -> None:
    with pytest.raises(ConversionError) as caught:
        tried_out(one_op("GELU", [(1, 4)], (1, 4), options="GeluOptions"))
    assert caught.value.message == "TFLM has no kernel for GELU (layer layer)"
    assert caught.value.hint is not None
    assert capfd.readouterr().err == ""


def test_an_operator_that_tflm_refuses_is_named_with_its_layer_and_the_reason() -> None:
    file = one_op("ARG_MAX", [(1, 4)], (1,), [np.array([1], np.int32)], options="ArgMaxOptions")
    with pytest.raises(ConversionError, match="TFLM refuses ARG_MAX of layer layer: Only int32_t are supported"):
        tried_out(file)


def test_what_tflm_takes_for_a_moment_counts_in_the_arena() -> None:
    data = one_op("REVERSE_V2", [(2, 4)], (2, 4), [np.array([0], np.int32)], options="ReverseV2Options")
    use = tried_out(data)
    assert use.total > use.head + use.tail
    with pytest.raises(TFLMError, match="Failed to allocate"):
        TFLMInterpreter(data, arena=use.head + use.tail)


def test_int8_files_run_by_the_kernels_that_are_used_and_float_files_by_litert() -> None:
    _, int8, float32, data = files("residual")
    with Kernels.used(MicroKernels):
        assert isinstance(interpreter_of(int8), MicroKernels)
        assert not isinstance(interpreter_of(float32), MicroKernels)
        (micro,) = answers(int8, [data[:32]])
    assert not isinstance(interpreter_of(int8), MicroKernels)
    (litert,) = answers(int8, [data[:32]])
    assert micro.shape == litert.shape
    assert np.abs(micro - litert).max() < 0.1
    assert (micro.argmax(-1) == litert.argmax(-1)).mean() >= 0.9


def test_every_tensor_can_be_looked_at_and_differs_from_litert_by_few_steps() -> None:
    _, int8, _, data = files("residual")
    made = [number for op in TFLiteGraph(load(int8)).ops for number in op.outputs]
    seen: dict[str, dict[int, np.ndarray]] = {}
    for name, opener in (("tflm", MicroKernels), ("litert", Kernels.current)):
        with Kernels.used(opener):
            file = WatchedFile(int8, made)
            file.run([data[:1]])
            found = seen.setdefault(name, {})
            file.look(lambda number, values, found=found: found.__setitem__(number, values.copy()))
    assert seen["tflm"].keys() == seen["litert"].keys()
    steps = [
        np.abs(values.astype(np.int32) - seen["litert"][number]).max()
        for number, values in seen["tflm"].items()
        if values.dtype == np.int8
    ]
    assert len(steps) > 4
    assert max(steps) <= 2


def test_a_file_that_tflm_does_not_take_is_an_unusable_one() -> None:
    with pytest.raises(UnusableFileError, match="TFLM has no kernel for GELU"):
        MicroKernels(one_op("GELU", [(1, 4)], (1, 4), options="GeluOptions"))


def test_dense_weights_have_one_scale_where_that_is_asked_for() -> None:
    graph, _, _, data = files("residual")
    name = graph.inputs[0].name
    counts = {}
    for scales in ("channel", "tensor"):
        made = to_tflite(graph, "int8", samples=lambda: ({name: row[None]} for row in data[:4]), dense_scales=scales)
        flat = TFLiteGraph(load(made))
        dense = next(op for op in flat.ops if op.kind == "FULLY_CONNECTED")
        counts[scales] = len(flat.graph.tensors[dense.inputs[1]].quantization.scale)
    assert counts["tensor"] == 1 < counts["channel"]


@pytest.fixture(scope="module")
def outcome(digits_model: Path, digits_folder: Path, tmp_path_factory: pytest.TempPathFactory):
    return edgecv.convert(
        digits_model,
        tmp_path_factory.mktemp("micro") / "digits.edgecv",
        quantize="int8",
        targets=["tflite", "micro"],
        numbers="micro",
        samples=40,
        preprocess="rescale",
        calibrate=digits_folder / "train",
    )


def test_a_bundle_is_proven_by_tflm_and_says_its_arena(outcome) -> None:
    (artifact,) = (one for one in outcome.manifest.artifacts if one.target == "micro")
    assert artifact.file == "micro/model.int8.tflite"
    assert artifact.parity == "passed"
    assert {io.dtype for io in (*artifact.inputs, *artifact.outputs)} == {"int8"}
    assert not {"QUANTIZE", "DEQUANTIZE"} & artifact.ops.keys()
    data = (outcome.path / artifact.file).read_bytes()
    assert artifact.requires[ARENA] == str(tried_out(data).total)
    (parity,) = (one for one in outcome.manifest.parity if one.artifact == artifact.file)
    assert parity.how.startswith("TFLM ")
    assert any("bytes of flash" in note and f"{tried_out(data).total:,}" in note for note in outcome.report.notes)


def test_what_was_quantized_for_tflm_is_compared_with_litert_and_not_held_to_it(outcome) -> None:
    (parity,) = (one for one in outcome.manifest.parity if one.how.startswith("TFLM "))
    assert parity.twin is not None
    assert parity.twin.other == "tflite/model.int8.tflite"
    assert "twin" not in {gate.name for gate in parity.gates}
    assert outcome.manifest.provenance.recipe["numbers"] == "micro"
    assert outcome.manifest.quantization.quantizer.endswith(", judged by TFLM")


def test_a_damaged_file_does_not_reach_tflm(outcome, tmp_path: Path) -> None:
    (artifact,) = (one for one in outcome.manifest.artifacts if one.target == "micro")
    data = (outcome.path / artifact.file).read_bytes()
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(data[: len(data) // 2])
    with pytest.raises(BundleError):
        TFLM(artifact, damaged, 1)


def test_a_manifest_with_another_scale_than_the_file_s_is_refused(outcome) -> None:
    """A scale that is off by 5 % leaves 26 dB and every first class as it is: no gate would see it."""
    (artifact,) = (one for one in outcome.manifest.artifacts if one.target == "micro")
    file, output = outcome.path / artifact.file, artifact.outputs[0]
    said = msgspec.structs.replace(output.quantization, scale=output.quantization.scale * 1.05)
    wrong = msgspec.structs.replace(artifact, outputs=(msgspec.structs.replace(output, quantization=said),))
    for opener in (TFLM, LiteRT):
        opener(artifact, file, 1)
        with pytest.raises(BundleError, match=r"has the scale 0\.00\d+ and the zero point -128, the manifest says"):
            opener(wrong, file, 1)


def test_a_file_on_which_tflm_crashes_ends_another_process_and_not_this_one(outcome, tmp_path: Path) -> None:
    """A pooling whose result has no axes divides by zero; the check of the file's structure lets it pass."""
    (artifact,) = (one for one in outcome.manifest.artifacts if one.target == "micro")
    model = load((outcome.path / artifact.file).read_bytes())
    pool = next(op for op in TFLiteGraph(model).ops if op.kind == "MAX_POOL_2D")
    model.subgraphs[0].tensors[pool.outputs[0]].shape = np.array([], np.int32)
    file = tmp_path / "crashes.tflite"
    file.write_bytes(packed(model))
    with pytest.raises(BackendError, match=r"TFLM crashes on micro/model\.int8\.tflite: the file is damaged"):
        TFLM(artifact, file, 1)


def test_what_tflm_says_in_another_process_is_told(tmp_path: Path) -> None:
    file = tmp_path / "gelu.tflite"
    file.write_bytes(one_op("GELU", [(1, 4)], (1, 4), options="GeluOptions"))
    with pytest.raises(BackendError, match=r"model\.tflite: TFLM refuses the file: Didn't find op .*GELU"):
        check_alone(file, "model.tflite")


@pytest.mark.skipif(find_spec("ethosu") is None, reason="ethos-u-vela is not installed")
def test_vela_estimates_less_time_on_more_multiply_adds_a_cycle(outcome) -> None:
    (artifact,) = (one for one in outcome.manifest.artifacts if one.target == "micro")
    small, large = (estimate(outcome.path / artifact.file, name) for name in ("u55-32", "u55-256"))
    assert small.cycles > large.cycles > 0
    assert small.milliseconds == pytest.approx(small.cycles / 500e3, rel=1e-3)
    assert "On an Ethos-U55-32 Vela estimates" in str(small)
    assert "nothing was run" in str(small)


@pytest.mark.skipif(find_spec("ethosu") is None, reason="ethos-u-vela is not installed")
def test_what_vela_does_not_take_is_an_error_that_says_why(tmp_path: Path) -> None:
    file = tmp_path / "none.tflite"
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(ConversionError, match=r"Vela does not take none\.tflite: \S"):
        estimate(file, "u55-128")
