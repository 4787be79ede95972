"""The architectures of the zoo's models with other inputs or answers, or of other blocks, as people write them."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from benchmarks.zoo_kinds_data import COMPONENTS, GESTURES, LENGTH, SCALE, WORDS

TOKENS, WIDTH, PATCH = 64, 64, 4


def two_head_mobilenet() -> Any:
    """MobileNetV2 of 0.35 on 64 x 64 x 3, with a class and a number: the form of a network for gender and age."""
    image = keras.Input((64, 64, 3), name="image")
    body = keras.applications.MobileNetV2(
        input_tensor=image, alpha=0.35, include_top=False, weights=None, pooling="avg"
    )
    shape = layers.Dense(3, "softmax", name="shape")(layers.Dropout(0.2)(body.output))
    area = layers.Dense(1, name="area")(layers.Dense(32, "relu")(body.output))
    return keras.Model(image, [shape, area], name="two_head_mobilenet")


def teachable_machine() -> Any:
    """What Teachable Machine writes with Keras 2: a Sequential of two, one of them around a functional MobileNetV2.

    Its body is of width 0.35 on 224 x 224 x 3, the head dense 100 and three classes without bias.
    """
    import tf_keras

    body = tf_keras.applications.MobileNetV2(input_shape=(224, 224, 3), alpha=0.35, include_top=False, weights=None)
    features = tf_keras.Sequential([body, tf_keras.layers.GlobalAveragePooling2D()])
    hidden = tf_keras.layers.Dense(100, activation="relu", input_shape=(body.output_shape[-1],))
    classes = tf_keras.layers.Dense(3, activation="softmax", use_bias=False)
    model = tf_keras.Sequential([features, tf_keras.Sequential([hidden, classes], name="classes")])
    model.build((None, 224, 224, 3))
    return model


def unet() -> Any:
    """U-Net on 64 x 64 x 3, a sigmoid a pixel: three steps down, transposed convolutions up, 16 to 128 filters."""
    image = x = keras.Input((64, 64, 3), name="image")
    skips = []
    for filters in (16, 32, 64):
        x = _twice(x, filters)
        skips.append(x)
        x = layers.MaxPooling2D()(x)
    x = _twice(x, 128)
    for filters, skip in zip((64, 32, 16), reversed(skips), strict=True):
        x = layers.Conv2DTranspose(filters, 2, strides=2, padding="same")(x)
        x = _twice(layers.Concatenate()([x, skip]), filters)
    return keras.Model(image, layers.Conv2D(1, 1, activation="sigmoid", name="mask")(x), name="unet")


def _twice(x: Any, filters: int) -> Any:
    for _ in range(2):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    return x


def dcgan_generator() -> Any:
    """The generator of TensorFlow's DCGAN tutorial: 100 numbers to 28 x 28 x 1, transposed convolutions, tanh."""
    blocks: list[Any] = [layers.Dense(7 * 7 * 128, use_bias=False), layers.BatchNormalization(), layers.LeakyReLU()]
    blocks.append(layers.Reshape((7, 7, 128)))
    for filters, strides in ((64, 1), (32, 2)):
        blocks.append(layers.Conv2DTranspose(filters, 5, strides=strides, padding="same", use_bias=False))
        blocks += [layers.BatchNormalization(), layers.LeakyReLU()]
    last = layers.Conv2DTranspose(1, 5, strides=2, padding="same", use_bias=False, activation="tanh", name="picture")
    return keras.Sequential([keras.Input((COMPONENTS,), name="noise"), *blocks, last], name="dcgan_generator")


def espcn() -> Any:
    """ESPCN: gray pictures of 32 x 32 to 96 x 96, convolutions 64-32-9, a pixel shuffle by reshape and transpose."""
    small = keras.Input((32, 32, 1), name="small")
    x = layers.Conv2D(64, 5, padding="same", activation="tanh")(small)
    x = layers.Conv2D(32, 3, padding="same", activation="tanh")(x)
    x = layers.Conv2D(SCALE**2, 3, padding="same")(x)
    x = ops.transpose(ops.reshape(x, (-1, 32, 32, SCALE, SCALE, 1)), (0, 1, 3, 2, 4, 5))
    return keras.Model(small, layers.Reshape((32 * SCALE, 32 * SCALE, 1), name="large")(x), name="espcn")


def siamese() -> Any:
    """One tower for two pictures of 28 x 28 x 1; the distance of its features says whether they are of one class."""
    picture = keras.Input((28, 28, 1))
    x = picture
    for filters in (32, 64, 64):
        x = layers.MaxPooling2D()(layers.Conv2D(filters, 3, padding="same", activation="relu")(x))
    tower = keras.Model(picture, layers.Dense(64)(layers.Flatten()(x)), name="tower")
    left, right = keras.Input((28, 28, 1), name="left"), keras.Input((28, 28, 1), name="right")
    distance = ops.abs(layers.Subtract()([tower(left), tower(right)]))
    return keras.Model([left, right], layers.Dense(1, "sigmoid", name="same")(distance), name="siamese")


def vit() -> Any:
    """A vision transformer on 32 x 32 x 3: patches of 4, width 64, four blocks of four heads, ten classes.

    The patches' projection carries a bias for each place, which are the position embeddings.
    """
    image = keras.Input((32, 32, 3), name="image")
    x = layers.Reshape((TOKENS, WIDTH))(layers.Conv2D(WIDTH, PATCH, strides=PATCH)(image))
    x = layers.EinsumDense("btd,de->bte", (TOKENS, WIDTH), bias_axes="te")(x)
    for _ in range(4):
        y = layers.LayerNormalization(epsilon=1e-6)(x)
        x = layers.Add()([x, layers.MultiHeadAttention(4, WIDTH // 4)(y, y)])
        y = layers.Dense(2 * WIDTH, "gelu")(layers.LayerNormalization(epsilon=1e-6)(x))
        x = layers.Add()([x, layers.Dense(WIDTH)(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-6)(x))
    return keras.Model(image, layers.Dense(10, "softmax", name="classes")(x), name="vit")


def keypoint_mlp() -> Any:
    """42 numbers of a hand's landmarks, dense 20-10 with dropout, six gestures: what follows MediaPipe in many apps."""
    return keras.Sequential(
        [
            keras.Input((42,), name="landmarks"),
            layers.Dropout(0.2),
            layers.Dense(20, "relu"),
            layers.Dropout(0.2),
            layers.Dense(10, "relu"),
            layers.Dense(len(GESTURES), "softmax", name="gesture"),
        ],
        name="keypoint_mlp",
    )


def bilstm() -> Any:
    """Two bidirectional LSTMs of 64 over 32 embedded words, as Keras's example of sentiment has them; one sigmoid."""
    words = keras.Input((LENGTH,), dtype="int32", name="words")
    x = layers.Embedding(WORDS, 64)(words)
    x = layers.Bidirectional(layers.LSTM(64, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(64))(x)
    return keras.Model(words, layers.Dense(1, "sigmoid", name="praise")(x), name="bilstm")


def group_norm_resnet() -> Any:
    """A residual network of 18 layers' form on 32 x 32 x 3 with group normalization of 8, filters 32-64-128."""
    image = keras.Input((32, 32, 3), name="image")
    x = _normed(image, 32)
    for filters, strides in ((32, 1), (64, 2), (128, 2)):
        for first in (True, False):
            y = _normed(x, filters, strides if first else 1)
            y = layers.GroupNormalization(8)(layers.Conv2D(filters, 3, padding="same", use_bias=False)(y))
            if first and strides > 1:
                x = layers.Conv2D(filters, 1, strides=strides, use_bias=False)(x)
            x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(10, "softmax", name="classes")(x), name="group_norm_resnet")


def _normed(x: Any, filters: int, strides: int = 1) -> Any:
    x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.GroupNormalization(8)(x))
