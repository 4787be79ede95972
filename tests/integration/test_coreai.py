"""Core AI models, run by Apple's own runtime: what each operation gives, the int8 numbers, the bytes, the errors."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from edgecv_converters.coreai.make import DIGEST, METADATA_FILE, PROGRAM
from edgecv_converters.coreai.ops import HANDLERS
from edgecv_converters.coreai.translate import write_program
from edgecv_converters.golden import read_golden
from edgecv_converters.mil import Evaluator, load_program
from edgecv_converters.mil.ops import KERNELS
from edgecv_runtime.backends.coreai import CoreAI
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BackendError, BundleError, ConversionError, MissingDependencyError
from edgecv_runtime.schema import TensorIO

from benchmarks.coreai_rounding import partings
from tests.command import edgecv
from tests.integration.mil_programs import builder, load_built, save_program

pytest.importorskip("coreai", reason="Apple's library is there for x86-64 Linux alone")
VERSION = "1.0.0b3"
TOLERANCE = {"float32": 2e-5, "float16": 4e-3}


def written(program, folder):
    """The folder of a model of a program."""
    folder.mkdir()
    write_program(program, folder / PROGRAM, lambda operation: operation.name)
    (folder / DIGEST).write_bytes(sha256((folder / PROGRAM).read_bytes()).digest())
    (folder / METADATA_FILE).write_text('{"assetVersion": "2.0"}')
    return folder


def opened(program, folder):
    """The model of a program in Apple's runtime."""
    sides = [
        tuple(TensorIO(name=one.name, tensor=one.name, shape=one.shape, dtype=one.dtype) for one in side)
        for side in (program.inputs, program.outputs)
    ]
    return CoreAI(SimpleNamespace(file=folder.name, inputs=sides[0], outputs=sides[1]), folder, 1)


def operations(x, y, whole):
    """Operations of every module on a picture (1, 4, 6, 6), a matrix (5, 4) and integers (3,)."""
    mb = builder()
    rng = np.random.default_rng(1)
    kind = np.float16 if x.dtype.__name__ == "fp16" else np.float32
    weight = rng.uniform(-1, 1, (6, 2, 3, 3)).astype(kind)
    channels = rng.uniform(0.5, 1, 4).astype(kind)
    row = mb.squeeze(x=mb.slice_by_index(x=x, begin=[0, 0, 0, 0], end=[1, 4, 6, 1]), axes=[0, 3])
    yield from (getattr(mb, name)(x=x) for name in ("abs", "relu", "relu6", "sigmoid", "silu", "softplus", "softsign"))
    yield from (getattr(mb, name)(x=x) for name in ("floor", "ceil", "round", "sign", "square", "exp", "tanh", "erf"))
    yield from (mb.log(x=mb.abs(x=x)), mb.rsqrt(x=mb.square(x=x), epsilon=kind(0.1)), mb.inverse(x=x, epsilon=kind(5)))
    yield from (
        mb.clip(x=x, alpha=kind(-0.5), beta=kind(1)),
        mb.elu(x=x, alpha=kind(0.5)),
        mb.leaky_relu(x=x, alpha=kind(0.1)),
    )
    yield from (mb.gelu(x=x, mode="EXACT"), mb.prelu(x=x, alpha=channels), mb.softmax(x=x, axis=1))
    yield from (mb.floor_div(x=x, y=kind(0.3)), mb.mod(x=x, y=kind(0.7)), mb.maximum(x=x, y=kind(0.2)))
    yield mb.select(cond=mb.less_equal(x=x, y=kind(0)), a=x, b=mb.real_div(x=x, y=kind(3)))
    yield mb.conv(x=x, weight=weight, bias=np.arange(6).astype(kind), pad_type="same", strides=[2, 1], groups=2)
    yield mb.conv_transpose(x=x, weight=weight[:4], pad_type="same", strides=[2, 2], groups=2)
    yield mb.conv(x=mb.expand_dims(x=row, axes=[0]), weight=rng.uniform(-1, 1, (3, 4, 2)).astype(kind), pad_type="same")
    yield mb.max_pool(x=x, kernel_sizes=[3, 3], strides=[2, 2], pad_type="same")
    yield mb.avg_pool(x=x, kernel_sizes=[3, 2], strides=[2, 1], pad_type="same", exclude_padding_from_average=True)
    last = mb.transpose(x=x, perm=[0, 2, 3, 1])
    yield mb.linear(x=y, weight=weight.reshape(27, 4), bias=np.ones(27, kind))
    yield from (mb.matmul(x=y, y=y, transpose_y=True), mb.einsum(values=(x, last), equation="nchw,nwhu->nchu"))
    yield mb.batch_norm(x=x, mean=channels, variance=channels, gamma=channels, beta=channels)
    yield from (mb.instance_norm(x=x, gamma=channels, beta=channels), mb.layer_norm(x=x, axes=[1]), mb.l2_norm(x=x))
    yield from (getattr(mb, f"reduce_{name}")(x=x, axes=[2, -1]) for name in ("mean", "max", "sum_square", "l2_norm"))
    yield from (mb.reduce_log_sum_exp(x=x, axes=[1]), mb.cast(x=mb.reduce_argmax(x=x, axis=1), dtype="fp32"))
    yield from (mb.transpose(x=x, perm=[0, -2, 3, 1]), mb.reverse(x=x, axes=[1]), mb.tile(x=x, reps=[1, 2, 1, 1]))
    yield from mb.split(x=x, split_sizes=[1, 3], axis=1)
    yield from (mb.concat(values=(x, x), axis=1, interleave=True), mb.stack(values=(y, y), axis=1))
    yield from (mb.pixel_shuffle(x=x, upscale_factor=2), mb.space_to_depth(x=x, block_size=3))
    yield mb.space_to_batch(x=x, block_shape=[2, 2], paddings=[[0, 2], [1, 1]])
    yield mb.slice_by_index(x=x, begin=[0, 3, 0, 5], end=[1, 0, 4, 6], stride=[1, -1, 2, 1], squeeze_mask=[False] * 4)
    yield from (mb.pad(x=x, pad=[1, 2, 0, 1], mode="reflect"), mb.pad(x=y, pad=[1, 0, 0, 2], constant_val=kind(3)))
    yield from (mb.gather(x=y, indices=whole, axis=1), mb.gather(x=x, indices=np.int32(2), axis=-1))
    yield mb.gather_nd(x=y, indices=mb.expand_dims(x=whole, axes=[1]))
    yield mb.cast(x=mb.one_hot(indices=whole, one_hot_vector_size=4), dtype="fp32")
    yield from (mb.cumsum(x=x, axis=1, exclusive=True), mb.band_part(x=x, lower=1, upper=0))
    yield mb.topk(x=y, k=2, axis=1)[0]
    yield mb.resize_bilinear(x=x, target_size_height=9, target_size_width=4, sampling_mode="UNALIGN_CORNERS")
    yield mb.resize_bilinear(x=x, target_size_height=9, target_size_width=4, sampling_mode="STRICT_ALIGN_CORNERS")
    yield mb.resize_nearest_neighbor(x=x, target_size_height=9, target_size_width=12)
    scaled = mb.quantize(
        input=mb.cast(x=x, dtype="fp32"), scale=np.float32(3e-5), output_dtype="uint8", zero_point=np.uint8(7)
    )
    yield mb.dequantize(input=scaled, scale=np.float32(3e-5), zero_point=np.uint8(7))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_operations_give_what_the_reference_evaluator_gives(dtype, tmp_path):
    rng = np.random.default_rng(0)
    shapes = {"in0": (1, 4, 6, 6), "in1": (5, 4)}
    feeds = {name: rng.uniform(-2, 2, shape).astype(dtype) for name, shape in shapes.items()}
    feeds["in2"] = np.array([2, 0, 3], np.int32)
    program = load_built(lambda x, y, w: [builder().identity(x=v) for v in operations(x, y, w)], list(feeds.values()))
    wanted = Evaluator(program).run(feeds)
    with closing(opened(program, written(program, tmp_path / "m.aimodel"))) as backend:
        found = backend.run(feeds)
    made = {operation.type for operation in program.operations}
    assert len(made & HANDLERS.keys()) >= 60
    for operation, feature in zip(named(program), program.outputs, strict=True):
        expected = np.asarray(wanted[feature.name], np.float64)
        tolerance = TOLERANCE[dtype]
        np.testing.assert_allclose(found[feature.name], expected, tolerance, tolerance, err_msg=operation)


def named(program):
    """The operation that each output comes from."""
    makers = {variable.name: op for op in program.operations for variable in op.outputs}
    return [makers[makers[feature.name].inputs["x"][0]].type for feature in program.outputs]


def test_long_sums_of_float16_are_added_up_in_float32(tmp_path):
    mb, rng = builder(), np.random.default_rng(0)
    x = rng.uniform(-2, 2, (1, 128, 7, 7)).astype(np.float16)
    weight = rng.uniform(-1, 1, (128, 128, 3, 3)).astype(np.float16)
    bias = rng.uniform(-1, 1, 128).astype(np.float16)

    def build(x):
        return [
            mb.identity(x=mb.conv(x=x, weight=weight, pad_type="same")),
            mb.identity(x=mb.conv_transpose(x=x, weight=weight, bias=bias, pad_type="same", strides=[2, 2])),
            mb.identity(x=mb.linear(x=mb.reshape(x=x, shape=[49, 128]), weight=weight[:, :, 0, 0], bias=bias)),
        ]

    program = load_built(build, [x])
    wanted = Evaluator(program).run({"in0": x})
    with closing(opened(program, written(program, tmp_path / "m.aimodel"))) as backend:
        found = backend.run({"in0": x})
    for operation, feature in zip(named(program), program.outputs, strict=True):
        expected = np.asarray(wanted[feature.name], np.float64)
        largest = np.abs(expected).max()
        assert np.abs(found[feature.name] - expected).max() <= largest * 2.0**-10, operation  # one rounding apart


def test_every_operation_of_the_table_is_one_that_the_evaluator_knows():
    assert HANDLERS.keys() <= KERNELS.keys()


def test_an_unknown_operation_is_an_error_that_names_the_layer(tmp_path):
    picture = np.ones((1, 4, 3, 3), np.float32)
    program = load_built(lambda x: builder().local_response_norm(x=x, size=3, name="squash"), [picture])
    with pytest.raises(ConversionError, match=r"no form for local_response_norm \(layer squash\)"):
        written(program, tmp_path / "m.aimodel")


def test_a_damaged_program_ends_its_own_process_alone(tmp_path):
    program = load_built(lambda x: builder().relu(x=x), [np.ones((2, 3), np.float32)])
    folder = written(program, tmp_path / "m.aimodel")
    content = (folder / PROGRAM).read_bytes()
    for damaged in (content[: len(content) // 2], content[:64] + b"\xff" * 64 + content[128:], b""):
        (folder / PROGRAM).write_bytes(damaged)
        with pytest.raises(BackendError, match="Core AI"):
            opened(program, folder)


def test_a_manifest_that_says_otherwise_is_refused_and_so_is_a_tensor_of_another_shape(tmp_path):
    program = load_built(lambda x: builder().relu(x=x), [np.ones((2, 3), np.float32)])
    folder = written(program, tmp_path / "m.aimodel")
    with closing(opened(program, folder)) as backend, pytest.raises(BackendError, match="takes float32"):
        backend.run({"in0": np.ones((1, 3), np.float32)})
    other = TensorIO(name="in0", tensor="in0", shape=(3, 2), dtype="float32")
    with pytest.raises(BundleError, match="the manifest says"):
        CoreAI(SimpleNamespace(file="m.aimodel", inputs=(other,), outputs=()), folder, 1)


def test_a_closed_model_and_a_missing_library_are_errors(tmp_path, monkeypatch):
    program = load_built(lambda x: builder().relu(x=x), [np.ones((2, 3), np.float32)])
    folder = written(program, tmp_path / "m.aimodel")
    backend = opened(program, folder)
    backend.close()
    backend.close()
    with pytest.raises(BackendError, match="closed"):
        backend.run({"in0": np.ones((2, 3), np.float32)})
    monkeypatch.setitem(sys.modules, "coreai", None)
    with pytest.raises(MissingDependencyError, match="coreai-core is not installed") as caught:
        opened(program, folder)
    assert caught.value.hint.startswith('pip install "edgecv[coreai]", on x86-64 Linux')


WRITE = """
import sys
from pathlib import Path
from edgecv_converters.coreai.translate import write_program
from edgecv_converters.mil import load_program
write_program(load_program(Path(sys.argv[1])), Path(sys.argv[2]), lambda operation: operation.name)
"""


def test_three_processes_write_the_same_bytes(tmp_path):
    weight = np.random.default_rng(0).uniform(-1, 1, (32, 4, 3, 3)).astype(np.float32)

    def build(x):
        mb = builder()
        return mb.batch_norm(x=mb.conv(x=x, weight=weight), mean=weight[:, 0, 0, 0], variance=weight[:, 0, 0, 1] + 2)

    package = save_program(build, [np.ones((1, 4, 8, 8), np.float32)], tmp_path)
    made = []
    for number in range(3):
        out = tmp_path / f"{number}.mlirb"
        command = [sys.executable, "-c", WRITE, str(package), str(out)]
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env={"PYTHONHASHSEED": str(number)})
        made.append(out.read_bytes())
    assert made[0] == made[1] == made[2]
    assert str(tmp_path).encode() not in made[0]


@pytest.fixture(scope="module")
def bundle(digits_model, digits_folder, tmp_path_factory):
    """The digits for Core AI in three precisions, and the Core ML package that the int8 one is made of."""
    out = tmp_path_factory.mktemp("coreai") / "digits.edgecv"
    precisions = "coreai:float16,coreai:int8,coreai:palette4,coreml:int8,tflite:int8"
    data = ("--calibrate", digits_folder / "train", "--evaluate", digits_folder / "test", "--samples", "60")
    signed = ("--author", "Ann", "--license", "MIT", "--model-version", "7")
    result = edgecv("convert", digits_model, "-o", out, "-p", "rescale", "-q", precisions, *data, *signed)
    assert result.code == 0, result.err
    return out


def test_apples_runtime_proves_every_precision(bundle):
    manifest = json.loads((bundle / "bundle.json").read_text())
    proofs = {parity["artifact"]: parity for parity in manifest["parity"]}
    for precision, ratio in (("float16", 40), ("int8", 8), ("palette4", 5)):
        proof = proofs[f"coreai/model.{precision}.aimodel"]
        assert proof["status"] == "passed"
        assert proof["how"] == f"Core AI {VERSION} on Linux CPU"
        assert proof["comparisons"]["evaluation"]["snr_db"] > ratio
    report = json.loads((bundle / "report.json").read_text())
    twin = next(parity["twin"] for parity in report["parity"] if parity["artifact"].startswith("coreai/model.int8"))
    assert twin["other"] == "tflite/model.int8.tflite"
    assert twin["agreement"] >= 0.99


def test_int8_equals_the_core_ml_evaluator_but_for_halves_that_sums_in_another_order_round_the_other_way(bundle):
    with Bundle.load(bundle) as loaded:
        cases = list(read_golden(loaded.root, loaded.manifest.golden))
        ours, theirs = (loaded.artifact(name, "int8") for name in ("coreai", "coreml"))
        inputs = {name: np.concatenate([case.inputs[name] for case in cases]) for name in cases[0].inputs}
        found = list(partings(ours, loaded.path(theirs), inputs))
    assert len(found) == len(cases)
    apart = [one for one in found if one is not None]
    assert len(apart) <= len(cases) // 2
    assert all(one.steps == 1 and one.from_half < 1e-4 for one in apart)


def test_the_metadata_say_who_made_it_and_have_no_date(bundle):
    text = (bundle / "coreai/model.int8.aimodel" / METADATA_FILE).read_text()
    said = json.loads(text)
    manifest = json.loads((bundle / "bundle.json").read_text())
    own = said["creatorDefinedMetadata"]
    assert (said["author"], said["license"], own["edgecv.model_version"]) == ("Ann", "MIT", "7")
    assert (own["edgecv.recipe"], own["edgecv.bundle"]) == ("int8", manifest["identity"])
    assert json.loads(own["edgecv.preprocess"]).keys() == manifest["preprocess"].keys()
    assert "reationDate" not in text
    assert list(said) == sorted(said)


def test_inspect_reads_a_model_and_refuses_a_damaged_one(bundle, tmp_path):
    model = bundle / "coreai/model.int8.aimodel"
    result = edgecv("inspect", model, "--json")
    assert result.code == 0, result.err
    found = json.loads(result.out)
    assert found["target"] == "coreai"
    assert found["ops"]["conv2d"] >= 2
    assert found["quantized_weights"] > 0.5
    copy = Path(shutil.copytree(model, tmp_path / "m.aimodel"))
    (copy / PROGRAM).write_bytes((copy / PROGRAM).read_bytes()[:200])
    refused = edgecv("inspect", copy)
    assert refused.code == 1
    assert "Traceback" not in refused.err


def test_the_package_of_a_program_is_read_as_a_device_reads_it(bundle):
    program = load_program(bundle / "coreml/model.int8.mlpackage")
    assert {operation.type for operation in program.operations} - {"const"} <= HANDLERS.keys()
