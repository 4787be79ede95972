"""Pools of volumes as two pools of pictures: over height and width, then over depth.

TFLite has no pools of rank 5. The largest value of a box is the largest of its planes' largest values, and its average
the average of their averages, for padding at the edges counts in neither.
Needed by: MaxPooling3D and AveragePooling3D for TFLite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from edgecv_converters.graph.edit import add_reshape, tensor_name, tensor_shapes

_PLANAR: Final = {"MaxPool3D": "MaxPool", "AvgPool3D": "AvgPool"}


def rewrite(proto: Any) -> None:
    """Replace every pool of rank 5, depth before height, by two of rank 4, in place."""
    pools = [node for node in proto.node if node.op in _PLANAR and node.attr["data_format"].s != b"NCDHW"]
    if not pools:
        return
    shapes = tensor_shapes(proto, [tensor_name(name) for node in pools for name in (node.input[0], node.name)])
    for node, (before, _), (after, _) in zip(pools, shapes[::2], shapes[1::2], strict=True):
        if before is not None and after is not None and None not in (*before, *after):
            _split(proto, node, [int(size or 0) for size in before], [int(size or 0) for size in after])


def _split(proto: Any, node: Any, before: Sequence[int], after: Sequence[int]) -> None:
    batch, depth, height, width, channels = before
    (_, _, rows, columns, _), kind = after, node.attr["T"].type
    window, strides = (list(node.attr[key].list.i) for key in ("ksize", "strides"))
    planes = add_reshape(proto, f"{node.name}/planes", node.input[0], [batch * depth, height, width, channels], kind)
    inner = _pool(proto, node, "in_plane", planes, [1, *window[2:4], 1], [1, *strides[2:4], 1])
    lines = add_reshape(proto, f"{node.name}/lines", inner, [batch, depth, rows * columns, channels], kind)
    outer = _pool(proto, node, "in_depth", lines, [1, window[1], 1, 1], [1, strides[1], 1, 1])
    shape = add_reshape(proto, f"{node.name}/volume", outer, after, kind)
    node.op, node.input[:] = "Identity", [shape]
    node.attr.clear()
    node.attr["T"].type = kind


def _pool(proto: Any, like: Any, label: str, source: str, window: list[int], strides: list[int]) -> str:
    pool = proto.node.add(name=f"{like.name}/{label}", op=_PLANAR[like.op], input=[source])
    pool.attr["T"].type = like.attr["T"].type
    pool.attr["ksize"].list.i[:] = window
    pool.attr["strides"].list.i[:] = strides
    pool.attr["padding"].s = like.attr["padding"].s
    pool.attr["data_format"].s = b"NHWC"
    return str(pool.name)
