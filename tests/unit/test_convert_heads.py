"""What the options of a conversion say of the model's heads."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from edgecv_converters.data import open_samples
from edgecv_converters.source.beside import Beside
from edgecv_runtime.decoders import Columns
from edgecv_runtime.errors import DataError, EdgecvError
from edgecv_runtime.schema import Preprocess, TensorSpec

from edgecv.convert.heads import assumptions, guessed, heads_of, judged_head
from edgecv.convert.request import from_options
from tests.heads import head, spec

SAID = []  # what the last call said of guesses
TWO = {"age": (1, "logits"), "gender": (1, "sigmoid")}
FINISHED = """
[decode]
form = "boxes"
boxes = {{ count = 4 }}
scores = {{ first = 4, count = 1 }}
numbers = {{ first = 5, count = 1 }}
{more}
"""
PICTURE = {"takes": (1, 32, 32, 3), "spec": Preprocess(size=(32, 32))}


@pytest.fixture(autouse=True)
def labels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("labels.txt").write_text("no\nyes\n")
    Path("many.txt").write_text("a\nb\nc\n")


def found(outputs, sets=None, trained=None, takes=(1, 3), spec=None, **options):
    """The heads of a model whose outputs have so many values and end like that, with the losses of its file."""
    shapes = {name: (1, *np.atleast_1d(sizes).tolist()) for name, (sizes, _) in outputs.items()}
    specs = [TensorSpec(name=name, shape=shape, dtype="float32") for name, shape in shapes.items()]
    summary = SimpleNamespace(
        inputs=[TensorSpec(name="x", shape=takes, dtype="float32")],
        outputs=specs,
        endings=[ending for _, ending in outputs.values()],
        trained_as=trained or [None] * len(specs),
        finished=(),
    )
    request = from_options(Path("m.keras"), Path("m.edgecv"), options)
    source = SimpleNamespace(summary=summary, specs={"x": spec or Preprocess(kind="tensor")})
    heads = heads_of(request, source, sets or {})
    SAID[:] = guessed(request, source, heads)
    return [head.spec for head in heads]


def test_each_output_is_a_head_of_the_kind_that_it_shows():
    assert found(TWO) == [spec("regression", "age"), spec("binary", "gender")]
    assert found({"b": (3, "sigmoid"), "c": (3, "softmax")}) == [spec("multilabel", "b"), spec("classification", "c")]


def test_numbers_of_a_linear_layer_are_classes_only_where_something_says_so():
    linear, classes = {"y": (3, "logits")}, spec("classification", "y", activation="softmax")
    assert found(linear) == [spec("regression", "y")]
    assert "--head y:classification" in SAID[0]
    assert found(linear, trained=["numbers"]) == [spec("regression", "y")]
    assert SAID == []
    assert found(linear, trained=["one_class"]) == [classes]
    assert found(linear, trained=["labels"])[0].kind == "multilabel"
    assert found(linear, activation="softmax") == [classes]
    assert found(linear, task="classification") == [classes]
    assert found(linear, heads=["y:regression"]) == [spec("regression", "y")]
    assert SAID == []
    assert found(linear, labels=("a", "b", "c"))[0].labels == ("a", "b", "c")


def test_what_no_softmax_makes_is_no_class_unless_something_says_so():
    """Boxes beside scores, a length of one, numbers that a ReLU cuts: the first class of these is no answer."""
    other = {"y": (7, "other")}
    assert found(other) == [spec("regression", "y")]
    assert "it ends without a softmax or a sigmoid" in SAID[0]
    assert found(other, trained=["one_class"]) == [spec("classification", "y")]
    assert found(other, labels=[str(k) for k in range(7)])[0].kind == "classification"
    assert found({"y": (16, "softmax")}, takes=(1, 16)) == [spec("classification", "y")]
    assert found({"y": (16, "logits")}, takes=(1, 16), trained=["one_class"])[0].kind == "classification"


def test_what_gives_its_input_back_is_numbers():
    assert found({"y": (784, "sigmoid")}, takes=(1, 28, 28)) == [spec("regression", "y")]
    assert found({"y": (784, "sigmoid")}, takes=(1, 28, 28, 3))[0].kind == "multilabel"
    assert SAID == []


def test_a_loss_of_squared_errors_makes_a_probability_a_number():
    assert found({"y": (1, "sigmoid")}, trained=["numbers"]) == [spec("regression", "y")]


def test_an_option_says_what_an_output_is_and_its_labels():
    heads = found(TWO, heads=["age:binary=labels.txt"])
    assert heads == [
        spec("binary", "age", activation="sigmoid", labels=("no", "yes")),
        spec("binary", "gender"),
    ]
    assert found(TWO, heads=["gender:regression"])[1] == spec("regression", "gender")
    assert found({"y:0": (1, "logits")}, heads=["y:0:binary"])[0].kind == "binary"


def test_assumed_anchors_are_said_unless_an_option_describes_the_head():
    decode = '[decode]\nform = "ssd"\nscores = "cls_logits"\nboxes = "bbox_regression"\n'
    Path("head.toml").write_text(decode + "levels = [{ stride = 8, sizes = [[32, 32]] }]\n")
    shapes = {"bbox_regression": (1, 9 * 16, 4), "cls_logits": (1, 9 * 16, 20)}
    summary = SimpleNamespace(
        inputs=[TensorSpec(name="x", shape=(1, 32, 32, 3), dtype="float32")],
        outputs=[TensorSpec(name=name, shape=shape, dtype="float32") for name, shape in shapes.items()],
        endings=["other"] * 2,
        trained_as=[None] * 2,
        beside=Beside(),
        finished=(),
    )
    source = SimpleNamespace(summary=summary, specs={"x": Preprocess(size=(32, 32))})
    said = {(): 1, ("bbox_regression+cls_logits:detection=head.toml",): 0}
    for heads, count in said.items():
        request = from_options(Path("m.keras"), Path("m.edgecv"), {"heads": list(heads)})
        assert sum("usual ones are assumed" in text for text in assumptions(request, source)) == count


@pytest.mark.parametrize(("ending", "left"), [("sigmoid", "none"), ("logits", "sigmoid")])
def test_what_is_left_to_apply_is_told_by_the_scores_and_not_by_the_boxes(ending, left):
    decode = '[decode]\nform = "boxes"\nscores = "scores"\nboxes = "boxes"\n'
    Path("head.toml").write_text(decode)
    outputs = {"boxes": ((9, 4), "logits"), "scores": ((9, 2), ending)}
    picture = {"takes": (1, 32, 32, 3), "spec": Preprocess(size=(32, 32))}
    (head,) = found(outputs, heads=["boxes+scores:detection=head.toml"], **picture)
    assert head.activation == left
    Path("head.toml").write_text(f'activation = "none"\n{decode}')
    assert found(outputs, heads=["boxes+scores:detection=head.toml"], **picture)[0].activation == "none"


@pytest.mark.parametrize(
    ("given", "more", "count", "overlap"),
    [
        ('labels = ["a", "b", "c"]', "", 3, None),
        ('labels = "many.txt"', "overlap = 0.4", 3, 0.4),
        ('labels = ["a", "b", "c"]', "background = 0", 4, None),
        ('labels = ["a", "b", "c"]', "class_count = 3", 3, None),
        ("", "class_count = 80", 80, None),
    ],
)
def test_a_file_describes_finished_boxes(given, more, count, overlap):
    Path("head.toml").write_text(f"{given}\nthresholds = 0.3\n{FINISHED.format(more=more)}")
    (head,) = found({"y": ((9, 6), "other")}, heads=["y:detection=head.toml"], **PICTURE)
    assert head.labels == (("a", "b", "c") if given else None)
    assert (head.activation, head.thresholds) == ("none", (0.3,))
    assert (head.decode.class_count, head.decode.overlap) == (count, overlap)
    assert head.decode.boxes == (Columns(output="y", count=4),)
    assert head.decode.scores == (Columns(output="y", first=4, count=1),)
    assert head.decode.numbers == (Columns(output="y", first=5, count=1),)


def test_a_file_describes_finished_boxes_of_several_outputs():
    """TensorFlow's detection models, whose classes count from 1."""
    Path("head.toml").write_text("""
labels = "many.txt"
[decode]
form = "boxes"
boxes = "detection_boxes"
scores = { output = "detection_scores", width = 1 }
numbers = { output = "detection_classes", width = 1 }
order = "yxyx"
unit = "relative"
background = 0
""")
    names = ("boxes", "classes", "scores")
    outputs = {f"detection_{name}": ((9, 4) if name == "boxes" else 9, "other") for name in names}
    (head,) = found(outputs, heads=[f"{'+'.join(outputs)}:detection=head.toml"], **PICTURE)
    assert head.decode.numbers == (Columns(output="detection_classes", width=1),)
    assert (head.decode.class_count, head.decode.overlap, head.decode.order) == (4, None, "yxyx")


@pytest.mark.parametrize(
    ("given", "more", "message"),
    [
        ("", "", "needs both the numbers of classes and the class_count, or neither"),
        ('labels = ["a", "b"]', "class_count = 3", "it has 2 labels for 3 classes"),
        ('labels = ["a", "b"]', "background = 3", "the background of its decoder must be in 0..2"),
        ('labels = ["a", "b"]', "overlap = 2", "the overlap of its decoder must be in 0..1, got 2"),
    ],
)
def test_finished_boxes_that_do_not_fit_are_refused(given, more, message):
    Path("head.toml").write_text(f"{given}\n{FINISHED.format(more=more)}")
    with pytest.raises(EdgecvError) as caught:
        found({"y": ((9, 6), "other")}, heads=["y:detection=head.toml"], **PICTURE)
    assert message in caught.value.message
    assert "--head" in caught.value.hint


def test_a_number_of_a_class_is_one_column():
    text = FINISHED.format(more="").replace("first = 5, count = 1", "first = 4")
    Path("head.toml").write_text(f'labels = "many.txt"\n{text}')
    with pytest.raises(EdgecvError, match="the numbers of its decoder must be 9 rows of 1 columns, got"):
        found({"y": ((9, 6), "other")}, heads=["y:detection=head.toml"], **PICTURE)


@pytest.mark.parametrize("label", ["a\nb", "a\rb", "a\0b"])
def test_a_label_of_more_than_one_line_is_refused(label):
    with pytest.raises(DataError, match="has a line break or a NUL in it") as caught:
        found({"y": (2, "softmax")}, labels=(label, "dog"))
    assert "one a line" in caught.value.hint


def test_thresholds_go_to_their_head():
    both = {"gender": (1, "sigmoid"), "hair": (2, "sigmoid")}
    heads = found(both, heads=["hair:multilabel=labels.txt"], thresholds=["gender:0.4", "hair:yes=0.9"])
    assert [head.thresholds for head in heads] == [(0.4,), (0.5, 0.9)]
    assert found(TWO, thresholds=["0.4"])[1].thresholds == (0.4,)


def test_the_short_forms_are_for_a_model_with_one_head():
    (only,) = found({"y": (1, "logits")}, task="binary", activation="none", labels=["no", "yes"], thresholds=["0.1"])
    assert only == spec("binary", "y", labels=("no", "yes"), thresholds=(0.1,))
    assert found({"y": (2, "other")}, labels=["one", "two"]) == [spec(name="y", labels=("one", "two"))]


def test_classes_of_the_evaluation_data_are_labels_of_the_only_head_that_has_classes(tmp_path):
    np.savez(tmp_path / "e.npz", x=np.zeros((2, 3)), labels=np.array(["cat", "dog"]))
    sets = {"evaluation": open_samples(tmp_path / "e.npz")}
    assert [head.labels for head in found(TWO, sets)] == [None, ("cat", "dog")]
    assert [head.labels for head in found({"a": (2, "softmax"), "b": (1, "sigmoid")}, sets)] == [None, None]


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"heads": ["sex:binary"]}, "--head names the output 'sex'", "outputs are age, gender"),
        ({"heads": ["gender:yes"]}, "unknown kind 'yes'", "classification, binary, multilabel, segmentation"),
        ({"heads": ["gender"]}, "does not say which output is of which kind", "NAME:KIND"),
        ({"heads": [":binary"]}, "does not say which output is of which kind", "NAME:KIND"),
        ({"heads": ["gender:binary", "gender:regression"]}, "names 'gender' twice", "one --head for each"),
        ({"heads": ["gender:binary", "age+gender:regression"]}, "the output 'gender' twice", "age, gender"),
        ({"heads": ["age+age:regression"]}, "the output 'age' twice", "age, gender"),
        ({"heads": ["age+gender:regression"]}, "a regression head has one output, got 2", "--head"),
        ({"heads": ["gender:binary=many.txt"]}, "it has 3 labels for 1 answers", "--head"),
        ({"heads": ["gender:binary=none.txt"]}, "none.txt", "one label a line"),
        ({"task": "binary"}, "--task is for a model with one head", "--head NAME:KIND"),
        ({"task": "yes"}, "--task names the unknown kind 'yes'", "classification, binary, multilabel, segmentation"),
        ({"activation": "sigmoid"}, "--activation is for a model with one head", "--head"),
        ({"labels": ["a", "b"]}, "several: age (regression), gender (binary)", "--head"),
        ({"thresholds": ["age:0.5"]}, "--threshold names the head 'age'", "heads with thresholds are gender"),
        ({"thresholds": ["gender:no=0.5"]}, "--threshold names the label 'no'", "Labels are not known"),
    ],
)
def test_what_does_not_fit_says_what_and_how_to_mend_it(options, message, hint):
    with pytest.raises(EdgecvError) as caught:
        found(TWO, **options)
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("options", [{"task": "binary"}, {"labels": ["a", "b"]}])
def test_two_options_that_say_the_same_are_refused(options):
    with pytest.raises(EdgecvError, match="--head"):
        found({"y": (1, "logits")}, heads=["y:binary=labels.txt"], **options)


def test_what_needs_one_class_says_which_heads_there_are():
    gender, kind = head("binary", 1, "gender"), head(name="kind")
    assert judged_head([head("regression", 1, "age"), gender], "--qat needs labels", "Leave it out") is gender
    with pytest.raises(EdgecvError, match="several heads with such answers: gender, kind"):
        judged_head([gender, kind], "--qat needs labels", "Leave it out")
    with pytest.raises(EdgecvError, match="this model's task is regression"):
        judged_head([head("regression", 1)], "--qat needs labels", "Leave it out")


def test_a_recipe_holds_no_path_of_labels():
    request = from_options(Path("m.keras"), Path("m.edgecv"), {"heads": ["gender:binary=labels.txt"]})
    assert request.recipe.heads == ("gender:binary",)
