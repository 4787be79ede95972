"""tf2onnx, called so that what it cannot convert becomes an error with the layer's name instead of a broken file."""

from __future__ import annotations

import logging
import os
import traceback
import warnings
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

from edgecv_runtime.errors import ConversionError

from edgecv_converters.graph.layers import layer_of
from edgecv_converters.onnx.handlers import register

_UNSUPPORTED = "Tensorflow op [%s: %s] is not supported"
_FAILED = "Failed to convert node"
_CATCH_ERRORS = "TF2ONNX_CATCH_ERRORS"


class _UnconvertedNodes(logging.Handler):
    """Keeps (node, op) of each node that tf2onnx logs as not converted: it goes on and tells nobody else."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.nodes: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        message = str(record.msg)
        if message == _UNSUPPORTED and len(arguments) == 2:
            self.nodes.append((str(arguments[0]), str(arguments[1])))
        elif message.startswith(_FAILED) and arguments:
            self.nodes.append((str(arguments[0]), f"node {arguments[0]}"))


@contextmanager
def _failing_optimizers(*, skipped: bool) -> Iterator[None]:
    """Let tf2onnx leave out an optimizer that fails, for which it copies the whole graph before each, or stop at it.

    It stops wherever the variable is there, whatever its value.
    """
    before = os.environ.pop(_CATCH_ERRORS, None)
    if not skipped:
        os.environ[_CATCH_ERRORS] = "FALSE"
    try:
        yield
    finally:
        os.environ.pop(_CATCH_ERRORS, None)
        if before is not None:
            os.environ[_CATCH_ERRORS] = before


@contextmanager
def _nodes_in_one_order() -> Iterator[None]:
    """Let a set of tf2onnx's nodes have one order, whatever their addresses: its optimizers go through such sets."""
    from tf2onnx.graph import Node

    Node.__hash__ = lambda node: zlib.crc32(node.name.encode())
    try:
        yield
    finally:
        del Node.__hash__


def call_tf2onnx(convert: Callable[[], tuple[Any, Any]]) -> Any:
    """Return the model that a call of tf2onnx makes, by edgecv's own handlers where its own are wrong.

    Where one of its optimizers fails, it is called again without that one: the model is as right, and a bit slower.

    Raises:
        ConversionError: It left a node unconverted, or failed.
    """
    register()
    try:
        with _complete_or_error(skipped=False):
            return convert()[0]
    except _OptimizerError:
        with _complete_or_error(skipped=True):
            return convert()[0]


class _OptimizerError(ConversionError):
    """One of tf2onnx's optimizers failed, on a graph that was complete."""


@contextmanager
def _complete_or_error(*, skipped: bool) -> Iterator[None]:
    import tf2onnx

    logger = logging.getLogger(tf2onnx.__name__)
    handler, before = _UnconvertedNodes(), (logger.propagate, logger.level)
    logger.addHandler(handler)
    logger.propagate, logger.level = False, logging.ERROR
    try:
        with warnings.catch_warnings(), _failing_optimizers(skipped=skipped), _nodes_in_one_order():
            warnings.filterwarnings("ignore", message=r"\s*Warning: tf.lite.Interpreter is deprecated")
            yield
    except Exception as error:
        if handler.nodes:
            raise unsupported(handler.nodes) from error
        kind = _OptimizerError if _in_optimizer(error) else ConversionError
        raise kind(f"tf2onnx could not convert the model: {_first_line(error)}") from error
    finally:
        logger.removeHandler(handler)
        logger.propagate, logger.level = before
    if handler.nodes:
        raise unsupported(handler.nodes)


def _in_optimizer(error: Exception) -> bool:
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__", "").startswith("tf2onnx.optimizer") for frame, _ in frames)


def unsupported(nodes: Collection[tuple[str, str]]) -> ConversionError:
    """The error for nodes (name, op) that ONNX has no form for."""
    ops = ", ".join(sorted({op.removeprefix("TFL_") for _, op in nodes}))
    layers = ", ".join(sorted({layer_of(name.partition(";")[0]) for name, _ in nodes}))
    return ConversionError(
        f"ONNX has no form for {ops} (layer {layers})",
        "Build the layer from other operations, or leave the target onnx out",
    )


def foreign(model: Any) -> list[tuple[str, str]]:
    """The nodes (name, op) whose operation is not one of ONNX's own."""
    import onnx

    return [(node.name, node.op_type) for node in model.graph.node if not onnx.defs.has(node.op_type, node.domain)]


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
