"""From a finished program to a reproducible .mlpackage that says what it is."""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

from edgecv_runtime.schema import Activation, Precision

from edgecv_converters.coreml.edges import end_with_probabilities, take_picture
from edgecv_converters.coreml.interface import classifier, minimum_target, pictures
from edgecv_converters.coreml.names import feature_of, identifier
from edgecv_converters.coreml.options import Interface
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.isolate.lean import importing_without
from edgecv_converters.model_metadata import PREPROCESS, ModelMetadata

UUID_NAMESPACE = uuid.UUID("9c8f6f2a-2f2e-5c0e-9e55-0d6a7b1d5a11")  # edgecv's own, so that identifiers are stable
RECIPE = "edgecv.recipe"
LABEL = "classLabel"
OTHER_SOURCES = ("libsvm", "sklearn", "torch", "torchaudio", "torchvision", "transformers", "xgboost")
PASSES = (  # those of coremltools that leave a quantization and a normalization as they are
    "common::merge_consecutive_transposes",
    "common::noop_elimination",
    "common::const_deduplication",
    "common::dead_code_elimination",
)


def load_coremltools() -> Any:
    """Import coremltools without its notes on versions it has not been tested with (our parity report tests it)."""
    logger = logging.getLogger("coremltools")
    logger.setLevel(logging.ERROR)
    with importing_without(*OTHER_SOURCES):
        import coremltools as ct

    return ct


def write_package(
    program: Any,
    frozen: FrozenGraph,
    out: Path,
    *,
    precision: Precision,
    interface: Interface,
    metadata: ModelMetadata | None,
) -> tuple[str, ...]:
    """Give a program the interface that an app wants, and save it as the folder `out` (.mlpackage).

    Args:
        program: The coremltools program, with its weights as they are to be stored; it is changed. Its inputs and
            outputs have the frozen graph's shapes, and the names of its endpoints or nodes.
        frozen: The graph that it was made from.
        out: The .mlpackage folder to write.
        precision: Decides the minimum target.
        interface: What was asked for.
        metadata: What the metadata say of the bundle; None for a package that says nothing of one.

    Returns:
        Notes for the report.

    Raises:
        UsageError: The model does not fit the interface.
    """
    ct = load_coremltools()
    images = pictures(interface, metadata, frozen.inputs)
    head = classifier(interface, metadata, frozen.outputs)
    function = program.functions["main"]
    for endpoint in frozen.inputs:
        if endpoint.name in images:
            take_picture(program, _present(endpoint, function.inputs), images[endpoint.name])
    config = None
    if head is not None:
        endpoint = next(output for output in frozen.outputs if output.name == head.outputs[0])
        chosen = _present(endpoint, {output.name for output in function.outputs})
        probabilities = end_with_probabilities(program, chosen, head.activation)
        config = ct.ClassifierConfig(list(head.labels or ()), LABEL, probabilities)
    model = ct.convert(
        program,
        source="milinternal",
        convert_to="mlprogram",
        classifier_config=config,
        compute_precision=ct.precision.FLOAT32,  # that is: as the program is
        minimum_deployment_target=getattr(ct.target, minimum_target(precision, interface)),
        pass_pipeline=ct.PassPipeline(list(PASSES)),
        skip_model_load=True,
    )
    _save(_finished(model, frozen, precision, metadata, ct), out, ct)
    return tuple(_notes(images))


def _present(endpoint: Any, names: Any) -> str:
    found = feature_of(endpoint, names)
    assert found is not None, f"the program lost {endpoint.name}"
    return found


def _notes(images: dict[str, Any]) -> list[str]:
    rounded = [name for name, spec in images.items() if spec.resize.semantics == "tf"]
    return [
        f"Core ML's image input {name} takes bytes, where TensorFlow's resizing gives fractions: they are rounded "
        "before they are normalized"
        for name in rounded
    ]


def _finished(model: Any, frozen: FrozenGraph, precision: Precision, metadata: ModelMetadata | None, ct: Any) -> Any:
    """With the source's names, where Core ML's identifiers allow it, and the metadata; without the date."""
    spec = model.get_spec()
    for endpoint in (*frozen.inputs, *frozen.outputs):
        wanted = identifier(endpoint.name)
        present = {feature.name for feature in (*spec.description.input, *spec.description.output)}
        if identifier(endpoint.node) in present and wanted not in present:
            ct.utils.rename_feature(spec, identifier(endpoint.node), wanted)
    own = spec.description.metadata
    for key in [key for key in own.userDefined if key.endswith("conversion_date")]:
        del own.userDefined[key]
    own.userDefined[RECIPE] = precision
    if metadata is not None:
        _sign(spec.description, metadata, frozen)
    return ct.models.MLModel(spec, weights_dir=model.weights_dir, skip_model_load=True)


def _sign(description: Any, metadata: ModelMetadata, frozen: FrozenGraph) -> None:
    """Say what the model is, and which bundle it belongs to."""
    own, authorship = description.metadata, metadata.authorship
    own.author, own.license = authorship.author or "", authorship.license or ""
    own.versionString = authorship.version or ""
    own.shortDescription = metadata.summary()
    for key, value in metadata.properties().items():
        own.userDefined[key] = value
    for feature in description.input:
        feature.shortDescription = _of_input(feature)
    for feature in description.output:
        feature.shortDescription = _of_output(feature, description, _activation(feature, metadata, frozen))


def _of_input(feature: Any) -> str:
    if feature.type.WhichOneof("Type") == "imageType":
        size = feature.type.imageType
        return (
            f"A picture of {size.width} x {size.height} pixels, resized as {PREPROCESS} says; the model normalizes it"
        )
    return f"Numbers in the order NHWC, preprocessed as {PREPROCESS} says"


def _activation(feature: Any, metadata: ModelMetadata, frozen: FrozenGraph) -> Activation:
    """Tell what is still to be applied to an output."""
    names = {identifier(name): output.name for output in frozen.outputs for name in (output.name, output.node)}
    source = names.get(feature.name)
    return next((head.activation for head in metadata.heads if source in head.outputs), "none")


def _of_output(feature: Any, description: Any, activation: Activation) -> str:
    if feature.name == description.predictedFeatureName:
        return "The most probable label"
    if feature.name == description.predictedProbabilitiesName:
        return "The probability of each label"
    rest = "" if activation == "none" else f"; {activation} makes them scores in 0..1"
    return f"The model's values{rest}"


def _save(model: Any, out: Path, ct: Any) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model.mlpackage"
        model.save(str(folder))
        _stable_bytes(folder / "Data" / "com.apple.CoreML" / "model.mlmodel", ct)
        _stable_identifiers(folder / "Manifest.json")
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(folder, out)


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
