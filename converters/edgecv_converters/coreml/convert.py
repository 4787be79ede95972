"""coremltools, given the frozen graph; what it makes gets its weights' recipe and its interface."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edgecv_runtime.errors import ConversionError, EdgecvError
from edgecv_runtime.heads.base import is_whole
from edgecv_runtime.schema import Precision

from edgecv_converters.coreml.handlers import register
from edgecv_converters.coreml.interface import minimum_target
from edgecv_converters.coreml.names import identifier
from edgecv_converters.coreml.options import Interface
from edgecv_converters.coreml.package import load_coremltools, write_package
from edgecv_converters.coreml.recipes import weight_recipe
from edgecv_converters.coreml.weights import store_weights
from edgecv_converters.graph.edit import node_of
from edgecv_converters.graph.frozen import Endpoint, FrozenGraph
from edgecv_converters.graph.layers import layer_of
from edgecv_converters.graph.weights import give_folded, hide, show
from edgecv_converters.isolate.child import give_back
from edgecv_converters.model_metadata import ModelMetadata

UNKNOWN_OP = re.compile(r"Conversion for TF op '(\w+)' not implemented")
FLOATS = frozenset({"float32", "float16"})
PLAIN = Interface()
CRASHES: Final = "common::fuse_stack_split"  # where a part is read by anything but a squeeze, as in D-FINE


def to_coreml(
    frozen: FrozenGraph,
    precision: Precision,
    out: Path,
    *,
    interface: Interface = PLAIN,
    metadata: ModelMetadata | None = None,
    float32: Collection[str] = (),
) -> tuple[str, ...]:
    """Convert to an ML program and save it as the folder `out` (.mlpackage).

    Args:
        frozen: The graph, in its canonical form for Core ML.
        precision: "float32", "float16", or the name of a weight recipe: then the computation is in float16.
        out: The .mlpackage folder to write.
        interface: What an app wants of the model.
        metadata: What the metadata say of the bundle; None for a package that says nothing of one.
        float32: The operations that are computed in float32 whatever the precision, by their names in the program.

    Returns:
        Notes for the report.

    Raises:
        ConversionError: An op is unknown to coremltools (named, with its layer), or the converter refused the graph.
        UsageError: There is no such recipe, or the model does not fit it or the interface.
    """
    try:
        recipe = None if precision in FLOATS else weight_recipe(precision)
        program = to_program(frozen, precision, interface, float32)
        if recipe is not None:
            store_weights(program, recipe)
        return write_package(program, frozen, out, precision=precision, interface=interface, metadata=metadata)
    except EdgecvError:
        raise
    except Exception as error:
        raise _explain(error, frozen, precision) from error


def to_program(
    frozen: FrozenGraph, precision: Precision, interface: Interface = PLAIN, float32: Collection[str] = ()
) -> Any:
    """The coremltools program of a graph, its weights as they are: float32, or float16 for all other precisions."""
    ct = load_coremltools()
    register()

    def narrow(operation: Any) -> bool:
        named = {identifier(name) for name in (operation.name, *(output.name for output in operation.outputs))}
        return named.isdisjoint(float32)

    half = ct.transform.FP16ComputePrecision(op_selector=narrow)
    read = {node_of(name) for node in frozen.light().node for name in node.input}
    optimized = _optimized(_without_truth_values(frozen))
    give_back()
    program = ct.convert(
        optimized,
        source="tensorflow",
        convert_to="milinternal",
        inputs=[ct.TensorType(name=end.node, shape=end.shape) for end in frozen.inputs if end.node in read],
        outputs=[ct.TensorType(name=endpoint.node) for endpoint in frozen.outputs],
        compute_precision=ct.precision.FLOAT32 if precision == "float32" else half,
        minimum_deployment_target=getattr(ct.target, minimum_target(precision, interface)),
        pass_pipeline=_pipeline(ct),
    )
    for endpoint in frozen.inputs:
        if endpoint.node not in read:
            _take_unread(program, endpoint)
    return program


def _pipeline(ct: Any) -> Any:
    """The usual passes of coremltools, but for one that ends with an error."""
    pipeline = ct.PassPipeline.DEFAULT
    pipeline.remove_passes({CRASHES})
    return pipeline


def _without_truth_values(frozen: FrozenGraph) -> FrozenGraph:
    """Let outputs that are true or false be 1 or 0: coremltools gives such an output a name of its own."""
    import tensorflow as tf

    proto, ends = frozen.light(), {end.node for end in frozen.outputs if end.dtype == "bool"}
    for node in proto.node:
        if node.name in ends and node.op == "Identity":
            node.op = "Cast"
            node.attr.clear()
            node.attr["SrcT"].type, node.attr["DstT"].type = tf.bool.as_datatype_enum, tf.int32.as_datatype_enum
    return replace(frozen, graph_def=proto.SerializeToString(deterministic=True)) if ends else frozen


def _optimized(frozen: FrozenGraph) -> Any:
    """The GraphDef that coremltools makes of a function, with large weights hidden from TensorFlow's optimizer."""
    import tensorflow as tf
    from coremltools.converters.mil.frontend.tensorflow2.load import TF2Loader

    proto = frozen.light()
    give_folded(proto)
    hidden = hide(proto)
    wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(proto, name=""), [])
    taken = [*(end.tensor for end in frozen.inputs), *(f"{name}:0" for name in hidden)]
    function = wrapped.prune(taken, [end.tensor for end in frozen.outputs])
    optimized = TF2Loader([function])._graph_def_from_concrete_fn([function])  # noqa: SLF001 - no other door
    show(optimized, hidden)
    return optimized


def _take_unread(program: Any, endpoint: Endpoint) -> None:
    """Let a program take an input that nothing reads, which coremltools does not find in the graph."""
    from coremltools.converters.mil import Builder
    from coremltools.converters.mil.mil import types

    dtype = types.int32 if is_whole(endpoint.dtype) else types.fp32
    taken = Builder.placeholder(endpoint.shape, dtype)
    taken.set_name(endpoint.node)
    program.functions["main"].inputs[endpoint.node] = taken.outputs[0]


def _explain(error: Exception, frozen: FrozenGraph, precision: Precision) -> ConversionError:
    text = str(error).strip() or type(error).__name__
    found = UNKNOWN_OP.search(text)
    if found:
        layers = sorted({layer_of(node.name) for node in frozen.light().node if node.op == found.group(1)})
        return ConversionError(
            f"Core ML has no op for {found.group(1)} (layer {', '.join(layers) or 'unknown'})",
            "Build the layer from other ops",
        )
    return ConversionError(f"coremltools refused the model in {precision}: {text.splitlines()[0][:300]}")
