"""Outputs that show what they are: masks, pictures, and the detectors of known libraries."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from edgecv_converters.graph.finished import FinishedRows
from edgecv_converters.source import load_source
from edgecv_converters.source.anchors import OwnAnchors, anchors_of
from edgecv_converters.source.answers import answers_among
from edgecv_converters.source.beside import Beside
from edgecv_runtime.heads.kinds import open_head
from edgecv_runtime.schema import Normalize, Preprocess, TensorSpec

from edgecv.convert.recognize import recognized

RESCALED = Preprocess(size=(64, 96), normalize=Normalize(scale=(1 / 255,)))


def found(outputs, ending="other", loss=None, spec=RESCALED, channels=3, anchors=None, finished=()):
    specs = [TensorSpec(name=name, shape=shape, dtype="float32") for name, shape in outputs.items()]
    takes = [TensorSpec(name="x", shape=(1, 64, 96, channels), dtype="float32")]
    endings, losses = [ending] * len(specs), [loss] * len(specs)
    summary = SimpleNamespace(
        inputs=takes,
        outputs=specs,
        endings=endings,
        trained_as=losses,
        beside=Beside(anchors=anchors),
        finished=finished,
    )
    heads = list(recognized(summary, {"x": spec}))
    for one in heads:
        open_head(one.head, specs, (64, 96))  # what is recognised can be opened
    return heads


@pytest.mark.parametrize(
    ("shape", "ending", "loss", "kind"),
    [
        ((1, 32, 48, 5), "softmax", None, "segmentation"),
        ((1, 32, 48, 5), "logits", "one_class", "segmentation"),
        ((1, 64, 96, 1), "sigmoid", None, "segmentation"),
        ((1, 64, 96, 1), "logits", "labels", "segmentation"),
        ((1, 64, 96, 3), "sigmoid", "numbers", "image"),
        ((1, 128, 192, 3), "other", None, "image"),
        ((1, 32, 48, 3), "sigmoid", None, None),  # smaller than the picture
        ((1, 32, 48, 5), "logits", None, None),  # planes of what?
        ((1, 96, 64, 3), "sigmoid", None, None),
        ((1, 10), "softmax", None, None),
    ],
)
def test_maps_are_masks_or_pictures(shape, ending, loss, kind):
    heads = found({"y": shape}, ending, loss)
    assert [one.head.kind for one in heads] == ([kind] if kind else [])
    assert all("--head y:regression" in one.sentence for one in heads)


def test_a_picture_has_the_values_that_the_input_has():
    centred = Preprocess(size=(64, 96), normalize=Normalize(scale=(1 / 127.5,), offset=(-1.0,)))
    (one,) = found({"y": (1, 64, 96, 3)}, spec=centred)
    assert (one.head.decode.low, one.head.decode.high) == (-1.0, 1.0)
    assert "from -1 (black) to 1 (white)" in one.sentence.replace("\N{MINUS SIGN}", "-")
    caffe = Preprocess(size=(64, 96), normalize=Normalize(offset=(-103.9, -116.8, -123.7)))
    assert found({"y": (1, 64, 96, 3)}, spec=caffe) == []


def test_nothing_is_a_place_without_a_picture():
    assert found({"y": (1, 64, 96, 3)}, "softmax", spec=Preprocess(kind="tensor")) == []


CELLS = 8 * 12 + 4 * 6 + 2 * 3  # of the strides 8, 16 and 32
ANCHORS = 9 * (CELLS + 1 * 2 + 1 * 1)  # and of 64 and 128


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"boxes": (1, CELLS, 64), "classes": (1, CELLS, 20)}, "YOLOv8 as KerasCV"),
        ({"bbox_regression": (1, ANCHORS, 4), "cls_logits": (1, ANCHORS, 20)}, "RetinaNet as KerasHub"),
        ({"logits": (1, 300, 80), "pred_boxes": (1, 300, 4)}, "D-FINE as KerasHub"),
        ({"raw_detection_boxes": (1, 1917, 4), "raw_detection_scores": (1, 1917, 91)}, "Object Detection API"),
    ],
)
def test_known_detectors(outputs, words):
    (one,) = found(outputs, "logits")
    assert words in one.sentence
    assert one.head.kind == "detection"
    assert (one.head.activation, one.head.thresholds) == ("sigmoid", (0.25,))
    assert one.head.outputs == tuple(outputs)


@pytest.mark.parametrize("relative", [False, True])
def test_finished_boxes_say_what_they_are_taken_for(relative):
    (one,) = found({"y": (1, 300, 6)}, finished=(FinishedRows("y", 80, relative),))
    decode = one.head.decode
    assert (one.head.kind, decode.class_count, decode.overlap, decode.most) == ("detection", 80, None, 300)
    assert decode.unit == ("relative" if relative else "pixels")
    assert "one of 80 classes" in one.sentence
    assert ("parts of the picture" if relative else "in pixels") in one.sentence
    assert found({"y": (1, 300, 6)}, finished=(FinishedRows("y", 80, None),)) == []


@pytest.mark.parametrize(
    ("make", "classes"), [("remainder", 4), ("largest", 4), ("scores", None)], ids=["remainder", "largest", "scores"]
)
def test_the_graph_shows_that_the_last_number_is_a_class(make, classes, tmp_path):
    path = tmp_path / "m.keras"
    rows_of(make).save(path)
    told = load_source(path).finished
    assert [(one.output, one.classes, one.relative) for one in told] == ([("rows", 4, False)] if classes else [])


def rows_of(make):
    """Rows of boxes in pixels, from three cells of a picture; their last number is made in one of three ways."""
    import keras
    from keras import layers, ops

    image = keras.Input((6, 8, 3), name="image")
    cells = layers.Reshape((3, 16 * 3))(image)
    boxes, chances = layers.Dense(4, bias_initializer=keras.initializers.Constant(30.0))(cells), layers.Dense(4)(cells)
    if make == "remainder":
        scores, places = ops.top_k(ops.reshape(chances, (-1, 12)), 3)
        number = ops.mod(places, 4)
    else:
        scores, number = ops.max(chances, axis=-1), ops.argmax(chances, axis=-1)
    last = chances[..., 0] if make == "scores" else ops.cast(number, "float32")
    parts = [boxes, ops.expand_dims(scores, -1), ops.expand_dims(last, -1)]
    return keras.Model(image, layers.Concatenate(name="rows")(parts))


def test_other_numbers_of_rows_are_no_known_detector():
    assert found({"boxes": (1, CELLS + 1, 64), "classes": (1, CELLS + 1, 20)}) == []
    assert found({"bbox_regression": (1, ANCHORS - 1, 4), "cls_logits": (1, ANCHORS - 1, 20)}) == []


def test_retinanet_s_anchors_are_kerashub_s():
    (one,) = found({"bbox_regression": (1, ANCHORS, 4), "cls_logits": (1, ANCHORS, 20)}, "logits")
    first = one.head.decode.levels[0]
    assert (first.grid, first.stride) == ((8, 12), (8.0, 8.0))
    # stride 8, sides 32, 40 and 50, ratios 0.5, 1 and 2 of height to width, corners rounded to whole pixels
    assert first.sizes[:4] == ((46.0, 22.0), (56.0, 28.0), (70.0, 36.0), (32.0, 32.0))


@pytest.mark.parametrize(("ending", "left"), [("other", "sigmoid"), ("logits", "sigmoid"), ("sigmoid", "none")])
def test_designs_that_give_logits_get_their_sigmoid_however_their_graph_ends(ending, left):
    for outputs in (
        {"bbox_regression": (1, ANCHORS, 4), "cls_logits": (1, ANCHORS, 20)},
        {"logits": (1, 300, 80), "pred_boxes": (1, 300, 4)},
    ):
        (one,) = found(outputs, ending)
        assert one.head.activation == left
        assert (one.head.decode.classes, one.head.decode.agnostic, one.head.decode.overlap) == ("best", True, 0.5)


def test_retinanet_may_have_any_levels():
    rows = 9 * CELLS
    (one,) = found({"bbox_regression": (1, rows, 4), "cls_logits": (1, rows, 20)}, "logits")
    assert [level.stride[0] for level in one.head.decode.levels] == [8.0, 16.0, 32.0]
    assert "KerasHub's usual ones are assumed" in one.assumed


def test_retinanet_s_own_anchors_are_taken_from_the_model():
    generator = SimpleNamespace(min_level=3, max_level=5, num_scales=1, aspect_ratios=[1.0, 2.0], anchor_size=2.0)
    anchors = anchors_of(SimpleNamespace(anchor_generator=generator))
    rows = 2 * CELLS
    (one,) = found({"bbox_regression": (1, rows, 4), "cls_logits": (1, rows, 20)}, "logits", anchors=anchors)
    assert one.head.decode.levels[0].sizes == ((16.0, 16.0), (12.0, 22.0))
    assert one.assumed is None
    assert found({"bbox_regression": (1, rows, 4), "cls_logits": (1, rows, 20)}) == []  # of a graph that says nothing
    assert anchors_of(None) is None
    assert anchors == OwnAnchors(first=3, last=5, scales=1, ratios=(1.0, 2.0), size=2.0)


def test_suppression_inside_a_savedmodel_is_cut_off(tmp_path):
    import tensorflow as tf

    class Detector(tf.Module):
        def __init__(self):
            self.weights = tf.Variable(tf.random.stateless_normal((3, 12), seed=(1, 2)))

        @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3), tf.float32, "input_tensor")])
        def serve(self, input_tensor):
            values = tf.reshape(tf.reshape(input_tensor, (1, 64, 3)) @ self.weights, (1, 64 * 2, 6))
            boxes, scores = tf.sigmoid(values[..., :4]), tf.sigmoid(values[..., 3:])
            kept = tf.image.combined_non_max_suppression(boxes[:, :, None], scores, 10, 10)
            return {
                "detection_boxes": kept.nmsed_boxes,
                "detection_scores": kept.nmsed_scores,
                "num_detections": tf.cast(kept.valid_detections, tf.float32),
                "raw_detection_boxes": boxes,
                "raw_detection_scores": scores,
            }

    module = Detector()
    tf.saved_model.save(module, tmp_path / "m", signatures=module.serve)
    source = load_source(tmp_path / "m")
    assert [spec.name for spec in source.outputs] == ["raw_detection_boxes", "raw_detection_scores"]
    assert any("non-maximum suppression inside the model" in note for note in source.notes)
    assert b"CombinedNonMaxSuppression" not in source.freeze().graph_def
    picture = np.random.default_rng(0).random((2, 8, 8, 3), np.float32)
    assert source.predict({"input_tensor": picture})["raw_detection_boxes"].shape == (2, 128, 4)


def test_what_only_training_needs_is_left_out_of_a_detr(tmp_path):
    from keras import Model, layers

    picture = layers.Input((16, 16, 3), name="images")
    rows = layers.Reshape((4, 12))(layers.Conv2D(12, 8, strides=8, name="body")(picture))
    made = {
        "pred_boxes": layers.Dense(4, activation="sigmoid")(rows),
        "logits": layers.Dense(3)(rows),
        "intermediate_logits": layers.Dense(3)(rows),
        "enc_topk_bboxes": layers.Dense(4)(rows),
    }
    model = Model(picture, made)
    model.save(tmp_path / "m.keras")
    model.export(tmp_path / "m", verbose=False)
    pixels = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
    for file in (tmp_path / "m.keras", tmp_path / "m"):
        source = load_source(file)
        assert sorted(spec.name for spec in source.outputs) == ["logits", "pred_boxes"]
        assert "only a detector's training needs" in "".join(source.notes)
        np.testing.assert_allclose(source.predict({"images": pixels})["logits"], model(pixels)["logits"], atol=1e-5)


@pytest.mark.parametrize("names", [("enc_1", "logits"), ("logits", "pred_boxes"), ("y",)])
def test_other_models_keep_all_their_outputs(names):
    assert answers_among(names) == (tuple(range(len(names))), ())
