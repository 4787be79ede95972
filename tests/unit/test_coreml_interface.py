"""What an app asks of a Core ML model, before anything is converted."""

from __future__ import annotations

import inspect
from pathlib import Path

import msgspec
import numpy as np
import pytest
from edgecv_converters.authorship import Authorship
from edgecv_converters.coreml.interface import check_fit, classifier, minimum_target, pictures
from edgecv_converters.coreml.names import feature_of, identifier
from edgecv_converters.coreml.options import Interface
from edgecv_converters.graph.frozen import Endpoint
from edgecv_converters.model_metadata import ModelMetadata
from edgecv_runtime.backends import to_raw
from edgecv_runtime.errors import UsageError
from edgecv_runtime.heads.arithmetic import activate
from edgecv_runtime.identity import bundle_identity
from edgecv_runtime.prediction import Reader
from edgecv_runtime.preprocess import Preprocessor, parse
from edgecv_runtime.schema import Normalize, Preprocess, SourceInfo, TensorIO, TensorSpec
from hypothesis import given
from hypothesis import strategies as st

from edgecv.convert.recipe import Recipe, plan
from edgecv.convert.request import from_options
from tests.heads import head, spec

PICTURE = msgspec.structs.replace(parse("torch"), size=(4, 6))
INPUT = Endpoint(name="image", tensor="image:0", shape=(1, 4, 6, 3), dtype="float32")
OUTPUT = Endpoint(name="scores", tensor="scores:0", shape=(1, 3), dtype="float32")
IMAGE = Interface(input="image")
CLASSIFIER = Interface(output="classifier")


def metadata(kind="classification", labels=("a", "b", "c"), activation="none", **more):
    fields = {
        "name": "m",
        "source": SourceInfo(format="keras", loader="keras", sha256="0" * 64, parameters=1),
        "preprocess": {"image": PICTURE},
        "heads": (spec(kind, "scores", labels=labels, activation=activation),),
        "identity": "1" * 64,
    }
    return ModelMetadata(**{**fields, **more})


@pytest.mark.parametrize(
    ("precision", "asked", "wanted"),
    [
        ("float16", None, "iOS16"),
        ("float32", "iOS17", "iOS17"),
        ("int8", None, "iOS17"),
        ("mixed", "iOS16", "iOS17"),
        ("int8", "iOS18", "iOS18"),
        ("weights8", "iOS16", "iOS16"),
        ("palette4-group8", "iOS17", "iOS18"),
    ],
)
def test_the_minimum_is_the_later_of_what_is_asked_and_what_is_needed(precision, asked, wanted):
    assert minimum_target(precision, Interface(minimum=asked)) == wanted


def test_inputs_that_are_pictures_become_images():
    assert pictures(Interface(), metadata(), [INPUT]) == {}
    assert pictures(IMAGE, metadata(), [INPUT]) == {"image": PICTURE}
    other = Endpoint(name="age", tensor="age:0", shape=(1, 1), dtype="float32")
    both = metadata(preprocess={"image": PICTURE, "age": Preprocess(kind="tensor")})
    assert pictures(IMAGE, both, [INPUT, other]) == {"image": PICTURE}


@pytest.mark.parametrize("given", [None, metadata(preprocess={"image": Preprocess(kind="tensor")})])
def test_an_image_needs_a_picture(given):
    with pytest.raises(UsageError, match="--coreml-input image needs an input that is a picture") as caught:
        pictures(IMAGE, given, [INPUT])
    assert "--preprocess" in caught.value.hint


def test_an_image_needs_a_channel_axis():
    plane = Endpoint(name="image", tensor="image:0", shape=(1, 28, 28), dtype="float32")
    with pytest.raises(UsageError, match=r"needs a channel axis, and the input 'image' has the shape \(1, 28, 28\)"):
        pictures(IMAGE, metadata(preprocess={"image": Preprocess(size=(28, 28), color="gray")}), [plane])


@pytest.mark.parametrize(
    ("interface", "given", "wanted"),
    [
        (Interface(), metadata(), None),
        (IMAGE, metadata(), ("a", "b", "c")),
        (CLASSIFIER, metadata(), ("a", "b", "c")),
        (CLASSIFIER, metadata(activation="softmax"), ("a", "b", "c")),
        (Interface(input="image", output="tensor"), metadata(), None),
        (IMAGE, metadata(labels=None), None),
        (IMAGE, metadata("multilabel"), None),
        (IMAGE, metadata(labels=("a", "b")), None),
        (IMAGE, metadata(activation="sigmoid"), None),
        (Interface(), None, None),
    ],
)
def test_where_a_classifier_comes_out(interface, given, wanted):
    found = classifier(interface, given, [OUTPUT])
    assert (found and found.labels) == wanted


def test_of_several_heads_the_one_that_chooses_a_label_becomes_the_classifier():
    age = Endpoint(name="age", tensor="age:0", shape=(1, 1), dtype="float32")
    several = metadata(heads=(spec("regression", "age"), spec(name="scores", labels=("a", "b", "c"))))
    assert classifier(IMAGE, several, [age, OUTPUT]).name == "scores"


@pytest.mark.parametrize(
    ("interface", "given", "message", "hint"),
    [
        (CLASSIFIER, None, "needs labels", "--labels"),
        (CLASSIFIER, metadata(labels=None), "needs labels", "--labels"),
        (CLASSIFIER, metadata("binary"), "this one's task is binary", "Leave it out"),
        (CLASSIFIER, metadata(labels=("a", "b")), "a label for each of 3 values, got 2", "--labels"),
        (CLASSIFIER, metadata(activation="sigmoid"), "add up to 1", "--activation softmax"),
        (CLASSIFIER, metadata(labels=("a", "b", "a")), "the label 'a' is there twice", "--coreml-output tensor"),
        (IMAGE, metadata(labels=("a", "b", "a")), "the label 'a' is there twice", "--coreml-output tensor"),
    ],
)
def test_a_classifier_that_cannot_be_is_refused(interface, given, message, hint):
    with pytest.raises(UsageError) as caught:
        classifier(interface, given, [OUTPUT])
    assert message in caught.value.message
    assert hint in caught.value.hint


def test_what_does_not_fit_is_refused_before_anything_is_converted():
    inputs = [TensorSpec(name="image", shape=(1, 4, 6, 3), dtype="float32")]
    outputs = [TensorSpec(name="scores", shape=(1, 3), dtype="float32")]
    check_fit(IMAGE, metadata(), inputs, outputs)
    with pytest.raises(UsageError, match="needs an input that is a picture"):
        check_fit(IMAGE, metadata(preprocess={}), inputs, outputs)
    with pytest.raises(UsageError, match="needs labels"):
        check_fit(CLASSIFIER, metadata(labels=None), inputs, outputs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"coreml_input": "picture"}, "--coreml-input must be one of tensor, image, got 'picture'"),
        ({"coreml_output": "labels"}, "--coreml-output must be one of tensor, classifier, got 'labels'"),
        ({"coreml_minimum": "iOS15"}, "--coreml-minimum must be one of iOS16, iOS17, iOS18, got 'iOS15'"),
        ({"coreml_input": "image", "targets": ["tflite"]}, "--coreml-input is for Core ML"),
        ({"coreml_minimum": "iOS18", "targets": ["onnx"]}, "--coreml-minimum is for Core ML"),
        ({"coreml_compute": "bfloat16"}, "--coreml-compute must be one of float32, float16, got 'bfloat16'"),
        ({"coreml_compute": "float16"}, "--coreml-compute is for Core ML's int8"),
        ({"tflite_metadata": False, "targets": ["onnx"]}, "--no-tflite-metadata is for TFLite"),
    ],
)
def test_wrong_calls_are_usage_errors_with_a_hint(options, message):
    with pytest.raises(UsageError) as caught:
        from_options(Path("m.keras"), Path("m.edgecv"), options)
    assert message in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2


def test_options_reach_the_recipe_and_it_stays_data():
    options = {
        "coreml_input": "image",
        "coreml_output": "tensor",
        "coreml_minimum": "iOS17",
        "author": "A",
        "license": "B",
        "model_version": "C",
    }
    recipe = from_options(Path("m.keras"), Path("m.edgecv"), options).recipe
    assert recipe.options["coreml"] == Interface(input="image", output="tensor", minimum="iOS17")
    assert recipe.authorship == Authorship(author="A", license="B", version="C")
    assert recipe.options["coreml"].given() == ("--coreml-input", "--coreml-output", "--coreml-minimum")
    assert msgspec.json.decode(msgspec.json.encode(recipe))["options"]["coreml"]["minimum"] == "iOS17"
    assert Recipe(steps=plan([], [])).options_of("coreml") == Interface()


BOTH = st.sampled_from(["none", "rescale", "tf", "torch", "caffe"])


@given(preset=BOTH, seed=st.integers(0, 2**32 - 1))
def test_pixels_come_back_from_their_normalization(preset, seed):
    normalize = parse(preset).normalize
    pixels = np.random.default_rng(seed).integers(0, 256, (1, 4, 6, 3), np.uint8)
    values = pixels * np.float32(normalize.scale) + np.float32(normalize.offset)
    io = TensorIO(name="image", tensor="t", shape=(1, 4, 6, 3), dtype="uint8", layout="NHWC", normalize=normalize)
    raw = to_raw(values.astype(np.float32), io)
    assert raw.dtype == np.uint8
    assert (raw == pixels).all()


def test_fractions_and_what_lies_outside_come_to_the_nearest_byte():
    io = TensorIO(name="x", tensor="x", shape=(1, 6), dtype="uint8", normalize=Normalize(scale=(0.5,), offset=(-1.0,)))
    values = np.float32([[-1.0, -0.8, -0.7, 126.5, 200.0, -9.0]])
    assert to_raw(values, io).tolist() == [[0, 0, 1, 255, 255, 0]]


@pytest.mark.parametrize("applied", ["none", "softmax"])
def test_an_activation_that_the_artifact_applies_is_not_applied_again(applied):
    io = TensorIO(name="scores", tensor="p", shape=(1, 3), dtype="float64", by_label=True, activation=applied)
    values = np.float32([[0.25, 0.5, 0.25]])
    reader = Reader((io,), [head(name="scores", activation="softmax")])
    (answer,) = reader.read(reader.real({"scores": values.astype(np.float64)}))
    scores = answer.scores
    wanted = values[0] if applied == "softmax" else activate(values, "softmax")[0]
    np.testing.assert_array_equal(scores, wanted)


@pytest.mark.parametrize("preset", ["torch", "image_dataset+tf"])
def test_a_picture_for_an_image_input_is_its_resized_bytes(preset):
    step = msgspec.structs.replace(parse(preset), size=(4, 6))
    shape = (1, 4, 6, 3)
    io = TensorIO(name="x", tensor="x", shape=shape, dtype="uint8", layout="NHWC", normalize=step.normalize)
    pixels = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    plain = Preprocessor(msgspec.structs.replace(step, normalize=Normalize()))(pixels)
    made = Preprocessor(step, io)(pixels)
    assert made.dtype == np.uint8
    assert (made == np.rint(plain)).all()
    assert (made != made[0, 0, 0, 0]).any()


def identity(**more):
    fields = {
        "name": "m",
        "inputs": [TensorSpec(name="image", shape=(1, 4, 6, 3), dtype="float32")],
        "outputs": [TensorSpec(name="scores", shape=(1, 3), dtype="float32")],
        "preprocess": {"image": PICTURE},
        "heads": [spec(name="scores")],
        "labels": ["a", "b", "c"],
        "source": "0" * 64,
        "recipe": msgspec.to_builtins(Recipe(steps=plan([], []))),
    }
    return bundle_identity(**{**fields, **more})


def test_an_identity_follows_from_everything_that_decides():
    changed = {
        "name": "n",
        "inputs": [],
        "outputs": [],
        "preprocess": {"image": parse("tf")},
        "heads": [spec("multilabel", "scores")],
        "labels": None,
        "source": "2" * 64,
        "recipe": {},
    }
    assert changed.keys() == inspect.signature(bundle_identity).parameters.keys()
    found = {identity(), *(identity(**{name: value}) for name, value in changed.items())}
    assert len(found) == 1 + len(changed)
    assert all(len(text) == 64 for text in found)


def test_an_identity_is_the_same_after_json():
    recipe = msgspec.to_builtins(Recipe(steps=plan(["palette4"], []), thresholds=("0.5",)))
    read = msgspec.json.decode(msgspec.json.encode(recipe))
    assert identity(recipe=recipe) == identity(recipe=dict(reversed(read.items())))
    specs = {"a": PICTURE, "b": PICTURE}
    assert identity(preprocess=specs) == identity(preprocess=dict(reversed(specs.items())))


def test_names_as_core_ml_writes_them():
    assert identifier("model/dense 1") == "model_dense_1"
    assert identifier("1st") == "_1st"
    endpoint = Endpoint(name="my input", tensor="node/x:0", shape=(1,), dtype="float32")
    assert feature_of(endpoint, {"my_input", "node_x"}) == "my_input"
    assert feature_of(endpoint, ["node_x"]) == "node_x"
    assert feature_of(endpoint, []) is None
