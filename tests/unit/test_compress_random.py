"""Exact removal over random architectures: any mix of branches, joins, gates, shared layers and heads."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.test_compress_channels import gap

WIDTHS = st.integers(2, 7)
JOINS = ("add", "concat", "gate")
KINDS = ("conv", "depthwise", "separable", "norm", "activation", "twice", "nested", "transposed", *JOINS)
STEPS = st.lists(
    st.tuples(st.sampled_from(KINDS), WIDTHS, st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=7
)


def fitted(layers, x, channels):
    return x if x.shape[-1] == channels else layers.Conv2D(channels, 1)(x)


def joined(layers, kind, one, other):
    """Two earlier tensors of 6 x 6 pixels made one."""
    if kind == "add":
        return layers.Add()([one, fitted(layers, other, one.shape[-1])])
    if kind == "gate":
        gate = layers.GlobalAveragePooling2D(keepdims=True)(other)
        return layers.Multiply()([one, layers.Conv2D(one.shape[-1], 1, activation="sigmoid")(gate)])
    return layers.Concatenate()([one, other])


def single(layers, kind, width, one):
    """One more layer, or two, on an earlier tensor."""
    import keras

    if kind == "twice":
        shared = layers.Conv2D(one.shape[-1], 3, padding="same")
        return shared(layers.ReLU()(shared(one)))
    odd = width % 2 == 1
    made = {
        "conv": lambda: layers.Conv2D(width, 3, padding="same", use_bias=odd),
        "depthwise": lambda: layers.DepthwiseConv2D(3, padding="same", depth_multiplier=1 + odd),
        "separable": lambda: layers.SeparableConv2D(width, 3, padding="same"),
        "norm": lambda: layers.BatchNormalization(scale=odd),
        "activation": lambda: layers.Activation(["relu", "swish", "sigmoid", "gelu"][width % 4]),
        "nested": lambda: keras.Sequential([layers.Conv2D(width, 1, activation="relu"), layers.Conv2D(width, 1)]),
        "transposed": lambda: layers.Conv2DTranspose(width, 3, padding="same"),
    }
    return made[kind]()(one)


@given(steps=STEPS, flatten=st.booleans(), seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_removal_is_exact_whatever_the_architecture(steps, flatten, seed):
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    image = keras.Input((6, 6, 2))
    made = [layers.Conv2D(5, 3, padding="same")(image)]
    for kind, width, first, second in steps:
        one, other = made[first % len(made)], made[second % len(made)]
        made.append(joined(layers, kind, one, other) if kind in JOINS else single(layers, kind, width, one))
    features = (layers.Flatten() if flatten else layers.GlobalAveragePooling2D())(made[-1])
    model = keras.Model(image, layers.Dense(3)(layers.Dense(6, "relu")(features)))
    error, removed, before, after = gap(model, seed)
    assert error < 1e-5
    assert (after.count_params() < before.count_params()) == (removed > 0)
