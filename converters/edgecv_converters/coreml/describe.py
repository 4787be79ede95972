"""The description of a saved .mlpackage: its inputs, outputs and operations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from edgecv_runtime.schema import HeadSpec, Normalize, Preprocess, TensorIO

from edgecv_converters.coreml.interface import EARLIEST, exclusive_head, needs
from edgecv_converters.coreml.names import feature_of
from edgecv_converters.coreml.package import RECIPE, load_coremltools
from edgecv_converters.coreml.recipes import Minimum
from edgecv_converters.graph.frozen import Endpoint
from edgecv_converters.model_metadata import HEADS, PREPROCESS

DTYPES = {"FLOAT32": "float32", "FLOAT16": "float16", "INT32": "int32", "DOUBLE": "float64"}
SYSTEMS: dict[int, Minimum] = {7: "iOS16", 8: "iOS17", 9: "iOS18"}  # the specification version that each came with


def describe(
    package: Path, inputs: Sequence[Endpoint], outputs: Sequence[Endpoint]
) -> tuple[tuple[TensorIO, ...], tuple[TensorIO, ...], dict[str, int], dict[str, str]]:
    """The package's inputs, outputs, a count of its MIL operations, and the systems it needs at least.

    An image input is described as the tensor of its bytes, (1, height, width, channels) uint8, with what the program
    normalizes by; a classifier's probabilities as (1, labels) float64 by label.
    """
    spec = load_coremltools().models.MLModel(str(package), skip_model_load=True).get_spec()
    taken = tuple(_input(spec.description, endpoint) for endpoint in inputs)
    head = _classifier(spec.description)
    given = tuple(_output(spec.description, endpoint, head) for endpoint in outputs)
    block = next(iter(spec.mlProgram.functions["main"].block_specializations.values()))
    ops = dict(sorted(Counter(operation.type for operation in block.operations).items()))
    return taken, given, ops, _requires(spec)


def _requires(spec: Any) -> dict[str, str]:
    version = int(spec.specificationVersion)
    found = {"specification": str(version), "minimum_target": SYSTEMS.get(version, str(version))}
    minimum, reason = needs(spec.description.metadata.userDefined[RECIPE])
    if minimum == found["minimum_target"] != EARLIEST and reason is not None:
        found["raised_because"] = reason
    return found


def _input(description: Any, endpoint: Endpoint) -> TensorIO:
    feature = _feature(description.input, endpoint)
    if feature.type.WhichOneof("Type") != "imageType":
        return _tensor(feature, endpoint)
    return TensorIO(
        name=endpoint.name,
        tensor=feature.name,
        shape=endpoint.shape,
        dtype="uint8",
        layout="NHWC",
        normalize=_normalize(description, endpoint),
    )


def _normalize(description: Any, endpoint: Endpoint) -> Normalize:
    text = description.metadata.userDefined[PREPROCESS]
    return msgspec.json.decode(text, type=dict[str, Preprocess])[endpoint.name].normalize


def _classifier(description: Any) -> HeadSpec | None:
    """The head whose probabilities the package gives by label, or None."""
    if not description.predictedProbabilitiesName:
        return None
    return exclusive_head(msgspec.json.decode(description.metadata.userDefined[HEADS], type=tuple[HeadSpec, ...]))


def _output(description: Any, endpoint: Endpoint, head: HeadSpec | None) -> TensorIO:
    if head is None or endpoint.name not in head.outputs:
        return _tensor(_feature(description.output, endpoint), endpoint)
    return TensorIO(
        name=endpoint.name,
        tensor=description.predictedProbabilitiesName,
        shape=endpoint.shape,
        dtype="float64",
        by_label=True,
        activation=head.activation,
    )


def _feature(features: Sequence[Any], endpoint: Endpoint) -> Any:
    by_name = {feature.name: feature for feature in features}
    found = feature_of(endpoint, by_name)
    assert found is not None, f"the package lost {endpoint.name}"
    return by_name[found]


def _tensor(feature: Any, endpoint: Endpoint) -> TensorIO:
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
