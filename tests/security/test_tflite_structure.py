"""A .tflite file is checked before LiteRT gets it: what would end the process is one error that names the file."""

from __future__ import annotations

import random
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from edgecv_runtime.backends.structure.tflite import check_tflite
from edgecv_runtime.errors import BundleError

from tests.integration.tflite_one_op import one_op, packed

LAYER = Path(__file__).parents[2] / "runtime" / "edgecv_runtime" / "bench" / "peak" / "conv3" / "tflite"
INT8 = (LAYER / "model.int8.tflite").read_bytes()  # one CONV_2D, quantized by channel
BIAS, KERNEL, TAKEN, GIVEN = range(4)  # its first tensors: what the convolution reads and makes
CONVOLUTION = 0  # of its operators


@pytest.fixture
def load():
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    return lambda data: schema.ModelT.InitFromPackedBuf(data, 0)


def check_refused(folder, data, words=""):
    file = folder / "bad.tflite"
    file.write_bytes(data)
    with pytest.raises(BundleError, match=r"tflite/bad\.tflite is damaged") as caught:
        check_tflite(file, "tflite/bad.tflite")
    assert words in caught.value.message, caught.value.message


def tensor(number, **fields):
    return lambda model: vars(model.subgraphs[0].tensors[number]).update(fields)


def quantized(number, **fields):
    return lambda model: vars(model.subgraphs[0].tensors[number].quantization).update(fields)


def operator(**fields):
    return lambda model: vars(model.subgraphs[0].operators[CONVOLUTION]).update(fields)


def options(**fields):
    return lambda model: vars(model.subgraphs[0].operators[CONVOLUTION].builtinOptions).update(fields)


def graph(**fields):
    return lambda model: vars(model.subgraphs[0]).update(fields)


def part(name, number, **fields):
    return lambda model: vars(getattr(model, name)[number]).update(fields)


SCALES = np.full(128, 0.1, np.float32)
DAMAGE = {
    "output -1": (operator(outputs=[-1]), "no tensor -1"),
    "input -1": (operator(inputs=[-1, KERNEL, BIAS]), "an operator has 3 inputs"),
    "input out of range": (operator(inputs=[TAKEN, 99, BIAS]), "no tensor 99"),
    "few inputs": (operator(inputs=[TAKEN]), "an operator has 1 inputs"),
    "many inputs": (operator(inputs=[TAKEN, KERNEL, BIAS, BIAS]), "an operator has 4 inputs"),
    "no output": (operator(outputs=[]), "an operator has 0 outputs"),
    "made twice": (operator(outputs=[TAKEN]), "made twice"),
    "made of itself": (operator(inputs=[GIVEN, KERNEL, BIAS]), "before it is made"),
    "a constant is made": (operator(outputs=[BIAS]), "made twice"),
    "operator code": (operator(opcodeIndex=7), "no operator code 7"),
    "no options": (operator(builtinOptionsType=0, builtinOptions=None), "it takes 1"),
    "options of another": (operator(builtinOptionsType=9), "it takes 1"),
    "custom options": (operator(customOptions=np.zeros(4, np.uint8)), "parts that no file of edgecv has"),
    "stride 0": (options(strideW=0), "options is 0"),
    "stride -1": (options(strideH=-1), "options is -1"),
    "dilation 0": (options(dilationWFactor=0), "options is 0"),
    "huge dilation": (options(dilationHFactor=1 << 30), "options is 1073741824"),
    "custom operator": (part("operatorCodes", 1, builtinCode=32, deprecatedBuiltinCode=32), "the operator 32"),
    "loop": (part("operatorCodes", 1, builtinCode=119, deprecatedBuiltinCode=119), "the operator 119"),
    "named operator": (part("operatorCodes", 1, customCode=b"Flex"), "the operator Flex"),
    "negative shape": (tensor(KERNEL, shape=[-1, 3, 3, 128]), "has the shape"),
    "huge shape": (tensor(TAKEN, shape=[1, 1 << 30, 1 << 30, 1]), "has the shape"),
    "shape of another length": (tensor(KERNEL, shape=[128, 3, 3, 127]), "bytes, its buffer has"),
    "many axes": (tensor(TAKEN, shape=[1] * 9), "has the shape"),
    "shape and signature": (tensor(TAKEN, shapeSignature=[1]), "has the shapes"),
    "buffer": (tensor(KERNEL, buffer=99), "no buffer 99"),
    "buffer of another": (tensor(KERNEL, buffer=2), "bytes, its buffer has"),
    "dtype": (tensor(KERNEL, type=0), "bytes, its buffer has"),
    "unknown dtype": (tensor(TAKEN, type=99), "has the dtype 99"),
    "text": (tensor(TAKEN, type=5), "has the dtype 5"),
    "name": (tensor(TAKEN, name=b"\xff\xfe"), "is not UTF-8"),
    "variable constant": (tensor(KERNEL, isVariable=True), "its buffer has"),
    "cut constant": (lambda model: setattr(model.buffers[3], "data", model.buffers[3].data[:-1]), "its buffer has"),
    "first buffer": (lambda model: setattr(model.buffers[0], "data", np.zeros(1, np.uint8)), "must be empty"),
    "buffer behind the tables": (part("buffers", 3, data=None, offset=1 << 20, size=16384), "over 2 GB"),
    "scale 0": (quantized(TAKEN, scale=np.zeros(1, np.float32)), "a scale of zero"),
    "scale 1e-40": (quantized(TAKEN, scale=np.full(1, 1e-40, np.float32)), "a scale of zero"),
    "scale NaN": (quantized(TAKEN, scale=np.full(1, np.nan, np.float32)), "a scale of the tensor"),
    "scale infinite": (quantized(TAKEN, scale=np.full(1, np.inf, np.float32)), "a scale of the tensor"),
    "scale negative": (quantized(TAKEN, scale=np.full(1, -1, np.float32)), "a scale of the tensor"),
    "few scales": (quantized(KERNEL, scale=SCALES[:5]), "5 scales and 128 zero points"),
    "few zero points": (quantized(KERNEL, zeroPoint=np.zeros(5, np.int64)), "128 scales and 5 zero points"),
    "zero point": (quantized(TAKEN, zeroPoint=np.full(1, 300, np.int64)), "a zero point of the tensor"),
    "quantized axis": (quantized(KERNEL, quantizedDimension=9), "128 scales"),
    "quantized otherwise": (quantized(TAKEN, detailsType=1), "in a way that no file"),
    "no graph": (lambda model: setattr(model, "subgraphs", []), "it has 0 graphs"),
    "two graphs": (lambda model: model.subgraphs.append(model.subgraphs[0]), "it has 2 graphs"),
    "graph input": (graph(inputs=[99]), "no tensor 99"),
    "graph input -1": (graph(inputs=[-1]), "no tensor -1"),
    "graph output": (graph(outputs=[99]), "no tensor 99"),
    "no inputs": (graph(inputs=[]), "no input or no output"),
    "a constant as input": (graph(inputs=[KERNEL]), "is a constant"),
    "an output that nothing makes": (graph(operators=[]), "no operator makes an output"),
    "metadata": (part("metadata", 0, buffer=99), "no buffer 99"),
}


@pytest.mark.parametrize(("change", "words"), DAMAGE.values(), ids=DAMAGE)
def test_a_wrong_number_is_refused(tmp_path, load, change, words):
    model = load(INT8)
    change(model)
    check_refused(tmp_path, packed(model), words)


@pytest.mark.parametrize("name", ["model.int8.tflite", "model.float32.tflite"])
def test_a_whole_file_passes(load, tmp_path, name):
    check_tflite(LAYER / name, name)
    (tmp_path / "again.tflite").write_bytes(packed(load((LAYER / name).read_bytes())))
    check_tflite(tmp_path / "again.tflite", name)


PARTS = {
    "SPLIT": ([(4, 6)], (4, 3), [np.int32(1)], "SplitOptions"),
    "PACK": ([(6,), (6,)], (2, 6), [], "PackOptions"),
    "SPACE_TO_DEPTH": ([(1, 4, 4, 2)], (1, 2, 2, 8), [], "SpaceToDepthOptions"),
    "AVERAGE_POOL_2D": ([(1, 4, 4, 2)], (1, 2, 2, 2), [], "Pool2DOptions"),
}


@pytest.mark.parametrize("kind", PARTS)
def test_options_that_kernels_divide_by_or_count_with_are_not_zero(tmp_path, kind):
    pytest.importorskip("ai_edge_litert")
    shapes, result, constants, options = PARTS[kind]
    check_refused(tmp_path, one_op(kind, shapes, result, [np.asarray(c) for c in constants], options), "options is 0")


def quantize(model, dtype, *scales):
    """Give the tensors a dtype and a scale each."""
    from ai_edge_litert import schema_py_generated as schema

    for tensor, scale in zip(model.subgraphs[0].tensors, scales, strict=True):
        tensor.type, tensor.quantization = dtype, schema.QuantizationParametersT()
        tensor.quantization.scale = np.array([scale], np.float32)
        tensor.quantization.zeroPoint = np.zeros(1, np.int64)


WIDE, NARROW = 7, 9  # int16 and int8
NUMBERS = {
    "sum": ("ADD", "AddOptions", NARROW, (1e6, 0.1, 0.1), "too far apart"),
    "sum of 16 bits": ("ADD", "AddOptions", WIDE, (0.1, 0.1, 1e-7), "too far apart"),
    "sum of zeros": ("SUB", "SubOptions", WIDE, (0.1, 0.0, 0.1), "too far apart"),
    "powers of two": ("ADD", "AddOptions", WIDE, (0.5, 0.5, 0.5), "powers of two"),
    "comparison": ("EQUAL", "EqualOptions", NARROW, (1.0, 0.1, 0.1), "not in 0..1"),
    "product": ("MUL", "MulOptions", NARROW, (0.0, 0.1, 0.1), "a scale of zero"),
    "matrices": ("BATCH_MATMUL", "BatchMatMulOptions", WIDE, (0.1, 0.1, 0.0), "a scale of zero"),
    "ranges": ("FAKE_QUANT", "FakeQuantOptions", NARROW, (0.1, 0.1), "takes float32 only"),
}


@pytest.mark.parametrize(("kind", "options", "dtype", "scales", "words"), NUMBERS.values(), ids=NUMBERS)
def test_scales_and_dtypes_on_which_kernels_abort_are_refused(tmp_path, load, kind, options, dtype, scales, words):
    model = load(one_op(kind, [(2, 2)] * (len(scales) - 1), (2, 2), [], options))
    quantize(model, dtype, *scales)
    check_refused(tmp_path, packed(model), words)


def test_the_zero_scales_that_the_converter_gives_to_zeros_pass(tmp_path, load):
    model = load(one_op("MUL", [(2, 2), (2, 2)], (2, 2), [], "MulOptions"))
    quantize(model, WIDE, 0.1, 0.0, 0.0)
    (tmp_path / "zeros.tflite").write_bytes(packed(model))
    check_tflite(tmp_path / "zeros.tflite", "zeros.tflite")


@pytest.mark.parametrize("kind", ["CONCATENATION", "PACK"])
def test_a_list_of_operands_has_no_gaps(tmp_path, load, kind):
    options = {"CONCATENATION": "ConcatenationOptions", "PACK": "PackOptions"}[kind]
    model = load(one_op(kind, [(2,), (2,)], (4,), [], options))
    model.subgraphs[0].operators[0].inputs = [0, -1]
    check_refused(tmp_path, packed(model), "an operator has 2 inputs")


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"\x1c\x00\x00\x00TFL3", INT8[:100], INT8[: len(INT8) // 2], b"\xff" * 4 + INT8[4:], b"PK" * 500],
    ids=["empty", "byte", "head", "cut", "half", "root", "zip"],
)
def test_what_is_no_whole_flatbuffer_is_refused(tmp_path, data):
    check_refused(tmp_path, data)


def mutations(count):
    """Files with one to four random bytes or numbers changed, most of them outside the constants."""
    draw = random.Random(7)
    places = [at for at in range(len(INT8)) if not 2000 < at < len(INT8) - 8000]
    for _ in range(count):
        data = bytearray(INT8)
        for _ in range(draw.choice((1, 1, 2, 4))):
            at = draw.choice(places) // 4 * 4
            value = draw.choice((-(1 << 31), -1, 0, 1, 2, 255, 65536, (1 << 31) - 1, draw.randrange(1 << 31)))
            data[at : at + 4] = struct.pack("<i", value)
        yield bytes(data)


RUN = """
import sys
from pathlib import Path
import numpy as np
from ai_edge_litert.interpreter import Interpreter
for path in sorted(Path(sys.argv[1]).glob("*.tflite")):
    try:
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
        for entry in interpreter.get_input_details():
            interpreter.set_tensor(entry["index"], np.zeros(entry["shape"], entry["dtype"]))
        interpreter.invoke()
    except (ValueError, RuntimeError):
        pass
"""


def test_what_the_check_lets_through_does_not_end_the_process(tmp_path):
    pytest.importorskip("ai_edge_litert")
    passed = 0
    for number, data in enumerate(mutations(250)):
        file = tmp_path / f"{number:04}.tflite"
        file.write_bytes(data)
        try:
            check_tflite(file, file.name)
        except BundleError:
            file.unlink()
        else:
            passed += 1
    assert 20 < passed < 230
    done = subprocess.run([sys.executable, "-c", RUN, tmp_path], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("operands", [3, 2])
def test_a_depthwise_convolution_has_a_bias(tmp_path, load, operands):
    from ai_edge_litert import schema_py_generated as schema

    model = load(INT8)
    convolution = model.subgraphs[0].operators[CONVOLUTION]
    code = model.operatorCodes[convolution.opcodeIndex]
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEPTHWISE_CONV_2D
    convolution.builtinOptionsType = schema.BuiltinOptions.DepthwiseConv2DOptions
    convolution.builtinOptions = schema.DepthwiseConv2DOptionsT()
    vars(convolution.builtinOptions).update(strideH=1, strideW=1, depthMultiplier=1)
    convolution.inputs = convolution.inputs[:operands]
    file = tmp_path / "bad.tflite"
    file.write_bytes(packed(model))
    if operands == 3:
        assert check_tflite(file, "a.tflite") is None
    else:
        check_refused(tmp_path, file.read_bytes())
