"""Layers for --custom-objects: one that only ONNX and Core ML can express, and ones that misbehave while traced."""

from __future__ import annotations

import ctypes
import time

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable("tests")
class ErfLayer(keras.layers.Layer):
    """TFLite has no kernel for Erf."""

    def call(self, inputs):
        return tf.math.erf(inputs)


@keras.saving.register_keras_serializable("tests")
class TrapLayer(keras.layers.Layer):
    """Does what `kind` says when it is traced after loading, as a broken native library would."""

    def __init__(self, kind="none", **options):
        super().__init__(**options)
        self.kind = kind

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}

    def call(self, inputs):
        if self.kind == "segfault":
            ctypes.string_at(0)
        if self.kind == "hang":
            time.sleep(600)
        hoard = []
        while self.kind == "exhaust":
            hoard.append(bytearray(64 << 20))
        return inputs * 2.0
