"""The Core ML int8 program says what the int8 TFLite file says: scales, weights, answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import TensorType
from edgecv_converters.coreml.int8.convert import program_from_tflite
from edgecv_converters.coreml.int8.emitter import Compute
from edgecv_converters.coreml.int8.handlers import HANDLERS
from edgecv_converters.coreml.options import Interface
from edgecv_converters.coreml.package import write_package
from edgecv_converters.graph.frozen import Endpoint, FrozenGraph
from edgecv_converters.mil import Evaluator, Operation, Program, load_program
from edgecv_converters.quantize.keep_float import keep_float, layers_of
from edgecv_converters.quantize.network import read_network
from edgecv_converters.targets import IoType
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import describe, dtype_of, load, operators
from edgecv_converters.tflite.ends import with_io
from edgecv_converters.tflite.reader import TFLiteGraph
from edgecv_runtime.digest import sha256_tree
from edgecv_runtime.errors import ConversionError

from tests import models
from tests.integration.coreml_int8_models import (
    BODIES,
    Array,
    coreml_answers,
    graph_of,
    int8_of,
    package_of,
    pairs,
    tflite_answers,
)
from tests.integration.onnx_models import NETWORKS, frozen, network, samples
from tests.integration.tflite_one_op import one_op, packed

# coremltools' own temporary folders
pytestmark = pytest.mark.filterwarnings("ignore:Implicitly cleaning up:ResourceWarning")

SHARED = Path(__file__).resolve().parents[3] / "shared"
COMPUTES: tuple[Compute, ...] = ("float32", "float16")
# The share of values that may be off (by one step, unless `STEPS` says more). LiteRT's SQRT rounds down; its pools,
# resizes, HARD_SWISH and LEAKY_RELU round ties and halves of fixed-point numbers in their own ways, and so do the casts
# to one scale before a choice.
SHARES = {"float32": 0.01, "float16": 0.08}
OFTEN = {
    "sqrt": 0.65,
    "relu_1": 0.3,
    "log": 0.12,
    "average_same": 0.1,
    "average_valid": 0.12,
    "bilinear_half": 0.1,
    "bilinear_uneven": 0.1,
    "bilinear_corners": 0.08,
    "bilinear_plain": 0.12,
    "hard_swish": 0.06,
    "leaky_relu": 0.08,
    "stack": 0.12,
    "log_softmax": 0.15,
    **dict.fromkeys(("greater", "greater_equal", "less", "less_equal", "equal", "not_equal"), 0.15),
    **dict.fromkeys(("where_any", "where_all"), 0.15),
}
WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}
STEPS = {"stack": 2}  # LiteRT rounds its parts and then them together


@lru_cache(maxsize=1)
def converted() -> dict[str, tuple[FrozenGraph, bytes]]:
    graphs = {name: graph_of(body) for name, body in BODIES.items()}
    return {name: (graph, int8_of(graph, pairs(40))) for name, graph in graphs.items()}


@lru_cache(maxsize=2)
def digits(io: IoType) -> tuple[FrozenGraph, bytes]:
    graph = frozen(models.trained_digits(), "tflite")
    pixels = models.digits()[0][:100, ..., None] / np.float32(255)
    return graph, int8_of(graph, [{graph.inputs[0].name: picture[None]} for picture in pixels], io)


def steps(data: bytes, graph: FrozenGraph) -> dict[str, float]:
    """The size of a step of each output that is on a grid."""
    flat = TFLiteGraph(load(data))
    sizes = {
        flat.graph.tensors[op.outputs[0]].name.decode(): flat.grid(op.inputs[0]).scale
        for op in flat.ops
        if op.kind == "DEQUANTIZE"
    }
    _, given, _ = describe(data, graph.inputs, graph.outputs)
    return {tensor.name: sizes[tensor.tensor] for tensor in given if tensor.tensor in sizes}


@pytest.mark.parametrize("compute", COMPUTES)
@pytest.mark.parametrize("name", BODIES)
def test_each_operation_gives_what_litert_gives(name: str, compute: Compute, tmp_path: Path) -> None:
    graph, data = converted()[name]
    program = package_of(data, graph, tmp_path / "model.mlpackage", compute)
    given = pairs(2, seed=9)
    wanted, found, sizes = tflite_answers(data, graph, given), coreml_answers(program, given), steps(data, graph)
    assert wanted.keys() == found.keys()
    for output, values in wanted.items():
        assert np.ptp(values) > 0
        if output not in sizes:
            np.testing.assert_allclose(found[output], values, rtol=2e-3, atol=2e-2 * np.abs(values).max())
            continue
        off = np.abs(found[output] - values) / sizes[output]
        assert off.max() < STEPS.get(output, 1) + 0.01, output
        assert (off > 0.5).sum() <= max(2, OFTEN.get(output, SHARES[compute]) * off.size), output


@pytest.mark.parametrize("compute", COMPUTES)
def test_the_root_of_what_is_rounded_to_zero_is_the_largest_value(compute: Compute, tmp_path: Path) -> None:
    """The variance of a flat patch in a layer normalization: its epsilon is less than a step."""

    def body(x: Any, y: Any) -> dict[str, Any]:
        import tensorflow as tf

        return {"root": tf.math.rsqrt(tf.nn.relu(x) + 1e-3) * y}

    graph = graph_of(body)
    data, given = int8_of(graph, pairs(40)), pairs(2, seed=9)
    evaluator = Evaluator(package_of(data, graph, tmp_path / "model.mlpackage", compute))
    (step,) = steps(data, graph).values()
    for sample, wanted in zip(given, tflite_answers(data, graph, given)["root"], strict=True):
        assert np.abs(np.asarray(evaluator.run(sample)["root"]) - wanted).max() < 1.01 * step
    assert evaluator.overflow is None
    assert np.abs(wanted).max() > 20


ONE_OPS: dict[str, tuple[str, bytes]] = {
    "prelu": ("PRELU", one_op("PRELU", [(1, 4, 5, 3)], (1, 4, 5, 3), [np.array([[[0.2, -3, 1]]], np.float32)])),
    "prelu_each": (
        "PRELU",
        one_op("PRELU", [(1, 2, 2, 3)], (1, 2, 2, 3), [np.linspace(-2, 2, 12, dtype=np.float32).reshape(2, 2, 3)]),
    ),
    "prelu_row": ("PRELU", one_op("PRELU", [(1, 4)], (1, 4), [np.array([0.2, -3, 1, 2], np.float32)])),
    "neg": ("NEG", one_op("NEG", [(1, 4, 5, 3)], (1, 4, 5, 3), options="NegOptions")),
    "relu6": ("RELU6", one_op("RELU6", [(1, 4, 5, 3)], (1, 4, 5, 3))),
    "expand_dims": (
        "EXPAND_DIMS",
        one_op("EXPAND_DIMS", [(1, 4, 3)], (1, 4, 1, 3), [np.array(2, np.int32)], "ExpandDimsOptions"),
    ),
    "squeeze": ("SQUEEZE", one_op("SQUEEZE", [(1, 1, 4, 3)], (4, 3), options="SqueezeOptions")),
    "power": ("POW", one_op("POW", [(1, 4, 3)], (1, 4, 3), [np.array(2, np.float32)], "PowOptions")),
    "floor_div": (
        "FLOOR_DIV",
        one_op("FLOOR_DIV", [(1, 4, 3)], (1, 4, 3), [np.array(3, np.float32)], "FloorDivOptions"),
    ),
    "floor_mod": (
        "FLOOR_MOD",
        one_op("FLOOR_MOD", [(1, 4, 3)], (1, 4, 3), [np.array(3, np.float32)], "FloorModOptions"),
    ),
    "cos": ("COS", one_op("COS", [(1, 4, 3)], (1, 4, 3), options="CosOptions")),
    "sign": ("SIGN", one_op("SIGN", [(1, 4, 3)], (1, 4, 3), options="SignOptions")),
    **{kind.lower(): (kind, one_op(kind, [(1, 4, 3)], (1, 4, 3))) for kind in ("CEIL", "FLOOR", "ROUND", "SIN")},
}


@pytest.mark.parametrize("name", ONE_OPS)
def test_operations_that_the_converter_seldom_writes(name: str, tmp_path: Path) -> None:
    data = ONE_OPS[name][1]
    graph = ends_of(data)
    given = [{"x": np.random.default_rng(1).normal(0, 4, graph.inputs[0].shape).astype(np.float32)}]
    program = package_of(data, graph, tmp_path / "model.mlpackage", "float32")
    wanted = tflite_answers(data, graph, given)["answer"]
    np.testing.assert_allclose(coreml_answers(program, given)["answer"], wanted, rtol=3e-6)
    assert np.ptp(wanted) > 1


def ends_of(data: bytes) -> FrozenGraph:
    """A graph that has a file's inputs and outputs, and nothing between them."""
    flat = TFLiteGraph(load(data))
    taken, given = int(flat.graph.inputs[0]), int(flat.graph.outputs[0])

    def end(name: str, number: int) -> Endpoint:
        node = flat.graph.tensors[number].name.decode()
        return Endpoint(name=name, tensor=f"{node}:0", shape=flat.shape(number), dtype="float32")

    return FrozenGraph(graph_def=b"", inputs=(end("x", taken),), outputs=(end("answer", given),))


def test_every_operation_was_tried() -> None:
    kinds = {kind for _, data in converted().values() for kind in operators(load(data))}
    elsewhere = {
        "ARG_MIN",
        "ONE_HOT",
        "REVERSE_V2",
        "TOPK_V2",
    }  # tests/cases/test_layers_int8.py has them
    assert kinds | {kind for kind, _ in ONE_OPS.values()} | elsewhere == HANDLERS.keys()


def test_an_operation_without_a_form_is_an_error_with_its_layer() -> None:
    data = one_op("L2_POOL_2D", [(1, 4, 4, 1)], (1, 4, 4, 1), options="Pool2DOptions")
    graph = ends_of(data)
    with pytest.raises(ConversionError, match=r"no form for L2_POOL_2D \(layer layer\)"):
        program_from_tflite(data, inputs=graph.inputs, outputs=graph.outputs)


def test_int16_activations_are_an_error() -> None:
    data = one_op("RELU6", [(1, 4)], (1, 4))
    graph, model = ends_of(data), load(data)
    model.subgraphs[0].tensors[1].type = TensorType.INT16
    with pytest.raises(ConversionError, match=r"no form for int16 activations \(layer layer\)"):
        program_from_tflite(packed(model), inputs=graph.inputs, outputs=graph.outputs)


def of_type(program: Program, *kinds: str) -> list[Operation]:
    return [operation for operation in program.operations if operation.type in kinds]


def constant(program: Program, operation: Operation, parameter: str) -> Array | None:
    """The value of a parameter, given in place or by a const."""
    if parameter not in operation.inputs:
        return None
    (value,) = operation.inputs[parameter]
    if isinstance(value, str):
        maker = next(o for o in program.operations if o.type == "const" and o.outputs[0].name == value)
        (value,) = maker.inputs["val"]
    return np.asarray(value)


def grids_of(data: bytes) -> Iterator[tuple[float, int]]:
    """Scale and zero point of every int8 activation."""
    flat = TFLiteGraph(load(data))
    for op in flat.ops:
        for number in op.outputs:
            if flat.graph.tensors[number].quantization.scale is not None and op.kind != "DEQUANTIZE":
                grid = flat.grid(number)
                yield grid.scale, grid.zero


@pytest.mark.parametrize("compute", COMPUTES)
def test_scales_and_zero_points_are_the_tflite_files_own(compute: Compute, tmp_path: Path) -> None:
    graph, data = digits("float32")
    program = package_of(data, graph, tmp_path / "model.mlpackage", compute)
    wanted = Counter((np.float32(scale), zero) for scale, zero in grids_of(data))
    seen = []
    for operation in of_type(program, "quantize"):
        scale, zero = constant(program, operation, "scale"), constant(program, operation, "zero_point")
        assert scale is not None
        kind = operation.outputs[0].dtype
        seen.append((scale, (0 if zero is None else int(zero)) - (128 if kind == "uint8" else 0)))
    exact = [(np.float32(scale), zero) for scale, zero in seen if scale.dtype == np.float32]
    rounded = [(np.float16(scale), zero) for scale, zero in seen if scale.dtype == np.float16]
    assert len(exact) == (len(seen) if compute == "float32" else 1)
    assert set(exact) <= wanted.keys()
    assert set(rounded) <= {(np.float16(scale), zero) for scale, zero in wanted}
    assert {zero for _, zero in seen} == {zero for _, zero in wanted}
    assert len({(float(s), z) for s, z in seen}) == len(wanted)


def test_what_is_dequantized_has_the_scale_that_it_was_quantized_with(tmp_path: Path) -> None:
    graph, data = digits("float32")
    program = package_of(data, graph, tmp_path / "model.mlpackage", "float16")
    makers = {operation.outputs[0].name: operation for operation in program.operations}
    checked = 0
    for operation in of_type(program, "dequantize"):
        maker = makers[str(operation.inputs["input"][0])]
        if maker.type == "reshape":
            maker = makers[str(maker.inputs["x"][0])]
        assert maker.type == "quantize"
        ours, theirs = (constant(program, one, "scale") for one in (operation, maker))
        assert ours is not None
        assert theirs is not None
        np.testing.assert_allclose(ours, theirs, rtol=2**-11)
        assert constant(program, operation, "zero_point") == constant(program, maker, "zero_point")
        checked += 1
    assert checked >= 7


@pytest.mark.parametrize("compute", COMPUTES)
def test_weights_are_the_tflite_files_own(compute: Compute, tmp_path: Path) -> None:
    graph, data = digits("float32")
    program = package_of(data, graph, tmp_path / "model.mlpackage", compute)
    flat = TFLiteGraph(load(data))
    weights = [op.inputs[1] for op in flat.ops if op.kind in {"CONV_2D", "FULLY_CONNECTED"}]
    found = of_type(program, "constexpr_affine_dequantize")
    assert len(found) == len(weights) == 3
    for number, operation in zip(weights, found, strict=True):
        values, scale = (constant(program, operation, name) for name in ("quantized_data", "scale"))
        assert values is not None
        assert scale is not None
        stored = flat.value(number)
        assert values.dtype == np.int8
        np.testing.assert_array_equal(values, stored.transpose(0, 3, 1, 2) if stored.ndim == 4 else stored)
        own = np.asarray(flat.graph.tensors[number].quantization.scale, np.float32)
        np.testing.assert_array_equal(scale.reshape(-1), own.astype(compute))


def test_every_operation_on_activations_reads_what_was_dequantized(tmp_path: Path) -> None:
    """Core ML's runtime takes an operation between `dequantize` and `quantize` for one in int8."""
    graph = frozen(network(NETWORKS["squeeze_excite"]), "tflite")
    data = int8_of(graph, [{"image": sample[None]} for sample in samples((16, 16, 3), 20)])
    program = package_of(data, graph, tmp_path / "model.mlpackage")
    makers = {o.outputs[0].name: o.type for o in program.operations}
    read = of_type(program, "conv", "linear", "mul", "reduce_mean", "sigmoid")
    assert len(read) >= 8
    for operation in read:
        names = [value for parameter in "xy" for value in operation.inputs.get(parameter, ()) if isinstance(value, str)]
        assert {makers[name] for name in names} <= {"dequantize", "sigmoid_hard"}
    counted = Counter(operation.type for operation in program.operations)
    assert counted["transpose"] == 2, "the picture, and what the dense layer reads"


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    graph, data = digits("float32")
    found = set()
    for number in range(2):
        out = tmp_path / f"{number}.mlpackage"
        program = program_from_tflite(data, inputs=graph.inputs, outputs=graph.outputs)
        write_package(program, graph, out, precision="int8", interface=Interface(), metadata=None)
        found.add(sha256_tree(out))
    assert len(found) == 1


def test_inputs_and_outputs_stay_float_and_the_sources_shape(tmp_path: Path) -> None:
    graph, data = digits("float32")
    pixels = models.digits()[0][:20, ..., None] / np.float32(255)
    given = [{"image": picture[None]} for picture in pixels]
    answers = []
    for io in ("float32", "int8", "uint8"):
        program = package_of(with_io(data, io), graph, tmp_path / f"{io}.mlpackage")
        assert [(one.name, one.dtype, one.shape) for one in program.inputs] == [("image", "float32", (1, 16, 16, 1))]
        assert [(one.dtype, one.shape) for one in program.outputs] == [("float32", (1, 10))]
        answers.append(next(iter(coreml_answers(program, given).values())))
    for other in answers[1:]:
        np.testing.assert_array_equal(answers[0], other)


@pytest.mark.parametrize(("compute", "share"), [("float32", 1.0), ("float16", 0.99)])
def test_answers_on_digits(compute: Compute, share: float, tmp_path: Path) -> None:
    graph, data = digits("float32")
    pixels = models.digits()[0][:500, ..., None] / np.float32(255)
    given = [{"image": picture[None]} for picture in pixels]
    program = package_of(data, graph, tmp_path / "model.mlpackage", compute)
    (wanted,) = tflite_answers(data, graph, given).values()
    (found,) = coreml_answers(program, given).values()
    assert len(set(wanted.argmax(-1).ravel())) == 10
    assert (wanted.argmax(-1) == found.argmax(-1)).mean() >= share


@pytest.mark.parametrize("name", ["residual", "squeeze_excite", "dense_on_rows"])
def test_mixed_files_keep_their_float_layers(name: str, tmp_path: Path) -> None:
    graph = frozen(network(NETWORKS[name]), "tflite")
    given = [{"image": sample[None]} for sample in samples((16, 16, 3), 24)]
    data, float32 = int8_of(graph, given), to_tflite(graph, "float32")
    net = read_network(data, float32)
    layers = list(layers_of(net))[::2]
    mixed = keep_float(net, data, float32, [number for layer in layers for number in layers_of(net)[layer]]).data
    flat = TFLiteGraph(load(mixed))
    program = package_of(mixed, graph, tmp_path / "model.mlpackage", "float32")
    weights = [dtype_of(flat.graph.tensors[op.inputs[1]]) for op in flat.ops if op.kind in WEIGHTED]
    assert len(of_type(program, "constexpr_affine_dequantize")) == weights.count("int8")
    assert 0 < weights.count("int8") < len(weights)
    integers = {number for op in flat.ops for number in op.outputs if dtype_of(flat.graph.tensors[number]) == "int8"}
    assert len(of_type(program, "quantize")) <= len(integers)
    (wanted,), (found,) = tflite_answers(mixed, graph, given[:6]).values(), coreml_answers(program, given[:6]).values()
    assert np.abs(found - wanted).max() <= 0.02 * np.abs(wanted).max()


@pytest.mark.skipif(not (SHARED / "models").exists(), reason="needs ../shared/models")
def test_resnet8_answers_as_the_tflite_file_does(tmp_path: Path) -> None:
    graph, data, pictures = resnet8()
    program = package_of(data, graph, tmp_path / "model.mlpackage", "float32")
    (wanted,) = tflite_answers(data, graph, pictures).values()
    (found,) = coreml_answers(program, pictures).values()
    assert (wanted.argmax(-1) == found.argmax(-1)).mean() >= 0.99


def resnet8() -> tuple[FrozenGraph, bytes, list[dict[str, Array]]]:
    import tf_keras
    from PIL import Image

    model: Any = tf_keras.models.load_model(SHARED / "models" / "resnet8_cifar10.h5", compile=False)
    graph = frozen(model, "tflite")
    files = sorted((SHARED / "data" / "cifar10_jpeg" / "test").rglob("*.jpg"))[::8]
    rows = [np.asarray(Image.open(file), np.float32)[None] for file in files]
    name = graph.inputs[0].name
    return graph, int8_of(graph, [{name: row} for row in rows[::2]]), [{name: row} for row in rows[1::2]]


def test_named_operations_are_computed_in_float32(tmp_path: Path) -> None:
    graph, data = digits("float32")
    plain = package_of(data, graph, tmp_path / "plain.mlpackage")
    second = of_type(plain, "relu")[1].name
    program = program_from_tflite(data, inputs=graph.inputs, outputs=graph.outputs, float32=[second])
    write_package(program, graph, tmp_path / "wide.mlpackage", precision="int8", interface=Interface(), metadata=None)
    wide = load_program(tmp_path / "wide.mlpackage")
    kinds = {o.name: o.outputs[0].dtype for o in of_type(wide, "conv", "relu", "linear", "constexpr_affine_dequantize")}
    assert {name for name, dtype in kinds.items() if dtype == "float32"} == {
        second,
        f"{second}_linear",
        f"{second}_weight",
    }
    given = [{"image": picture[None, ..., None] / np.float32(255)} for picture in models.digits()[0][:20]]
    (ours,), (theirs,) = coreml_answers(plain, given).values(), coreml_answers(wide, given).values()
    assert 0 < np.abs(ours - theirs).mean() < 1 / 256


def far_below(x: Any, y: Any) -> dict[str, Any]:
    """A choice of a constant that float16 does not have, as attention masks do, which something else reads as well."""
    import tensorflow as tf

    far = tf.fill(x.shape, -1e6)
    return {"masked": tf.where(x > y, x, far), "moved": x * far}


@pytest.mark.parametrize("number", [-1e6, -3e38])
def test_what_stands_for_infinity_is_the_largest_of_float16_only_where_that_computes(
    number: float, tmp_path: Path
) -> None:
    import tensorflow as tf

    graph = graph_of(lambda x, y: {"masked": tf.where(x > y, x, tf.fill(x.shape, number))})
    data, given = to_tflite(graph, "float32"), pairs(2)
    wanted = tflite_answers(data, graph, given)["masked"]
    assert wanted.min() == np.float32(number)
    wide = coreml_answers(package_of(data, graph, tmp_path / "wide.mlpackage", "float32"), given)["masked"]
    np.testing.assert_array_equal(wide, wanted)
    half = coreml_answers(package_of(data, graph, tmp_path / "half.mlpackage", "float16"), given)["masked"]
    np.testing.assert_allclose(half, np.maximum(wanted, -65504), atol=1e-3)


def test_a_choice_leaves_its_constant_to_others_as_it_is(tmp_path: Path) -> None:
    graph = graph_of(far_below)
    data, given = to_tflite(graph, "float32"), pairs(2)
    found = coreml_answers(package_of(data, graph, tmp_path / "model.mlpackage", "float32"), given)
    for name, wanted in tflite_answers(data, graph, given).items():
        np.testing.assert_allclose(found[name], wanted, rtol=1e-6, err_msg=name)


def test_the_evaluator_sees_no_overflow(tmp_path: Path) -> None:
    graph, data = digits("float32")
    evaluator = Evaluator(package_of(data, graph, tmp_path / "model.mlpackage"))
    evaluator.run({"image": np.ones((1, 16, 16, 1), np.float32)})
    assert evaluator.overflow is None
