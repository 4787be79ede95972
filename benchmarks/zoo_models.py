"""The architectures of the zoo, as people write them. All are untrained: `zoo_train` makes them meaningful."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers

CLASSES = 10


def mnist_mlp() -> Any:
    """784-100-10."""
    return keras.Sequential(
        [keras.Input((784,)), layers.Dense(100, "relu"), layers.Dense(10, "softmax")], name="mnist_mlp"
    )


def mnist_cnn_small() -> Any:
    """One convolution of 25 filters, dense 100."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(25, 3, activation="relu"),
            layers.MaxPooling2D(1),
            layers.Flatten(),
            layers.Dense(100, "relu"),
            layers.Dense(10, "softmax"),
        ],
        name="mnist_cnn_small",
    )


def mnist_cnn() -> Any:
    """Convolutions 32-64-64, dense 64."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64, "relu"),
            layers.Dense(10, "softmax"),
        ],
        name="mnist_cnn",
    )


def shapes_cnn() -> Any:
    """28 x 28 x 1, convolutions 32-64, dense 128, three classes."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(128, "relu"),
            layers.Dropout(0.5),
            layers.Dense(3, "softmax"),
        ],
        name="shapes_cnn",
    )


def cifar_cnn() -> Any:
    """32 x 32 x 3, convolutions 50-75-125, dropout, dense 500-250-10."""
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(50, 3, padding="same", activation="relu"),
            layers.Conv2D(75, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Conv2D(125, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            layers.Flatten(),
            layers.Dense(500, "relu"),
            layers.Dropout(0.4),
            layers.Dense(250, "relu"),
            layers.Dropout(0.3),
            layers.Dense(10, "softmax"),
        ],
        name="cifar_cnn",
    )


def imagenette_cnn() -> Any:
    """224 x 224 x 3, convolutions 25 (5 x 5), 50 (5 x 5, stride 2), 70 (3 x 3, stride 2), dense 100-100-10."""
    return keras.Sequential(
        [
            keras.Input((224, 224, 3)),
            layers.Conv2D(25, 5, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(50, 5, strides=2, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.Conv2D(70, 3, strides=2, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(100, "relu"),
            layers.Dense(100, "relu"),
            layers.Dropout(0.25),
            layers.Dense(10, "softmax"),
        ],
        name="imagenette_cnn",
    )


def vgg16_transfer() -> Any:
    """VGG16 as a frozen base on 150 x 150 x 3, global average pooling, dense 256."""
    base = keras.applications.VGG16(weights=None, include_top=False, input_shape=(150, 150, 3))
    base.trainable = False
    inputs = keras.Input((150, 150, 3))
    pooled = layers.GlobalAveragePooling2D()(base(inputs))
    hidden = layers.Dense(256, "relu")(pooled)
    outputs = layers.Dense(CLASSES, "softmax")(layers.Dropout(0.5)(hidden))
    return keras.Model(inputs, outputs, name="vgg16_transfer")


def vgg16_features() -> Any:
    """The head alone, on features of 7 x 7 x 512: dense 100, batch norm."""
    return keras.Sequential(
        [
            keras.Input((7, 7, 512)),
            layers.Flatten(),
            layers.Dense(100, "relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(CLASSES, "softmax"),
        ],
        name="vgg16_features",
    )


def cnn_224() -> Any:
    """224 x 224 x 3, convolutions 32-64-128, dense 256."""
    return keras.Sequential(
        [
            keras.Input((224, 224, 3)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(128, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(256, "relu"),
            layers.Dropout(0.5),
            layers.Dense(CLASSES, "softmax"),
        ],
        name="cnn_224",
    )


def bn_dropout_binary() -> Any:
    """150 x 150 x 3, batch norm and dropout after each convolution, one sigmoid."""
    blocks: list[Any] = []
    for filters in (32, 64, 128):
        blocks += [
            layers.Conv2D(filters, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
        ]
    head = [
        layers.Flatten(),
        layers.Dense(128, "relu"),
        layers.BatchNormalization(),
        layers.Dropout(0.5),
        layers.Dense(1, "sigmoid"),
    ]
    return keras.Sequential([keras.Input((150, 150, 3)), *blocks, *head], name="bn_dropout_binary")


def cnn_lstm_clip() -> Any:
    """30 frames of 128 x 128 x 1: convolutions and pooling of each frame, LSTM 50, three classes."""
    each = layers.TimeDistributed
    return keras.Sequential(
        [
            keras.Input((30, 128, 128, 1)),
            each(layers.Conv2D(8, 3, strides=2, activation="relu")),
            each(layers.MaxPooling2D(2)),
            each(layers.Conv2D(16, 3, activation="relu")),
            each(layers.MaxPooling2D(4)),
            each(layers.Flatten()),
            layers.LSTM(50),
            layers.Dense(3, "softmax"),
        ],
        name="cnn_lstm_clip",
    )


def spectrogram_cnn() -> Any:
    """64 x 64 x 1, three classes."""
    return keras.Sequential(
        [
            keras.Input((64, 64, 1)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(64, "relu"),
            layers.Dense(3, "softmax"),
        ],
        name="spectrogram_cnn",
    )


def application(name: str) -> Any:
    """A network of `keras.applications`, random, on 96 x 96 x 3 with ten classes."""
    return getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3), classes=CLASSES)
