"""What makes an untrained model of the zoo a fair test: activations with spread, and answers that are decisive."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def train(model: Any, samples: Array, labels: Array, epochs: int) -> None:
    """Train all of the model with Adam, shuffled by the global seed."""
    loss = "binary_crossentropy" if model.output_shape[-1] == 1 else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(1e-3), loss)
    model.fit(samples, labels.astype(np.float32), batch_size=32, epochs=epochs, verbose=0)


def wake(model: Any) -> None:
    """Give random weights the spread that trained ones have.

    Convolutions get He's variance where the model has no normalization; layer scales, which start at 1e-6 and would
    leave every block out, become 0.2.
    """
    flat = list(model._flatten_layers())  # noqa: SLF001  # public traversal does not enter nested models
    normalized = any(type(layer).__name__.endswith("Normalization") for layer in flat)
    for layer in flat:
        if type(layer).__name__ == "LayerScale":
            layer.gamma.assign(np.full(layer.gamma.shape, 0.2, np.float32))
        elif isinstance(layer, keras.layers.Conv2D) and not normalized:
            kernel = np.asarray(layer.kernel)
            wanted = np.sqrt(2 / np.prod(kernel.shape[:3]))
            layer.kernel.assign(kernel * wanted / kernel.std())


def settle(model: Any, samples: Array) -> None:
    """Set every batch norm's moving statistics to those of one batch (He & al. call it recomputing them)."""
    flat = list(model._flatten_layers())  # noqa: SLF001  # public traversal does not enter nested models
    norms = [layer for layer in flat if type(layer).__name__ == "BatchNormalization"]  # of Keras 2 as of 3
    before = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    model(samples, training=True)
    for layer, momentum in zip(norms, before, strict=True):
        layer.momentum = momentum


def probe(model: Any, samples: Array, labels: Array, *, strength: float = 6.0) -> None:
    """Fit the last Dense or 1 x 1 convolution by ridge regression of +-`strength` logits on its inputs."""
    last = [layer for layer in model.layers if hasattr(layer, "kernel")][-1]
    body = keras.Model(model.inputs, last.input)
    found = np.asarray(body.predict(samples, batch_size=16, verbose=0), np.float64).reshape(len(samples), -1)
    mean, spread = found.mean(0), found.std(0) + 1e-6
    inputs = (found - mean) / spread
    units = last.bias.shape[0]
    hits = np.eye(units)[labels] if units > 1 else labels[:, None]
    wanted = strength * (2 * hits - 1)
    gram = inputs.T @ inputs + len(samples) * 0.3 * np.eye(inputs.shape[1])
    kernel = np.linalg.solve(gram, inputs.T @ (wanted - wanted.mean(0))) / spread[:, None]
    last.kernel.assign(kernel.astype(np.float32).reshape(last.kernel.shape))
    last.bias.assign((wanted.mean(0) - mean @ kernel).astype(np.float32))
