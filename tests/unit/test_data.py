"""Calibration and evaluation data: what is found, what is chosen, what is spooled, and every refusal."""

import hashlib
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from edgecv_converters.data import open_samples, write_spool
from edgecv_converters.data import spool as spooling
from edgecv_runtime import npz
from edgecv_runtime.errors import DataError
from edgecv_runtime.picture_files import PictureWarning
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.schema import Normalize, Preprocess, TensorSpec
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgecv.convert.datasets import golden_cases

IMAGE = TensorSpec(name="image", shape=(1, 6, 5, 3), dtype="float32")
PICTURES = {"image": Preprocess(size=(6, 5))}
VECTOR = TensorSpec(name="x", shape=(1, 4), dtype="float32")
TENSORS = {"x": Preprocess(kind="tensor", normalize=Normalize(scale=(2.0,), offset=(1.0,)))}


def write_images(folder, counts, start=0):
    """`counts` pictures for each class (None: no subfolder), each one different."""
    number = start
    for label, count in counts.items():
        place = folder if label is None else folder / label
        place.mkdir(parents=True, exist_ok=True)
        for index in range(count):
            pixels = np.random.default_rng(number).integers(0, 256, (7, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(place / f"{index:02d}.png")
            number += 1
    return folder


def write_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_a_folder_of_classes(tmp_path):
    found = open_samples(write_images(tmp_path, {"dog": 2, "cat": 1}), labelled=True)
    assert (found.kind, found.classes, len(found)) == ("images", ("cat", "dog"), 3)
    assert [(sample.id, sample.label) for sample in found.samples] == [
        ("cat/00.png", "cat"),
        ("dog/00.png", "dog"),
        ("dog/01.png", "dog"),
    ]
    assert found.samples[0].location == tmp_path / "cat/00.png"


def test_a_flat_folder_has_no_labels(tmp_path):
    found = open_samples(write_images(tmp_path, {None: 3}))
    assert (found.classes, len(found), found.labels(None)) == ((), 3, None)
    with pytest.raises(DataError, match="has no labels") as caught:
        open_samples(tmp_path, labelled=True)
    assert "subfolder" in caught.value.hint


def test_pictures_beside_the_class_folders_make_it_flat(tmp_path):
    write_images(tmp_path, {"cat": 1, None: 1})
    assert open_samples(tmp_path).classes == ()


def test_the_class_is_the_first_folder_and_the_suffix_decides(tmp_path):
    write_images(tmp_path, {"cat/studio": 1, "dog": 1})
    (tmp_path / "dog/00.png").rename(tmp_path / "dog/00.PNG")
    (tmp_path / "dog/notes.txt").write_text("not a picture")
    (tmp_path / "dog/folder.jpg").mkdir()
    with pytest.warns(PictureWarning, match=r"a file is no picture .* left out: 1 \.txt \(such as notes\.txt\)"):
        found = open_samples(tmp_path)
    assert [(sample.id, sample.label) for sample in found.samples] == [
        ("cat/studio/00.png", "cat"),
        ("dog/00.PNG", "dog"),
    ]


def test_an_npz_of_tensors(tmp_path):
    found = open_samples(write_npz(tmp_path / "a.npz", x=np.zeros((3, 4))))
    assert (found.kind, found.classes) == ("npz", ())
    assert [(sample.id, sample.location) for sample in found.samples] == [("000000", 0), ("000001", 1), ("000002", 2)]
    with pytest.raises(DataError, match="has no labels") as caught:
        open_samples(tmp_path / "a.npz", labelled=True)
    assert "'labels'" in caught.value.hint


@pytest.mark.parametrize("key", ["labels", "label", "y"])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_an_npz_with_class_indices_sorted_as_numbers(tmp_path, key, shape):
    indices = np.array([10, 9, 0, 10]).reshape(shape)
    found = open_samples(write_npz(tmp_path / "a.npz", x=np.zeros((4, 2)), **{key: indices}), labelled=True)
    assert found.classes == ("0", "9", "10")
    assert found.labels(None) == [2, 1, 0, 2]
    assert found.labels([f"class {i}" for i in range(11)]) == [10, 9, 0, 10]


def test_an_npz_with_class_names(tmp_path):
    found = open_samples(write_npz(tmp_path / "a.npz", x=np.zeros((3, 2)), labels=np.array(["b", "a", "b"])))
    assert found.classes == ("a", "b")
    assert found.labels(["b", "c", "a"]) == [0, 2, 0]


def test_the_numbers_in_an_npz_are_the_outputs_own(tmp_path):
    some = open_samples(write_npz(tmp_path / "a.npz", x=np.zeros((2, 2)), labels=np.array([0, 2])))
    assert some.class_names(4) == ("0", "1", "2", "3")
    from_one = open_samples(write_npz(tmp_path / "b.npz", x=np.zeros((3, 2)), labels=np.array([1, 2, 3])))
    with pytest.raises(DataError, match="has the class '3', which is not among the model's labels"):
        from_one.labels(from_one.class_names(3))


def test_numbers_that_may_be_labels_or_indices_are_refused(tmp_path):
    labels = {"numbers": np.array([1, 2, 2]), "text": np.array(["1", "2", "2"])}
    numbers, text = (
        open_samples(write_npz(tmp_path / f"{name}.npz", x=np.zeros((3, 2)), labels=values))
        for name, values in labels.items()
    )
    with pytest.raises(DataError, match="which is the label '1' and the index of '2'"):
        numbers.labels(["1", "2", "3"])
    assert text.labels(["1", "2", "3"]) == [0, 1, 1]
    assert numbers.labels(["0", "1", "2"]) == [1, 2, 2]


def test_folders_name_the_outputs_where_there_are_as_many(tmp_path):
    found = open_samples(write_images(tmp_path, {"cat": 1, "dog": 1}))
    assert found.class_names(2) == ("cat", "dog")
    with pytest.raises(DataError, match="has 2 classes and the model tells 3 apart") as caught:
        found.class_names(3)
    assert "--labels FILE" in caught.value.hint


def test_labels_follow_the_model_s_order(tmp_path):
    found = open_samples(write_images(tmp_path, {"cat": 1, "dog": 1}))
    assert found.labels(None) == [0, 1]
    assert found.labels(["dog", "bird", "cat"]) == [2, 0]


def test_a_class_that_the_model_does_not_know(tmp_path):
    found = open_samples(write_images(tmp_path, {"cat": 1, "dgo": 1}))
    with pytest.raises(DataError, match="has the class 'dgo', which is not among the model's labels") as caught:
        found.labels(["cat", *(f"l{i}" for i in range(20))])
    assert caught.value.hint.endswith("...")


def test_an_index_beyond_the_model_s_outputs(tmp_path):
    found = open_samples(write_npz(tmp_path / "a.npz", x=np.zeros((2, 2)), labels=np.array([0, 5])))
    with pytest.raises(DataError, match="not among the model's labels"):
        found.labels(["a", "b"])


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    count=st.integers(1, 80),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_choice_is_balanced_distinct_and_seeded(tmp_path_factory, sizes, count, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    path = write_npz(tmp_path_factory.mktemp("npz") / "a.npz", x=np.zeros((len(labels), 1)), labels=labels)
    found = open_samples(path)
    chosen = found.choose(count, seed)
    assert chosen == found.choose(count, seed)
    assert len(chosen) == min(count, len(labels))
    assert len({sample.id for sample in chosen.samples}) == len(chosen)
    counts = Counter(sample.label for sample in chosen.samples)
    fullest = max(counts.values())
    for label, size in enumerate(sizes):
        assert counts[str(label)] >= min(size, fullest - 1)
    assert found.choose(max(1, count // 2), seed).samples == chosen.samples[: max(1, count // 2)]


def test_another_seed_is_another_choice(tmp_path):
    found = open_samples(write_npz(tmp_path / "a.npz", x=np.zeros((500, 1))))
    assert found.choose(50, 0) != found.choose(50, 1)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p / "nowhere", "does not exist"),
        (lambda p: p, "holds no images"),
        (lambda p: (p / "a.txt", (p / "a.txt").write_text("x"))[0], "neither a folder nor an .npz file"),
        (lambda p: (p / "a.npz", (p / "a.npz").write_text("x"))[0], "not a readable .npz file"),
        (lambda p: (p / "a.npz", (p / "a.npz").write_bytes(b""))[0], "not a readable .npz file"),
        (lambda p: write_npz(p / "a.npz", x=np.array([{}], dtype=object)), "not a readable .npz file"),
        (lambda p: write_npz(p / "a.npz"), "holds no samples"),
        (lambda p: write_npz(p / "a.npz", x=np.zeros((0, 3))), "holds no samples"),
        (lambda p: write_npz(p / "a.npz", x=np.float32(3)), "holds no samples"),
        (lambda p: write_npz(p / "a.npz", x=np.zeros(3), y=np.zeros(4)), r"different lengths \(x 3, y 4\)"),
    ],
)
def test_what_cannot_be_opened(tmp_path, make, words):
    with pytest.raises(DataError, match=words) as caught:
        open_samples(make(tmp_path))
    assert caught.value.hint


def test_a_truncated_npz(tmp_path):
    path = write_npz(tmp_path / "a.npz", x=np.arange(4000.0))
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(DataError, match="not a readable"):
        open_samples(path)


def test_a_damaged_npz(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).normal(size=4000))
    data = bytearray(path.read_bytes())
    data[900:2000] = bytes(1100)
    path.write_bytes(data)
    with pytest.raises(DataError, match="not a readable"):
        open_samples(path)


def test_a_lone_npy_in_npz_clothes(tmp_path):
    path = tmp_path / "a.npz"
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match="not a readable"):
        open_samples(path)


def spooled(spool, name):
    return np.concatenate([batch[name] for _, batch in spool.batches(2)])


def test_pictures_are_spooled_as_the_device_prepares_them(tmp_path):
    samples = open_samples(write_images(tmp_path / "in", {"cat": 2, "dog": 3}))
    seen = []
    spool, info = write_spool(
        samples, tmp_path / "spool", PICTURES, [IMAGE], labels=["dog", "cat"], on_progress=lambda *at: seen.append(at)
    )
    preprocessor = Preprocessor(PICTURES["image"])
    wanted = np.concatenate([preprocessor(sample.location) for sample in samples.samples])
    np.testing.assert_array_equal(spooled(spool, "image"), wanted, strict=True)
    assert info.labels == (1, 1, 0, 0, 0)
    assert info.ids == tuple(sample.id for sample in samples.samples)
    assert info.skipped == ()
    assert seen == [(n, 5) for n in range(1, 6)]
    digests = sorted(hashlib.sha256(sample.location.read_bytes()).hexdigest() for sample in samples.samples)
    assert info.digest == hashlib.sha256("\n".join(digests).encode()).hexdigest()


def test_batches_cover_all_samples_in_order(tmp_path):
    values = np.arange(20, dtype=np.float32).reshape(5, 4)
    samples = open_samples(write_npz(tmp_path / "a.npz", x=values))
    spool, _ = write_spool(samples, tmp_path / "s", TENSORS, [VECTOR])
    parts = [(rows, batch["x"]) for rows, batch in spool.batches(2)]
    assert [rows for rows, _ in parts] == [slice(0, 2), slice(2, 4), slice(4, 5)]
    np.testing.assert_array_equal(np.concatenate([part for _, part in parts]), values * 2 + 1, strict=True)


def test_unreadable_pictures_are_skipped_and_counted(tmp_path):
    samples = write_images(tmp_path / "in", {None: 40})
    for name in ("03.png", "17.png"):
        (samples / name).write_bytes(b"broken")
    spool, info = write_spool(open_samples(samples), tmp_path / "spool", PICTURES, [IMAGE])
    assert info.skipped == ("03.png", "17.png")
    assert (spool.count, len(info.ids)) == (38, 38)
    wanted = Preprocessor(PICTURES["image"])(samples / "04.png")[0]
    np.testing.assert_array_equal(spooled(spool, "image")[3], wanted)


def test_too_many_unreadable_pictures_are_an_error(tmp_path):
    samples = write_images(tmp_path / "in", {None: 40})
    for name in ("03.png", "17.png", "20.png"):
        (samples / name).write_bytes(b"broken")
    with pytest.raises(DataError, match=r"3 of 40 images in .* cannot be read, the first is 03\.png"):
        write_spool(open_samples(samples), tmp_path / "spool", PICTURES, [IMAGE])


def test_a_few_pictures_at_a_time_are_held(tmp_path):
    """150 tensors of 0.2 MB go through; a tenth of them is never in memory at once."""
    large = TensorSpec(name="image", shape=(1, 128, 128, 3), dtype="float32")
    samples = open_samples(write_images(tmp_path / "in", {None: 150}))
    tracemalloc.start()
    spool, _ = write_spool(samples, tmp_path / "spool", {"image": Preprocess(size=(128, 128))}, [large])
    read = sum(len(batch["image"]) for _, batch in spool.batches(4))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read == 150
    assert peak < 150 * 128 * 128 * 3 * 4 / 10


def test_names_that_are_no_file_names(tmp_path):
    spec = TensorSpec(name="scope/../x:0", shape=(1, 2), dtype="float32")
    samples = open_samples(write_npz(tmp_path / "a.npz", anything=np.ones((3, 2))))
    spool, _ = write_spool(samples, tmp_path / "s", {spec.name: Preprocess(kind="tensor")}, [spec])
    assert spooled(spool, spec.name).tolist() == [[1, 1]] * 3
    assert [path.name for path in (tmp_path / "s").iterdir()] == ["0.npy"]


def test_several_inputs_by_name(tmp_path):
    other = TensorSpec(name="other", shape=(1, 2), dtype="float32")
    specs = TENSORS | {"other": Preprocess(kind="tensor")}
    path = write_npz(tmp_path / "a.npz", other=np.ones((3, 2)), x=np.zeros((3, 4)), labels=np.array([1, 0, 1]))
    spool, info = write_spool(open_samples(path).choose(2, 0), tmp_path / "s", specs, [VECTOR, other])
    assert spooled(spool, "x").tolist() == [[1] * 4] * 2
    assert spooled(spool, "other").tolist() == [[1, 1]] * 2
    assert sorted(info.labels) == [0, 1]


def test_the_digest_of_tensors_is_of_the_chosen_rows_in_any_order(tmp_path):
    values = np.random.default_rng(0).normal(size=(6, 4))
    digests = []
    for name, array in (("a", values), ("b", values[::-1]), ("c", values + 1)):
        samples = open_samples(write_npz(tmp_path / f"{name}.npz", x=array))
        digests.append(write_spool(samples, tmp_path / name, TENSORS, [VECTOR])[1].digest)
    assert digests[0] == digests[1] != digests[2]


def test_pictures_in_an_npz(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 9, 8, 3), dtype=np.uint8)
    samples = open_samples(write_npz(tmp_path / "a.npz", image=pixels))
    spool, _ = write_spool(samples, tmp_path / "s", PICTURES, [IMAGE])
    preprocessor = Preprocessor(PICTURES["image"])
    np.testing.assert_array_equal(spooled(spool, "image"), np.concatenate([preprocessor(one) for one in pixels]))


def test_golden_pictures_are_the_input_s_array_among_others(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (2, 9, 8, 3), dtype=np.uint8)
    samples = open_samples(write_npz(tmp_path / "a.npz", another=255 - pixels, image=pixels))
    spool, info = write_spool(samples, tmp_path / "s", PICTURES, [IMAGE])
    cases = golden_cases(samples, spool, info, spool, PICTURES, ())
    for case, one in zip(cases, pixels, strict=True):
        np.testing.assert_array_equal(case.image, one)
        np.testing.assert_array_equal(case.inputs["image"], Preprocessor(PICTURES["image"])(case.image))


@pytest.mark.parametrize(
    ("arrays", "inputs", "words"),
    [
        ({"a": np.zeros((2, 4)), "b": np.zeros((2, 4))}, [VECTOR], "no array for the input 'x'"),
        ({"y": np.zeros(2)}, [VECTOR], "no array for the input 'x'"),
        ({"x": np.zeros((2, 5))}, [VECTOR], r"samples of shape \(5,\), the model takes \(4,\)"),
        ({"x": np.full((2, 4), np.nan)}, [VECTOR], "sample 0 of 'x': the tensor holds NaN or infinity"),
        ({"x": np.array([["a"] * 4] * 2)}, [VECTOR], "'x' is <U1, which is not numeric"),
        ({"image": np.zeros((2, 6, 5, 3))}, [IMAGE], "is float64 with 4 axes, but images are uint8"),
        ({"image": np.zeros((2, 6, 5), np.uint8)}, [IMAGE], "is uint8 with 3 axes, but images are uint8"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, arrays, inputs, words):
    samples = open_samples(write_npz(tmp_path / "a.npz", **arrays))
    with pytest.raises(DataError, match=words) as caught:
        write_spool(samples, tmp_path / "s", PICTURES | TENSORS, inputs)
    assert caught.value.hint


def test_pictures_for_a_model_that_takes_none(tmp_path):
    samples = open_samples(write_images(tmp_path / "in", {None: 1}))
    with pytest.raises(DataError, match="the model does not take one image"):
        write_spool(samples, tmp_path / "s", TENSORS, [VECTOR])
    with pytest.raises(DataError, match="the model does not take one image"):
        write_spool(samples, tmp_path / "s", PICTURES | TENSORS, [IMAGE, VECTOR])


def test_a_disk_that_is_too_small(tmp_path):
    huge = TensorSpec(name="x", shape=(1, 1 << 45), dtype="float32")
    spool = spooling.Spool(tmp_path / "s", ("x",), 1000)
    with pytest.raises(DataError, match=r"need 140737488\.4 GB and the disk has"):
        spool.create({"x": huge.shape})


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_is_never_in_memory_as_a_whole(tmp_path, save):
    values = np.zeros((400, 40_000), np.float32)
    values[:, ::100] = np.arange(400 * 400).reshape(400, 400)  # zeros between them are soon packed
    save(tmp_path / "large.npz", x=values)
    samples = open_samples(tmp_path / "large.npz").choose(20, seed=3)
    spec = TensorSpec(name="x", shape=(1, 40_000), dtype="float32")
    tracemalloc.start()
    spool, _ = write_spool(samples, tmp_path / "spool", {"x": Preprocess(kind="tensor")}, [spec])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < values.nbytes / 8
    got = np.concatenate([batch["x"] for _, batch in spool.batches(7)])
    assert np.array_equal(got, values[[sample.location for sample in samples.samples]])


def test_an_npz_in_fortran_order_gives_the_same_rows(tmp_path):
    values = np.arange(24.0).reshape(4, 3, 2)
    np.savez(tmp_path / "f.npz", x=np.asfortranarray(values))
    assert np.array_equal(np.stack(list(npz.rows(tmp_path / "f.npz", "x"))), values)
