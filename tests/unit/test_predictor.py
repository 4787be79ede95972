"""Picture in, answer out, on a real bundle."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import edgecv_runtime
import msgspec
import numpy as np
import pytest
from edgecv_runtime import load
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BackendError, BundleError, ImageError
from edgecv_runtime.predictor import Predictor
from edgecv_runtime.schema import TensorSpec

from tests import bundles
from tests.fakes import FakeBackend

RED = bundles.plain((220, 30, 10))
BLUE = bundles.plain((20, 30, 200))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    root = tmp_path_factory.mktemp("predictor") / "colours.edgecv"
    bundles.write_bundle(root)
    return root


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_picture_gets_its_label_and_scores(bundle, precision):
    with load(bundle, precision=precision) as predictor:
        answer = predictor.predict(RED)
    assert (answer.label, answer.index) == ("red", 0)
    assert np.allclose(answer.scores, bundles.softmax(RED)[0], atol=0.005)
    assert answer.score == answer.scores[0]
    assert answer.outputs["colour"].shape == (1, 3)
    assert answer.scores.dtype == np.float32
    assert min(answer.preprocess_ms, answer.inference_ms, answer.postprocess_ms) >= 0


def test_the_int8_artifact_is_preferred(bundle):
    with load(bundle) as predictor:
        assert predictor.artifact.precision == "int8"
        assert predictor.backend.info.name == "onnxruntime"


def test_a_list_gives_a_list(bundle, tmp_path):
    path = tmp_path / "b.png"
    BLUE.save(path)
    with load(bundle) as predictor:
        answers = predictor.predict([RED, path, path.read_bytes(), np.asarray(BLUE)])
        assert predictor.predict([]) == []
    assert [answer.label for answer in answers] == ["red", "blue", "blue", "blue"]


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_tensors_skip_the_preprocessing(bundle, precision):
    values = np.asarray(BLUE.resize((4, 4)), np.float32)[None]
    with load(bundle, precision=precision) as predictor:
        alone, named = predictor.predict_tensor(values), predictor.predict_tensor({"image": values})
        seen = predictor.predict(BLUE)
    assert np.array_equal(alone.scores, seen.scores)
    assert np.array_equal(named.scores, seen.scores)
    assert alone.preprocess_ms == 0


def test_without_labels_the_index_is_the_label(tmp_path):
    bundles.write_bundle(tmp_path, bundles.colour_head(labels=None))
    with load(tmp_path) as predictor:
        assert predictor.predict(BLUE).label == "2"


def test_regression_has_outputs_only(tmp_path):
    bundles.write_bundle(tmp_path, bundles.colour_head("regression", labels=None))
    with load(tmp_path) as predictor:
        answer = predictor.predict(RED)
    assert (answer.label, answer.index, answer.score) == (None, None, None)
    assert np.allclose(answer.scores, bundles.softmax(RED)[0], atol=0.005)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_a_list_goes_through_in_the_artifacts_batches(tmp_path, layout):
    manifest = bundles.write_bundle(tmp_path)
    file = "onnx/batch.onnx"
    bundles.write_onnx(tmp_path / file, batch=4, layout=layout)
    artifact = bundles.onnx_artifact(tmp_path / file, file, batch=4, layout=layout)
    bundles.write_bundle(
        tmp_path,
        inputs=(msgspec.structs.replace(manifest.inputs[0], shape=(4, 4, 4, 3)),),
        outputs=(msgspec.structs.replace(manifest.outputs[0], shape=(4, 3)),),
        artifacts=(artifact,),
    )
    colours = [tuple(map(int, row)) for row in np.random.default_rng(3).integers(0, 256, (6, 3))]
    pictures = [bundles.plain(colour) for colour in colours]
    with load(tmp_path) as predictor:
        answers = predictor.predict([*pictures[:2], b"no picture", *pictures[2:]], skip_bad=True)
        single = predictor.predict(pictures[3])
        runs = []
        real = predictor.backend.run
        predictor.backend.run = lambda inputs: runs.append(1) or real(inputs)
        predictor.predict(pictures)
    assert len(runs) == 2
    assert isinstance(answers.pop(2), ImageError)
    for picture, answer in zip(pictures, answers, strict=True):
        assert np.allclose(answer.scores, bundles.softmax(picture)[0], atol=1e-5)
        assert answer.outputs["colour"].shape == (1, 3)
    assert np.array_equal(single.scores, answers[3].scores)


def test_bad_pictures_of_a_list_keep_their_place(bundle, tmp_path):
    bad = tmp_path / "notes.jpg"
    bad.write_text("no picture")
    with load(bundle) as predictor:
        answers = predictor.predict([RED, bad, BLUE, b""], skip_bad=True)
        with pytest.raises(ImageError, match=r"notes\.jpg is not a picture"):
            predictor.predict([RED, bad])
    assert [answer.label for answer in answers if not isinstance(answer, ImageError)] == ["red", "blue"]
    assert "notes.jpg" in answers[1].message
    assert isinstance(answers[3], ImageError)


def test_prepare_and_infer_are_the_halves_of_predict(bundle):
    with load(bundle) as predictor:
        tensor = predictor.prepare(BLUE)
        again = np.zeros_like(tensor)
        assert predictor.prepare(BLUE, again) is again
        halves, whole = predictor.infer(again, 1.5), predictor.predict(BLUE)
    assert np.array_equal(tensor, again)
    assert np.array_equal(halves.scores, whole.scores)
    assert halves.preprocess_ms == 1.5


def test_top_names_the_best_answers(bundle):
    with load(bundle) as predictor:
        answer = predictor.predict(bundles.plain((60, 10, 50)))
        top = predictor.top(answer, 2)
    assert [(one.label, one.index) for one in top] == [("red", 0), ("blue", 2)]
    assert top[0].score == answer.score
    assert len(predictor.top(answer, 9)) == 3


def test_the_predictor_says_what_answers(bundle):
    with load(bundle, precision="float32", threads=2) as predictor:
        predictor.warm_up()
        said = predictor.describe()
    assert said.startswith("onnx/model.float32.onnx on onnxruntime ")
    assert said.endswith("(CPUExecutionProvider), 2 threads")


def faked(root, answer, head=None, **manifest):
    """A predictor of a real bundle's first artifact whose runtime answers with a function."""
    bundles.write_bundle(root, head, **manifest)
    bundle = Bundle.load(root)
    return Predictor(bundle, bundle.manifest.artifacts[0], FakeBackend(answer))


def says(*values):
    return lambda _inputs: {"colour": np.float32([values])}


def test_a_sigmoid_head_names_every_label_over_its_threshold(tmp_path):
    head = bundles.colour_head("multilabel", activation="sigmoid", thresholds=(0.5, 0.9, 0.2))
    answer = faked(tmp_path, says(3.0, 1.0, -1.0), head).predict(RED)
    assert answer.labels == ("red", "blue")
    assert (answer.label, answer.index, answer.score) == (None, None, None)
    assert np.allclose(answer.scores, [0.9526, 0.7311, 0.2689], atol=1e-4)


def test_a_softmax_head_gives_probabilities_and_leaves_the_output_alone(tmp_path):
    answer = faked(tmp_path, says(1.0, 3.0, 2.0), bundles.colour_head(activation="softmax")).predict(RED)
    assert (answer.label, answer.outputs["colour"].tolist()) == ("green", [[1, 3, 2]])
    assert answer.score == pytest.approx(0.6652, abs=1e-4)
    assert answer.labels == ()


def test_a_binary_answer_comes_from_its_threshold(tmp_path):
    artifact = bundles.write_bundle(tmp_path).artifacts[0]
    one = msgspec.structs.replace(artifact.outputs[0], shape=(1, 1))
    predictor = faked(
        tmp_path,
        says(0.7),
        bundles.colour_head("binary", labels=("no", "yes"), thresholds=(0.8,)),
        outputs=(TensorSpec(name="colour", shape=(1, 1), dtype="float32"),),
        artifacts=(msgspec.structs.replace(artifact, outputs=(one,)),),
    )
    answer = predictor.predict(RED)
    assert (answer.label, answer.index) == ("no", 0)
    assert answer.score == pytest.approx(0.3)


def test_a_model_that_says_nothing_is_not_believed(tmp_path):
    with pytest.raises(BackendError, match="the model's output is NaN"):
        faked(tmp_path, says(0.1, float("nan"), 0.2)).predict(RED)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.full((1, 4, 4, 3), np.nan, np.float32), "holds NaN or infinity"),
        (np.full((1, 4, 4, 3), np.inf, np.float32), "holds NaN or infinity"),
        (
            np.zeros((4, 4, 3), np.float32),
            r"takes float32 \(1, 4, 4, 3\) or int8 \(1, 4, 4, 3\), got float32 \(4, 4, 3\)",
        ),
        (np.zeros((1, 4, 4, 3), np.uint8), "got uint8"),
    ],
)
def test_tensors_of_another_form_are_refused(bundle, values, reason):
    with load(bundle, precision="int8") as predictor, pytest.raises(ImageError, match=reason):
        predictor.predict_tensor(values)


def test_large_finite_tensors_are_no_infinity(bundle):
    values = np.zeros((1, 4, 4, 3), np.float32)
    values[0, 0, 0, 1] = 3e38
    with load(bundle, precision="float32") as predictor:
        assert predictor.predict_tensor(values).label == "green"


def test_the_artifacts_own_integers_go_in_as_they_are(bundle):
    with load(bundle, precision="int8") as predictor:
        prepared = predictor.prepare(BLUE)
        assert prepared.dtype == np.int8
        assert np.array_equal(predictor.predict_tensor(prepared).scores, predictor.predict(BLUE).scores)


def test_inputs_are_asked_for_by_name(bundle):
    with load(bundle) as predictor, pytest.raises(BundleError, match="the model's inputs are image"):
        predictor.predict_tensor({"picture": np.zeros((1, 4, 4, 3), np.float32)})


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_many_threads_get_their_own_answers(bundle, precision):
    """Each thread has its own picture; a shared buffer would give one thread another's answer."""
    colours = np.random.default_rng(1).integers(0, 256, (8, 3))
    pictures = [np.full((9, 7, 3), colour, np.uint8) for colour in colours]
    with load(bundle, precision=precision) as predictor:
        wanted = [predictor.predict(picture).scores for picture in pictures]

        def hammer(number):
            return all(np.array_equal(predictor.predict(pictures[number]).scores, wanted[number]) for _ in range(150))

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(hammer, range(8)))


def test_closing_while_others_predict_ends_them_cleanly(bundle):
    predictor = load(bundle)
    started = threading.Event()

    def until_closed():
        try:
            while True:
                predictor.predict(RED)
                started.set()
        except BackendError as error:
            return error.message

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(until_closed) for _ in range(2)]
        assert started.wait(10)
        predictor.close()
        assert {future.result(10) for future in futures} == {"the model was closed"}


def test_a_broken_picture_is_named(bundle, tmp_path):
    path = tmp_path / "cat.jpg"
    path.write_bytes(b"meow")
    with load(bundle) as predictor, pytest.raises(ImageError, match=r"cat\.jpg is not a picture"):
        predictor.predict(path)


def test_what_is_not_there_is_refused(bundle):
    with pytest.raises(BundleError, match="the bundle colours has no coreml"):
        load(bundle, target="coreml")
    with pytest.raises(BackendError, match="unknown backend 'gpu'"):
        load(bundle, backend="gpu")


def test_several_inputs_need_tensors(tmp_path):
    manifest = bundles.write_bundle(tmp_path)
    extra = TensorSpec(name="second", shape=(1, 4, 4, 3), dtype="float32")
    artifact = manifest.artifacts[0]
    two = msgspec.structs.replace(artifact.inputs[0], name="second")
    bundles.write_bundle(
        tmp_path,
        inputs=(*manifest.inputs, extra),
        preprocess=dict.fromkeys(("image", "second"), bundles.PREPROCESS),
        artifacts=(msgspec.structs.replace(artifact, inputs=(*artifact.inputs, two)),),
    )
    with load(tmp_path) as predictor:
        with pytest.raises(BundleError, match="several inputs") as caught:
            predictor.predict(RED)
        assert "predict_tensor" in caught.value.hint
        made = predictor.prepare({"image": RED, "second": BLUE})
        assert (made["image"][0, 0, 0, 0], made["second"][0, 2, 0, 0]) == (220, 200)  # NCHW
        with pytest.raises(BundleError, match="the model's inputs are image, second"):
            predictor.prepare({"image": RED})


def test_a_device_needs_nothing_else(bundle):
    """Loading and predicting in a fresh interpreter brings no TensorFlow, Keras, Typer or converter along."""
    code = f"""
import sys, numpy as np, edgecv_runtime
with edgecv_runtime.load({str(bundle)!r}) as predictor:
    print(predictor.predict(np.full((9, 9, 3), (0, 0, 255), np.uint8)).label)
print(*sorted({{"tensorflow", "keras", "typer", "edgecv", "edgecv_converters", "onnx"}} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.split() == ["blue"]
    assert run.stderr == ""


def test_the_package_has_the_same_load():
    assert edgecv_runtime.load is load
