"""Compressed weights and quantized activations, by their definitions in NumPy and through coremltools' own tools."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from edgecv_converters.mil import Evaluator, load_program
from edgecv_converters.mil.blob import BlobFile
from hypothesis import given

from tests.integration.mil_programs import (
    FLOATS,
    QUICK,
    SEEDS,
    Case,
    U,
    builder,
    check,
    converting,
    coremltools,
    values,
)


def small(bits, signed=False):
    from coremltools.converters.mil.mil import types

    return types.nptype_from_builtin(types.string_to_builtin(f"{'int' if signed else 'uint'}{bits}"))


def packed(numbers, bits):
    """Bits of each number in turn, the least significant first, into bytes from their least significant bit on."""
    text = "".join(f"{number:0{bits}b}"[::-1] for number in np.asarray(numbers).reshape(-1).tolist())
    text += "0" * (-len(text) % 8)
    return np.array([int(text[n : n + 8][::-1], 2) for n in range(0, len(text), 8)], np.uint8)


def shown(expected, make, label):
    """The constant itself comes out: 0 is added to it."""
    zero = np.zeros((1,), expected.dtype)
    return Case(lambda v: builder().add(x=make(), y=v), [zero], [expected], None, label)


@pytest.mark.parametrize("dtype", FLOATS)
@given(seed=SEEDS)
@QUICK
def test_the_forms_of_ios16(seed, dtype):
    rng = np.random.default_rng(seed)
    mb = builder()
    shape = tuple(rng.integers(1, 6, 3).tolist())
    cases = []
    for bits in (1, 2, 4, 6, 8):
        numbers = rng.integers(0, 2**bits, shape)
        table = values(rng, (2**bits,), dtype)

        size = np.array(shape, np.uint32)
        palette = partial(mb.constexpr_lut_to_dense, indices=packed(numbers, bits), lut=table, shape=size)
        cases.append(shown(table[numbers], palette, f"{bits} bits"))
    data = rng.integers(-128, 128, shape).astype(np.int8)
    scale, zero = values(rng, (shape[1],), dtype, 0.01, 1), rng.integers(-9, 9, shape[1]).astype(np.int8)
    shifted = data.astype(np.float64) - zero.reshape(1, -1, 1)
    affine = (scale.astype(np.float64).reshape(1, -1, 1) * shifted).astype(np.float32)

    def dequantized():
        return mb.constexpr_affine_dequantize(quantized_data=data, zero_point=zero, scale=scale, axis=1)

    mask = rng.random(shape) < 0.4
    dense = np.where(mask, values(rng, shape, dtype), 0).astype(dtype)

    def sparse():
        bits = packed(mask.astype(int), 1)
        return mb.constexpr_sparse_to_dense(nonzero_data=dense[mask], mask=bits, shape=np.array(shape, np.uint32))

    cases.append(shown(affine.astype(dtype), dequantized, "affine"))
    if mask.any():
        cases.append(shown(dense, sparse, "sparse"))
    narrow = values(rng, shape, "float16")
    wider = partial(mb.constexpr_cast, source_val=narrow, output_dtype="fp32")
    cases.append(shown(narrow.astype(np.float32), wider, "constexpr_cast"))
    check(cases, "iOS16")


@pytest.mark.parametrize("dtype", FLOATS)
@given(seed=SEEDS)
@QUICK
def test_the_forms_of_ios18(seed, dtype):
    rng = np.random.default_rng(seed)
    mb = builder()
    cases = []
    blocks = rng.integers(1, 4, 2)
    sizes = blocks * rng.integers(1, 4, 2)
    spread = [np.repeat(np.arange(count), size // count) for count, size in zip(blocks, sizes, strict=True)]
    for bits in (1, 2, 3, 4, 6, 8):
        numbers = rng.integers(0, 2**bits, sizes)
        table = values(rng, (*blocks, 2**bits, 1), dtype)
        chosen = table[spread[0][:, None], spread[1], numbers, 0]

        palette = partial(mb.constexpr_lut_to_dense, indices=numbers.astype(small(bits)), lut=table)
        cases.append(shown(chosen, palette, f"palette of {bits} bits"))
        vectors = values(rng, (1, 1, 2**bits, 2), dtype)
        wide = np.moveaxis(vectors[0, 0, numbers], -1, 1).reshape(sizes[0] * 2, sizes[1])

        wider = partial(mb.constexpr_lut_to_dense, indices=numbers.astype(small(bits)), lut=vectors, vector_axis=0)
        cases.append(shown(wide, wider, f"vectors of {bits} bits"))
    for bits, signed in ((4, True), (4, False), (8, True), (8, False)):
        low = -(2 ** (bits - 1)) if signed else 0
        data, offset = (rng.integers(low, low + 2**bits, size) for size in (sizes, blocks))
        scale = values(rng, blocks, dtype, 0.01, 1)
        shifted = (data - offset[spread[0][:, None], spread[1]]).astype(np.float64)
        exact = (scale[spread[0][:, None], spread[1]].astype(np.float64) * shifted).astype(np.float32)

        kind = small(bits, signed)
        scaled = partial(
            mb.constexpr_blockwise_shift_scale, data=data.astype(kind), scale=scale, offset=offset.astype(kind)
        )
        cases.append(shown(exact.astype(dtype), scaled, f"blocks of {'u' * (not signed)}int{bits}"))
    check(cases, "iOS18")


def test_sparse_forms_of_ios18_are_the_published_examples():
    mb = builder()
    one = small(1)
    mask = np.array([[1, 1, 0, 0, 0, 0], [1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]])
    indices = np.array([0, 1, 1, 0, 1, 1, 0, 0, 1])
    values_ = np.zeros(mask.shape, np.float16)
    values_[mask == 1] = np.array([2.0, 3.0])[indices]

    def palette(table, **more):
        made = mb.constexpr_lut_to_sparse(
            indices_mask=mask.astype(one),
            indices_nonzero_data=indices.astype(one),
            lut=np.array(table, np.float16),
            **more,
        )
        return mb.constexpr_sparse_to_dense(nonzero_data=made[1], mask=made[0])

    marked = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 0]])
    held = np.array([10, 11, 3, 4, 5, 6, 7, 8, 9], np.int8)
    scale, offset = np.array([[0.1, 0.2, 0.3, 0.4]], np.float32), np.array([[1, 2, 3, 4]], np.int8)
    wanted = np.zeros(marked.shape)
    wanted[marked == 1] = [0.9, 1.8, 0.2, 0.4, 0.6, 0.9, 1.2, 0.7, 1.4]

    def scaled(v):
        made = mb.constexpr_sparse_blockwise_shift_scale(
            data_mask=marked.astype(one), nonzero_data=held, scale=scale, offset=offset
        )
        return mb.add(x=mb.constexpr_sparse_to_dense(nonzero_data=made[1], mask=made[0]), y=v)

    zero = np.zeros((1,), np.float32)
    check(
        [
            shown(values_, lambda: palette([[[[2.0], [3.0]]]]), "one by one"),
            shown(np.repeat(values_, 2, 0), lambda: palette([[[[2, 2], [3, 3]]]], vector_axis=0), "vectors"),
            Case(scaled, [zero], [wanted], [4 * U["float32"] * 2], "blocks"),
        ],
        "iOS18",
    )


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("kind", ["int8", "uint8"])
@given(seed=SEEDS)
@QUICK
def test_quantize_and_dequantize(seed, kind, dtype):
    rng = np.random.default_rng(seed)
    mb = builder()
    real, whole = np.dtype(dtype).type, np.dtype(kind).type
    limits = np.iinfo(kind)
    zero = whole(rng.integers(limits.min, limits.max + 1))
    half = real(0.5)  # a power of two, so that halves are met exactly
    ties = (np.arange(-400, 400) / 4).astype(dtype).reshape(8, 100)
    scales = values(rng, (8,), dtype, 0.01, 1)
    zeros = rng.integers(limits.min, limits.max + 1, 8).astype(kind)
    column, moved = scales.astype(np.float64)[:, None], zeros.astype(np.float64)[:, None]

    def there(x, scale, zero_point):
        ratio = (x.astype(np.float32) / np.asarray(scale, np.float32)).astype(np.float64)
        return np.clip(np.rint(ratio) + zero_point, limits.min, limits.max)

    def quantized(v, scale, zero_point, **more):
        return mb.quantize(input=v, scale=scale, zero_point=zero_point, output_dtype=kind, **more)

    def both(v):
        return mb.dequantize(input=quantized(v, scales, zeros, axis=0), scale=scales, zero_point=zeros, axis=0)

    def counted(v):
        return mb.cast(x=quantized(v, half, zero), dtype="int32")

    back = (column * (there(ties, scales[:, None], moved) - moved)).astype(np.float32)
    check(
        [
            Case(counted, [ties], [there(ties, half, float(zero)).astype(np.int32)], None, "ties"),
            Case(both, [ties], [back.astype(dtype)], None, "by channel, and back"),
        ]
    )


def test_halves_go_to_even_and_the_ends_clamp():
    mb = builder()
    x = np.array([0.25, 0.75, 1.25, -0.25, -0.75, 1e4, -1e4], np.float16)

    def build(v):
        return mb.cast(x=mb.quantize(input=v, scale=np.float16(0.5), output_dtype="int8"), dtype="int32")

    check([Case(build, [x], [np.array([0, 2, 2, 0, -2, 127, -128], np.int32)])])


def test_the_weight_file_of_coremltools_is_read_whatever_the_type(tmp_path):
    from coremltools.libmilstoragepython import _BlobStorageWriter

    rng = np.random.default_rng(0)
    kinds = {
        "float": "float32",
        "fp16": "uint16",
        "int8": "int8",
        "uint8": "uint8",
        "int16": "int16",
        "uint16": "uint16",
    }
    kinds |= {"int32": "int32", "uint32": "uint32"}
    path = tmp_path / "weight.bin"
    writer = _BlobStorageWriter(str(path))
    written = []
    for name, kind in kinds.items():
        numbers = rng.integers(0, 100, 7).astype(kind)
        offset = getattr(writer, f"write_{name}_data")(numbers)
        written.append((offset, {"float": "float32", "fp16": "float16"}.get(name, name), numbers))
    for name, bits, low in (("int4", 4, -8), *((f"uint{bits}", bits, 0) for bits in (1, 2, 3, 4, 6))):
        numbers = rng.integers(low, low + 2**bits, 21)
        offset = getattr(writer, f"write_{name}_data")(numbers.astype(np.int8 if low else np.uint8))
        written.append((offset, name, numbers))
    del writer
    file = BlobFile(path)
    assert file.count == len(written)
    for offset, dtype, numbers in written:
        blob = file.read(offset)
        found = blob.values.view(np.uint16) if dtype == "float16" else blob.values
        assert blob.dtype == dtype
        np.testing.assert_array_equal(found, numbers, dtype)


def compressed(folder, how):
    """A convolution of 16 filters, its weights compressed by coremltools, saved twice: so, and decompressed."""
    ct, mb = coremltools(), builder()
    from coremltools.converters.mil.mil import types

    weight = values(np.random.default_rng(0), (16, 16, 3, 3), "float16")
    weight[np.abs(weight) < 1.2] = 0  # six in ten: coremltools keeps what is less sparse than half as it is

    def main(x):
        return mb.conv(x=x, weight=weight, pad_type="same", name="y")

    spec = mb.TensorSpec((1, 16, 5, 5), dtype=types.fp16)
    made = mb.program(input_specs=[spec], opset_version=ct.target.iOS18)(main)
    with converting():
        model = ct.convert(made, minimum_deployment_target=ct.target.iOS18, skip_model_load=True)
        small_model = how(ct.optimize.coreml, model)
        small_model.save(str(folder / "small.mlpackage"))
        ct.optimize.coreml.decompress_weights(small_model).save(str(folder / "plain.mlpackage"))
    return folder / "small.mlpackage", folder / "plain.mlpackage"


def palettized(nbits, **more):
    def how(cto, model):
        config = cto.OpPalettizerConfig(nbits=nbits, mode="uniform", weight_threshold=0, **more)
        return cto.palettize_weights(model, cto.OptimizationConfig(global_config=config))

    return how


def quantized(dtype, **more):
    def how(cto, model):
        config = cto.OpLinearQuantizerConfig(mode="linear_symmetric", dtype=dtype, weight_threshold=0, **more)
        return cto.linear_quantize_weights(model, cto.OptimizationConfig(global_config=config))

    return how


def pruned(cto, model):
    config = cto.OptimizationConfig(global_config=cto.OpThresholdPrunerConfig(threshold=0.4, weight_threshold=0))
    return cto.prune_weights(model, config)


def pruned_and_palettized(cto, model):
    config = cto.OpPalettizerConfig(nbits=4, mode="uniform", weight_threshold=0)
    smaller = pruned(cto, model)
    return cto.palettize_weights(smaller, cto.OptimizationConfig(global_config=config), joint_compression=True)


def pruned_and_quantized(cto, model):
    config = cto.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8", weight_threshold=0)
    smaller = pruned(cto, model)
    return cto.linear_quantize_weights(smaller, cto.OptimizationConfig(global_config=config), joint_compression=True)


@pytest.mark.parametrize(
    ("how", "kinds"),
    [
        (palettized(2), {"constexpr_lut_to_dense"}),
        (palettized(3), {"constexpr_lut_to_dense"}),
        (palettized(6, granularity="per_grouped_channel", group_size=4), {"constexpr_lut_to_dense"}),
        (quantized("int4", granularity="per_block", block_size=8), {"constexpr_blockwise_shift_scale"}),
        (quantized("int8"), {"constexpr_blockwise_shift_scale"}),
        (pruned, {"constexpr_sparse_to_dense"}),
        (pruned_and_palettized, {"constexpr_lut_to_sparse", "constexpr_sparse_to_dense"}),
        (pruned_and_quantized, {"constexpr_sparse_blockwise_shift_scale", "constexpr_sparse_to_dense"}),
    ],
)
def test_what_coremltools_compresses_decompresses_alike(how, kinds, tmp_path):
    small_path, plain_path = compressed(tmp_path, how)
    program, plain = load_program(small_path), load_program(plain_path)
    assert {op.type for op in program.operations if op.type.startswith("constexpr_")} == kinds
    x = {"x": values(np.random.default_rng(1), (1, 16, 5, 5), "float16")}
    np.testing.assert_array_equal(Evaluator(program).run(x)["y"], Evaluator(plain).run(x)["y"])


def test_a_mask_that_does_not_fit_is_an_error():
    from edgecv_converters.mil.ops.compressed import constexpr_sparse_to_dense

    with pytest.raises(ValueError, match="2 values for 1 places"):
        constexpr_sparse_to_dense(np.ones(2, np.float32), np.array([[1, 0]], np.uint8))
