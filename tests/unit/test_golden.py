"""Golden cases: what is written is read back, and nothing else is."""

import hashlib
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from edgecv_converters.golden import GoldenSample, read_golden, write_golden
from edgecv_runtime.errors import BundleError, DataError
from edgecv_runtime.golden import ReferenceAnswer
from edgecv_runtime.golden_schema import Golden
from PIL import Image

from tests import heads

RNG = np.random.default_rng(3)


def sample(case="cat/1.jpg", mode="RGB", image=True):
    shape = (5, 7, 3) if mode == "RGB" else (5, 7)
    pixels = RNG.integers(0, 256, shape, dtype=np.uint8)
    return GoldenSample(
        id=case,
        image=Image.fromarray(pixels) if image else None,
        inputs={"in/put:0": RNG.normal(size=(1, 4, 4, 3)).astype(np.float32)},
        outputs={"a": RNG.normal(size=(1, 10)).astype(np.float32), "b": np.arange(3, dtype=np.int64)[None]},
        answers={
            "a": ReferenceAnswer(decisions=(7,), scores=RNG.random((1, 10), np.float32)),
            "b": ReferenceAnswer(decisions=None, scores=np.arange(3, dtype=np.float32)[None]),
        },
    )


@pytest.fixture
def bundle(tmp_path):
    cases = [sample(), sample("gray.png", mode="L"), sample("tensor", image=False)]
    return tmp_path, cases, write_golden(tmp_path / "golden", cases)


def test_what_is_written_is_read_back(bundle):
    root, cases, info = bundle
    read = list(read_golden(root, info))
    assert [case.id for case in read] == ["cat/1.jpg", "gray.png", "tensor"]
    for wrote, got in zip(cases, read, strict=True):
        assert (got.image is None) == (wrote.image is None)
        if got.image is not None:
            assert got.image.mode == wrote.image.mode
            np.testing.assert_array_equal(np.asarray(got.image), np.asarray(wrote.image))
        for name in wrote.outputs:
            np.testing.assert_array_equal(got.outputs[name], wrote.outputs[name], strict=True)
        np.testing.assert_array_equal(got.inputs["in/put:0"], wrote.inputs["in/put:0"], strict=True)
        assert got.answers["a"].decisions == (7,)
        assert got.answers["b"].decisions is None
        for name, answer in wrote.answers.items():
            np.testing.assert_array_equal(got.answers[name].scores, answer.scores, strict=True)


def test_files_are_plain_for_other_languages(bundle):
    root, _, info = bundle
    index = msgspec.json.decode((root / info.file).read_bytes(), type=Golden)
    assert info.sha256 == hashlib.sha256((root / "golden/golden.json").read_bytes()).hexdigest()
    tensor = index.cases[0].outputs["b"]
    assert (tensor.file, tensor.shape, tensor.dtype) == ("000.output.1.bin", (1, 3), "int64")
    assert (root / "golden" / tensor.file).read_bytes() == np.arange(3, dtype="<i8").tobytes()


def test_the_same_cases_give_the_same_bytes(bundle, tmp_path):
    root, cases, info = bundle
    cases[0].image.info["dpi"] = (300, 300)
    big_endian = {"in/put:0": np.asfortranarray(cases[0].inputs["in/put:0"].astype(">f4"))}
    again = replace(cases[0], inputs=big_endian)
    assert write_golden(tmp_path / "again/golden", [again, *cases[1:]]) == info
    for path in (root / "golden").iterdir():
        assert (tmp_path / "again/golden" / path.name).read_bytes() == path.read_bytes()


def test_cases_must_be_there_and_differ(tmp_path):
    with pytest.raises(DataError, match="no case"):
        write_golden(tmp_path, [])
    with pytest.raises(DataError, match="different ids, got x, x"):
        write_golden(tmp_path, [sample("x"), sample("x")])


def test_only_plain_pictures_and_numbers(tmp_path):
    palette = GoldenSample(id="p", image=Image.new("P", (2, 2)), inputs={}, outputs={}, answers={})
    with pytest.raises(DataError, match="got mode P"):
        write_golden(tmp_path, [palette])
    text = GoldenSample(id="t", image=None, inputs={"x": np.array(["a"])}, outputs={}, answers={})
    with pytest.raises(DataError, match="'x' must be numeric"):
        write_golden(tmp_path, [text])


@pytest.mark.parametrize("name", ["golden.json", "000.png", "000.input.0.bin", "001.output.0.bin"])
def test_a_changed_or_missing_file_is_an_error(bundle, name):
    root, _, info = bundle
    path = root / "golden" / name
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(BundleError, match=name.replace(".", r"\.")):
        list(read_golden(root, info))
    path.unlink()
    with pytest.raises(BundleError, match="cannot be read"):
        list(read_golden(root, info))


def change(root, info, edit):
    path = root / info.file
    raw = msgspec.json.decode(path.read_bytes())
    edit(raw["cases"][0])
    path.write_bytes(msgspec.json.encode(raw))
    return msgspec.structs.replace(info, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda case: case["outputs"]["a"].update(shape=[1, 11]), "40 bytes, its shape needs 44"),
        (lambda case: case["outputs"]["a"].update(shape=[-1, -10]), r"has the shape \(-1, -10\)"),
        (lambda case: case["outputs"]["a"].update(dtype="object"), "unknown dtype 'object'"),
        (lambda case: case["outputs"]["a"].update(dtype="float33"), "unknown dtype 'float33'"),
        (lambda case: case["outputs"]["a"].update(file="../bundle.json"), "outside the golden folder"),
        (lambda case: case.update(colour="red"), "colour"),
    ],
)
def test_a_wrong_index_is_an_error(bundle, edit, words):
    root, _, info = bundle
    with pytest.raises(BundleError, match=words):
        list(read_golden(root, change(root, info, edit)))


def test_the_count_must_match(bundle):
    root, _, info = bundle
    with pytest.raises(BundleError, match=r"3 cases where bundle\.json has 2"):
        list(read_golden(root, msgspec.structs.replace(info, count=2)))


def test_the_index_cannot_be_elsewhere(bundle):
    root, _, info = bundle
    with pytest.raises(BundleError, match="got '/etc/golden"):
        list(read_golden(root, msgspec.structs.replace(info, file="/etc/golden.json")))


@pytest.mark.parametrize(
    ("head", "row", "decisions", "scores"),
    [
        (heads.head("classification", 3), [0.1, 0.7, 0.2], (1,), [0.1, 0.7, 0.2]),
        (heads.head("classification", 2, activation="softmax"), [0.0, 0.0], (0,), [0.5, 0.5]),
        (heads.head("binary", 1), [0.5], (1,), [0.5, 0.5]),
        (heads.head("multilabel", 3), [0.4, 0.5, 0.9], (0, 1, 1), [0.4, 0.5, 0.9]),
        (heads.head("regression", 2), [-3.0, 40.0], None, [-3.0, 40.0]),
        (heads.head("classification", 2), [np.nan, 1.0], (-1,), [np.nan, 1.0]),
    ],
)
def test_an_answer_is_what_the_head_decides_and_its_scores(head, row, decisions, scores):
    answer = ReferenceAnswer.of(head, heads.outputs(np.float32([row])))
    assert answer.decisions == decisions
    np.testing.assert_array_equal(answer.scores, np.float32([scores]), strict=True)
    assert answer.equals(ReferenceAnswer.of(head, heads.outputs(np.float32([row]))))


def test_answers_are_equal_but_for_the_last_bit_of_a_score():
    answer = ReferenceAnswer(decisions=(1,), scores=np.float32([[0.3, 0.7]]))
    for steps, same in ((0, True), (1, True), (2, False)):
        scores = answer.scores.copy()
        for _ in range(steps):
            scores[0, 1] = np.nextafter(scores[0, 1], np.float32(1))
        assert answer.equals(replace(answer, scores=scores)) == same
        assert replace(answer, scores=scores).equals(answer) == same
    assert not answer.equals(replace(answer, decisions=(0,)))
    assert not answer.equals(replace(answer, scores=answer.scores[:, :1]))
