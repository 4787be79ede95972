"""Slices along every axis at once, and the mirrors that are built of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgecv_converters.coreml.int8.emitter import Emitter
from edgecv_converters.coreml.int8.value import Layout, laid_out
from edgecv_converters.tflite.reader import Op


def sliced(net: Emitter, op: Op, ranges: Sequence[range]) -> None:
    """Give the operation's result: for each axis of its first operand the indices of `ranges`."""
    data, result, name = op.inputs[0], op.outputs[0], net.name(op.outputs[0])
    shape = net.shape(result)
    same_rank = tuple(len(indices) for indices in ranges) == shape
    layout = net.layout_of([data]) if same_rank else Layout.FILE
    order = laid_out(tuple(range(len(ranges))), layout)
    done = _cut(net, net.reals(data, layout), [ranges[axis] for axis in order], name)
    if not same_rank:
        done = net.mb.reshape(x=done, shape=np.array(shape, np.int32), name=net.unique(f"{name}_shaped"))
    net.give(result, done, layout)


def _cut(net: Emitter, x: Any, ranges: Sequence[range], name: str) -> Any:
    """A negative step is a slice in rising order, turned round."""
    rising = [indices if indices.step > 0 else indices[::-1] for indices in ranges]
    if any(indices != range(whole) for indices, whole in zip(rising, x.shape, strict=True)):
        x = net.mb.slice_by_index(
            x=x,
            begin=np.array([indices.start for indices in rising], np.int32),
            end=np.array([indices.stop for indices in rising], np.int32),
            stride=np.array([indices.step for indices in rising], np.int32),
            name=name,
        )
    turned = [axis for axis, indices in enumerate(ranges) if indices.step < 0]
    return net.mb.reverse(x=x, axes=np.array(turned, np.int32), name=net.unique(f"{name}_turned")) if turned else x


def symmetric(net: Emitter, x: Any, pads: np.ndarray[Any, Any], *, edge: int, name: str) -> Any:
    """Mirror along every axis by joining turned slices; `edge` 1 repeats the edge, 0 leaves it out."""
    for axis, (before, after) in enumerate(pads.tolist()):
        whole = x.shape[axis]
        first = range(before - 1 if edge else before, -1 if edge else 0, -1)
        last = range(whole - 1 if edge else whole - 2, whole - 1 - after if edge else whole - 2 - after, -1)
        parts = [
            x if indices is None else _one_axis(net, x, axis, indices, name)
            for indices in (first, None, last)
            if indices is None or len(indices)
        ]
        if len(parts) > 1:
            x = net.mb.concat(values=tuple(parts), axis=np.int32(axis), name=net.unique(f"{name}_{axis}"))
    return x


def _one_axis(net: Emitter, x: Any, axis: int, indices: range, name: str) -> Any:
    ranges = [indices if place == axis else range(whole) for place, whole in enumerate(x.shape)]
    return _cut(net, x, ranges, net.unique(f"{name}_edge"))
