"""Layers of tf-keras that call TensorFlow by name (`TFOpLambda` and its kind): only functions that compute."""

from __future__ import annotations

from typing import Any

from edgecv_converters.source.allowed import tensorflow_functions as functions
from edgecv_converters.source.allowed.tensorflow_ops import OPERATIONS


def op_layer_fault(kind: str, config: dict[str, Any]) -> str | None:
    """Say what such a layer asks for that it may not, in words that follow its name; None for all other layers."""
    if kind in {"TFOpLambda", "SlicingOpLambda"}:
        return _unless(functions.computes(config.get("function")), "function", config.get("function"))
    if kind == "ClassMethod":
        wanted = str(config.get("method_name"))
        allowed = config.get("cls_symbol") == "RaggedTensor" and wanted in functions.RAGGED_CONSTRUCTORS
        return _unless(allowed, "class method", f"{config.get('cls_symbol')}.{wanted}")
    if kind in {"InstanceMethod", "InstanceProperty"}:
        wanted = str(config.get("attr_name"))
        return _unless(wanted in functions.MEMBERS, "member", wanted)
    if kind == "TensorFlowOpLayer":
        operation = _operation(config.get("node_def"))
        return _unless(operation in OPERATIONS, "operation", operation)
    return None


def _unless(allowed: bool, what: str, name: Any) -> str | None:
    return None if allowed else f"calls TensorFlow's {what} {name!r}, which is not among those that only compute"


def _operation(node: Any) -> str:
    """The operation of a serialized graph node, which is a JSON object or the bytes of a protocol buffer as text."""
    if isinstance(node, dict):
        return str(node.get("op"))
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework.node_def_pb2 import NodeDef

    try:
        return str(NodeDef.FromString(str(node).encode()).op)
    except DecodeError:
        return "of a node that cannot be read"
