"""The golden vectors of decoding, and heads against the independent computation on records and outputs by chance."""

from __future__ import annotations

from functools import partial
from itertools import product

import msgspec
import numpy as np
import pytest
from edgecv_runtime.decoders import (
    Anchors,
    Centers,
    Columns,
    Decoded,
    Distances,
    Heatmaps,
    Level,
    Offsets,
    Pixels,
    Planes,
)
from edgecv_runtime.geometry import view_of
from edgecv_runtime.schema import Fit, HeadSpec, Preprocess
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.golden import decode, decode_independent
from tests.golden.decode_steps import fused, plain
from tests.golden.format import FORMAT_VERSION, read_tensor, sha256

INDEX = decode.read_index()
quick = partial(settings, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("case", INDEX.cases, ids=lambda case: case.name)
def test_every_vector_is_what_edgecv_makes(case):
    found = decode.decoded(case.head, decode.read_outputs(case), case.preprocess, case.picture)
    assert decode.same(found, (case.expected.decisions, read_tensor(case.expected.scores, decode.PLACE))), found


def test_the_files_are_those_of_the_index():
    entries = [entry for case in INDEX.cases for entry in (*case.outputs.values(), case.expected.scores)]
    for entry in entries:
        assert sha256((decode.PLACE / entry.file).read_bytes()) == entry.sha256, entry.file
    there = {path.relative_to(decode.PLACE).as_posix() for path in decode.PLACE.rglob("*.bin")}
    assert there == {entry.file for entry in entries}
    assert INDEX.format_version == FORMAT_VERSION
    assert sum(path.stat().st_size for path in decode.PLACE.rglob("*") if path.is_file()) < decode.LIMIT


def test_the_vectors_hold_every_value_of_every_field():
    heads = [msgspec.to_builtins(case.head) for case in INDEX.cases]
    assert {head["kind"] for head in heads} == {"detection", "segmentation", "keypoints", "image", "embedding"}
    assert {head["activation"] for head in heads} == {"none", "sigmoid", "softmax"}
    forms = {head["decode"]["form"] for head in heads if head["decode"]}
    assert forms == {"boxes", "ssd", "grid", "anchors", "center", "planes", "coordinates", "heatmaps", "pixels"}
    orders = {(head["decode"]["form"], head["decode"]["order"]) for head in heads if "order" in (head["decode"] or {})}
    assert len(orders) == 4 + 2 + 2
    assert {case.preprocess.fit.mode for case in INDEX.cases} == {"stretch", "crop", "resize_crop", "letterbox"}
    empty = [case for case in INDEX.cases if case.expected.scores.shape == (1, 0, 5)]
    assert empty
    assert all(case.expected.decisions == () for case in empty)


@pytest.mark.parametrize("steps", list(product((plain, fused), repeat=3))[1:])
def test_a_fused_multiplication_and_addition_fails_a_vector(steps):
    case = next(case for case in INDEX.cases if case.name == "mask_never_fused")
    expected = case.expected.decisions, read_tensor(case.expected.scores, decode.PLACE)
    inputs = decode.read_outputs(case), case.preprocess, case.picture
    assert decode.same(decode_independent.Decoding(case.head)(*inputs), expected)
    assert not decode.same(decode_independent.Decoding(case.head, steps=steps)(*inputs), expected)


# Values that are often equal, near a threshold, or far away; and any others.
VALUES = st.one_of(
    st.sampled_from([0.0, -0.0, 0.25, 0.5, 1.0, -1.0, 2.0, 17.5, -30.0, 1e30, -1e30]),
    st.floats(-4, 4, width=32),
    st.floats(-1e6, 1e6, width=32),
)
SIDES, SHORT = st.integers(1, 60), st.integers(1, 5)
# The heads of one output that is read as a whole.
WHOLE = (
    ("keypoints", Heatmaps()),
    ("keypoints", Heatmaps(centre=0.0)),
    ("image", Pixels()),
    ("image", Pixels(low=-1.0)),
    ("image", Pixels(low=255.0, high=0.0)),
    ("embedding", None),
)


@st.composite
def preprocesses(draw) -> Preprocess:
    """Any fit to a picture of a model."""
    size = draw(st.tuples(SIDES, SIDES))
    fit = draw(
        st.one_of(
            st.just(Fit()),
            st.just(Fit(mode="letterbox", pad=(0,))),
            st.floats(0.1, 1).map(lambda fraction: Fit(mode="crop", fraction=fraction)),
            SIDES.map(lambda shorter: Fit(mode="resize_crop", shorter=shorter)),
        )
    )
    return Preprocess(size=size, fit=fit)


PICTURES = st.one_of(st.none(), st.tuples(SIDES, SIDES))


@st.composite
def detections(draw) -> tuple[HeadSpec, dict[str, np.ndarray]]:
    """Any form of boxes, in the columns of one output of a few rows."""
    form = draw(st.sampled_from([Decoded, Offsets, Distances, Anchors, Centers]))
    anchored = form in {Offsets, Anchors}
    sizes = draw(st.lists(st.tuples(st.floats(1, 20), st.floats(1, 20)), min_size=1, max_size=2)) if anchored else []
    levels = [
        Level(
            grid=draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
            stride=(draw(st.floats(1, 16)), 7.5),
            sizes=tuple(sizes),
        )
        for _ in range(draw(st.integers(1, 2)))
    ]
    rows = sum(level.grid[0] * level.grid[1] * max(1, len(sizes)) for level in levels)
    bins = draw(st.integers(1, 3)) if form is Distances else 1
    classes, numbers = draw(st.integers(1, 3)), 2 if form is Centers else 4 * bins
    fields = draw(_of_form(form)) | draw(_of_boxes(classes))
    if form is not Decoded:
        fields["levels"] = tuple(levels)
    if form is Distances:
        fields["bins"] = bins
    scored = classes
    if form is Decoded and draw(st.booleans()):
        scored = 1
        fields |= {"numbers": (Columns(output="y", first=numbers, count=1),), "class_count": classes}
    width = numbers + 1 + scored
    objectness = (Columns(output="y", first=numbers, count=1),) if draw(st.booleans()) else ()
    decoder = form(
        boxes=(Columns(output="y", count=numbers),),
        objectness=objectness,
        scores=(Columns(output="y", first=numbers + 1),),
        **fields,
    )
    activation = draw(st.sampled_from(["none", "sigmoid", "softmax"]))
    threshold = draw(st.sampled_from([0.0, 0.25, 0.3, 0.5, 0.9999999, 1.0]))
    spec = HeadSpec(
        name="y", kind="detection", outputs=("y",), activation=activation, thresholds=(threshold,), decode=decoder
    )
    return spec, {"y": draw(arrays(np.float32, (1, rows, width), elements=VALUES.map(np.float32)))}


def _of_form(form: type) -> st.SearchStrategy[dict]:
    choices = {
        Decoded: {"order": ["xyxy", "yxyx", "xywh", "cxcywh"], "unit": ["pixels", "relative"]},
        Offsets: {
            "order": ["xywh", "yxhw"],
            "largest": [None, 0.5],
            "variances": [(0.1, 0.1, 0.2, 0.2), (1.0, 0.9, 0.8, 0.7)],
        },
        Distances: {"centre": [0.0, 0.5]},
        Anchors: {"stretch": [1.0, 1.05, 2.0], "growth": ["exp", "square"]},
        Centers: {"window": [1, 2, 3, 5]},
    }[form]
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in choices.items()})


def _of_boxes(classes: int) -> st.SearchStrategy[dict]:
    background = st.one_of(st.none(), st.integers(0, classes - 1)) if classes > 1 else st.none()
    return st.fixed_dictionaries(
        {
            "background": background,
            "classes": st.sampled_from(["all", "best"]),
            "overlap": st.sampled_from([None, 0.0, 0.3, 0.5, 1.0]),
            "agnostic": st.booleans(),
            "before": st.sampled_from([1, 3, 1000]),
            "most": st.sampled_from([1, 2, 100]),
        }
    )


def check(spec: HeadSpec, outputs: dict[str, np.ndarray], preprocess: Preprocess, picture: tuple[int, int] | None):
    """edgecv and the independent computation give one answer."""
    found = decode.decoded(spec, outputs, preprocess, picture)
    wanted = decode_independent.Decoding(spec)(outputs, preprocess, picture)
    assert found[0] == wanted[0]
    assert found[1].dtype == wanted[1].dtype
    np.testing.assert_array_equal(found[1], wanted[1])


@quick(max_examples=250)
@given(detections(), preprocesses(), PICTURES)
def test_any_boxes_are_those_of_the_independent_computation(head, preprocess, picture):
    check(*head, preprocess, picture)


@quick(max_examples=60)
@given(
    st.sampled_from(["nearest", "bilinear"]),
    arrays(np.float32, st.tuples(st.just(1), *[st.integers(1, 4)] * 3), elements=VALUES.map(np.float32)),
    preprocesses(),
    st.one_of(st.none(), st.tuples(st.integers(1, 14), st.integers(1, 14))),
)
def test_any_mask_is_that_of_the_independent_computation(kernel, planes, preprocess, picture):
    single = planes.shape[-1] == 1
    spec = HeadSpec(
        name="y",
        kind="segmentation",
        outputs=("y",),
        activation="sigmoid",
        thresholds=(0.5,) if single else (),
        decode=Planes(kernel=kernel),
    )
    if picture is None:
        preprocess = Preprocess(size=(9, 7))
    check(spec, {"y": planes}, preprocess, picture)


@quick(max_examples=120)
@given(
    st.sampled_from(WHOLE),
    arrays(np.float32, st.tuples(st.just(1), SHORT, SHORT, st.sampled_from([1, 3])), elements=VALUES.map(np.float32)),
    preprocesses(),
    PICTURES,
)
def test_any_points_pictures_and_vectors_are_those_of_the_independent_computation(kind, values, preprocess, picture):
    spec = HeadSpec(name="y", kind=kind[0], outputs=("y",), decode=kind[1])
    check(spec, {"y": values}, preprocess, picture)


@quick(max_examples=100)
@given(
    preprocesses(),
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    arrays(np.float64, (3, 2), elements=st.floats(-100, 100)),
)
def test_the_way_to_the_picture_and_back_ends_where_it_began(preprocess, picture, places):
    view = view_of(preprocess, *picture)
    for axis, column in ((view.down, places[:, 1]), (view.across, places[:, 0])):
        np.testing.assert_allclose(axis.ahead(axis.back(column)), column, rtol=0, atol=1e-9)
    back = view.back(places)
    np.testing.assert_array_equal(back[:, 0], view.across.back(places[:, 0]))
    np.testing.assert_array_equal(back[:, 1], view.down.back(places[:, 1]))


@quick(max_examples=100)
@given(preprocesses(), st.tuples(st.integers(1, 5000), st.integers(1, 5000)))
def test_the_ends_of_what_is_shown_lie_in_the_picture(preprocess, picture):
    view = view_of(preprocess, *picture)
    for axis, length in ((view.down, view.height), (view.across, view.width)):
        begin, end = axis.back(np.array([axis.at, axis.at + axis.shown], np.float64))
        assert -1e-9 <= begin < end <= length + 1e-9
