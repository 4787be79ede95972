"""The large weights of a graph, in one file beside it that is mapped where it is read.

A constant is copied at every step that rewrites, imports or serializes the graph that holds it; of a network of 500 MB
that was 15 GB. Such a constant keeps its name, type and shape in the graph, without values; where they are stands in
its field for strings, which TensorFlow reads of strings alone. TensorFlow takes it for zeros: what computes with it
gets the values by `fed` or `written`, what reads it by `values_of`, and from an optimizer it is hidden by `hide`.
"""

from __future__ import annotations

import io
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_converters.graph.edit import depending, node_of

Array = npt.NDArray[Any]
LARGE: Final = 16 * 1024
"""Bytes from which on a constant is stored."""
ALIGNMENT: Final = 64
DT_STRING: Final = 7
# What reads a weight beside a tensor that depends on an input, so that no converter computes with the weight alone.
_WEIGHTED: Final = frozenset(
    {"Conv2D", "Conv3D", "DepthwiseConv2dNative", "Conv2DBackpropInput", "Conv3DBackpropInputV2"}
    | {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"}
)
# What an optimizer folds into the weights of the operation before it.
_FOLDED: Final = frozenset({"Mul", "RealDiv", "Div", "Add", "AddV2", "Sub", "MatMul", "Conv2D", "Conv3D"})


class WeightFile:
    """A file of weights, which is gone with the last reference to this object."""

    def __init__(self) -> None:
        descriptor, name = tempfile.mkstemp(prefix="edgecv-weights-")
        os.close(descriptor)
        self.path = Path(name)
        self._end = 0
        weakref.finalize(self, self.path.unlink, missing_ok=True)

    def append(self, values: Array) -> int:
        """Write the numbers of an array, and return where they begin."""
        start = self._end
        with self.path.open("r+b") as file:
            file.seek(start)
            file.write(raw(np.ascontiguousarray(values)))
        self._end += -(-values.nbytes // ALIGNMENT) * ALIGNMENT
        return start

    def store(self, node: Any, values: Array) -> None:
        """Append an array, and let `node` be the constant that stands for it."""
        import tensorflow as tf

        start = self.append(values)
        node.op = "Const"
        node.attr.clear()
        tensor = node.attr["value"].tensor
        tensor.tensor_shape.CopyFrom(tf.TensorShape(values.shape).as_proto())
        tensor.string_val[:] = [f"{start}:{self.path}".encode()]
        node.attr["dtype"].type = tensor.dtype = tf.as_dtype(values.dtype).as_datatype_enum


def raw(values: Array) -> memoryview:
    """The bytes of a contiguous array, not copied."""
    return values.reshape(-1).view(np.uint8).data


def is_stored(node: Any) -> bool:
    """Tell whether a node is a constant whose values lie in a file."""
    return bool(node.op == "Const" and is_mapped(node.attr["value"].tensor))


def is_mapped(tensor: Any) -> bool:
    """Tell whether the values of a TensorProto lie in a file."""
    return bool(tensor.string_val) and tensor.dtype != DT_STRING


def values_of(node: Any) -> Array:
    """The values of a constant, wherever they are; those in a file are mapped, and cannot be written to."""
    return tensor_values(node.attr["value"].tensor)


def tensor_values(tensor: Any) -> Array:
    """The values of a TensorProto, likewise."""
    import tensorflow as tf

    if not is_mapped(tensor):
        return np.asarray(tf.make_ndarray(tensor))
    offset, _, path = tensor.string_val[0].decode().partition(":")
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    return np.memmap(path, tf.as_dtype(tensor.dtype).as_numpy_dtype, "r", int(offset), shape)


def fed(nodes: Iterable[Any]) -> dict[str, Array]:
    """The values of stored constants by the names of their tensors: a session is fed them to compute with them."""
    return {f"{node.name}:0": values_of(node) for node in nodes if is_stored(node)}


def bytes_of(proto: Any) -> int:
    """The size of a graph with its weights."""
    return int(proto.ByteSize()) + sum(values_of(node).nbytes for node in proto.node if is_stored(node))


def store_large(proto: Any, file: WeightFile) -> None:
    """Move large constants into a file, in place; only those with which no converter computes ahead of an input."""
    import tensorflow as tf

    safe = _weights(proto)
    for node in [node for node in proto.node if node.op == "Const"]:
        if is_stored(node) and node.name not in safe:
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values_of(node)))
        elif node.name in safe and not is_stored(node) and node.attr["value"].tensor.ByteSize() >= LARGE:
            file.store(node, values_of(node))


def hide(proto: Any) -> dict[str, Any]:
    """Make placeholders of the stored weights, in place, before an optimizer of TensorFlow, which would see zeros.

    Returns:
        The constants by their names, for `show`.
    """
    hidden = {}
    for node in [node for node in proto.node if is_stored(node)]:
        hidden[node.name] = type(node)()
        hidden[node.name].CopyFrom(node)
        node.op = "Placeholder"
        node.attr["shape"].shape.CopyFrom(node.attr["value"].tensor.tensor_shape)
        del node.attr["value"]
    return hidden


def give_folded(proto: Any) -> None:
    """Give the values to the stored weights whose products are scaled or added to, in place.

    An optimizer computes with those: it folds such terms into the weights.
    """
    import tensorflow as tf

    terms = {node_of(source) for node in proto.node if node.op in _FOLDED for source in node.input}
    read = {node_of(source) for node in proto.node if node.name in terms for source in node.input}
    for node in proto.node:
        if is_stored(node) and node.name in read:
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(values_of(node)))


def show(proto: Any, hidden: Mapping[str, Any]) -> None:
    """Make constants again of what `hide` has hidden, in place."""
    for node in proto.node:
        if node.name in hidden:
            kept = hidden[node.name]
            node.op = kept.op
            del node.attr["shape"]
            node.attr["value"].CopyFrom(kept.attr["value"])


def moved(proto: Any, path: Path) -> None:
    """Bring the values of stored constants to one file at another path, as another name of theirs where that can be.

    What lay at the path is replaced, not written to: it may be another name of a file that is still read.
    """
    stored = [node for node in proto.node if is_stored(node)]
    sources = list(dict.fromkeys(_place(node)[1] for node in stored))
    if not sources:
        return
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    starts = _joined(sources, fresh)
    fresh.replace(path)
    fresh.unlink(missing_ok=True)  # where the path was another name of the same file, both are left
    for node in stored:
        offset, source = _place(node)
        node.attr["value"].tensor.string_val[:] = [f"{starts[source] + offset}:{path}".encode()]


def _joined(sources: Sequence[str], path: Path) -> dict[str, int]:
    """Make one file of several, and return where each of them begins in it."""
    if len(sources) == 1:
        with suppress(OSError):
            os.link(sources[0], path)
            return {sources[0]: 0}
    starts = {}
    with path.open("wb") as out:
        for source in sources:
            out.write(bytes(-out.tell() % ALIGNMENT))
            starts[source] = out.tell()
            with Path(source).open("rb") as file:
                shutil.copyfileobj(file, out)
    return starts


def _place(node: Any) -> tuple[int, str]:
    offset, _, path = node.attr["value"].tensor.string_val[0].decode().partition(":")
    return int(offset), path


def written(proto: Any) -> bytes:
    """The serialized graph with the values of its stored constants, which are copied once.

    The fields of a message may come in any order, so that a constant is its light message with its values after it.
    """
    rest = type(proto)()
    rest.library.CopyFrom(proto.library)
    rest.versions.CopyFrom(proto.versions)
    out = io.BytesIO()
    out.write(rest.SerializeToString(deterministic=True))
    for node in proto.node:
        if is_stored(node):
            _write_constant(out, node)
        else:
            data = node.SerializeToString(deterministic=True)
            out.write(_field(1, len(data)) + data)
    return out.getvalue()


def _weights(proto: Any) -> set[str]:
    """The constants that only operations read that multiply them with what depends on an input."""
    moving = depending(proto.node, [node.name for node in proto.node if node.op == "Placeholder"])
    found = {node.name for node in proto.node if node.op == "Const"}
    for node in proto.node:
        sources = {node_of(reference) for reference in node.input}
        if node.op not in _WEIGHTED or moving.isdisjoint(sources):
            found -= sources
    return found


def _write_constant(out: io.BytesIO, node: Any) -> None:
    """Write the field `node` of a GraphDef, in the wire format of protocol buffers, without a copy of the values."""
    rest = type(node)()
    rest.CopyFrom(node)
    tensor, values = rest.attr["value"].tensor, np.asarray(values_of(node))
    tensor.ClearField("string_val")
    head = tensor.SerializeToString(deterministic=True) + _field(4, values.nbytes)  # tensor_content
    del rest.attr["value"]
    head = _field(8, len(head) + values.nbytes) + head  # AttrValue.tensor
    head = b"\x0a\x05value" + _field(2, len(head) + values.nbytes) + head  # an entry of a map: key and value
    head = rest.SerializeToString(deterministic=True) + _field(5, len(head) + values.nbytes) + head  # NodeDef.attr
    out.write(_field(1, len(head) + values.nbytes) + head)  # GraphDef.node
    out.write(raw(values))


def _field(number: int, size: int) -> bytes:
    """The beginning of a field with a length: its key and the length, both as varints."""
    coded = bytearray([number << 3 | 2])
    while size > 0x7F:
        coded.append(size & 0x7F | 0x80)
        size >>= 7
    coded.append(size)
    return bytes(coded)
