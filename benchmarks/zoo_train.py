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
    settle(model, samples[:128])  # a short training leaves the moving statistics far behind


def settle_and_probe(model: Any, samples: Array, labels: Array) -> None:
    """Keep the random weights, but make them behave as trained ones do.

    Kernels before a ReLU get He's variance where there is no normalization, layer scales (initialized to 1e-6, which
    would leave every block out) become 0.2, batch-norm statistics are set by one pass over `samples`, and the last
    Dense layer is fitted to `labels` in closed form.
    """
    wake(model)
    settle(model, samples[:64])
    probe(model, samples, labels)


def wake(model: Any) -> None:
    """He's variance for kernels without normalization after them, and layer scales of 0.2."""
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
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]  # noqa: SLF001
    before = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    model(samples, training=True)
    for layer, momentum in zip(norms, before, strict=True):
        layer.momentum = momentum


def probe(model: Any, samples: Array, labels: Array, *, strength: float = 6.0) -> None:
    """Fit the last Dense layer by ridge regression of +-`strength` logits on its (standardized) inputs."""
    last = model.layers[-1]
    body = keras.Model(model.inputs, last.input)
    found = np.asarray(body.predict(samples, batch_size=16, verbose=0), np.float64)
    mean, spread = found.mean(0), found.std(0) + 1e-6
    inputs = (found - mean) / spread
    wanted = strength * (2 * np.eye(last.units)[labels] - 1)
    gram = inputs.T @ inputs + len(samples) * 0.05 * np.eye(inputs.shape[1])
    kernel = np.linalg.solve(gram, inputs.T @ (wanted - wanted.mean(0))) / spread[:, None]
    last.kernel.assign(kernel.astype(np.float32))
    last.bias.assign((wanted.mean(0) - mean @ kernel).astype(np.float32))
