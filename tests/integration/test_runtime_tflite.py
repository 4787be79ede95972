"""TFLite files that TensorFlow makes, on LiteRT, for real values in and out."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import msgspec
import numpy as np
import pytest
from edgecv_converters.tflite.describe import load as read_flatbuffer
from edgecv_runtime.backends import open_backend, run_float
from edgecv_runtime.digest import sha256_tree
from edgecv_runtime.errors import BackendError
from edgecv_runtime.preprocess import Preprocessor
from edgecv_runtime.schema import Artifact, Preprocess, QuantParams, TensorIO

SHAPE = (1, 8, 8, 3)
RNG = np.random.default_rng(0)
KERNEL = RNG.normal(scale=0.2, size=(3, 3, 3, 4)).astype(np.float32)


def network():
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec(SHAPE, tf.float32, name="pixels")])
    def answer(pixels):
        seen = tf.nn.relu(tf.nn.conv2d(pixels / 255, KERNEL, 2, "SAME"))
        return {"scores": tf.nn.softmax(tf.reduce_mean(seen, [1, 2]) * 10)}

    return answer


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The network as a float and as a full int8 file."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("tflite")
    for name in ("float32", "int8"):
        converter = tf.lite.TFLiteConverter.from_concrete_functions([network().get_concrete_function()])
        if name == "int8":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: ([p.astype(np.float32)] for p in pictures(32))
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Statistics for quantized inputs were expected")
            (folder / f"{name}.tflite").write_bytes(converter.convert())
    return folder


def pictures(count):
    return RNG.integers(0, 256, (count, *SHAPE), dtype=np.uint8)


def artifact_of(file):
    """The record of a file, read from its own flatbuffer."""
    graph = read_flatbuffer(file.read_bytes()).subgraphs[0]

    def port(index, name, layout):
        tensor = graph.tensors[index]
        dtype = {0: "float32", 9: "int8"}[tensor.type]
        scale = None if dtype == "float32" else float(tensor.quantization.scale[0])
        return TensorIO(
            name=name,
            tensor=tensor.name.decode(),
            shape=tuple(int(side) for side in tensor.shape),
            dtype=dtype,
            layout=layout,
            quantization=scale and QuantParams(scale=scale, zero_point=int(tensor.quantization.zeroPoint[0])),
        )

    return Artifact(
        target="tflite",
        precision=file.stem,
        file=f"tflite/{file.name}",
        sha256=sha256_tree(file),
        bytes=file.stat().st_size,
        inputs=(port(graph.inputs[0], "image", "NHWC"),),
        outputs=(port(graph.outputs[0], "answer", "none"),),
        ops={},
        requires={},
    )


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-5), ("int8", 0.03)])
def test_answers_are_tensorflows(files, precision, tolerance):
    file = files / f"{precision}.tflite"
    artifact = artifact_of(file)
    assert artifact.inputs[0].dtype == precision
    backend = open_backend(artifact, file)
    for picture in pictures(8):
        values = picture.astype(np.float32)
        wanted = network()(values)["scores"].numpy()
        got = run_float(backend, artifact, {"image": values})["answer"]
        assert got.dtype == np.float32
        assert np.abs(got - wanted).max() < tolerance
    backend.close()
    backend.close()


def test_a_picture_goes_in_through_the_table(files):
    artifact = artifact_of(files / "int8.tflite")
    backend = open_backend(artifact, files / "int8.tflite")
    picture = pictures(1)[0, 0]
    tensor = Preprocessor(Preprocess(size=SHAPE[1:3]), artifact.inputs[0])(picture)
    raw = backend.run({"image": tensor})["answer"]
    real = run_float(backend, artifact, {"image": picture[None].astype(np.float32)})["answer"]
    params = artifact.outputs[0].quantization
    assert np.array_equal((raw.astype(np.float32) - params.zero_point) * np.float32(params.scale), real)


def test_outputs_do_not_change_with_the_next_run(files):
    artifact = artifact_of(files / "float32.tflite")
    backend = open_backend(artifact, files / "float32.tflite")
    first, second = pictures(2).astype(np.float32)
    answer = backend.run({"image": first})["answer"]
    kept = answer.copy()
    backend.run({"image": second})
    assert np.array_equal(answer, kept)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_threads_that_run_at_once_get_their_own_answers(files, precision):
    """An interpreter has one set of buffers: without the lock one thread would read another's output."""
    artifact = artifact_of(files / f"{precision}.tflite")
    backend = open_backend(artifact, files / f"{precision}.tflite")
    inputs = [{"image": picture.astype(np.float32)} for picture in pictures(8)]
    wanted = [run_float(backend, artifact, values)["answer"] for values in inputs]
    assert len({answer.tobytes() for answer in wanted}) > 4

    def hammer(number):
        return all(
            np.array_equal(run_float(backend, artifact, inputs[number])["answer"], wanted[number]) for _ in range(200)
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(hammer, range(8)))


def test_a_closed_model_says_so(files):
    backend = open_backend(artifact_of(files / "float32.tflite"), files / "float32.tflite")
    backend.close()
    with pytest.raises(BackendError, match="the model was closed"):
        backend.run({"image": np.zeros(SHAPE, np.float32)})


def test_the_info_says_what_runs(files, capfd):
    info = open_backend(artifact_of(files / "float32.tflite"), files / "float32.tflite", threads=2).info
    assert info.name in {"ai-edge-litert", "tflite-runtime"}
    assert info.providers == ("XNNPACK",)
    assert info.threads == 2
    assert capfd.readouterr() == ("", "")


def test_wrong_shapes_and_names_are_errors(files):
    file = files / "float32.tflite"
    artifact = artifact_of(file)
    with pytest.raises(BackendError, match=r"failed: .*[Dd]imension"):
        open_backend(artifact, file).run({"image": np.zeros((1, 4, 8, 3), np.float32)})
    lost = msgspec.structs.replace(artifact, outputs=(msgspec.structs.replace(artifact.outputs[0], tensor="gone"),))
    with pytest.raises(BackendError, match="has no tensor 'gone'"):
        open_backend(lost, file)
