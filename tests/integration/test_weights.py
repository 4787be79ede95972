"""Large weights lie in a file beside the graph, and every converter gets their values."""

import numpy as np
import pytest
import tensorflow as tf
from edgecv_converters.graph import weights
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.passes.runner import canonical
from edgecv_converters.onnx.float import to_onnx
from edgecv_converters.source import load_source
from edgecv_converters.targets import find
from edgecv_converters.tflite.convert import to_tflite


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    made = keras.Sequential(
        [
            layers.Input((16, 16, 8)),
            layers.Conv2D(128, 3, use_bias=False),
            layers.BatchNormalization(),  # its scale is folded into the weights before it
            layers.Conv2D(96, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1000, activation="relu"),
            layers.Dense(4),
        ]
    )
    path = tmp_path_factory.mktemp("weights") / "model.keras"
    made.save(path)
    return path


@pytest.fixture(scope="module")
def samples():
    return np.random.default_rng(5).normal(size=(1, 16, 16, 8)).astype(np.float32)


@pytest.fixture
def frozen(model):
    return load_source(model).freeze()


def test_large_weights_are_beside_the_graph_which_is_whole_where_it_is_asked_for(model, frozen, monkeypatch):
    assert len(frozen.graph_def) < 100_000 < frozen.bytes()
    monkeypatch.setattr(weights, "LARGE", 1 << 40)
    monkeypatch.setattr("edgecv_converters.graph.freeze.LARGE", 1 << 40)
    plain = load_source(model).freeze()
    assert plain.graph_def == frozen.proto().SerializeToString(deterministic=True)


def test_a_graph_is_saved_with_its_weights(frozen, samples, tmp_path):
    expected = frozen.function()(tf.constant(samples))[0].numpy()
    frozen.save(tmp_path / "frozen")
    loaded = FrozenGraph.load(tmp_path / "frozen")
    del frozen
    np.testing.assert_array_equal(loaded.function()(tf.constant(samples))[0].numpy(), expected)


def test_saving_again_leaves_what_is_read_as_it_is(frozen, samples, tmp_path):
    expected = frozen.function()(tf.constant(samples))[0].numpy()
    path, (other, files) = tmp_path / "frozen", in_two_files()
    frozen.save(path)
    frozen.save(path)
    FrozenGraph.load(path).save(path)
    loaded = FrozenGraph.load(path)
    np.testing.assert_array_equal(loaded.function()(tf.constant(samples))[0].numpy(), expected)
    written = {node.name: weights.values_of(node).copy() for node in other.node if weights.is_stored(node)}
    weights.moved(other, path.with_name("frozen.weights"))  # over a file that is another name of the first graph's
    np.testing.assert_array_equal(frozen.function()(tf.constant(samples))[0].numpy(), expected)
    assert {name: values.tolist() for name, values in written.items()} == {
        node.name: weights.values_of(node).tolist() for node in other.node
    }
    del files
    assert {file.name for file in tmp_path.iterdir()} == {"frozen", "frozen.weights"}


def in_two_files():
    """A graph of two constants, each in a file of its own, and the files, which go with these objects."""
    proto = tf.compat.v1.GraphDef()
    files = weights.WeightFile(), weights.WeightFile()
    for number, file in enumerate(files):
        file.store(proto.node.add(name=f"constant_{number}"), np.arange(5, dtype=np.float32) + number)
    return proto, files


def test_every_converter_gets_the_values(frozen, samples):
    import onnxruntime
    from ai_edge_litert.interpreter import Interpreter
    from edgecv_converters.coreml.convert import to_program

    expected = frozen.function()(tf.constant(samples))[0].numpy()
    run = Interpreter(model_content=to_tflite(canonical(frozen, find("tflite").passes), "float32"))
    run.allocate_tensors()
    run.set_tensor(run.get_input_details()[0]["index"], samples)
    run.invoke()
    np.testing.assert_allclose(run.get_tensor(run.get_output_details()[0]["index"]), expected, atol=1e-5)
    made = to_onnx(canonical(frozen, find("onnx").passes))
    assert [node.op_type for node in made.graph.node].count("Mul") == 0  # the scale went into the weights
    session = onnxruntime.InferenceSession(made.SerializeToString())
    (answer,) = session.run(None, {session.get_inputs()[0].name: samples})
    np.testing.assert_allclose(answer, expected, atol=1e-5)
    program = to_program(canonical(frozen, find("coreml").passes), "float32")
    held = [op.val.val for op in program.functions["main"].find_ops(op_type="const") if op.val.val is not None]
    large = [values for values in held if getattr(values, "size", 0) > 60_000]
    assert len(large) >= 2
    assert all(np.any(values) for values in large)
