"""Saved packages: what an app sees of them, what is damaged, what is unknown, what overflows."""

from __future__ import annotations

import gc
import json
import shutil
import weakref

import numpy as np
import pytest
from edgecv_converters.mil import Classifier, Evaluator, Feature, UnsupportedOperationError, load_program
from edgecv_runtime.errors import BackendError, BundleError
from PIL import Image

from tests.integration.mil_programs import builder, converting, coremltools, load_built, save_program, values

RNG = np.random.default_rng(0)
WEIGHT = values(RNG, (4, 3, 3, 3), "float16")


def convolution(x):
    made = builder().conv(x=x, weight=WEIGHT, pad_type="same", name="scores")
    return builder().relu(x=made, name="kept")


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    return save_program(convolution, [values(RNG, (1, 3, 6, 6), "float16")], tmp_path_factory.mktemp("mil"))


@pytest.fixture
def copy(package, tmp_path):
    return shutil.copytree(package, tmp_path / "copy.mlpackage")


def model_file(package):
    return package / "Data" / "com.apple.CoreML" / "model.mlmodel"


def edited(package, change):
    """The package, its model's message changed."""
    from coremltools.proto import Model_pb2

    message = Model_pb2.Model.FromString(model_file(package).read_bytes())
    change(message)
    model_file(package).write_bytes(message.SerializeToString())
    return package


def block_of(message):
    function = message.mlProgram.functions["main"]
    return function.block_specializations[function.opset]


def constants_of(message):
    return [op.attributes["val"] for op in block_of(message).operations if op.type == "const"]


def operation_of(message, kind):
    return next(operation for operation in block_of(message).operations if operation.type == kind)


def test_what_a_package_says(package):
    program = load_program(package)
    assert program.inputs == (Feature(name="in0", kind="tensor", dtype="float16", shape=(1, 3, 6, 6)),)
    assert program.outputs == (Feature(name="kept", kind="tensor", dtype="float16", shape=(1, 4, 6, 6)),)
    assert (program.specification, program.opset, program.classifier) == (8, "CoreML7", None)
    last = program.operations[-1]
    assert (last.type, last.name, last.inputs, last.outputs[0].shape) == (
        "relu",
        "kept",
        {"x": ("scores",)},
        (1, 4, 6, 6),
    )
    constant = next(op for op in program.operations if op.outputs[0].shape == WEIGHT.shape)
    np.testing.assert_array_equal(constant.inputs["val"][0], WEIGHT)


def write_metadata(message):
    metadata = message.description.metadata
    metadata.author, metadata.versionString = "A. Author", "1.2"
    metadata.userDefined["com.example.digest"] = "abc"


def test_what_the_author_wrote(copy):
    found = load_program(edited(copy, write_metadata)).metadata
    assert found == {"author": "A. Author", "version": "1.2", "com.example.digest": "abc"}


def test_everyone_who_watches_sees_each_operation_in_its_own_type(package):
    seen = []
    evaluator = Evaluator(load_program(package))
    x = {"in0": values(RNG, (1, 3, 6, 6), "float16")}
    answer = evaluator.run(x, watch=lambda op, made: seen.append((op.name, [value.dtype.name for value in made], made)))
    assert [row[:2] for row in seen] == [("scores", ["float16"]), ("kept", ["float16"])]
    np.testing.assert_array_equal(seen[1][2][0], np.maximum(seen[0][2][0], 0))
    np.testing.assert_array_equal(answer["kept"], seen[1][2][0])
    np.testing.assert_array_equal(evaluator.run(x)["kept"], answer["kept"])


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, r"takes \['in0'\]"),
        ({"in0": np.zeros((1, 3, 6, 6)), "more": np.zeros(1)}, "was given"),
        ({"in0": np.zeros((1, 6, 6, 3))}, r"of shape \(1, 3, 6, 6\)"),
        ({"in0": np.full((1, 3, 6, 6), "a")}, "takes float16"),
    ],
)
def test_wrong_inputs_are_errors(package, given, why):
    with pytest.raises(BackendError, match=why):
        Evaluator(load_program(package)).run(given)


def manifest(change):
    def damage(package):
        path = package / "Manifest.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    return damage


def elsewhere(content):
    content["itemInfoEntries"][content["rootModelIdentifier"]]["path"] = "../../../secret"


DAMAGES = {
    "no manifest": (lambda package: (package / "Manifest.json").unlink(), "no readable Manifest.json"),
    "no JSON": (lambda package: (package / "Manifest.json").write_text("{"), "manifest .* is damaged"),
    "no root": (manifest(lambda content: content.pop("rootModelIdentifier")), "manifest .* is damaged"),
    "outside": (manifest(elsewhere), "points outside of the package"),
    "no model": (lambda package: model_file(package).unlink(), "model file .* cannot be read"),
    "cut model": (lambda package: model_file(package).write_bytes(model_file(package).read_bytes()[:-9]), "is damaged"),
    "no weights": (lambda package: shutil.rmtree(model_file(package).parent / "weights"), "cannot be read"),
    "cut weights": (
        lambda package: (model_file(package).parent / "weights" / "weight.bin").write_bytes(
            b"\x01\0\0\0\x02" + b"\0" * 99
        ),
        "metadata cannot be there",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_package_is_a_clear_error(copy, damage):
    change, why = DAMAGES[damage]
    change(copy)
    with pytest.raises(BundleError, match=why):
        load_program(copy)


def neural_network(message):
    message.neuralNetwork.SetInParent()


def other_weights(message):
    for value in constants_of(message):
        if value.WhichOneof("value") == "blobFileValue":
            value.blobFileValue.fileName = "@model_path/../../../secret"


def wrong_shape(message):
    for value in constants_of(message):
        if value.WhichOneof("value") == "blobFileValue":
            value.type.tensorType.dimensions[0].constant.size = 5


def wrong_type(message):
    for value in constants_of(message):
        if value.WhichOneof("value") == "blobFileValue":
            value.type.tensorType.dataType = 11


def other_opset(message):
    message.mlProgram.functions["main"].opset = "CoreML99"


def other_output(message):
    message.description.output[0].name = "lost"


CONTRADICTIONS = {
    "another kind": (neural_network, "of the kind neuralNetwork, not an ML program"),
    "weights elsewhere": (other_weights, "not inside the package"),
    "another shape": (wrong_shape, "has 108 elements"),
    "another type": (wrong_type, "declared float32, and the weight file has float16"),
    "another opset": (other_opset, "no block for its opset 'CoreML99'"),
    "another output": (other_output, "no value 'lost'"),
}


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_a_program_that_contradicts_itself_is_a_clear_error(copy, kind):
    change, why = CONTRADICTIONS[kind]
    with pytest.raises(BundleError, match=why):
        load_program(edited(copy, change))


def rename_type(message):
    operation_of(message, "relu").type = "swirl"


def add_parameter(message):
    operation_of(message, "relu").inputs["y"].arguments.add().name = "scores"


def drop_parameter(message):
    del operation_of(message, "conv").inputs["weight"]


def change_padding(message):
    for value in constants_of(message):
        if list(value.immediateValue.tensor.strings.values) == ["same"]:
            value.immediateValue.tensor.strings.values[0] = "circular"


UNKNOWN = {
    "type": (rename_type, r"operation type 'swirl' \(of 'kept'\)"),
    "parameter": (add_parameter, r"'kept' \(relu\) is not supported: the parameter 'y' is unknown"),
    "missing": (drop_parameter, r"'scores' \(conv\) is not supported: the parameter 'weight' is missing"),
    "value": (change_padding, r"'scores' \(conv\) .* 'pad_type' is 'circular'"),
}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_what_is_unknown_is_named_before_anything_runs(copy, kind):
    change, why = UNKNOWN[kind]
    program = load_program(edited(copy, change))
    with pytest.raises(UnsupportedOperationError, match=why):
        Evaluator(program)


def read_nothing(message):
    operation_of(message, "relu").inputs["x"].arguments[0].name = "nobody"


def test_a_value_that_nothing_makes_is_an_error(copy):
    program = load_program(edited(copy, read_nothing))
    with pytest.raises(BundleError, match="'kept' reads 'nobody'"):
        Evaluator(program)


def declare_less(message):
    operation_of(message, "conv").outputs[0].type.tensorType.dimensions[2].constant.size = 5


def test_a_shape_that_is_declared_wrong_is_an_error(copy):
    evaluator = Evaluator(load_program(edited(copy, declare_less)))
    with pytest.raises(BundleError, match=r"'scores' \(conv\) makes the shape \(1, 4, 6, 6\)"):
        evaluator.run({"in0": np.zeros((1, 3, 6, 6))})


def overflowing(x):
    mb = builder()
    safe = mb.mul(x=x, y=np.float16(2), name="safe")
    large = mb.mul(x=safe, y=safe, name="large")
    return mb.sub(x=large, y=large, name="after")


def test_the_first_overflow_is_named():
    x = np.array([[1.0, 200.0]], np.float16)
    evaluator = Evaluator(load_built(overflowing, [x]))
    assert evaluator.overflow is None
    evaluator.run({"in0": x / 2})  # (200)^2 is 40,000: below 65,504
    assert evaluator.overflow is None
    answer = evaluator.run({"in0": x})  # (400)^2 is not
    assert np.isnan(answer["after"]).tolist() == [[False, True]]
    found = evaluator.overflow
    assert (found.operation, found.type, found.dtype, found.largest) == ("large", "mul", "float16", 400.0)
    evaluator.run({"in0": x * 8})
    assert evaluator.overflow == found


def test_samples_side_by_side_give_the_same_answers_and_the_first_ones_overflow():
    x = np.array([[1.0, 200.0]], np.float16)
    feeds = [{"in0": x * np.float16(factor)} for factor in (0.5, 0.25, 1, 8, 4, 0.5)]
    together, alone = (Evaluator(load_built(overflowing, [x])) for _ in range(2))
    answers = together.run_all(feeds, threads=3)
    for found, feed in zip(answers, feeds, strict=True):
        np.testing.assert_array_equal(found["after"], alone.run(feed)["after"])
    assert together.overflow == alone.overflow
    assert together.overflow.largest == 400.0


def test_an_input_that_float16_cannot_hold_is_an_overflow(package):
    evaluator = Evaluator(load_program(package))
    evaluator.run({"in0": np.full((1, 3, 6, 6), -1e5)})
    found = evaluator.overflow
    assert found is not None
    assert (found.operation, found.type, found.dtype, found.largest) == ("in0", "input", "float16", 1e5)


def test_values_are_freed_after_their_last_use(package):
    made = []
    evaluator = Evaluator(load_program(package))
    answer = evaluator.run({"in0": np.ones((1, 3, 6, 6))}, watch=lambda _, values: made.append(weakref.ref(values[0])))
    gc.collect()
    assert [reference() is None for reference in made] == [True, False]
    assert made[1]() is answer["kept"]


def test_what_is_not_finite_from_the_start_is_no_overflow():
    x = np.array([[1.0, np.inf]], np.float16)
    evaluator = Evaluator(load_built(overflowing, [x]))
    evaluator.run({"in0": x})
    assert evaluator.overflow is None


def test_the_same_in_float32_does_not_overflow():
    x = np.array([[1.0, 200.0]], np.float32)

    def wide(v):
        return builder().square(x=builder().mul(x=v, y=np.float32(2)), name="large")

    evaluator = Evaluator(load_built(wide, [x]))
    assert evaluator.run({"in0": x})["large"].tolist() == [[4.0, 160000.0]]
    assert evaluator.overflow is None


def image_model(folder, colour, *, labels=None):
    """A model that gives the mean of each channel, in the order in which the program takes them."""
    ct, mb = coremltools(), builder()
    channels = 1 if colour == "GRAYSCALE" else 3

    def main(picture):
        return mb.reduce_mean(x=picture, axes=[2, 3], keep_dims=False, name="means")

    spec = mb.TensorSpec((1, channels, 4, 6))
    made = mb.program(input_specs=[spec], opset_version=ct.target.iOS17)(main)
    layout = getattr(ct.colorlayout, colour)
    picture = ct.ImageType("picture", (1, channels, 4, 6), scale=0.5, bias=[1.0] * channels, color_layout=layout)
    more = {} if labels is None else {"classifier_config": ct.ClassifierConfig(labels)}
    with converting():
        ct.convert(
            made,
            inputs=[picture],
            minimum_deployment_target=ct.target.iOS17,
            compute_precision=ct.precision.FLOAT32,
            skip_model_load=True,
            package_dir=str(folder / "image.mlpackage"),
            **more,
        )
    return load_program(folder / "image.mlpackage")


@pytest.mark.parametrize("colour", ["RGB", "BGR"])
def test_an_image_input_takes_rgb_pixels(tmp_path, colour):
    program = image_model(tmp_path, colour)
    assert program.inputs == (
        Feature(name="picture", kind="image", dtype="float32", shape=(1, 3, 4, 6), colour=colour),
    )
    pixels = RNG.integers(0, 256, (4, 6, 3), np.uint8)
    expected = pixels.astype(np.float64).mean((0, 1)) * 0.5 + 1
    evaluator = Evaluator(program)
    for value in (pixels, Image.fromarray(pixels), Image.fromarray(pixels).convert("RGBA")):
        found = evaluator.run({"picture": value})["means"][0]
        # 24 numbers below 256, scaled: each of 26 roundings at most 2^-24 of 128.
        np.testing.assert_allclose(found, expected if colour == "RGB" else expected[::-1], rtol=0, atol=26 * 2**-17)
    with pytest.raises(BackendError, match="takes uint8 pixels"):
        evaluator.run({"picture": pixels.astype(np.float32)})
    with pytest.raises(BackendError, match=r"of shape \(1, 3, 4, 6\)"):
        evaluator.run({"picture": pixels[:2]})


def test_a_grey_image_input(tmp_path):
    program = image_model(tmp_path, "GRAYSCALE")
    pixels = RNG.integers(0, 256, (4, 6), np.uint8)
    evaluator = Evaluator(program)
    for value in (pixels, pixels[:, :, None], Image.fromarray(pixels)):
        found = evaluator.run({"picture": value})["means"]
        np.testing.assert_allclose(found, [[pixels.mean() * 0.5 + 1]], rtol=0, atol=26 * 2**-17)


@pytest.mark.parametrize("labels", [["cat", "dog", "eel"], [7, 8, 9]])
def test_a_classifier_gives_the_label_and_all_probabilities(tmp_path, labels):
    program = image_model(tmp_path, "RGB", labels=labels)
    assert program.classifier is not None
    names = program.classifier.predicted, program.classifier.probabilities
    assert program.classifier == Classifier(labels=tuple(labels), predicted=names[0], probabilities=names[1])
    assert {feature.name: feature.kind for feature in program.outputs} == {names[0]: "label", names[1]: "probabilities"}
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[..., 1] = 200
    answer = Evaluator(program).run({"picture": pixels})
    assert answer == {names[0]: labels[1], names[1]: dict(zip(labels, [1.0, 101.0, 1.0], strict=True))}
