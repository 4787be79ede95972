"""Layers in float inside an int8 file: which, nothing else, on all targets, and chosen by what int8 costs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from edgecv_converters.measured import Report
from edgecv_converters.onnx.int8 import from_tflite
from edgecv_converters.quantize.keep_float import keep_float, layers_of
from edgecv_converters.quantize.layers import measure_layers
from edgecv_converters.quantize.network import CASTS, read_network
from edgecv_converters.quantize.rebias import corrected_anew, uncorrected
from edgecv_converters.quantize.scheme import read_scheme, write_scheme
from edgecv_converters.quantize.score import answers
from edgecv_converters.quantize.sensitivity import Pair, ranked
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import load
from edgecv_converters.tflite.ends import with_io
from edgecv_converters.tflite.integers import check_integers, float_operations
from edgecv_converters.tflite.reader import TFLiteGraph
from edgecv_runtime.errors import ConversionError

from tests import models
from tests.command import edgecv
from tests.integration.onnx_models import frozen, int8_file, onnx_answers, quiet
from tests.integration.quantized_networks import ALL, files


def some(net: Any, seed: int) -> list[str]:
    """About half of the layers."""
    rng = np.random.default_rng(seed)
    return [layer for layer in layers_of(net) if rng.random() < 0.5]


def numbers(net: Any, layers: list[str]) -> list[int]:
    return [number for layer in layers for number in layers_of(net)[layer]]


@pytest.mark.parametrize("name", ALL)
def test_exactly_the_chosen_operations_are_float(name: str) -> None:
    _, int8, float32, _ = files(name)
    net = read_network(int8, float32)
    for seed in range(3):
        chosen = some(net, seed)
        made = keep_float(net, int8, float32, numbers(net, chosen))
        found = sorted(kind for kind, _ in float_operations(made.data))
        assert found == sorted(net.ops[number].kind for number in numbers(net, chosen))
        check_integers(made.data, made.kept)
        for name_of_one in made.kept:
            with pytest.raises(ConversionError, match="stays float in the int8 file"):
                check_integers(made.data, made.kept - {name_of_one})


@pytest.mark.parametrize("name", ALL)
def test_all_layers_in_float_give_the_float_files_answers_but_for_the_inputs_rounding(name: str) -> None:
    _, int8, float32, data = files(name)
    net = read_network(int8, float32)
    made = keep_float(net, int8, float32, numbers(net, list(layers_of(net))))
    grid = net.grids[net.ops[0].outputs[0]]
    on_grid = (np.clip(np.rint(data[:8] / grid.scale) + grid.zero, -128, 127) - grid.zero) * np.float32(grid.scale)
    wanted, got = answers(float32, [on_grid.astype(np.float32)])[0], answers(made.data, [data[:8]])[0]
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=2e-5 * float(np.abs(wanted).max()))


@pytest.mark.parametrize("name", ALL)
def test_no_layer_in_float_is_the_int8_file(name: str) -> None:
    _, int8, float32, data = files(name)
    net = read_network(int8, float32)
    made = keep_float(net, int8, float32, [])
    np.testing.assert_array_equal(answers(made.data, [data[:8]])[0], answers(int8, [data[:8]])[0])
    assert made.kept == frozenset()


@pytest.mark.parametrize("name", ALL)
def test_onnx_of_a_mixed_file_gives_its_answers(name: str) -> None:
    graph, int8, float32, data = files(name)
    net = read_network(int8, float32)
    step = max(net.grids[op.inputs[0]].scale for op in net.ops if op.outputs[0] in net.outputs)
    for seed in range(2):
        made = keep_float(net, int8, float32, numbers(net, some(net, seed)))
        with quiet():
            model = from_tflite(made.data, inputs=graph.inputs, outputs=graph.outputs)
        wanted = answers(made.data, [data[:8]])[0]
        apart = np.abs(onnx_answers(model, data[:8]).reshape(wanted.shape) - wanted)
        assert apart.max() <= 6.01 * step
        assert apart.mean() <= step


def test_nothing_of_the_int8_weights_is_left_in_the_file() -> None:
    _, int8, float32, _ = files("residual")
    net = read_network(int8, float32)
    made = load(keep_float(net, int8, float32, numbers(net, list(layers_of(net)))).data)
    flat = TFLiteGraph(made)
    used = {tensor for op in flat.ops for tensor in (*op.inputs, *op.outputs) if tensor >= 0} | set(
        map(int, flat.graph.inputs)
    )
    assert used == set(range(len(flat.graph.tensors)))
    held = sum(0 if buffer.data is None else len(buffer.data) for buffer in made.buffers)
    floats = sum(0 if buffer.data is None else len(buffer.data) for buffer in load(float32).buffers)
    assert held <= floats + 64
    names = [tensor.name for tensor in flat.graph.tensors]
    assert len(names) == len(set(names)), "tf2onnx goes by names"


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_mixed_files_with_integer_inputs_and_outputs_round_the_same(io: Any) -> None:
    _, int8, float32, data = files("squeeze_excite")
    net = read_network(int8, float32)
    ends = [next(iter(layers_of(net))), list(layers_of(net))[-1]]
    made = keep_float(net, int8, float32, numbers(net, ends), io=io)
    changed = TFLiteGraph(load(with_io(made.data, io)))
    given = changed.graph.tensors[int(changed.graph.outputs[0])]
    real = answers(made.data, [data[:4]])[0]
    steps = np.asarray(real / np.float32(given.quantization.scale[0]))
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    assert not [
        op for op in changed.ops if op.kind == "QUANTIZE" and op.inputs[0] in changed.graph.inputs and io == "int8"
    ]
    check_integers(with_io(made.data, io), made.kept)


def test_layers_of_a_mixed_file_are_measured() -> None:
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    chosen = list(layers_of(net))[1]
    made = keep_float(net, int8, float32, numbers(net, [chosen]))
    rows = measure_layers(made.data, float32, [data[:4]])
    assert [row.layer for row in rows if row.grid_range is None] == [chosen]
    assert len(rows) == sum(op.kind not in CASTS for op in net.ops)


def test_biases_that_made_up_for_roundings_that_are_gone_are_corrected_anew() -> None:
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    scheme = read_scheme(net, int8)
    stale = write_scheme(net, int8, scheme.with_biases({n: bias + 0.05 for n, bias in scheme.biases.items()}))
    made = keep_float(net, stale, float32, numbers(net, [next(iter(layers_of(net)))])).data
    again = corrected_anew(made, float32, [data])
    wanted = answers(float32, [data])[0]
    before, after = (float(np.square(answers(file, [data])[0] - wanted).mean()) for file in (made, again))
    assert after < before / 4
    assert corrected_anew(again, float32, [data]) == again, "a second time brings nothing"
    bare = read_scheme(net, uncorrected(net, stale))
    for number, bias in bare.biases.items():
        np.testing.assert_allclose(bias, net.constants[number], atol=2e-3)


def planted() -> Any:
    """The digits model with weights in its second convolution that only ever meet zeros, and spoil its int8 scales."""
    import keras

    model = keras.models.clone_model(models.trained_digits())
    model.set_weights(models.trained_digits().get_weights())
    kernel, bias = model.get_layer("conv_1").get_weights()
    kernel[..., 0] = bias[0] = 0
    model.get_layer("conv_1").set_weights([kernel, bias])
    kernel, bias = model.get_layer("conv_2").get_weights()
    kernel[:, :, 0, :] = 100.0
    model.get_layer("conv_2").set_weights([kernel, bias])
    return model


@pytest.fixture(scope="module")
def planted_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("planted") / "planted.keras"
    planted().save(path)
    return path


@pytest.fixture(scope="module")
def data(digits_folder: Path) -> tuple[Any, ...]:
    return ("--preprocess", "rescale", "--calibrate", digits_folder / "train", "--evaluate", digits_folder / "test")


def test_a_layer_with_absurd_weights_ranks_first() -> None:
    graph = frozen(planted(), "tflite")
    pixels = models.digits()[0][:120, ..., None] / np.float32(255)
    with quiet():
        int8, float32 = int8_file(graph, pixels), to_tflite(graph, "float32")
    net = read_network(int8, float32)
    told: list[tuple[int, int]] = []
    sensitivities = ranked(Pair(net, int8, float32), [pixels], lambda: True, lambda *done: told.append(done))
    assert "conv_2" in sensitivities[0].layer
    assert sensitivities[0].distance is not None
    assert sensitivities[1].distance is not None
    assert sensitivities[0].distance > 100 * sensitivities[1].distance
    assert sensitivities[0].extra_bytes == 3 * 3 * 3 * 8 * 16
    assert sum(layer.work for layer in sensitivities) == pytest.approx(1)
    assert told[-1] == (len(sensitivities), len(sensitivities))
    late = ranked(Pair(net, int8, float32), [pixels], lambda: False)
    assert all(layer.distance is None for layer in late)
    assert [layer.work for layer in late] == sorted((layer.work for layer in late), reverse=True)


def test_a_budget_keeps_the_planted_layer_in_float_on_all_targets(
    planted_model: Path, data: tuple[Any, ...], tmp_path: Path
) -> None:
    out = tmp_path / "m.edgecv"
    result = edgecv("convert", planted_model, "-o", out, "-q", "int8", *data, "--max-drop", "1")
    assert result.code == 0, result.err
    report = msgspec.json.decode((out / "report.json").read_bytes(), type=Report)
    assert [artifact.file for artifact in report.artifacts] == [
        "tflite/model.mixed.tflite",
        "onnx/model.mixed.onnx",
        "coreml/model.mixed.mlpackage",
    ]
    assert {artifact.precision for artifact in report.artifacts} == {"mixed"}
    assert report.quantization is not None
    assert report.quantization.float_layers == ("conv_2",)
    mixed = report.mixed
    assert mixed is not None
    assert (mixed.drop <= 1, mixed.trials[0].drop > 1) == (True, True)
    assert mixed.on == "400 labelled samples of the calibration data that set no range"
    tflite, onnx, coreml = report.parity
    for twin, least in ((onnx.twin, 0.995), (coreml.twin, 0.99)):
        assert twin is not None
        assert twin.agreement >= least
    assert {gate.name for gate in tflite.gates} >= {"budget", "snr_db", "agreement", "max_drop"}
    assert tflite.accuracy is not None
    assert tflite.accuracy.count == 200, "the evaluation samples are whole"
    left = float_operations((out / "tflite" / "model.mixed.tflite").read_bytes())
    assert left == [("CONV_2D", "conv_2")]
    assert "1 of 6 layers stay float: conv_2" in result.err
    shown = json.loads(edgecv("inspect", out, "--layers", "--json").out)
    assert [row["layer"] for row in shown["layers"] if row["grid_range"] is None] == ["conv_2"]
    assert edgecv("verify", out).code == 0


def test_a_budget_that_cannot_be_met_ends_with_3_and_the_best_that_was_reached(
    planted_model: Path, data: tuple[Any, ...], tmp_path: Path
) -> None:
    call = ("convert", planted_model, "-o", tmp_path / "m.edgecv", "-q", "int8", "-t", "tflite", *data[:4])
    half = (
        "--evaluate",
        data[3],
        *(word for name in ("snr", "agreement", "drop", "constant") for word in ("--gate", f"{name}=off")),
    )
    result = edgecv(*call, *half, "--max-drop", "0.5", "--max-drop-limit", "1e-6", "--keep-failing")
    assert result.code == 3
    assert "--max-drop 0.5 cannot be met on" in result.err
    assert (
        "points at best, with 0 of 6 layers in float (the budget was not met in the time that was given)" in result.err
    )
    assert "There was no time to rank 6 of the layers" in result.err
    report = msgspec.json.decode((tmp_path / "m.edgecv" / "report.json").read_bytes(), type=Report)
    assert report.artifacts[0].file == "tflite/model.int8.tflite", "no layer is float, so it is int8"
    assert [gate.passed for gate in report.parity[0].gates] == [False]


def test_a_model_that_needs_no_layer_in_float_stays_int8_and_half_of_the_evaluation_is_judged_on(
    digits_model: Path, digits_folder: Path, tmp_path: Path
) -> None:
    flat = digits_folder / "train" / "3"
    out = tmp_path / "m.edgecv"
    how = ("-q", "int8", "-t", "onnx", "--preprocess", "rescale", "--calibrate", flat)
    result = edgecv("convert", digits_model, "-o", out, *how, "--evaluate", digits_folder / "test", "--max-drop", "60")
    assert result.code == 0, result.err
    report = msgspec.json.decode((out / "report.json").read_bytes(), type=Report)
    assert [artifact.file for artifact in report.artifacts] == ["onnx/model.int8.onnx"]
    assert report.mixed is not None
    assert report.mixed.on == "100 evaluation samples that accuracy is not measured on"
    assert report.parity[0].accuracy is not None
    assert report.parity[0].accuracy.count == 100
    assert "budget" in {gate.name for gate in report.parity[0].gates}


def test_a_budget_needs_answers_that_are_classes(tmp_path: Path, digits_folder: Path) -> None:
    models.head(3, None).save(tmp_path / "m.keras")
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=rng.normal(size=(90, 5)).astype(np.float32), labels=np.arange(90) % 3)
    place = tmp_path / "d.npz"
    call = ("-q", "int8", "-t", "tflite", "--task", "regression", "--calibrate", place, "--evaluate", place)
    result = edgecv("convert", tmp_path / "m.keras", "-o", tmp_path / "m.edgecv", *call, "--max-drop", "1")
    assert result.code == 2
    assert "this model's task is regression" in result.err
