"""What is explained of each kind of answer: the very values of the outputs that the answer stands on."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_runtime.decoders import Columns, Coordinates, Decoded, Heatmaps, Pixels, Planes
from edgecv_runtime.errors import UsageError
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.schema import HeadSpec, TensorSpec

from tests import heads

CANVAS = (20, 40)
RNG = np.random.default_rng(5)


def opened(kind, shapes, **fields):
    outputs = [TensorSpec(name=name, shape=shape, dtype="float32") for name, shape in shapes.items()]
    return open_head(HeadSpec(name="+".join(shapes), kind=kind, outputs=tuple(shapes), **fields), outputs, CANVAS)


def score(head, outputs, wanted=None):
    explained = head.explained(outputs, wanted)
    return explained.title, float(explained.scores(outputs, head.spec.activation)[0])


def test_of_classes_it_is_the_probability_of_one():
    head = heads.head(labels=("a", "b", "c"), activation="softmax")
    logits = heads.outputs([[1.0, 3.0, 2.0]])
    wanted = np.exp([1, 3, 2]) / np.exp([1, 3, 2]).sum()
    assert score(head, logits) == ("b", pytest.approx(wanted[1]))
    assert score(head, logits, "c") == ("c", pytest.approx(wanted[2]))
    assert score(head, logits, "0") == ("a", pytest.approx(wanted[0]))
    for unknown in ("d", "3", "-1"):
        with pytest.raises(UsageError, match="has no answer"):
            head.explained(logits, unknown)


def test_of_yes_or_no_it_is_the_probability_of_the_answer():
    head = heads.head("binary", width=1, labels=("no", "yes"), activation="sigmoid")
    assert score(head, heads.outputs([[2.0]])) == ("yes", pytest.approx(1 / (1 + np.exp(-2))))
    assert score(head, heads.outputs([[-2.0]])) == ("no", pytest.approx(1 / (1 + np.exp(-2))))
    assert score(head, heads.outputs([[2.0]]), "no") == ("no", pytest.approx(1 / (1 + np.exp(2))))


def test_of_labels_it_is_one_of_them_and_of_numbers_the_first():
    assert score(heads.head("multilabel", labels=("x", "y", "z")), heads.outputs([[0.1, 0.2, 0.9]]))[0] == "z"
    head = heads.head("regression", width=2, labels=("age", "height"))
    assert score(head, heads.outputs([[40.0, 1.8]])) == ("age", 40.0)
    assert score(head, heads.outputs([[40.0, 1.8]]), "height") == ("height", pytest.approx(1.8))


@pytest.mark.parametrize("channels", ["last", "second"])
def test_of_boxes_it_is_the_score_of_the_best_one_in_the_output_that_holds_it(channels):
    scores = (Columns(output="s", channels=channels), Columns(output="t", channels=channels))
    shapes = {"b": (1, 5, 4), "s": (1, 3, 2), "t": (1, 2, 2)}
    if channels == "second":
        shapes |= {"s": (1, 2, 3), "t": (1, 2, 2)}
    decode = Decoded(scores=scores, boxes=(Columns(output="b"),))
    head = opened("detection", shapes, decode=decode, labels=("cat", "dog"), thresholds=(0.5,))
    rows = np.float32([[0.1, 0.4], [0.6, 0.2], [0.3, 0.3], [0.2, 0.9], [0.7, 0.1]])
    parts = {"s": rows[:3], "t": rows[3:]}
    outputs = {name: (part if channels == "last" else part.T)[None] for name, part in parts.items()}
    outputs["b"] = np.tile(np.float32([2, 2, 10, 10]), (1, 5, 1))
    assert score(head, outputs) == ("dog, its best box", pytest.approx(0.9))
    assert score(head, outputs, "cat") == ("cat, its best box", pytest.approx(0.7))
    assert head.explained(outputs).output == "t"
    outputs["t"][:] = 0
    assert head.explained(outputs).output == "s"
    assert score(head, outputs, "dog") == ("dog, its best box", pytest.approx(0.4))


def test_a_background_is_never_explained_and_objectness_decides_which_box():
    decode = Decoded(
        scores=(Columns(output="s"),), boxes=(Columns(output="b"),), objectness=(Columns(output="o"),), background=0
    )
    shapes = {"b": (1, 3, 4), "s": (1, 3, 3), "o": (1, 3, 1)}
    head = opened("detection", shapes, decode=decode, labels=("cat", "dog"), thresholds=(0.5,))
    scores = np.float32([[[0.99, 0.2, 0.5], [0.1, 0.8, 0.3], [0.1, 0.2, 0.7]]])
    outputs = {"b": np.ones((1, 3, 4), np.float32), "s": scores, "o": np.float32([[[0.9], [0.1], [0.8]]])}
    assert score(head, outputs) == ("dog, its best box", pytest.approx(0.7))
    assert score(head, outputs, "cat") == ("cat, its best box", pytest.approx(0.2))


def test_of_masks_it_is_the_mean_of_a_class_where_the_mask_has_it():
    head = opened("segmentation", {"m": (1, 4, 5, 3)}, decode=Planes(), labels=("background", "road", "sky"))
    planes = RNG.random((1, 4, 5, 3)).astype(np.float32)
    planes[0, :2, :, 1] += 5
    planes[0, 3:, :, 2] += 5
    planes[0, 2, :, 0] += 5
    assert score(head, {"m": planes}) == ("road", pytest.approx(planes[0, :2, :, 1].mean(), rel=1e-5))
    assert score(head, {"m": planes}, "sky") == ("sky", pytest.approx(planes[0, 3:, :, 2].mean(), rel=1e-5))


def test_of_one_plane_it_is_its_probability_inside_or_outside():
    head = opened("segmentation", {"m": (1, 2, 2, 1)}, decode=Planes(), labels=("no", "yes"), thresholds=(0.5,))
    plane = np.float32([[0.9, 0.8], [0.1, 0.3]]).reshape(1, 2, 2, 1)
    assert score(head, {"m": plane}) == ("yes", pytest.approx(0.85))
    assert score(head, {"m": plane}, "no") == ("no", pytest.approx(0.8))


def test_of_points_it_is_the_peak_the_score_or_the_place():
    maps = RNG.random((1, 6, 5, 3)).astype(np.float32)
    maps[0, 4, 2, 1] = 3
    head = opened("keypoints", {"p": (1, 6, 5, 3)}, decode=Heatmaps(), labels=("nose", "ear", "eye"))
    assert score(head, {"p": maps}) == ("ear", 3.0)
    assert score(head, {"p": maps}, "eye") == ("eye", pytest.approx(maps[..., 2].max()))
    rows = np.float32([[[1, 2, 0.5], [3, 4, 0.9], [5, 6, 0.1]]])
    places = Columns(output="p", count=2)
    scored = Coordinates(points=places, scores=Columns(output="p", first=2))
    assert score(opened("keypoints", {"p": (1, 3, 3)}, decode=scored), {"p": rows}) == ("1", pytest.approx(0.9))
    plain = opened("keypoints", {"p": (1, 3, 3)}, decode=Coordinates(points=places), labels=("nose", "ear", "eye"))
    assert score(plain, {"p": rows}, "eye") == ("eye, its place", 11.0)


def test_of_pictures_it_is_the_mean_and_of_vectors_the_part_along_their_own():
    picture = RNG.random((1, 4, 4, 3)).astype(np.float32)
    head = opened("image", {"i": (1, 4, 4, 3)}, decode=Pixels())
    assert score(head, {"i": picture}) == ("mean brightness", pytest.approx(picture.mean(), rel=1e-5))
    assert score(heads.head("embedding", width=2), heads.outputs([[3.0, 4.0]])) == (
        "likeness to itself",
        pytest.approx(5),
    )
