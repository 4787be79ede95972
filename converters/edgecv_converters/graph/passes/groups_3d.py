"""A grouped convolution of volumes as one for each group: no converter knows that TensorFlow takes one.

Needed by: `Conv3D` with `groups`, on every target.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgecv_converters.graph.edit import constant, tensor_name, tensor_shapes
from edgecv_converters.graph.evaluate import constant_value


def rewrite(proto: Any) -> None:
    """Replace every Conv3D whose kernel takes a part of the channels by a Split, a Conv3D each and a ConcatV2."""
    nodes = [node for node in proto.node if node.op == "Conv3D" and node.attr["data_format"].s == b"NDHWC"]
    shapes = tensor_shapes(proto, [tensor_name(node.input[0]) for node in nodes]) if nodes else []
    for node, (shape, _) in zip(nodes, shapes, strict=True):
        kernel = constant_value(proto, node.input[1])
        if shape is not None and shape[-1] is not None and kernel is not None and kernel.shape[-2] < shape[-1]:
            _divide(proto, node, np.split(kernel, shape[-1] // kernel.shape[-2], axis=-1))


def _divide(proto: Any, node: Any, kernels: Sequence[Any]) -> None:
    """Let a node join the results of a Conv3D for each of the kernels, which take the channels in turn."""
    kind, channels = node.attr["T"].type, constant(proto, f"{node.name}/channels", np.array(4, np.int32))
    parts = proto.node.add(name=f"{node.name}/parts", op="Split", input=[channels, node.input[0]])
    parts.attr["T"].type, parts.attr["num_split"].i = kind, len(kernels)
    names = []
    for group, kernel in enumerate(kernels):
        name = f"{node.name}/group_{group}"
        weights = constant(proto, f"{name}/kernel", kernel)
        one = proto.node.add(name=name, op="Conv3D", input=[f"{parts.name}:{group}" if group else parts.name, weights])
        for key, value in node.attr.items():
            one.attr[key].CopyFrom(value)
        names.append(name)
    node.op, node.input[:] = "ConcatV2", [*names, channels]
    node.attr.clear()
    node.attr["T"].type, node.attr["Tidx"].type, node.attr["N"].i = kind, _INT32, len(kernels)


_INT32 = 3  # TensorFlow's DT_INT32
