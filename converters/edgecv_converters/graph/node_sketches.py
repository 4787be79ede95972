"""Sketches of what every node of the frozen graph computes on one sample, by which a wrong operation is found later."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.golden_schema import Sketch

from edgecv_converters.graph.edit import depending, node_of
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.layers import WEIGHTED, layer_of
from edgecv_converters.graph.sketch import norm, sketch
from edgecv_converters.graph.weights import fed

# Converters fold these into the operation with weights before them, and give the result the last one's name.
_FOLDED: Final = frozenset(
    {"BiasAdd", "Add", "AddV2", "Sub", "Mul", "Squeeze", "Reshape", "FusedBatchNormV3", "BatchToSpaceND", "Identity"}
)
LEAST_AT_ONCE, MOST_AT_ONCE = 24 << 20, 64 << 20  # bytes of values that are asked for at a time
PARTS: Final = 8  # each computes anew what the values of the others are made of
UNKNOWN: Final = 1 << 20  # bytes that values whose shape the graph does not tell are taken for
Array = npt.NDArray[Any]


def sketches(frozen: FrozenGraph, sample: Mapping[str, Array]) -> tuple[Sketch, ...]:
    """Run the graph on one sample and sketch every float tensor of more than one element that depends on it.

    Args:
        frozen: The graph, in the form that a converter got.
        sample: For each input, by the source's name, a float32 tensor with a batch of one.
    """
    proto = frozen.light()
    nodes = {node.name: node for node in proto.node}
    moving = depending(nodes.values(), [endpoint.node for endpoint in frozen.inputs])
    names = [node.name for node in proto.node if node.name in moving and node.op not in {"Placeholder", "NoOp"}]
    feeds = {endpoint.tensor: sample[endpoint.name] for endpoint in frozen.inputs}
    return tuple(
        Sketch(
            node=name,
            layer=_layer(nodes, moving, name),
            shape=values.shape,
            norm=norm(values),
            projections=sketch(values),
        )
        for name, values in zip(names, _values(proto, names, feeds), strict=True)
        if values.dtype.kind == "f" and values.size > 1
    )


def _values(proto: Any, names: Iterable[str], feeds: Mapping[str, Array]) -> Iterator[Array]:
    """The values of nodes; those of a whole graph at a time would take more memory than converting it."""
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        tf.import_graph_def(proto, name="")
    given = {**fed(proto.node), **feeds}
    with tf.compat.v1.Session(graph=graph, config=_every_node_stays(tf)) as session:
        for asked in _parts([graph.get_operation_by_name(name).outputs[0] for name in names]):
            found = session.run(asked, given)
            found.reverse()
            while found:  # each is given back as soon as it was looked at
                yield np.asarray(found.pop())


def _parts(tensors: Sequence[Any]) -> Iterator[list[Any]]:
    """Tensors in order, in parts that hold little together; one of unknown size counts as `UNKNOWN`."""
    part: list[Any] = []
    held, sizes = 0, list(map(_size, tensors))
    most = min(max(sum(sizes) // PARTS, LEAST_AT_ONCE), MOST_AT_ONCE)
    for tensor, size in zip(tensors, sizes, strict=True):
        if part and held + size > most:
            yield part
            part, held = [], 0
        part.append(tensor)
        held += size
    if part:
        yield part


def _size(tensor: Any) -> int:
    count = tensor.shape.num_elements()
    return UNKNOWN if count is None else int(count * tensor.dtype.size)


def _every_node_stays(tf: Any) -> Any:
    """A configuration without graph optimizations: one fuses the operations of a mish, though each is asked for."""
    config = tf.compat.v1.ConfigProto()
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config


def _layer(nodes: Mapping[str, Any], moving: Container[str], name: str) -> str:
    """The layer of a node; that of the weighted operation before it where only foldable ones lie between."""
    node = nodes[name]
    while True:
        sources = [node_of(source) for source in node.input if node_of(source) in moving]
        if node.op not in _FOLDED or len(sources) != 1:
            return layer_of(name)
        node = nodes[sources[0]]
        if WEIGHTED.search(node.name):
            return layer_of(node.name)
