"""TensorFlow's TFLite converter, given what it needs to write a correct file and no way to write a wrong one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from edgecv_runtime.errors import ConversionError
from edgecv_runtime.schema import Precision

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.layers import layer_of
from edgecv_converters.graph.weights import written
from edgecv_converters.targets import DenseScales, IoType
from edgecv_converters.tflite.integers import float_operations

Samples = Callable[[], Iterator[Mapping[str, np.ndarray]]]

MISSING_OP = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")
ERROR_LINE = re.compile(r"error: (.+)")
# Of an unrolled recurrence the converter leaves a SPLIT in float now and then (1 of 12 times in one measurement), where
# nobody reads one of its parts: which of the others it looks at first changes from run to run.
FLOAT_BY_CHANCE = frozenset({"SPLIT"})
ATTEMPTS = 4


def to_tflite(
    frozen: FrozenGraph,
    precision: Precision,
    *,
    samples: Samples | None = None,
    io: IoType = "float32",
    dense_scales: DenseScales = "channel",
) -> bytes:
    """Convert to the bytes of a .tflite file.

    Args:
        frozen: The graph, in its canonical form for TFLite.
        precision: "float32", "float16" (weights), "dynamic" (int8 weights), "int8" (weights per channel symmetric,
            activations per tensor) or "int16x8" (int16 activations, int8 weights).
        samples: Gives the calibration samples, each a mapping of input name to an array with batch 1, whose numbers
            are fed in the input's own dtype; needed for int8 and int16x8.
        io: The dtype of the file's inputs and outputs; integers only with int8.
        dense_scales: Whether int8 weights of dense layers have a scale for each channel, or one in all.

    Raises:
        ConversionError: An op has no TFLite kernel (named, with its layer), or the converter refused the graph.
    """
    data = _converted(frozen, precision, samples, io, dense_scales)
    for _ in range(ATTEMPTS - 1 if precision == "int8" else 0):
        left = {kind for kind, _ in float_operations(data)}
        if not left or left - FLOAT_BY_CHANCE:
            break
        data = _converted(frozen, precision, samples, io, dense_scales)
    return data


def _converted(
    frozen: FrozenGraph, precision: Precision, samples: Samples | None, io: IoType, dense_scales: DenseScales
) -> bytes:
    import tensorflow as tf

    converter = _mapped_converter(tf).from_concrete_functions([frozen.light_function()])
    _configure(converter, precision, tf)
    if precision in {"int8", "int16x8"}:
        if samples is None:
            raise ConversionError(f"{precision} needs calibration samples", "Give them with --calibrate")
        converter.representative_dataset = _in_order(frozen, samples)
    if precision == "int8":
        # Since TensorFlow 2.17 each channel has a scale. There is no public name for what gives back the one in all.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = dense_scales == "tensor"  # noqa: SLF001
        converter.inference_input_type = converter.inference_output_type = getattr(tf, io)
    try:
        return bytes(converter.convert())
    except Exception as error:
        raise _explain(error, frozen, precision) from error


class _WholeOnce:
    """A GraphDef without the values of its large weights, which is serialized with them."""

    def __init__(self, light: Any) -> None:
        self._light = light

    def __getattr__(self, name: str) -> Any:
        return getattr(self._light, name)

    def SerializeToString(self) -> bytes:  # noqa: N802 - the name of protobuf
        """The whole graph: the one copy that the native converter gets."""
        return written(self._light)


def _mapped_converter(tf: Any) -> Any:
    """The class of a TFLite converter that takes a graph whose large weights lie in a file."""

    class Converter(tf.lite.TFLiteConverter):  # type: ignore[misc]
        def _freeze_concrete_function(self) -> tuple[Any, Any, Any, Any]:
            function = self._funcs[0]  # it is frozen already
            return function.graph.as_graph_def(), function.inputs, function.outputs, function

        def _optimize_tf_model(self, *arguments: Any) -> _WholeOnce:
            return _WholeOnce(super()._optimize_tf_model(*arguments))

    return Converter


def _configure(converter: Any, precision: Precision, tf: Any) -> None:
    ops = tf.lite.OpsSet
    if precision != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if precision == "int8":
        converter.target_spec.supported_ops = [ops.TFLITE_BUILTINS_INT8]
    if precision == "int16x8":
        converter.target_spec.supported_ops = [
            ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
            ops.TFLITE_BUILTINS,
        ]


def _in_order(frozen: FrozenGraph, samples: Samples) -> Callable[[], Iterator[list[np.ndarray]]]:
    dtypes = {endpoint.name: np.dtype(endpoint.dtype) for endpoint in frozen.inputs}

    def generate() -> Iterator[list[np.ndarray]]:
        for sample in samples():
            yield [np.asarray(sample[name], dtype) for name, dtype in dtypes.items()]

    return generate


def _explain(error: Exception, frozen: FrozenGraph, precision: Precision) -> ConversionError:
    text = str(error)
    missing = sorted(set(MISSING_OP.findall(text)))
    if missing:
        layers = sorted({layer_of(node.name) for node in frozen.light().node if node.op in missing})
        what = f"TFLite has no kernel for {', '.join(missing)} (layer {', '.join(layers) or 'unknown'})"
        return ConversionError(what, "Build the layer from other ops; edgecv never falls back to SELECT_TF_OPS")
    found = ERROR_LINE.search(text)
    reason = found.group(1) if found else (text.strip().splitlines() or [type(error).__name__])[0]
    return ConversionError(f"the TFLite converter refused the model in {precision}: {reason[:300]}")
