"""Annotated pictures in the forms that people have them, and what answers are measured by."""

from __future__ import annotations

import json

import numpy as np
import pytest
from edgecv_converters.data import open_samples, read_truths, write_spool
from edgecv_runtime.decoders import Columns, Coordinates, Decoded, Pixels, Planes
from edgecv_runtime.errors import DataError
from edgecv_runtime.heads.box_metrics import TrueBoxes, box_metrics
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.heads.place_metrics import mask_metrics, ssim
from edgecv_runtime.heads.recall import recall_metrics
from edgecv_runtime.schema import HeadSpec, Preprocess, TensorSpec
from PIL import Image

SPEC = Preprocess(size=(10, 20))
INPUT = TensorSpec(name="x", shape=(1, 10, 20, 3), dtype="float32")


def head(kind, shapes, **fields):
    outputs = [TensorSpec(name=name, shape=shape, dtype="float32") for name, shape in shapes.items()]
    spec = HeadSpec(name="h", kind=kind, outputs=tuple(shapes), **fields)
    return open_head(spec, outputs, (10, 20))


def detector(labels=("cat", "dog")):
    decode = Decoded(scores=(Columns(output="s"),), boxes=(Columns(output="b"),))
    return head("detection", {"b": (1, 3, 4), "s": (1, 3, 2)}, labels=labels, thresholds=(0.5,), decode=decode)


def pictures(folder, names, size=(40, 20)):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.new("RGB", size, (10, 20, 30)).save(folder / name)


def truths(path, one, tmp_path):
    samples = open_samples(path, labelled=True)
    _, info = write_spool(samples, tmp_path / "spool", {"x": SPEC}, [INPUT])
    return read_truths(samples, info, [one], ["x"])["h"]


def coco(folder, **changed):
    content = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}],
        "categories": [{"id": 3, "name": "dog"}, {"id": 5, "name": "cat"}],
        "annotations": [
            {"image_id": 7, "category_id": 5, "bbox": [4, 2, 8, 6], "keypoints": [8, 4, 2, 0, 0, 0]},
            {"image_id": 7, "category_id": 3, "bbox": [0, 0, 40, 20], "iscrowd": 1},
        ],
    }
    (folder / "annotations.json").write_text(json.dumps({**content, **changed}))


def test_coco_by_its_file_or_its_folder(tmp_path):
    pictures(tmp_path / "data" / "images", ["a.png", "b.png"])
    coco(tmp_path / "data")
    for path in (tmp_path / "data", tmp_path / "data" / "annotations.json"):
        first, second = truths(path, detector(), tmp_path)
        assert first.boxes.tolist() == [[2, 1, 6, 4], [0, 0, 20, 10]]  # the input is half as large
        assert (first.labels.tolist(), first.ignored.tolist()) == ([0, 1], [False, True])
        assert len(second.boxes) == 0
    points = head("keypoints", {"p": (1, 2, 2)}, decode=Coordinates(points=Columns(output="p")))
    marked, none = truths(tmp_path / "data", points, tmp_path)
    assert (marked.points[0].tolist(), marked.marked.tolist(), marked.extent) == ([4, 2], [True, False], 4)
    assert not none.marked.any()


def test_yolo_s_lines_are_relative_and_classes_have_names_or_indices(tmp_path):
    root = tmp_path / "yolo"
    pictures(root / "images", ["a.png", "b.png"])
    (root / "labels").mkdir()
    (root / "labels" / "a.txt").write_text("1 0.5 0.5 0.5 0.2\n\n")
    first, second = truths(root, detector(labels=None), tmp_path)
    assert (first.boxes.tolist(), first.labels.tolist()) == ([[5, 4, 15, 6]], [1])
    assert len(second.boxes) == 0
    (root / "classes.txt").write_text("dog\ncat\n")
    assert truths(root, detector(), tmp_path)[0].labels.tolist() == [0]


def test_voc_s_corners_are_counted_from_one(tmp_path):
    root = tmp_path / "voc"
    pictures(root / "JPEGImages", ["a.png", "b.png"])
    (root / "Annotations").mkdir()
    box = "<bndbox><xmin>1</xmin><ymin>3</ymin><xmax>40</xmax><ymax>20</ymax></bndbox>"
    (root / "Annotations" / "a.xml").write_text(f"<annotation><object><name>dog</name>{box}</object></annotation>")
    (only,) = truths(root, detector(), tmp_path)
    assert (only.boxes.tolist(), only.labels.tolist()) == ([[0, 1, 20, 10]], [1])


def test_voc_s_masks_are_for_segmentation_and_pictures_without_one_are_not_judged(tmp_path):
    root = tmp_path / "voc"
    pictures(root / "JPEGImages", ["a.png", "b.png"])
    for name in ("Annotations", "SegmentationClass"):
        (root / name).mkdir()
    box = "<bndbox><xmin>1</xmin><ymin>3</ymin><xmax>40</xmax><ymax>20</ymax></bndbox>"
    for name in ("a", "b"):
        text = f"<annotation><object><name>dog</name>{box}</object></annotation>"
        (root / "Annotations" / f"{name}.xml").write_text(text)
    mask = np.zeros((20, 40), np.uint8)
    mask[:, 20:] = 1
    Image.fromarray(mask).save(root / "SegmentationClass" / "b.png")
    assert [len(one.boxes) for one in truths(root, detector(), tmp_path)] == [1, 1]
    planes = head("segmentation", {"p": (1, 5, 5, 2)}, decode=Planes())
    found = truths(root, planes, tmp_path)
    assert (found[0] == 255).all()
    assert (found[1, 5, 9], found[1, 5, 10]) == (0, 1)
    right = planes.measure(found, np.where(found == 255, 0, found))
    assert (right.count, right.mean_iou) == (1, 1.0)


def test_masks_and_pairs_of_pictures(tmp_path):
    pictures(tmp_path / "m" / "images", ["a.png"])
    (tmp_path / "m" / "masks").mkdir()
    mask = np.zeros((20, 40), np.uint8)
    mask[:, 20:], mask[0] = 1, 255
    Image.fromarray(mask).save(tmp_path / "m" / "masks" / "a.png")
    planes = head("segmentation", {"p": (1, 5, 5, 2)}, decode=Planes())
    found = truths(tmp_path / "m", planes, tmp_path)
    assert found.shape == (1, 10, 20)
    assert (found[0, 5, 9], found[0, 5, 10], found[0, 9, 0]) == (0, 1, 0)
    pictures(tmp_path / "p" / "inputs", ["a.png"])
    pictures(tmp_path / "p" / "targets", ["a.png"])
    made = truths(tmp_path / "p", head("image", {"i": (1, 10, 20, 3)}, decode=Pixels()), tmp_path)
    assert made.shape == (1, 10, 20, 3)
    assert made[0, 3, 3].tolist() == [10, 20, 30]


def broken_coco(folder):
    pictures(folder, ["a.png"])
    coco(folder)


def yolo_line(text):
    def make(folder):
        pictures(folder / "images", ["a.png"])
        (folder / "labels").mkdir()
        (folder / "labels" / "a.txt").write_text(text)

    return make


def outside(folder):
    coco(folder, images=[{"id": 7, "file_name": "../a.png"}])


def entities(folder):
    pictures(folder / "JPEGImages", ["a.png"])
    (folder / "Annotations").mkdir()
    (folder / "Annotations" / "a.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')


def no_mask(folder):
    pictures(folder / "images", ["a.png", "b.png"])
    pictures(folder / "masks", ["a.png"])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (broken_coco, "'b.png', which is not there"),
        (outside, "is outside its folder"),
        (lambda folder: (folder / "annotations.json").write_text("{}"), "is not COCO's JSON"),
        (lambda folder: coco(folder, categories=[]), "category 5, which it does not list"),
        (yolo_line("0 0.5 0.5\n"), "line 1: '0 0.5 0.5' is no object"),
        (yolo_line("bird 0 0 1 1\n"), "is no object"),
        (yolo_line("5 0.5 0.5 1 1\n"), "has the label '5'"),
        (entities, "defines XML entities"),
        (no_mask, "has no masks/b"),
    ],
)
def test_damaged_annotations_are_named(tmp_path, make, words):
    folder = tmp_path / "data"
    folder.mkdir()
    make(folder)
    with pytest.raises(DataError, match=words):
        truths(folder, detector(), tmp_path)


def test_annotations_of_another_kind_say_so(tmp_path):
    pictures(tmp_path / "d" / "inputs", ["a.png"])
    pictures(tmp_path / "d" / "targets", ["a.png"])
    with pytest.raises(DataError, match="says nothing of a head of the kind detection"):
        truths(tmp_path / "d", detector(), tmp_path)


def answers(*rows):
    table = np.full((1, 5, 6), np.nan)
    for place, row in enumerate(rows):
        table[0, place] = row
    return table


def test_average_precision_of_what_can_be_computed_by_hand():
    truth = TrueBoxes(np.float64([[0, 0, 10, 10], [20, 0, 30, 10]]), np.int64([0, 0]), np.zeros(2, bool))
    whole = answers([0, 0, 10, 10, 0.9, 0], [20, 0, 30, 10, 0.8, 0])
    assert box_metrics([truth], whole, ("a", "b")).map == pytest.approx(1)
    half = box_metrics([truth], answers([0, 0, 10, 10, 0.9, 0]), ("a", "b"))
    assert half.map50 == pytest.approx(51 / 101)  # precision 1 up to a recall of a half
    assert half.classes[1].ap is None
    near = answers([0, 0, 10, 7, 0.9, 0], [20, 0, 30, 7, 0.8, 0])
    assert box_metrics([truth], near, ("a", "b")).map == pytest.approx(0.5)  # right at 0.5 to 0.7 of ten overlaps
    assert box_metrics([truth], answers([0, 0, 10, 10, 0.9, 1]), ("a", "b")).map == 0
    assert box_metrics([truth], answers(), ("a", "b")).map == 0


def test_a_crowd_is_neither_missed_nor_wrong():
    truth = TrueBoxes(np.float64([[0, 0, 10, 10], [20, 0, 60, 40]]), np.int64([0, 0]), np.array([False, True]))
    found = answers([0, 0, 10, 10, 0.8, 0], [22, 2, 30, 10, 0.9, 0])
    assert box_metrics([truth], found, ("a",)).map == pytest.approx(1)


def test_mean_overlap_leaves_out_what_is_not_judged():
    truth, found = np.uint8([[0, 0, 1, 1, 255]]), np.uint8([[0, 1, 1, 1, 0]])
    metrics = mask_metrics(truth, found, ("a", "b", "c"))
    assert metrics.mean_iou == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert metrics.mean_dice == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert metrics.pixels == pytest.approx(3 / 4)
    assert metrics.classes[2].iou is None


def test_structural_similarity_by_loops():
    rng = np.random.default_rng(0)
    one = rng.integers(0, 255, (9, 11, 1)).astype(np.uint8)
    other = np.clip(one.astype(int) + rng.integers(-30, 30, one.shape), 0, 255).astype(np.uint8)
    c1, c2, values = 6.5025, 58.5225, []
    for y in range(3):
        for x in range(5):
            a = one[y : y + 7, x : x + 7, 0].astype(float).ravel()
            b = other[y : y + 7, x : x + 7, 0].astype(float).ravel()
            (va, vab), (_, vb) = np.cov(a, b)
            means = (2 * a.mean() * b.mean() + c1) / (a.mean() ** 2 + b.mean() ** 2 + c1)
            values.append(means * (2 * vab + c2) / (va + vb + c2))
    assert ssim(one, other) == pytest.approx(np.mean(values))
    assert ssim(one, one) == pytest.approx(1)


def test_recall_of_neighbours_leaves_out_who_is_alone():
    vectors = np.float32([[1, 0], [0.9, 0.1], [0, 1], [0.1, 0.9], [-1, 0]])
    assert recall_metrics(np.int64([0, 0, 1, 0, 2]), vectors).recall == pytest.approx(2 / 3)
    assert recall_metrics(np.int64([0, 0, 1, 1, 2]), vectors).count == 4


def test_the_folders_of_classes_are_the_identities_of_an_embedding(tmp_path):
    for name, files in {"ann": ["1.png", "2.png"], "bea": ["1.png"], "cem": ["1.png", "2.png"]}.items():
        pictures(tmp_path / "faces" / name, files)
    found = truths(tmp_path / "faces", head("embedding", {"v": (1, 8)}), tmp_path)
    assert sorted(found.tolist()) == [0, 0, 1, 2, 2]
    with pytest.raises(DataError, match="no head chooses one class"):
        truths(tmp_path / "faces", head("regression", {"v": (1, 8)}), tmp_path)
