"""Operations that move values or reduce over axes: shapes, slices, joins, pads, sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from edgecv_converters.coreml.int8.emitter import Emitter
from edgecv_converters.coreml.int8.slices import sliced, symmetric
from edgecv_converters.coreml.int8.value import IMAGE_RANK, TO_CHW, TO_FILE, Layout, axis_in, laid_out
from edgecv_converters.tflite.reader import Op

Handler = Callable[[Emitter, Op], None]


def reshape(net: Emitter, op: Op) -> None:
    """Also SQUEEZE and EXPAND_DIMS: the file says what the result's shape is."""
    source, result = net.value(op.inputs[0]), op.outputs[0]
    moved = net.reshaped(source, net.shape(result))
    if source.grid is None or source.grid != net.grid(result):
        net.give(result, net.reals_of(moved, moved.home), moved.home)
    else:
        net.give_integers(result, moved.integers[moved.home], moved.home)


def transpose(net: Emitter, op: Op) -> None:
    """Operands: data, order of the axes; one with what brings the data back from channels first."""
    value, result = net.value(op.inputs[0]), op.outputs[0]
    order = net.integers_of(op.inputs[1])
    if value.home is Layout.CHW:
        order = [TO_FILE[axis] for axis in order]
    x = net.reals_of(value, value.home)
    if order != sorted(order):
        x = net.mb.transpose(x=x, perm=np.array(order, np.int32), name=net.name(result))
    net.give(result, x, Layout.FILE)


def concatenation(net: Emitter, op: Op) -> None:
    """Along any axis."""
    layout, rank = net.layout_of(op.inputs), len(net.shape(op.outputs[0]))
    parts = tuple(net.operand(number, layout, rank) for number in op.inputs)
    axis = np.int32(axis_in(op.options.axis, rank, layout))
    done = net.mb.concat(values=parts, axis=axis, name=net.name(op.outputs[0]))
    net.give(op.outputs[0], done, layout, op.options.fusedActivationFunction)


def split(net: Emitter, op: Op) -> None:
    """Operands: axis, data."""
    _split(net, op, op.inputs[1], net.integers_of(op.inputs[0])[0])


def split_v(net: Emitter, op: Op) -> None:
    """Operands: data, sizes, axis."""
    _split(net, op, op.inputs[0], net.integers_of(op.inputs[2])[0])


def _split(net: Emitter, op: Op, data: int, axis: int) -> None:
    layout = net.layout_of([data])
    for number, part in zip(op.outputs, _parts(net, op, data, axis, layout), strict=True):
        net.give(number, part, layout)


def _parts(net: Emitter, op: Op, data: int, axis: int, layout: Layout) -> Sequence[Any]:
    rank = len(net.shape(data))
    sizes = [net.shape(number)[axis % rank] if len(net.shape(number)) == rank else 1 for number in op.outputs]
    x = net.reals(data, layout)
    if len(sizes) == 1:
        return (x,)
    place = np.int32(axis_in(axis, rank, layout))
    return tuple(net.mb.split(x=x, split_sizes=np.array(sizes, np.int32), axis=place, name=net.name(op.outputs[0])))


def unpack(net: Emitter, op: Op) -> None:
    """Each part loses the axis."""
    for number, part in zip(op.outputs, _parts(net, op, op.inputs[0], op.options.axis, Layout.FILE), strict=True):
        done = net.mb.squeeze(x=part, axes=np.array([op.options.axis], np.int32), name=net.name(number))
        net.give(number, done, Layout.FILE)


def pack(net: Emitter, op: Op) -> None:
    """A new axis."""
    rank = len(net.shape(op.outputs[0])) - 1
    parts = tuple(net.operand(number, Layout.FILE, rank) for number in op.inputs)
    done = net.mb.stack(values=parts, axis=np.int32(op.options.axis), name=net.name(op.outputs[0]))
    net.give(op.outputs[0], done, Layout.FILE)


def pad(net: Emitter, op: Op) -> None:
    """PADV2's third operand is the value; PAD's is 0."""
    value = 0.0 if len(op.inputs) < 3 else float(net.constant(op.inputs[2]).reshape(-1)[0])
    layout = net.layout_of(op.inputs)
    done = net.mb.pad(
        x=net.reals(op.inputs[0], layout),
        pad=_pads(net, op, layout).reshape(-1),
        mode="constant",
        constant_val=net.float(value),
        name=net.name(op.outputs[0]),
    )
    net.give(op.outputs[0], done, layout)


def mirror_pad(net: Emitter, op: Op) -> None:
    """Mode 0 leaves the edge out. Core ML's own mirrors the last two axes and leaves the edge out too."""
    layout = net.layout_of(op.inputs)
    if len(net.shape(op.inputs[0])) == IMAGE_RANK:
        layout = Layout.CHW
    x, pads, name = net.reals(op.inputs[0], layout), _pads(net, op, layout), net.name(op.outputs[0])
    if op.options.mode == 0 and not pads[:-2].any():
        done = net.mb.pad(x=x, pad=pads[-2:].reshape(-1), mode="reflect", name=name)
    else:
        done = symmetric(net, x, pads, edge=op.options.mode, name=name)
    net.give(op.outputs[0], done, layout)


def _pads(net: Emitter, op: Op, layout: Layout) -> np.ndarray[Any, Any]:
    pads = np.asarray(net.constant(op.inputs[1]), np.int32).reshape(-1, 2)
    return pads[list(TO_CHW)] if layout is Layout.CHW else pads


def slice_(net: Emitter, op: Op) -> None:
    """Operands: data, begin, size; size -1 is all that is left."""
    begin, size, shape = net.integers_of(op.inputs[1]), net.integers_of(op.inputs[2]), net.shape(op.inputs[0])
    sizes = [whole - first if count < 0 else count for first, count, whole in zip(begin, size, shape, strict=True)]
    sliced(net, op, [range(first, first + count) for first, count in zip(begin, sizes, strict=True)])


def strided_slice(net: Emitter, op: Op) -> None:
    """The masks as TensorFlow has them; an axis that is dropped or new leaves its mark on the result's shape only."""
    begin, end, steps = (net.integers_of(number) for number in op.inputs[1:4])
    options, shape = op.options, net.shape(op.inputs[0])
    ranges: list[range] = []
    for place in range(len(begin)):
        bit = 1 << place
        if options.newAxisMask & bit:
            continue
        if options.ellipsisMask & bit:
            after = sum(1 for later in range(place + 1, len(begin)) if not options.newAxisMask & 1 << later)
            ranges += [range(whole) for whole in shape[len(ranges) : len(shape) - after]]
            continue
        whole, first = shape[len(ranges)], begin[place]
        if options.shrinkAxisMask & bit:
            ranges.append(range(first % whole, first % whole + 1))
            continue
        limits = None if options.beginMask & bit else first, None if options.endMask & bit else end[place]
        ranges.append(range(whole)[slice(*limits, steps[place])])
    sliced(net, op, ranges + [range(whole) for whole in shape[len(ranges) :]])


def gather(net: Emitter, op: Op) -> None:
    """Operands: data or a table, indices."""
    data, indices = op.inputs
    name = net.name(op.outputs[0])
    constant = net.is_constant(data)
    x = net.weight(data, lambda array: array, 0, f"{name}_table") if constant else net.reals(data, Layout.FILE)
    chosen = net.floats(net.constant(indices)) if net.is_constant(indices) else net.reals(indices, Layout.FILE)
    axis, batch = np.int32(op.options.axis), np.int32(op.options.batchDims)
    done = net.mb.gather(x=x, indices=chosen, axis=axis, batch_dims=batch, name=name)
    net.give(op.outputs[0], done, Layout.FILE)


def tile(net: Emitter, op: Op) -> None:
    """Operands: data, how often along each axis."""
    layout = net.layout_of(op.inputs)
    reps = laid_out(tuple(net.integers_of(op.inputs[1])), layout)
    x = net.reals(op.inputs[0], layout)
    done = net.mb.tile(x=x, reps=np.array(reps, np.int32), name=net.name(op.outputs[0]))
    net.give(op.outputs[0], done, layout)


def broadcast_to(net: Emitter, op: Op) -> None:
    """Operands: data, the result's shape: axes of one place are repeated."""
    value, shape = net.value(op.inputs[0]), net.shape(op.outputs[0])
    whole = net.reshaped(value, (1,) * (len(shape) - len(value.shape)) + tuple(value.shape))
    reps = [side // own for side, own in zip(shape, whole.shape, strict=True)]
    x = net.reals_of(whole, Layout.FILE)
    done = net.mb.tile(x=x, reps=np.array(reps, np.int32), name=net.name(op.outputs[0]))
    net.give(op.outputs[0], done, Layout.FILE)


def reverse(net: Emitter, op: Op) -> None:
    """Operands: data, the axes along which it is turned round."""
    rank, layout = len(net.shape(op.inputs[0])), net.layout_of(op.inputs[:1])
    axes = np.array(sorted(axis_in(axis, rank, layout) for axis in net.integers_of(op.inputs[1])), np.int32)
    done = net.mb.reverse(x=net.reals(op.inputs[0], layout), axes=axes, name=net.name(op.outputs[0]))
    net.give(op.outputs[0], done, layout)


def blocks(kind: str) -> Handler:
    """Space to depth, or back: TensorFlow's and Core ML's order of the blocks is the same."""

    def emit(net: Emitter, op: Op) -> None:
        x, size = net.reals(op.inputs[0], Layout.CHW), np.int32(op.options.blockSize)
        done = getattr(net.mb, kind)(x=x, block_size=size, name=net.name(op.outputs[0]))
        net.give(op.outputs[0], done, Layout.CHW)

    return emit


def reduce(kind: str) -> Handler:
    """Over some axes; the file's options say whether they stay with size 1."""

    def emit(net: Emitter, op: Op) -> None:
        rank, keep = len(net.shape(op.inputs[0])), bool(op.options.keepDims)
        axes = sorted({axis % rank for axis in net.integers_of(op.inputs[1])})
        layout = net.layout_of(op.inputs)
        if layout is Layout.CHW and not keep and not _keeps_order(axes):
            layout = Layout.FILE
        places = np.array(sorted(axis_in(axis, rank, layout) for axis in axes), np.int32)
        x = net.reals(op.inputs[0], layout)
        done = getattr(net.mb, kind)(x=x, axes=places, keep_dims=keep, name=net.name(op.outputs[0]))
        net.give(op.outputs[0], done, layout if keep else Layout.FILE)

    return emit


def _keeps_order(axes: Sequence[int]) -> bool:
    left = [axis for axis in TO_CHW if axis not in axes]
    return left == sorted(left)
