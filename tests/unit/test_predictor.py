"""Picture in, answer out, on a real bundle."""

from __future__ import annotations

import subprocess
import sys

import edgecv_runtime
import msgspec
import numpy as np
import pytest
from edgecv_runtime import load
from edgecv_runtime.errors import BackendError, BundleError, ImageError
from edgecv_runtime.schema import TensorSpec

from tests import bundles

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
    bundles.write_bundle(tmp_path, labels=None)
    with load(tmp_path) as predictor:
        assert predictor.predict(BLUE).label == "2"


def test_regression_has_outputs_only(tmp_path):
    bundles.write_bundle(tmp_path, task="regression", labels=None)
    with load(tmp_path) as predictor:
        answer = predictor.predict(RED)
    assert (answer.label, answer.index, answer.score) == (None, None, None)
    assert np.allclose(answer.scores, bundles.softmax(RED)[0], atol=0.005)


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
    with load(tmp_path) as predictor, pytest.raises(BundleError, match="several inputs") as caught:
        predictor.predict(RED)
    assert "predict_tensor" in caught.value.hint


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
