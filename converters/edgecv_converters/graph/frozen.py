"""The one frozen inference graph that all converters start from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

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

    Attributes:
        graph_def: The serialized `tensorflow.GraphDef`.
        inputs: In the order of the source model's inputs.
        outputs: In the order of the source model's outputs.
    """

    graph_def: bytes
    inputs: tuple[Endpoint, ...]
    outputs: tuple[Endpoint, ...]

    def save(self, path: Path) -> None:
        """Write the graph and its endpoints as one MessagePack file."""
        path.write_bytes(msgspec.msgpack.encode([self.graph_def, self.inputs, self.outputs]))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        kind = tuple[bytes, tuple[Endpoint, ...], tuple[Endpoint, ...]]
        graph_def, inputs, outputs = msgspec.msgpack.decode(path.read_bytes(), type=kind)
        return cls(graph_def=graph_def, inputs=inputs, outputs=outputs)

    def proto(self) -> Any:
        """The graph as a `tensorflow.GraphDef` message."""
        from tensorflow.core.framework.graph_pb2 import GraphDef

        return GraphDef.FromString(self.graph_def)

    def function(self) -> Any:
        """The graph as a `ConcreteFunction`: what the TFLite and Core ML converters take."""
        import tensorflow as tf

        proto = self.proto()
        wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(proto, name=""), [])
        return wrapped.prune([e.tensor for e in self.inputs], [e.tensor for e in self.outputs])
