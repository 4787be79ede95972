"""The metadata of TFLite files: what is written, and what is left out because the format has no words for it."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from edgecv_converters.authorship import Authorship
from edgecv_converters.model_metadata import ModelMetadata
from edgecv_converters.tflite.metadata.contents import contents_of
from edgecv_runtime.decoders import Columns, Level, Offsets
from edgecv_runtime.preprocess import parse
from edgecv_runtime.schema import Fit, HeadSpec, Normalize, QuantParams, Resize, SourceInfo, TensorIO

from tests.heads import spec
from tests.tflite_metadata import Reader

PICTURE = msgspec.structs.replace(parse("tf"), size=(4, 6))
LABELS = ("cat", "dog", "fox")


def end(name, shape, dtype="float32", grid=None):
    quantization = None if grid is None else QuantParams(scale=grid[0], zero_point=grid[1])
    return TensorIO(name=name, tensor=name, shape=shape, dtype=dtype, quantization=quantization)


IMAGE = end("image", (1, 4, 6, 3))
SCORES = end("y", (1, 3))


def bundle(head=None, preprocess=PICTURE, **more):
    return ModelMetadata(
        name="net",
        source=SourceInfo(format="keras", loader="keras", sha256="5" * 64, parameters=1),
        preprocess={"image": preprocess},
        heads=(head or spec(labels=LABELS),),
        identity="1" * 64,
        **more,
    )


def written(metadata, inputs=(IMAGE,), outputs=(SCORES,)):
    contents = contents_of(metadata, inputs, outputs)
    assert contents.tables is not None, contents.notes
    return Reader(contents.tables), contents


def test_a_picture_says_how_it_is_normalized():
    root, contents = written(bundle())
    assert root.text(0) == "net"
    assert root.text(1) == "net: classification, 3 labels. From a keras model by edgecv"
    image = root.tables(3)[0].tables(2)[0]
    assert image.table(3).byte(0) == 2
    assert image.table(3).union(1).byte(0) == 1
    unit = image.tables(4)[0]
    assert unit.union(1).floats(0) == [127.5]
    assert unit.union(1).floats(1) == [127.5]
    assert image.table(5).floats(0) == [pytest.approx(1)]
    assert image.table(5).floats(1) == [pytest.approx(-1)]
    assert contents.notes == ()


def test_labels_lie_in_a_file_that_the_output_names():
    root, contents = written(bundle())
    scores = root.tables(3)[0].tables(3)[0]
    assert scores.tables(6)[0].text(0) == "labels.txt"
    assert contents.files == {"labels.txt": b"cat\ndog\nfox\n"}
    assert not scores.has(4)


def test_a_sigmoid_that_the_device_applies_is_a_calibration():
    head = spec("multilabel", labels=LABELS, activation="sigmoid", thresholds=(0.25,))
    root, contents = written(bundle(head))
    scores = root.tables(3)[0].tables(3)[0]
    assert [unit.byte(0) for unit in scores.tables(4)] == [2, 3]
    assert scores.tables(4)[1].union(1).number(0) == 0.25
    assert contents.files["calibration.txt"] == b"1,1,0\n" * 3


def test_one_score_is_that_of_the_second_label():
    head = spec("binary", labels=("no", "yes"))
    _, contents = written(bundle(head), outputs=(end("y", (1, 1)),))
    assert contents.files == {"labels.txt": b"yes\n"}


def test_a_softmax_that_is_left_to_the_device_leaves_the_labels_out():
    _, contents = written(bundle(spec(labels=LABELS, activation="softmax")))
    assert contents.files == {}
    assert "y: it ends with logits" in contents.notes[0]


def test_who_made_the_model_is_said():
    root, _ = written(bundle(authorship=Authorship(author="Ada", license="MIT", version="1.2")))
    assert (root.text(2), root.text(4), root.text(5)) == ("1.2", "Ada", "MIT")
    assert not written(bundle())[0].has(4)


@pytest.mark.parametrize(
    ("changed", "image", "reason"),
    [
        ({"color": "bgr"}, IMAGE, "the order BGR"),
        ({"fit": Fit(mode="letterbox", pad=(0,))}, IMAGE, "no word for letterbox"),
        ({"resize": Resize(kernel="lanczos")}, IMAGE, "no word for lanczos"),
        ({"normalize": Normalize(scale=(1.0, 2.0, 1.0))}, IMAGE, "differs by channel"),
        ({"normalize": Normalize(offset=(1.0, 2.0, 1.0))}, IMAGE, "differs by channel"),
        ({}, end("image", (1, 4, 6, 3), "int8", (1 / 127.5, 0)), "they feed no int8"),
        ({}, end("image", (1, 4, 6, 3), "uint8", (1 / 100, 128)), "a scale of its own"),
        ({}, end("image", (1, 4, 6)), "a channel axis"),
        ({"kind": "tensor"}, IMAGE, "one picture"),
    ],
)
def test_what_the_format_cannot_say_is_not_written_and_said(changed, image, reason):
    contents = contents_of(bundle(preprocess=msgspec.structs.replace(PICTURE, **changed)), (image,), (SCORES,))
    assert contents.tables is None
    assert reason in contents.notes[0]


def test_two_inputs_are_not_what_the_tools_take():
    contents = contents_of(bundle(), (IMAGE, end("age", (1, 1))), (SCORES,))
    assert contents.tables is None
    assert "their tasks take one picture" in contents.notes[0]


def test_bytes_that_are_fed_as_they_are():
    plain = msgspec.structs.replace(parse("rescale"), size=(4, 6))
    image = end("image", (1, 4, 6, 3), "uint8", (float(np.float32(1 / 255)), 0))
    root, contents = written(bundle(preprocess=plain), inputs=(image,))
    assert root.tables(3)[0].tables(2)[0].tables(4)[0].union(1).floats(1) == [255.0]
    assert contents.notes == ()


ANCHORED = Offsets(
    scores=(Columns(output="scores"),),
    boxes=(Columns(output="boxes"),),
    levels=(Level(grid=(1, 2), stride=(4.0, 3.0), sizes=((2.0, 1.0),)),),
    order="yxhw",
)
OUTPUTS = (end("boxes", (1, 2, 4)), end("scores", (1, 2, 3)))


def detector(**changed):
    decode = msgspec.structs.replace(ANCHORED, **changed)
    return HeadSpec(
        name="found", kind="detection", outputs=("boxes", "scores"), labels=LABELS, activation="sigmoid",
        thresholds=(0.5,), decode=decode,
    )  # fmt: skip


def test_a_detector_says_its_anchors():
    root, contents = written(bundle(detector()), outputs=OUTPUTS)
    boxes, scores = root.tables(3)[0].tables(3)
    assert (boxes.text(0), scores.text(0)) == ("location", "score")
    custom = root.tables(3)[0].tables(9)[0]
    assert custom.text(0) == "DETECTOR_METADATA"
    start, count = custom.vector(1)
    assert start % 16 == 0
    options = Reader(contents.tables[start : start + count])
    anchors = options.table(1).table(0).tables(0)
    found = [[anchor.number(place) for place in range(4)] for anchor in anchors]
    assert found == [pytest.approx([0.25, 0.5, 2 / 6, 1 / 4]), pytest.approx([0.75, 0.5, 2 / 6, 1 / 4])]
    assert [options.table(2).number(place) for place in (6, 7, 8, 9)] == pytest.approx([10, 10, 5, 5])
    assert contents.files == {"labels.txt": b"cat\ndog\nfox\n"}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"order": "xywh"}, "offsets of y before"),
        ({"background": 0}, "stands for nothing"),
        ({"largest": 4.0}, "no largest size"),
        ({"boxes": (Columns(output="boxes", first=1),)}, "one output of boxes"),
    ],
)
def test_a_decoding_that_the_format_cannot_say_is_said(changed, reason):
    root, contents = written(bundle(detector(**changed)), outputs=OUTPUTS)
    assert not root.tables(3)[0].has(9)
    assert reason in contents.notes[0]


def test_other_readers_find_names_size_and_stride():
    found = bundle(detector()).properties()
    assert found["names"] == "{0: 'cat', 1: 'dog', 2: 'fox'}"
    assert (found["imgsz"], found["stride"], found["task"]) == ("[4, 6]", "4", "detect")
    assert bundle().properties()["task"] == "classify"
    assert "names" not in bundle(spec("regression")).properties()
