"""Operations that move elements, exactly; and resizing: against TensorFlow and NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.mil_programs import FLOATS, QUICK, SEEDS, Case, U, builder, check, values


def last(x):
    return np.moveaxis(x, 1, -1)


def first(x):
    return np.moveaxis(np.asarray(x), -1, 1)


def data(rng, shape, dtype="float32"):
    return values(rng, shape, dtype)


@pytest.mark.parametrize("dtype", FLOATS)
@given(seed=SEEDS)
@QUICK
def test_shapes_and_axes(seed, dtype):
    rng = np.random.default_rng(seed)
    mb = builder()
    a, b, c = (int(n) for n in rng.integers(2, 5, 3))
    x, y = data(rng, (a, b, c), dtype), data(rng, (a, b, c), dtype)
    perm = rng.permutation(3).tolist()
    axis = int(rng.integers(-3, 3))
    uneven = data(rng, tuple(size + 2 * (n == axis % 3) for n, size in enumerate((a, b, c))), dtype)
    parts = [1, uneven.shape[axis] - 1]
    woven = np.stack([x, y], axis % 3 + 1).reshape([size * (1 + (n == axis % 3)) for n, size in enumerate((a, b, c))])
    reps = rng.integers(1, 4, 3).tolist()
    thin = data(rng, (1, a, 1, b), dtype)
    check(
        [
            Case(lambda v: mb.reshape(x=v, shape=[-1, b]), [x], [x.reshape(-1, b)], None, "reshape -1"),
            Case(lambda v: mb.reshape(x=v, shape=[0, -1]), [x[0]], [x[0]], None, "reshape 0"),
            Case(lambda v: mb.transpose(x=v, perm=perm), [x], [x.transpose(perm)], None, "transpose"),
            Case(lambda v: mb.expand_dims(x=v, axes=[0, -1]), [x], [x[None, ..., None]], None, "expand_dims"),
            Case(lambda v: mb.squeeze(x=v, axes=[0, -2]), [thin], [thin[0, :, 0]], None, "squeeze"),
            Case(lambda v: mb.flatten2d(x=v, axis=2), [x], [x.reshape(a * b, c)], None, "flatten2d"),
            Case(lambda v: mb.reverse(x=v, axes=[axis]), [x], [np.flip(x, axis)], None, "reverse"),
            Case(
                lambda *v: mb.concat(values=v, axis=axis), [x, uneven], [np.concatenate([x, uneven], axis)], None, "cat"
            ),
            Case(lambda *v: mb.concat(values=v, axis=axis, interleave=True), [x, y], [woven], None, "interleave"),
            Case(lambda *v: mb.stack(values=v, axis=axis), [x, y], [np.stack([x, y], axis)], None, "stack"),
            Case(
                lambda v: mb.split(x=v, split_sizes=parts, axis=axis),
                [uneven],
                np.split(uneven, parts[:1], axis),
                None,
                "split sizes",
            ),
            Case(lambda v: mb.split(x=v, num_splits=b, axis=1), [x], np.split(x, b, 1), None, "split"),
            Case(lambda v: mb.tile(x=v, reps=reps), [x], [np.tile(x, reps)], None, "tile"),
            Case(lambda v: mb.shape(x=v), [x], [np.array([a, b, c], np.int32)], None, "shape"),
            Case(lambda v: mb.identity(x=v), [x], [x], None, "identity"),
        ]
    )


@given(seed=SEEDS)
@QUICK
def test_blocks(seed):
    rng = np.random.default_rng(seed)
    mb = builder()
    block, channels = int(rng.integers(2, 4)), int(rng.integers(1, 4))
    deep = data(rng, (2, channels * block**2, 3, 2))
    wide = data(rng, (2, channels, 3 * block, 2 * block))
    shuffled = tf.nn.depth_to_space(  # PyTorch's order: the channel is the outer part
        last(deep.reshape(2, channels, block**2, 3, 2).swapaxes(1, 2).reshape(deep.shape)), block
    )
    batched = data(rng, (2 * block * 2, channels, 4, 3))
    crops, paddings = [[1, 0], [0, 2]], [[1, block - 1], [2, 2 * block - 2]]
    to_batch = tf.space_to_batch(last(wide), [block, 2], paddings)
    to_space = tf.batch_to_space(last(batched), [block, 2], crops)
    check(
        [
            Case(
                lambda v: mb.depth_to_space(x=v, block_size=block),
                [deep],
                [first(tf.nn.depth_to_space(last(deep), block))],
            ),
            Case(
                lambda v: mb.space_to_depth(x=v, block_size=block),
                [wide],
                [first(tf.nn.space_to_depth(last(wide), block))],
            ),
            Case(lambda v: mb.pixel_shuffle(x=v, upscale_factor=block), [deep], [first(shuffled)]),
            Case(
                lambda v: mb.pixel_unshuffle(
                    x=mb.pixel_shuffle(x=v, upscale_factor=block), downscale_factor=np.uint32(block)
                ),
                [deep],
                [deep],
            ),
            Case(
                lambda v: mb.space_to_batch(x=v, block_shape=[block, 2], paddings=paddings), [wide], [first(to_batch)]
            ),
            Case(lambda v: mb.batch_to_space(x=v, block_shape=[block, 2], crops=crops), [batched], [first(to_space)]),
        ]
    )


def slice_case(seed):
    rng = np.random.default_rng(seed)
    shape = rng.integers(2, 6, 3)
    begin, end, stride, opened = [], [], [], []
    for size in shape.tolist():
        low, high = sorted(rng.choice(size + 1, 2, replace=False).tolist())
        begin.append(low - size if rng.random() < 0.3 else low)
        end.append(high - size if rng.random() < 0.3 and high < size else high)
        stride.append(int(rng.integers(1, 3)))
        opened.append(bool(rng.random() < 0.3))
    squeeze = [False, False, bool(rng.random() < 0.5)]
    x = data(rng, shape)
    mask = sum(1 << n for n, value in enumerate(opened) if value)
    shrink = sum(1 << n for n, value in enumerate(squeeze) if value)
    expected = tf.strided_slice(
        x, begin, end, stride, begin_mask=mask & ~shrink, end_mask=mask, shrink_axis_mask=shrink
    )

    def build(v):
        return builder().slice_by_index(
            x=v,
            begin=begin,
            end=end,
            stride=stride,
            begin_mask=[o and not s for o, s in zip(opened, squeeze, strict=True)],
            end_mask=opened,
            squeeze_mask=squeeze,
        )

    return Case(build, [x], [expected.numpy()], None, f"{shape} {begin} {end} {stride} {opened} {squeeze}")


@given(seeds=st.lists(SEEDS, min_size=10, max_size=10))
@QUICK
def test_slice_by_index(seeds):
    check([slice_case(seed) for seed in seeds])


@given(seed=SEEDS)
@QUICK
def test_places(seed):
    rng = np.random.default_rng(seed)
    mb = builder()
    a, b, c = (int(n) for n in rng.integers(3, 6, 3))
    x = data(rng, (a, b, c))
    rows = rng.integers(-b, b, (2, 3)).astype(np.int32)
    batched = rng.integers(0, b, (a, 4)).astype(np.int32)
    spots = np.stack([rng.integers(0, a, 5), rng.integers(0, b, 5)], -1).astype(np.int32)
    along = rng.integers(0, b, (a, 2, c)).astype(np.int32)
    hot = rng.integers(0, 4, (3,)).astype(np.int32)
    pads = rng.integers(0, 3, 4).tolist()
    pairs = [(0, 0), tuple(pads[:2]), tuple(pads[2:])]
    distinct = rng.permutation(a * b).reshape(a, b).astype(np.float32)
    top = tf.math.top_k(distinct, 2)
    exclusive, backward = bool(rng.random() < 0.5), bool(rng.random() < 0.5)
    summed = tf.cumsum(x.astype(np.float64), 1, exclusive=exclusive, reverse=backward).numpy()
    size = np.abs(x).sum(1, keepdims=True) * (b + 1) * U["float32"]
    kinds = {"constant": "constant", "reflect": "reflect", "replicate": "edge"}
    check(
        [
            Case(lambda v, i: mb.gather(x=v, indices=i, axis=1), [x, rows], [tf.gather(x, rows % b, axis=1).numpy()]),
            Case(
                lambda v, i: mb.gather(x=v, indices=i, axis=1, batch_dims=1),
                [x, batched],
                [tf.gather(x, batched, axis=1, batch_dims=1).numpy()],
            ),
            Case(lambda v, i: mb.gather_nd(x=v, indices=i), [x, spots], [tf.gather_nd(x, spots).numpy()]),
            Case(
                lambda v, i: mb.gather_along_axis(x=v, indices=i, axis=1), [x, along], [np.take_along_axis(x, along, 1)]
            ),
            Case(
                lambda i: mb.one_hot(indices=i, one_hot_vector_size=4, axis=0, on_value=3, off_value=1),
                [hot],
                [tf.one_hot(hot, 4, 3, 1, 0, tf.int32).numpy()],
            ),
            *(
                Case(lambda v, m=mode: mb.pad(x=v, pad=pads, mode=m), [x], [np.pad(x, pairs, mode=name)], None, mode)
                for mode, name in kinds.items()
            ),
            Case(
                lambda v: mb.pad(x=v, pad=pads, constant_val=-1.5), [x], [np.pad(x, pairs, constant_values=-1.5)], None
            ),
            Case(
                lambda v: mb.slice_by_size(x=v, begin=[1, 0, 1], size=[2, -1, 1]),
                [x],
                [tf.slice(x, [1, 0, 1], [2, -1, 1]).numpy()],
            ),
            Case(lambda v: mb.crop(x=v, crop_height=[1, 0], crop_width=[0, 2]), [x], [x[:, 1:, :-2]], None, "crop"),
            Case(lambda v: mb.topk(x=v, k=2, axis=-1), [distinct], [top.values.numpy(), top.indices.numpy()]),
            Case(lambda v: mb.argsort(x=v, axis=0, ascending=True), [distinct], [distinct.argsort(0).astype(np.int32)]),
            Case(
                lambda v: mb.cumsum(x=v, axis=1, exclusive=exclusive, reverse=backward), [x], [summed], [size], "cumsum"
            ),
            Case(lambda v: mb.band_part(x=v, lower=1, upper=0), [x], [tf.linalg.band_part(x, 1, 0).numpy()]),
            Case(lambda v: mb.fill_like(ref_tensor=v, value=2.5), [x], [np.full_like(x, 2.5)], None, "fill_like"),
        ]
    )


def resize_cases(seed, dtype):
    rng = np.random.default_rng(seed)
    mb = builder()
    x = data(rng, (1, 2, *rng.integers(1, 7, 2)), dtype)
    height, width = (int(n) for n in rng.integers(2, 9, 2))
    target = {"target_size_height": height, "target_size_width": width}
    # The place on the grid, up to 6, is rounded twice: so many U of the slope, at most 4.
    inner = [2 * (3 * 6 + 4) * 2 * U["float32"] * 4]

    def reference(data, **options):
        made = tf.raw_ops.ResizeBilinear(images=last(data).astype(np.float32), size=[height, width], **options)
        return first(made).astype(np.float64)

    modes = {
        "DEFAULT": {},
        "STRICT_ALIGN_CORNERS": {"align_corners": True},
        "ALIGN_CORNERS": {"align_corners": True},
        "UNALIGN_CORNERS": {"half_pixel_centers": True},
    }
    cases = [
        Case(
            lambda v, m=mode: mb.resize_bilinear(x=v, sampling_mode=m, **target),
            [x],
            [reference(x, **options)],
            inner,
            f"{mode} {x.shape} {target}",
        )
        for mode, options in modes.items()
    ]
    nearest = first(tf.raw_ops.ResizeNearestNeighbor(images=last(x), size=[height, width]))
    shape = np.array([height, width], np.int32)

    def resize(v):
        return mb.resize(x=v, shape=shape, resized_dims=np.uint32(2), sampling_mode="UNALIGN_CORNERS")

    factors = {"scale_factor_height": 2, "scale_factor_width": 3}
    double = tf.keras.layers.UpSampling2D((2, 3))(last(x)).numpy()
    scaled = [x.shape[2] * 2, x.shape[3] * 3]
    smooth = tf.raw_ops.ResizeBilinear(images=last(x).astype(np.float32), size=scaled, half_pixel_centers=True)
    return [
        *cases,
        Case(lambda v: mb.resize_nearest_neighbor(x=v, **target), [x], [nearest], None, f"nearest {x.shape} {target}"),
        Case(resize, [x], [reference(x, half_pixel_centers=True)], inner, "resize"),
        Case(lambda v: mb.upsample_nearest_neighbor(x=v, **factors), [x], [first(double)], None, "upsample nearest"),
        Case(
            lambda v: mb.upsample_bilinear(x=v, align_corners=False, **factors),
            [x],
            [first(smooth).astype(np.float64)],
            inner,
            "upsample bilinear",
        ),
    ]


@pytest.mark.parametrize("dtype", FLOATS)
@given(seeds=st.lists(SEEDS, min_size=2, max_size=2))
@QUICK
def test_resizing(seeds, dtype):
    check([case for seed in seeds for case in resize_cases(seed, dtype)])


def test_offset_corners_and_the_published_examples():
    """The grids that the definition of resize_bilinear prints for a row of two."""
    x = np.array([[[[0.0, 1.0]]]], np.float32)
    grids = {
        ("UNALIGN_CORNERS", 5): [0, 0.1, 0.5, 0.9, 1],
        ("STRICT_ALIGN_CORNERS", 5): [0, 0.25, 0.5, 0.75, 1],
        ("DEFAULT", 5): [0, 0.4, 0.8, 1, 1],
        ("OFFSET_CORNERS", 5): [0.1, 0.3, 0.5, 0.7, 0.9],
        ("OFFSET_CORNERS", 6): [1 / 12, 0.25, 5 / 12, 7 / 12, 0.75, 11 / 12],
    }

    def case(mode, size, grid):
        def build(v):
            return builder().resize_bilinear(x=v, target_size_height=1, target_size_width=size, sampling_mode=mode)

        return Case(build, [x], [np.array(grid).reshape(1, 1, 1, -1)], [4 * U["float32"]], f"{mode} {size}")

    check([case(mode, size, grid) for (mode, size), grid in grids.items()])


def test_what_is_made_from_sizes():
    mb = builder()
    x = data(np.random.default_rng(0), (2, 3, 4))
    flat = x.reshape(6, 4)
    count = np.array([2.0], np.float32)
    spots = np.array([[[0], [2]], [[1], [1]]], np.int32)

    def filled(v):
        return mb.fill(shape=mb.shape(x=v), value=np.float32(1.5))

    def ranged(v):
        return mb.range_1d(start=np.float32(1), end=np.float32(6), step=mb.squeeze(x=v))

    def like(v, other):
        return mb.reshape_like(x=v, ref_tensors=(other,), begins=(0,), ends=(0,), end_masks=(True,))

    check(
        [
            Case(filled, [x], [np.full_like(x, 1.5)], None, "fill"),
            Case(ranged, [count], [np.array([1, 3, 5], np.float32)], None, "range_1d"),
            Case(like, [flat, x], [x], None, "reshape_like"),
            Case(
                lambda v, i: mb.gather_nd(x=v, indices=i, batch_dims=1),
                [x, spots],
                [tf.gather_nd(x, spots, batch_dims=1).numpy()],
            ),
        ]
    )


def test_the_nearest_neighbour_of_resize_and_half_pixels():
    mb = builder()
    x = data(np.random.default_rng(0), (1, 2, 3, 4))
    nearest = tf.raw_ops.ResizeNearestNeighbor(images=last(x), size=[6, 2])
    smooth = tf.raw_ops.ResizeBilinear(images=last(x), size=[6, 8])

    def resized(v):
        shape = np.array([6, 2], np.int32)
        return mb.resize(x=v, shape=shape, resized_dims=np.uint32(2), interpolation_mode="NEAREST_NEIGHBOR")

    def doubled(v):
        return mb.upsample_bilinear(
            x=v, scale_factor_height=2, scale_factor_width=2, align_corners=False, half_pixel_centers=False
        )

    inner = [2 * (3 * 4 + 4) * 2 * U["float32"] * 4]
    check(
        [
            Case(resized, [x], [first(nearest)], None, "resize nearest"),
            Case(doubled, [x], [first(smooth).astype(np.float64)], inner, "upsample without half pixels"),
        ]
    )
