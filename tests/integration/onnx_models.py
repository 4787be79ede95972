"""Small networks with the operations that the ONNX targets must carry, and ways to run their files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_converters.graph.freeze import freeze
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.targets import IoType
from edgecv_converters.tflite.convert import to_tflite
from edgecv_runtime.cpu import saturates_int8
from edgecv_runtime.schema import Target, TensorSpec

from tests.canonical import canonical

Array = npt.NDArray[Any]
Build = Callable[[Any], Any]


def network(body: Build, shape: tuple[int, ...] = (16, 16, 3), units: int = 4) -> Any:
    """A Keras model of `body`, a function of the input tensor, ended by a Dense; batch norms are settled."""
    import keras

    keras.utils.set_random_seed(3)
    source = keras.Input(shape, name="image")
    found = body(source)
    model = keras.Model(source, keras.layers.Dense(units, name="answer")(keras.layers.Flatten()(found)))
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
    if norms:
        model(samples(shape, 64), training=True)
    return model


def samples(shape: tuple[int, ...], count: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(-1, 1, (count, *shape)).astype(np.float32)


def frozen(model: Any, target: Target) -> FrozenGraph:
    specs = [TensorSpec(name=t.name, shape=(1, *t.shape[1:]), dtype="float32") for t in model.inputs]
    names = [f"answer_{number}" for number in range(len(model.outputs))]

    def call(tensors: Any) -> list[Any]:
        given = list(tensors) if len(specs) > 1 else tensors[0]
        result = model(given, training=False)
        return list(result) if isinstance(result, (list, tuple)) else [result]

    return canonical(freeze(call, specs, names), target)


def int8_file(graph: FrozenGraph, calibration: Array, io: IoType = "float32") -> bytes:
    def feed() -> Iterator[Mapping[str, Array]]:
        return ({graph.inputs[0].name: sample[None]} for sample in calibration)

    with quiet():
        return to_tflite(graph, "int8", samples=feed, io=io)


@contextmanager
def quiet() -> Iterator[None]:
    """TensorFlow's converter warns of what is meant."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def onnx_session(model: Any, *, optimized: str | None = None, precise: bool = False) -> Any:
    """A session on one thread; precise kernels where asked for, and where edgecv's own back end takes them."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if optimized is not None:
        options.optimized_model_filepath = optimized
    if precise or saturates_int8():
        options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def onnx_answers(model: Any, inputs: Array, *, precise: bool = False) -> Array:
    session = onnx_session(model, precise=precise)
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: sample[None]})[0] for sample in inputs])


def tflite_answers(content: bytes, inputs: Array) -> Array:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    rows = []
    for sample in inputs:
        interpreter.set_tensor(taken["index"], sample[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(given["index"]).copy())
    return np.concatenate(rows)


def residual(x: Any) -> Any:
    from keras import layers

    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    return layers.ReLU()(layers.Add()([x, layers.Conv2D(8, 3, padding="same")(x)]))


def dense_block(x: Any) -> Any:
    """A batch norm after a Concat, before a ReLU, and padding: what DenseNet and ResNet V2 are made of."""
    from keras import layers

    x = layers.Conv2D(8, 3, strides=2, padding="valid")(layers.ZeroPadding2D(2)(x))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(layers.ReLU()(layers.BatchNormalization()(x))))
    grown = layers.Conv2D(4, 3, padding="same")(x)
    return layers.ReLU()(layers.BatchNormalization()(layers.Concatenate()([x, grown])))


def squeeze_excite(x: Any) -> Any:
    from keras import layers

    x = layers.Conv2D(8, 3, padding="same", activation="silu")(x)
    x = layers.DepthwiseConv2D(3, padding="same", activation="hard_swish")(x)
    gate = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(x))
    gate = layers.Conv2D(8, 1, activation="sigmoid")(layers.Conv2D(4, 1, activation="relu6")(gate))
    return layers.Multiply()([x, gate])


def exact_gelu(x: Any) -> Any:
    import keras

    found = keras.layers.Conv2D(8, 3, padding="same")(x)
    return keras.ops.gelu(found, approximate=False)


def tanh_gelu(x: Any) -> Any:
    import keras

    found = keras.layers.Conv2D(8, 3, padding="same")(x)
    return keras.ops.gelu(found, approximate=True)


def dense_on_rows(x: Any) -> Any:
    """A Dense on a tensor of rank 4, with a bias that matters."""
    from keras import layers

    dense = layers.Dense(6, bias_initializer="random_normal", activation="relu", name="rows")
    return dense(layers.Conv2D(4, 3)(x))


def pooled_dense(x: Any) -> Any:
    """An average pool straight into a Dense with a bias: FULLY_CONNECTED on rank 4."""
    import keras
    from keras import layers

    pooled = layers.Flatten()(layers.AveragePooling2D(14)(layers.Conv2D(8, 3, activation="relu")(x)))
    return layers.Dense(8, bias_initializer=keras.initializers.RandomNormal(stddev=1.0, seed=5), activation="relu")(
        pooled
    )


def recurrent(x: Any) -> Any:
    from keras import layers

    rows = layers.TimeDistributed(layers.Flatten())(x)
    return layers.LSTM(6, unroll=True)(rows)


def clip_classifier(cell: str) -> Any:
    """Four frames, each through the same convolution, then a recurrence: weights that every step shares."""
    import keras
    from keras import layers

    keras.utils.set_random_seed(3)
    wide = keras.initializers.RandomNormal(stddev=0.7, seed=1)
    each = layers.TimeDistributed
    recurrence = getattr(layers, cell)(8, unroll=True, kernel_initializer=wide)
    body = [
        keras.Input((4, 18, 18, 1), name="clip"),
        each(layers.Conv2D(4, 3, activation="relu")),
        each(layers.MaxPooling2D(4)),
        each(layers.Flatten()),
        recurrence,
        layers.Dense(3, "softmax", kernel_initializer=keras.initializers.RandomNormal(stddev=2, seed=54)),
    ]
    return keras.Sequential(body)


NETWORKS: Mapping[str, Build] = {
    "residual": residual,
    "dense_block": dense_block,
    "squeeze_excite": squeeze_excite,
    "exact_gelu": exact_gelu,
    "tanh_gelu": tanh_gelu,
    "dense_on_rows": dense_on_rows,
    "pooled_dense": pooled_dense,
    "recurrent": recurrent,
}
