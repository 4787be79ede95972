"""Training data as people have it: splits that are seeded and stratified, folders, .npz files, streams."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.data import open_samples
from edgecv_runtime.errors import DataError
from edgecv_runtime.preprocess import from_preset, resolve
from edgecv_runtime.schema import TensorSpec
from PIL import Image

from edgecv.compress.data import Reading, Stored, TrainingData, read_files, split
from edgecv.compress.head import TrainingHead
from edgecv.terminal.observer import Silent


def pictures(folder, classes):
    for name, count in classes.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (8, 8), 10 * number).save(folder / name / f"{number:02}.png")
    return folder


def reading(head, *, labels=None, share=0.25, kind="rescale"):
    shape = (1, 8, 8, 1) if kind != "tensor" else (1, 5)
    spec = TensorSpec(name="x", shape=shape, dtype="float32")
    return Reading(
        head=head,
        inputs=(spec,),
        specs={"x": resolve(from_preset(kind), shape, "x")},
        labels=labels,
        share=share,
        seed=0,
    )


def test_a_split_takes_the_same_share_of_every_class_and_is_seeded(tmp_path):
    samples = open_samples(pictures(tmp_path / "all", {"a": 20, "b": 8, "c": 2}))
    train, validation = split(samples, 0.25, 3)
    assert [sum(s.label == name for s in validation.samples) for name in "abc"] == [5, 2, 1]
    assert {s.id for s in train.samples} | {s.id for s in validation.samples} == {s.id for s in samples.samples}
    assert not {s.id for s in train.samples} & {s.id for s in validation.samples}
    assert split(samples, 0.25, 3)[1] == validation
    assert split(samples, 0.25, 4)[1] != validation


def test_a_class_with_one_sample_cannot_be_split(tmp_path):
    with pytest.raises(DataError, match="single sample of the class 'b'"):
        split(open_samples(pictures(tmp_path / "all", {"a": 5, "b": 1})), 0.2, 0)


def test_train_and_val_folders_are_taken_as_they_are(tmp_path):
    pictures(tmp_path / "data" / "train", {"a": 6, "b": 6})
    pictures(tmp_path / "data" / "val", {"a": 2, "b": 3})
    found = read_files(tmp_path / "data", tmp_path / "work", reading(TrainingHead("softmax", 2)), Silent())
    assert (found.train.count, found.validation.count) == (12, 5)
    assert found.classes == ("a", "b")
    [(columns, targets)] = found.train.batches(100)
    assert columns[0].shape == (12, 8, 8, 1)
    assert columns[0].max() == pytest.approx(50 / 255)
    assert targets.tolist() == [0] * 6 + [1] * 6


def test_labels_give_the_order_of_the_outputs(tmp_path):
    data = pictures(tmp_path / "data", {"a": 6, "b": 6})
    found = read_files(
        data, tmp_path / "work", reading(TrainingHead("softmax", 3), labels=("b", "other", "a")), Silent()
    )
    [(_, targets)] = found.validation.batches(100)
    assert sorted(set(targets.tolist())) == [0, 2]


def test_prepared_data_is_found_again(tmp_path):
    data = pictures(tmp_path / "data", {"a": 6, "b": 6})
    how = reading(TrainingHead("softmax", 2))
    one = read_files(data, tmp_path / "work", how, Silent())
    (data / "a" / "00.png").unlink()
    other = read_files(data, tmp_path / "work", how, Silent())
    assert other.train.count == one.train.count
    assert other.digest == one.digest


def test_columns_of_labels_in_an_npz_file_are_several_labels_a_sample(tmp_path):
    rng = np.random.default_rng(0)
    hits = rng.integers(0, 2, (40, 3))
    np.savez(tmp_path / "d.npz", x=np.arange(200, dtype=np.float32).reshape(40, 5), labels=hits)
    how = reading(TrainingHead("sigmoid", 3), kind="tensor")
    found = read_files(tmp_path / "d.npz", tmp_path / "work", how, Silent())
    for part, count in ((found.train, 30), (found.validation, 10)):
        [(columns, targets)] = part.batches(100)
        rows = (columns[0][:, 0] / 5).astype(int)
        assert len(rows) == count
        assert (targets == hits[rows]).all()


def test_an_order_is_a_seeded_permutation_and_every_sample_comes_once():
    stored = Stored((np.arange(10)[:, None],), np.arange(10))

    def seen(order):
        return [targets.tolist() for _, targets in stored.batches(4, order)]

    assert sorted(row for batch in seen((0, 1)) for row in batch) == list(range(10))
    assert [len(batch) for batch in seen((0, 1))] == [4, 4, 2]
    assert seen((0, 1)) == seen((0, 1)) != seen((0, 2))
    assert all((columns[0][:, 0] == targets).all() for columns, targets in stored.batches(4, (0, 1)))


def test_class_weights_make_classes_equal():
    stored = Stored((np.zeros((8, 1)),), np.array([0, 0, 0, 0, 0, 0, 1, 1]))
    data = TrainingData(train=stored, validation=stored, classes=("a", "b"), digest="")
    weights = data.class_weights(TrainingHead("softmax", 2))
    assert weights.tolist() == pytest.approx([8 / 12, 8 / 4])
    assert weights[stored.targets].sum() == pytest.approx(8)
