"""The one frozen inference graph that all converters start from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edgecv_converters.graph.weights import WeightFile, bytes_of, moved, store_large, written

if TYPE_CHECKING:
    from typing import Self


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input or output: the model's own `name`, and the graph's `tensor` ("node:0")."""

    name: str
    tensor: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def node(self) -> str:
        """The name of the graph node that makes the tensor."""
        return self.tensor.rpartition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenGraph:
    """A TensorFlow GraphDef without variables, state or training-only operations, at a static batch of one.

    Its large weights lie in a file beside it (see `graph.weights`).

    Attributes:
        graph_def: The serialized `tensorflow.GraphDef`, without the values of large weights.
        inputs: In the order of the source model's inputs.
        outputs: In the order of the source model's outputs.
        weights: The file of large weights, where it goes with the last graph that reads it.
    """

    graph_def: bytes
    inputs: tuple[Endpoint, ...]
    outputs: tuple[Endpoint, ...]
    weights: WeightFile | None = field(default=None, compare=False)

    @classmethod
    def of(cls, proto: Any, inputs: tuple[Endpoint, ...], outputs: tuple[Endpoint, ...], weights: WeightFile) -> Self:
        """The graph of a `tensorflow.GraphDef`, whose large weights are moved into a file."""
        store_large(proto, weights)
        return cls(
            graph_def=proto.SerializeToString(deterministic=True), inputs=inputs, outputs=outputs, weights=weights
        )

    def save(self, path: Path) -> None:
        """Write the graph and its endpoints as one MessagePack file, its large weights as a second one beside it."""
        proto = self.light()
        moved(proto, path.with_name(f"{path.name}.weights"))
        graph_def = proto.SerializeToString(deterministic=True)
        path.write_bytes(msgspec.msgpack.encode([graph_def, self.inputs, self.outputs]))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        kind = tuple[bytes, tuple[Endpoint, ...], tuple[Endpoint, ...]]
        graph_def, inputs, outputs = msgspec.msgpack.decode(path.read_bytes(), type=kind)
        return cls(graph_def=graph_def, inputs=inputs, outputs=outputs)

    def light(self) -> Any:
        """The graph as a `tensorflow.GraphDef` message without large weights, to look at its structure."""
        from tensorflow.core.framework.graph_pb2 import GraphDef

        return GraphDef.FromString(self.graph_def)

    def proto(self) -> Any:
        """The whole graph as a `tensorflow.GraphDef` message."""
        from tensorflow.core.framework.graph_pb2 import GraphDef

        return GraphDef.FromString(written(self.light()))

    def function(self) -> Any:
        """The graph as a `ConcreteFunction` that computes."""
        return self._function(self.proto())

    def light_function(self) -> Any:
        """The graph as a `ConcreteFunction` whose large weights have no values, for what reads these by itself."""
        return self._function(self.light())

    def _function(self, proto: Any) -> Any:
        import tensorflow as tf

        wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(proto, name=""), [])
        return wrapped.prune([e.tensor for e in self.inputs], [e.tensor for e in self.outputs])

    def bytes(self) -> int:
        """The size of the graph with its weights."""
        return bytes_of(self.light())
