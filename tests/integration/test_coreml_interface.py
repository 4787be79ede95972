"""A Core ML model as an app sees it: images in, labels out, systems, metadata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from edgecv_converters.authorship import Authorship
from edgecv_converters.coreml.convert import to_coreml
from edgecv_converters.coreml.describe import describe
from edgecv_converters.coreml.int8.convert import program_from_tflite
from edgecv_converters.coreml.options import Interface
from edgecv_converters.coreml.package import write_package
from edgecv_converters.coreml.reference import ReferenceCoreML
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.mil import Evaluator
from edgecv_runtime.backends import to_raw
from edgecv_runtime.backends.coreml import class_labels, picture
from edgecv_runtime.digest import sha256_tree
from edgecv_runtime.errors import UsageError
from edgecv_runtime.heads.arithmetic import activate
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.schema import Normalize, Preprocess

from tests.integration.coreml_packages import LABELS, SIZE, metadata, network, operations, specification
from tests.integration.onnx_models import frozen, int8_file, quiet

Array = npt.NDArray[Any]
IMAGE = Interface(input="image")
SPACES = {"rgb": 20, "bgr": 30, "gray": 10}  # FeatureTypes.proto, ImageFeatureType.ColorSpace


@pytest.fixture(scope="module")
def graphs() -> dict[str, FrozenGraph]:
    return {
        "colour": frozen(network(), "coreml"),
        "gray": frozen(network(1), "coreml"),
        "logits": frozen(network(logits=True), "coreml"),
    }


def convert(graph: FrozenGraph, out: Path, interface: Interface, metadata: Any, precision: str = "float16") -> Path:
    with quiet():
        to_coreml(graph, precision, out, interface=interface, metadata=metadata)
    return out


def answers(package: Path, graph: FrozenGraph, tensor: Array) -> Array:
    """What the saved package says to one preprocessed tensor."""
    taken, given, _, _ = describe(package, graph.inputs, graph.outputs)
    found = ReferenceCoreML(package, taken, given).run({taken[0].name: to_raw(tensor, taken[0])})
    return np.asarray(found[given[0].name], np.float32)


def tensor_of(spec: Preprocess, seed: int = 0) -> Array:
    """A picture, preprocessed for a float32 input."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), np.uint8)
    return Preprocessor(spec)(pixels)


@pytest.mark.parametrize(
    ("preset", "color", "precision"),
    [
        ("none", "rgb", "float16"),
        ("rescale", "gray", "float16"),
        ("torch", "rgb", "float32"),
        ("caffe", "bgr", "float16"),
    ],
)
def test_bytes_give_the_very_answers_of_the_preprocessed_tensor(
    preset: str, color: str, precision: str, graphs: dict[str, FrozenGraph], tmp_path: Path
) -> None:
    graph = graphs["gray" if color == "gray" else "colour"]
    given = metadata(preset, color=color)
    image = convert(graph, tmp_path / "image.mlpackage", IMAGE, given, precision)
    tensor = convert(graph, tmp_path / "tensor.mlpackage", Interface(), given, precision)
    for seed in range(3):
        sample = tensor_of(given.preprocess["image"], seed)
        np.testing.assert_array_equal(answers(image, graph, sample), answers(tensor, graph, sample))
    feature = specification(image).description.input[0].type.imageType
    assert (feature.height, feature.width, feature.colorSpace) == (*SIZE, SPACES[color])
    ((io,), _, _, _) = describe(image, graph.inputs, graph.outputs)
    assert (io.shape, io.dtype, io.layout) == (graph.inputs[0].shape, "uint8", "NHWC")
    assert io.normalize == given.preprocess["image"].normalize
    assert next(op.type for op in operations(image) if op.type not in {"mul", "add", "cast"}) == "conv"


def test_bytes_give_the_int8_model_the_very_numbers_of_the_tensor(tmp_path: Path) -> None:
    graph = frozen(network(), "tflite")
    given = metadata("rescale")
    rng = np.random.default_rng(0)
    file = tmp_path / "model.tflite"
    file.write_bytes(int8_file(graph, rng.random((20, *SIZE, 3), np.float32)))
    packages = []
    for interface in (IMAGE, Interface(output="classifier")):
        out = tmp_path / f"{interface.input}.mlpackage"
        with quiet():
            program = program_from_tflite(file, inputs=graph.inputs, outputs=graph.outputs)
            write_package(program, graph, out, precision="int8", interface=interface, metadata=given)
        packages.append(out)
    image, tensor = packages
    for seed in range(3):
        sample = tensor_of(given.preprocess["image"], seed)
        np.testing.assert_array_equal(answers(image, graph, sample), answers(tensor, graph, sample))
    (io,), _, _, requires = describe(image, graph.inputs, graph.outputs)
    assert (io.dtype, io.normalize) == ("uint8", given.preprocess["image"].normalize)
    assert requires["minimum_target"] == "iOS17"
    assert "int8 activations" in requires["raised_because"]
    found = [op.type for op in operations(image)]
    assert found[: found.index("conv")].count("quantize") == 1


def test_every_channel_has_its_own_numbers_in_float32(graphs: dict[str, FrozenGraph], tmp_path: Path) -> None:
    given = metadata("torch")
    package = convert(graphs["colour"], tmp_path / "m.mlpackage", IMAGE, given)
    scaled, moved, cast, first = operations(package)[:4]
    assert [scaled.type, moved.type, cast.type, first.type] == ["mul", "add", "cast", "conv"]
    block = next(iter(specification(package).mlProgram.functions["main"].block_specializations.values()))
    constants = {op.outputs[0].name: op for op in block.operations if op.type == "const"}
    wanted = given.preprocess["image"].normalize
    for operation, numbers in ((scaled, wanted.scale), (moved, wanted.offset)):
        value = constants[operation.inputs["y"].arguments[0].name].attributes["val"]
        assert list(value.type.tensorType.dimensions[1].constant.ListFields()[0][1:]) == [3]
        assert np.float32(value.immediateValue.tensor.floats.values).tolist() == np.float32(numbers).tolist()


def test_what_changes_nothing_is_left_out(graphs: dict[str, FrozenGraph], tmp_path: Path) -> None:
    kinds = {}
    for preset in ("none", "rescale", "caffe"):
        package = convert(graphs["colour"], tmp_path / preset, IMAGE, metadata(preset, color="rgb"))
        found = [op.type for op in operations(package)]
        kinds[preset] = found[: found.index("conv")]
    assert kinds == {"none": ["cast"], "rescale": ["mul", "cast"], "caffe": ["add", "cast"]}


def test_one_number_for_all_channels_is_allowed(graphs: dict[str, FrozenGraph], tmp_path: Path) -> None:
    spec = msgspec.structs.replace(
        metadata().preprocess["image"], normalize=Normalize(scale=(0.5,), offset=(1.0, 2.0, 3.0))
    )
    given = metadata(preprocess={"image": spec})
    graph = graphs["colour"]
    image = convert(graph, tmp_path / "image.mlpackage", IMAGE, given)
    tensor = convert(graph, tmp_path / "tensor.mlpackage", Interface(), given)
    sample = tensor_of(spec)
    np.testing.assert_array_equal(answers(image, graph, sample), answers(tensor, graph, sample))


def test_fractions_of_tensorflows_resizing_come_with_a_note(graphs: dict[str, FrozenGraph], tmp_path: Path) -> None:
    graph = graphs["colour"]
    for preset, count in (("image_dataset+rescale", 1), ("load_img+rescale", 0)):
        with quiet():
            notes = to_coreml(graph, "float16", tmp_path / preset, interface=IMAGE, metadata=metadata(preset))
        assert len(notes) == count
        assert all("rounded before they are normalized" in note for note in notes)


@pytest.mark.parametrize("kind", ["colour", "logits"])
def test_a_classifier_gives_the_label_and_the_probability_of_each(
    kind: str, graphs: dict[str, FrozenGraph], tmp_path: Path
) -> None:
    graph = graphs[kind]
    activation = "softmax" if kind == "logits" else "none"
    given = metadata("rescale", activation=activation)
    package = convert(graph, tmp_path / "classifier.mlpackage", IMAGE, given)
    plain = convert(graph, tmp_path / "tensor.mlpackage", Interface(), given)
    description = specification(package).description
    assert [feature.name for feature in description.output] == ["classLabel", "classLabel_probs"]
    assert description.predictedFeatureName == "classLabel"
    assert description.predictedProbabilitiesName == "classLabel_probs"
    taken, (io,), _, _ = describe(package, graph.inputs, graph.outputs)
    assert (io.name, io.tensor, io.shape, io.dtype) == ("answer_0", "classLabel_probs", (1, 4), "float64")
    assert io.by_label
    assert io.activation == activation
    sample = tensor_of(given.preprocess["image"])
    wanted = activate(answers(plain, graph, sample), activation)
    found = answers(package, graph, sample)
    np.testing.assert_allclose(found, wanted, atol=2e-7)
    reference = ReferenceCoreML(package, taken, (io,))
    raw = reference.feeds({"image": to_raw(sample, taken[0])})
    assert Evaluator(reference.program).run(raw)["classLabel"] == LABELS[int(wanted.argmax())]


def test_a_tensor_input_can_end_as_a_classifier_and_an_image_without(
    graphs: dict[str, FrozenGraph], tmp_path: Path
) -> None:
    graph = graphs["colour"]
    given = metadata("rescale")
    both = (Interface(output="classifier"), Interface(input="image", output="tensor"))
    first, second = (convert(graph, tmp_path / str(n), each, given) for n, each in enumerate(both))
    (taken,), (io,), _, _ = describe(first, graph.inputs, graph.outputs)
    assert (taken.dtype, taken.normalize, io.by_label) == ("float16", None, True)
    (taken,), (io,), _, _ = describe(second, graph.inputs, graph.outputs)
    assert (taken.dtype, io.by_label, io.dtype, io.activation) == ("uint8", False, "float16", "none")


def test_labels_twice_leave_nothing_behind(graphs: dict[str, FrozenGraph], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the label 'ant' is there twice"):
        convert(graphs["colour"], tmp_path / "m", IMAGE, metadata("rescale", labels=("ant", "bee", "cat", "ant")))
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("precision", "asked", "specification_version", "minimum", "raised"),
    [
        ("float16", None, 7, "iOS16", False),
        ("float16", "iOS18", 9, "iOS18", False),
        ("weights8", "iOS17", 8, "iOS17", False),
        ("palette3", "iOS16", 9, "iOS18", True),
    ],
)
def test_the_systems_that_read_it(
    precision: str,
    asked: Any,
    specification_version: int,
    minimum: str,
    raised: bool,
    graphs: dict[str, FrozenGraph],
    tmp_path: Path,
) -> None:
    graph = graphs["colour"]
    package = convert(graph, tmp_path / "m", Interface(minimum=asked), metadata(), precision)
    _, _, _, requires = describe(package, graph.inputs, graph.outputs)
    assert requires["specification"] == str(specification_version)
    assert requires["minimum_target"] == minimum
    assert ("raised_because" in requires) == raised
    assert specification(package).specificationVersion == specification_version


def test_a_package_says_what_it_is_and_the_same_every_time(graphs: dict[str, FrozenGraph], tmp_path: Path) -> None:
    graph = graphs["logits"]
    authorship = Authorship(author="Ada", license="MIT", version="1.2")
    given = metadata("rescale", activation="softmax", authorship=authorship)
    asked = Interface(input="image", output="tensor")
    first, second = (convert(graph, tmp_path / name, asked, given) for name in ("a.mlpackage", "b.mlpackage"))
    assert sha256_tree(first) == sha256_tree(second)
    description = specification(first).description
    own = description.metadata
    assert (own.author, own.license, own.versionString) == ("Ada", "MIT", "1.2")
    assert own.shortDescription == "net: classification, 4 labels. From a keras model by edgecv"
    said = dict(own.userDefined)
    assert msgspec.json.decode(said["edgecv.preprocess"], type=dict[str, Preprocess]) == given.preprocess
    assert msgspec.json.decode(said["edgecv.heads"])[0]["activation"] == "softmax"
    assert said["edgecv.source_sha256"] == given.source.sha256
    assert said["edgecv.bundle"] == given.identity
    assert said["edgecv.recipe"] == "float16"
    assert not any("date" in key for key in said)
    assert "12 x 8 pixels" in description.input[0].shortDescription
    assert "softmax makes them scores" in description.output[0].shortDescription
    other = convert(
        graph, tmp_path / "c.mlpackage", asked, metadata("rescale", activation="softmax", identity="2" * 64)
    )
    assert sha256_tree(other) != sha256_tree(first)


@pytest.mark.parametrize(("preset", "color"), [("caffe", "bgr"), ("rescale", "gray"), ("torch", "rgb")])
def test_a_mac_hands_over_the_picture_and_reads_the_labels(
    preset: str, color: str, graphs: dict[str, FrozenGraph], tmp_path: Path
) -> None:
    """All but Core ML itself: the picture that it would be given, and the order of its probabilities."""
    graph = graphs["gray" if color == "gray" else "colour"]
    given = metadata(preset, color=color)
    package = convert(graph, tmp_path / "m.mlpackage", IMAGE, given)
    (io,), _, _, _ = describe(package, graph.inputs, graph.outputs)
    pixels = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    raw = Preprocessor(given.preprocess["image"], io)(pixels)
    spec = specification(package)
    handed = picture(raw, io, spec)
    if color != "gray":
        assert (np.asarray(handed) == pixels).all(), "Core ML orders the colours itself"
    assert handed.mode == ("L" if color == "gray" else "RGB")
    tensor = Preprocessor(given.preprocess["image"])(pixels)
    assert (to_raw(tensor, io) == raw).all()
    assert class_labels(spec) == list(LABELS)
