"""Heads whose answers are places, pictures or vectors: what they refuse, say, draw and count."""

from __future__ import annotations

import base64
import io

import msgspec
import numpy as np
import pytest
from edgecv_runtime.decoders import Columns, Coordinates, Decoded, Distances, Heatmaps, Level, Offsets, Pixels, Planes
from edgecv_runtime.errors import BackendError, SpecError
from edgecv_runtime.geometry import View, view_of
from edgecv_runtime.heads.annotation import Annotation, Annotations, Marked, MarkedBox
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.schema import Fit, HeadSpec, Preprocess, TensorSpec
from PIL import Image

from edgecv.run.drawing import draw

CANVAS = (20, 40)
BOXES = Decoded(scores=(Columns(output="s"),), boxes=(Columns(output="b"),))


def opened(kind, shapes, canvas=CANVAS, **fields):
    outputs = [TensorSpec(name=name, shape=shape, dtype="float32") for name, shape in shapes.items()]
    usual = {"thresholds": (0.5,)} if kind == "detection" else {}
    spec = HeadSpec(name="+".join(shapes), kind=kind, outputs=tuple(shapes), **{**usual, **fields})
    return open_head(spec, outputs, canvas)


def detector(rows=3, **fields):
    return opened("detection", {"b": (1, rows, 4), "s": (1, rows, 2)}, decode=BOXES, labels=("cat", "dog"), **fields)


FINISHED = Decoded(
    scores=(Columns(output="y", first=4, count=1),),
    boxes=(Columns(output="y", count=4),),
    numbers=(Columns(output="y", first=5, count=1),),
    class_count=2,
    overlap=None,
)


def finished(rows=3, **changed):
    """A head of rows of a box, a score and a number."""
    return opened("detection", {"y": (1, rows, 6)}, decode=msgspec.structs.replace(FINISHED, **changed))


def found(boxes, scores):
    return {"b": np.float32([boxes]), "s": np.float32([scores])}


THREE = found([[2, 2, 10, 10], [20, 4, 30, 14], [3, 2, 10, 10]], [[0.9, 0.1], [0.2, 0.8], [0.7, 0.1]])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: opened("detection", {"b": (1, 3, 4), "s": (1, 3, 2)}), "needs a decoder"),
        (
            lambda: opened("detection", {"b": (1, 3, 4), "s": (1, 3, 2)}, decode=Planes()),
            "no decoder of the form 'planes'",
        ),
        (lambda: opened("detection", {"b": (1, 3, 4), "s": (1, 4, 2)}, decode=BOXES), "must be 4 rows of 4 columns"),
        (lambda: finished(class_count=None), "needs both the numbers of classes and the class_count"),
        (lambda: finished(numbers=()), "needs both the numbers of classes and the class_count"),
        (lambda: finished(scores=(Columns(output="y", first=4),)), "scores of its decoder must be 3 rows of 1 columns"),
        (lambda: finished(numbers=(Columns(output="y", first=4),)), "numbers of its decoder must be 3 rows of 1"),
        (lambda: finished(rows=4000, class_count=1 << 20), "1048576 classes of 4000 boxes, which are too many"),
        (lambda: opened("detection", {"b": (1, 3, 5), "s": (1, 3, 2)}, decode=BOXES), "must be 3 rows of 4 columns"),
        (lambda: opened("detection", {"b": (1, 3, 4)}, decode=BOXES), "of 's', which is no output of the head"),
        (lambda: detector(thresholds=(0.5, 0.5, 0.5)), "thresholds must be one, or one for each of 2"),
        (lambda: detector(canvas=None), "needs a model that takes a picture"),
        (
            lambda: opened(
                "detection",
                {"b": (1, 6, 4), "s": (1, 6, 2)},
                decode=Distances(scores=BOXES.scores, boxes=BOXES.boxes, levels=(Level(grid=(2, 4), stride=(8, 8)),)),
            ),
            "have 8 places for 6 boxes",
        ),
        (
            lambda: opened(
                "detection",
                {"b": (1, 8, 4), "s": (1, 8, 2)},
                decode=Offsets(scores=BOXES.scores, boxes=BOXES.boxes, levels=(Level(grid=(2, 4), stride=(8, 8)),)),
            ),
            "need sizes",
        ),
        (lambda: opened("segmentation", {}, decode=Planes()), "it has no output"),
        (lambda: opened("image", {}, decode=Pixels()), "it has no output"),
        (
            lambda: opened("segmentation", {"m": (1, 5)}, decode=Planes(), thresholds=(0.5,)),
            "one output of height, width and classes",
        ),
        (lambda: opened("segmentation", {"m": (1, 4, 4, 2)}, decode=Planes(), labels=("a",)), "1 labels for 2 classes"),
        (lambda: opened("segmentation", {"m": (1, 4, 4, 1)}, decode=Planes()), "one plane has one threshold"),
        (
            lambda: opened(
                "keypoints", {"p": (1, 3, 2)}, decode=Coordinates(points=Columns(output="p"), skeleton=((0, 3),))
            ),
            "a point beyond the 3",
        ),
        (lambda: opened("keypoints", {"p": (1, 6)}, decode=Heatmaps()), "one output of height, width and points"),
        (lambda: opened("image", {"i": (1, 4, 4, 3)}, decode=Pixels(), activation="sigmoid"), "applies no activation"),
        (lambda: opened("embedding", {"v": (1, 4)}, activation="softmax"), "applies no activation"),
        (lambda: opened("image", {"i": (1, 4, 4, 2)}, decode=Pixels()), "1 or 3 channels"),
        (lambda: opened("image", {"i": (1, 4, 4, 3)}, decode=Pixels(low=1, high=1)), "are equal"),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(SpecError, match=words):
        make()


def test_boxes_lie_in_the_picture_that_was_given():
    view = view_of(
        Preprocess(size=CANVAS, fit=Fit(mode="letterbox", pad=(0,))), 100, 100
    )  # 20 x 20, in columns 10 to 30
    answer = detector(rows=1).read(found([[12, 2, 20, 10]], [[0.9, 0.1]]), view)
    assert answer.boxes.tolist() == [[10, 10, 50, 50]]
    assert (answer.label, answer.index, round(answer.score, 6)) == ("cat", 0, 0.9)


def test_a_box_outside_the_picture_is_no_answer():
    view = view_of(Preprocess(size=CANVAS, fit=Fit(mode="letterbox", pad=(0,))), 100, 100)
    answer = detector(rows=1).read(found([[1, 2, 9, 10]], [[0.9, 0.1]]), view)
    assert answer.label is None
    assert len(answer.boxes) == 0
    assert detector(rows=1).words(answer, 3) == "none"


def test_boxes_of_one_class_suppress_each_other_and_the_best_comes_first():
    head = detector()
    answer = head.read(THREE)
    assert [head.label(index) for index in answer.indices] == ["cat", "dog"]
    record = head.record(answer, THREE, 1)
    assert [box["label"] for box in record["boxes"]] == ["cat", "dog"]
    assert record["boxes"][1]["box"] == [20, 4, 30, 14]
    assert head.words(answer, 1) == "cat 90.0 %"


@pytest.mark.parametrize("kind", ["detection", "segmentation", "keypoints", "image", "embedding"])
def test_nan_is_no_answer(kind):
    shapes = {"m": (1, 4, 8, 3)} if kind in {"segmentation", "image"} else {"p": (1, 4)}
    decode = {"segmentation": Planes(), "image": Pixels()}.get(kind)
    if kind == "detection":
        head, outputs = detector(), {**THREE, "s": np.full((1, 3, 2), np.nan, np.float32)}
    elif kind == "keypoints":
        head = opened(kind, {"p": (1, 2, 2)}, decode=Coordinates(points=Columns(output="p")))
        outputs = {"p": np.full((1, 2, 2), np.nan, np.float32)}
    else:
        head = opened(kind, shapes, decode=decode)
        outputs = {name: np.full(shape, np.nan, np.float32) for name, shape in shapes.items()}
    with pytest.raises(BackendError, match="NaN"):
        head.read(outputs)


def test_the_agreement_of_boxes_counts_lost_moved_and_invented_ones():
    counts = detector().comparison()
    assert counts.add(THREE, THREE).tolist() == [1.0]
    moved = {**THREE, "b": THREE["b"] + np.float32(6)}
    assert counts.add(THREE, moved).tolist() == [0.0]
    other = {**THREE, "s": THREE["s"][..., ::-1]}
    assert counts.add(THREE, other).tolist() == [0.0]
    fewer = {**THREE, "s": np.float32([[[0.9, 0.1], [0.2, 0.3], [0.7, 0.1]]])}
    assert counts.add(THREE, fewer).tolist() == [pytest.approx(2 / 3)]
    assert counts.result().agreement == pytest.approx(2 * 3 / (4 + 4 + 4 + 3))


def test_a_label_that_is_never_found_again_is_named():
    counts = detector().comparison()
    lost = {**THREE, "s": THREE["s"] * np.float32([1, 0])}
    for _ in range(5):
        counts.add(THREE, lost)
    assert counts.result().never == ("dog",)


def test_the_mean_overlap_of_masks_shows_a_small_class_that_the_pixels_hide():
    head = opened("segmentation", {"m": (1, 10, 10, 3)}, decode=Planes(), labels=("ground", "car", "sign"))
    wanted, got = np.zeros((1, 10, 10, 3), np.float32), np.zeros((1, 10, 10, 3), np.float32)
    wanted[..., 0], got[..., 0] = 1, 1
    wanted[0, 0, :2, 2] = 2
    counts = head.comparison()
    counts.add({"m": wanted}, {"m": got})
    assert counts.result().agreement == pytest.approx(0.98)
    assert counts.result().measured["mean_iou"] == pytest.approx(0.49)


def test_a_mask_is_as_large_as_the_picture_and_a_png_in_json():
    head = opened("segmentation", {"m": (1, 5, 10, 2)}, decode=Planes(kernel="nearest"), labels=("background", "cat"))
    planes = np.zeros((1, 5, 10, 2), np.float32)
    planes[0, 1:3, 2:4, 1] = 1
    answer = head.read({"m": planes}, View.whole(*CANVAS))
    assert answer.mask.shape == CANVAS
    assert answer.mask[4:12, 8:16].all()
    assert int(answer.mask.sum()) == 64
    record = head.record(answer, {}, 5)
    assert record["classes"][1] == {"label": "cat", "index": 1, "share": 0.08}
    png = Image.open(io.BytesIO(base64.b64decode(record["mask"]["png"])))
    assert np.array_equal(np.asarray(png), answer.mask)
    drawn = draw(np.full((20, 40, 3), 100, np.uint8), head.drawing(answer, 1))
    factor = drawn.shape[0] // 20
    assert drawn[0, 0].tolist() == [100] * 3  # the background is not painted
    assert drawn[8 * factor, 12 * factor].tolist() != [100] * 3


def test_points_near_the_source_agree_by_the_size_of_the_object():
    head = opened("keypoints", {"p": (1, 3, 2)}, decode=Coordinates(points=Columns(output="p"), skeleton=((0, 1),)))
    wanted = np.float32([[[0, 0], [100, 0], [0, 50]]])
    got = wanted + np.float32([[[4, 0], [6, 0], [0, 0]]])
    counts = head.comparison()
    assert counts.add({"p": wanted}, {"p": got}).tolist() == [pytest.approx(2 / 3)]


def test_a_picture_that_is_nearly_the_source_s_agrees_and_its_noise_is_told():
    head = opened("image", {"i": (1, 4, 4, 3)}, decode=Pixels(low=0, high=255))
    wanted = np.full((1, 4, 4, 3), 100, np.float32)
    got = wanted.copy()
    got[0, 0, 0, 0] = 120
    counts = head.comparison()
    counts.add({"i": wanted}, {"i": got})
    assert counts.result().agreement == pytest.approx(47 / 48)
    assert counts.result().measured["psnr_db"] == pytest.approx(10 * np.log10(255**2 * 48 / 400))


def test_drawn_boxes_are_in_the_picture_and_text_stays_inside():
    head = detector(rows=1)
    pixels = np.zeros((300, 400, 3), np.uint8)
    answer = head.read(found([[0, 0, 40, 20]], [[0.9, 0.1]]), view_of(Preprocess(size=CANVAS), 300, 400))
    drawn = draw(pixels, head.drawing(answer, 1))
    assert drawn.shape == pixels.shape
    assert drawn.any()
    assert not pixels.any()


def test_marks_come_to_the_input_s_pixels():
    view = view_of(Preprocess(size=CANVAS, fit=Fit(mode="letterbox", pad=(0,))), 100, 100)
    marks = Annotation(
        boxes=(MarkedBox("dog", (10, 10, 50, 50)), MarkedBox("cat", (0.1, 0.1, 0.5, 0.5), relative=True))
    )
    truth = detector().read_marks([Marked("a", marks, view)], Annotations("COCO JSON", path="a.json"))
    assert truth[0].boxes.tolist() == [[12, 2, 20, 10], [12, 2, 20, 10]]
    assert truth[0].labels.tolist() == [1, 0]
