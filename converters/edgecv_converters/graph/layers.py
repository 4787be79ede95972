"""The source model's layer that a node of the frozen graph came from."""

from __future__ import annotations

import re
from collections.abc import Collection

from edgecv_runtime.errors import UsageError

WEIGHTED = re.compile(r"/(convolution|Conv2D|depthwise|DepthwiseConv2dNative|conv2d_transpose|MatMul)\d*$")
_SUFFIX = re.compile(r"_\d+$")


def layer_of(node: str, known: Collection[str] = ()) -> str:
    """The layer's name in a node's name such as "functional_1/block/conv_1/Conv2D" ("block/conv_1").

    Args:
        node: The node's name: scopes joined by "/"; the first is the model's, the last the operation's.
        known: The model's layers, where they are known: the deepest scope that is one of them is the answer.
            TensorFlow numbers a scope that it opens again ("conv" then "conv_1").
    """
    scopes = node.split("/")
    for scope in reversed(scopes):
        for name in (scope, _SUFFIX.sub("", scope)):
            if name in known:
                return name
    inner = scopes[1:-1] or scopes[:1] or [node]
    return "/".join(inner)


def layer_without_map(layer: str, found: Collection[str]) -> UsageError:
    """Return the refusal of a layer that is not among those of a file that give a map of height, width and channels."""
    return UsageError(
        f"the file has no layer {layer!r} with a map of height, width and channels",
        f"Those that have one are {', '.join(found)}" if found else "Explain the Keras model",
    )


def layer_of_fused(tensor: str) -> str:
    """The layer of a TFLite operation, by its result's name: that with the weights where several were fused.

    TFLite names a result after all nodes that were fused, the last first: "m/act/Relu;m/bn/add_1;m/conv/convolution1".
    """
    parts = tensor.split(";")
    return layer_of(next((part for part in parts if WEIGHTED.search(part)), parts[0]))
