"""coremltools, given the frozen graph; the package it writes is made reproducible."""

from __future__ import annotations

import json
import logging
import re
import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from edgecv_runtime.errors import ConversionError
from edgecv_runtime.schema import Precision, TensorIO

from edgecv_converters.graph.frozen import Endpoint, FrozenGraph
from edgecv_converters.graph.layers import layer_of

MINIMUM_TARGET = "iOS16"  # the first with float16 inputs and compressed weights in ML programs
DTYPES = {"FLOAT32": "float32", "FLOAT16": "float16", "INT32": "int32", "DOUBLE": "float64"}
UNKNOWN_OP = re.compile(r"Conversion for TF op '(\w+)' not implemented")
UUID_NAMESPACE = uuid.UUID("9c8f6f2a-2f2e-5c0e-9e55-0d6a7b1d5a11")  # edgecv's own, so that identifiers are stable


def to_coreml(frozen: FrozenGraph, precision: Precision, out: Path, float_layers: Collection[str] = ()) -> None:
    """Convert to an ML program and save it as the folder `out` (.mlpackage).

    Args:
        frozen: The graph, in its canonical form for Core ML.
        precision: "float32", "float16", or "int8": weights int8 (per channel, symmetric), computation in float16;
            "mixed" is int8, with the weights of some layers in float16.
        out: The .mlpackage folder to write.
        float_layers: Those layers.

    Raises:
        ConversionError: An op is unknown to coremltools (named, with its layer), or the converter refused the graph.
    """
    ct = load_coremltools()
    compute = ct.precision.FLOAT32 if precision == "float32" else ct.precision.FLOAT16
    try:
        model = ct.convert(
            [frozen.function()],
            source="tensorflow",
            convert_to="mlprogram",
            inputs=[ct.TensorType(name=e.node, shape=e.shape) for e in frozen.inputs],
            outputs=[ct.TensorType(name=e.node) for e in frozen.outputs],
            compute_precision=compute,
            minimum_deployment_target=getattr(ct.target, MINIMUM_TARGET),
            skip_model_load=True,
        )
        if precision in {"int8", "mixed"}:
            model = _quantize_weights(model, ct, _weights_of(model, frozen, float_layers))
    except Exception as error:
        raise _explain(error, frozen, precision) from error
    _save(_finish(model, frozen, ct), out, ct)


def load_coremltools() -> Any:
    """Import coremltools without its notes on versions it has not been tested with (our parity report tests it)."""
    logger = logging.getLogger("coremltools")
    logger.setLevel(logging.ERROR)
    import coremltools as ct

    return ct


def _quantize_weights(model: Any, ct: Any, left_out: Collection[str]) -> Any:
    config = ct.optimize.coreml.OpLinearQuantizerConfig(mode="linear_symmetric", dtype="int8", weight_threshold=512)
    chosen = ct.optimize.coreml.OptimizationConfig(global_config=config)
    for name in left_out:
        chosen.set_op_name(name, None)
    return ct.optimize.coreml.linear_quantize_weights(model, chosen)


def _weights_of(model: Any, frozen: FrozenGraph, layers: Collection[str]) -> list[str]:
    """The names of the constants that the operations of some layers read: what coremltools' options go by.

    Operations are named after nodes of the graph, with more at the end.
    """
    layer = {identifier(node.name): layer_of(node.name) for node in frozen.proto().node}
    found = []
    for operation in model._mil_program.functions["main"].operations:  # noqa: SLF001 - the program has no public name
        nodes = [name for name in layer if operation.op_type != "const" and operation.name.startswith(name)]
        if nodes and layer[max(nodes, key=len)] in layers:
            given = [getattr(value, "op", None) for value in operation.inputs.values()]
            found += [maker.name for maker in given if maker is not None and maker.op_type == "const"]
    return found


def _finish(model: Any, frozen: FrozenGraph, ct: Any) -> Any:
    """Give inputs and outputs the source's names where Core ML's identifiers allow it, and drop the date."""
    spec = model.get_spec()
    for endpoint in (*frozen.inputs, *frozen.outputs):
        wanted = identifier(endpoint.name)
        present = {feature.name for feature in (*spec.description.input, *spec.description.output)}
        if identifier(endpoint.node) in present and wanted not in present:
            ct.utils.rename_feature(spec, identifier(endpoint.node), wanted)
    metadata = spec.description.metadata.userDefined
    for key in [key for key in metadata if key.endswith("conversion_date")]:
        del metadata[key]
    return ct.models.MLModel(spec, weights_dir=model.weights_dir, skip_model_load=True)


def identifier(name: str) -> str:
    """A name as Core ML writes it: letters, digits and underscores, no digit first."""
    cleaned = re.sub(r"\W", "_", name)
    return f"_{cleaned}" if cleaned[:1].isdigit() else cleaned


def _save(model: Any, out: Path, ct: Any) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model.mlpackage"
        model.save(str(folder))
        _stable_bytes(folder / "Data" / "com.apple.CoreML" / "model.mlmodel", ct)
        _stable_identifiers(folder / "Manifest.json")
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(folder, out)


def _stable_bytes(file: Path, ct: Any) -> None:
    """Write the program's maps in sorted order: protobuf promises none unless asked."""
    spec = ct.utils.load_spec(str(file))
    file.write_bytes(spec.SerializeToString(deterministic=True))


def _stable_identifiers(manifest: Path) -> None:
    """Replace the random identifiers of an .mlpackage by ones that follow from its items' paths."""
    content = json.loads(manifest.read_text())
    items = sorted(content["itemInfoEntries"].items(), key=lambda entry: entry[1]["path"])
    stable = {old: str(uuid.uuid5(UUID_NAMESPACE, item["path"])).upper() for old, item in items}
    content["itemInfoEntries"] = {stable[old]: item for old, item in items}
    content["rootModelIdentifier"] = stable[content["rootModelIdentifier"]]
    manifest.write_text(json.dumps(content, indent=4) + "\n")


def _explain(error: Exception, frozen: FrozenGraph, precision: Precision) -> ConversionError:
    text = str(error).strip() or type(error).__name__
    found = UNKNOWN_OP.search(text)
    if found:
        layers = sorted({layer_of(node.name) for node in frozen.proto().node if node.op == found.group(1)})
        return ConversionError(
            f"Core ML has no op for {found.group(1)} (layer {', '.join(layers) or 'unknown'})",
            "Build the layer from other ops",
        )
    return ConversionError(f"coremltools refused the model in {precision}: {text.splitlines()[0][:300]}")


def describe(
    package: Path, inputs: Sequence[Endpoint], outputs: Sequence[Endpoint]
) -> tuple[tuple[TensorIO, ...], tuple[TensorIO, ...], dict[str, int], dict[str, str]]:
    """The package's inputs, outputs, a count of its MIL operations, and the systems it needs at least."""
    spec = load_coremltools().models.MLModel(str(package), skip_model_load=True).get_spec()
    taken = _pair(spec.description.input, inputs)
    given = _pair(spec.description.output, outputs)
    block = next(iter(spec.mlProgram.functions["main"].block_specializations.values()))
    ops = dict(sorted(Counter(operation.type for operation in block.operations).items()))
    requires = {"specification": str(spec.specificationVersion), "minimum_target": MINIMUM_TARGET}
    return taken, given, ops, requires


def _pair(features: Sequence[Any], endpoints: Sequence[Endpoint]) -> tuple[TensorIO, ...]:
    by_name = {feature.name: feature for feature in features}
    return tuple(
        _io(by_name.get(identifier(endpoint.name)) or by_name[identifier(endpoint.node)], endpoint)
        for endpoint in endpoints
    )


def _io(feature: Any, endpoint: Endpoint) -> TensorIO:
    array = feature.type.multiArrayType
    kind = type(array).ArrayDataType.Name(array.dataType)
    shape = tuple(int(size) for size in array.shape) or endpoint.shape
    return TensorIO(
        name=endpoint.name,
        tensor=feature.name,
        shape=shape,
        dtype=DTYPES.get(kind, kind.lower()),
        layout="NHWC" if len(shape) == 4 else "none",
    )
