"""Small networks of every structure that channels have to be followed through, and random ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Builder = Callable[[], Any]


def _net(build: Callable[[Any, Any], Any], shape: tuple[int, ...] = (12, 12, 3), units: int = 4) -> Builder:
    """A classifier around `build(layers, image)`."""

    def made() -> Any:
        import keras

        keras.utils.set_random_seed(0)
        image = keras.Input(shape, name="image")
        features = build(keras.layers, image)
        if len(features.shape) > 2:
            pool = "GlobalAveragePooling2D" if len(features.shape) == 4 else "GlobalAveragePooling1D"
            features = getattr(keras.layers, pool)(name="pool")(features)
        return keras.Model(image, keras.layers.Dense(units, "softmax", name="out")(features), name="net")

    return made


def _norm(layers: Any, x: Any) -> Any:
    return layers.ReLU()(layers.BatchNormalization()(x))


def _residual(layers: Any, image: Any) -> Any:
    x = _norm(layers, layers.Conv2D(8, 3, padding="same", use_bias=False, name="stem")(image))
    y = _norm(layers, layers.Conv2D(8, 3, padding="same", name="a")(x))
    x = layers.Add()([x, layers.Conv2D(8, 3, padding="same", name="b")(y)])
    y = layers.Conv2D(12, 3, strides=2, padding="same", name="c")(x)
    short = layers.Conv2D(12, 1, strides=2, name="short")(x)
    return layers.LeakyReLU()(layers.Subtract()([short, y]))


def _dense_block(layers: Any, image: Any) -> Any:
    x = layers.Conv2D(6, 3, padding="same", name="stem")(image)
    for number in range(3):
        y = _norm(layers, layers.Conv2D(4, 3, padding="same", name=f"grow_{number}")(x))
        x = layers.Concatenate()([x, y])
    return layers.AveragePooling2D(2)(layers.Conv2D(8, 1, name="squeeze")(x))


def _squeeze_excite(layers: Any, image: Any) -> Any:
    x = layers.Conv2D(8, 3, padding="same", activation="swish", name="stem")(image)
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="deep")(x)
    x = layers.Activation("hard_sigmoid")(layers.BatchNormalization()(x))
    gate = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(x))
    gate = layers.Conv2D(4, 1, activation="relu", name="se_reduce")(gate)
    gate = layers.Conv2D(8, 1, activation="sigmoid", name="se_expand")(gate)
    return layers.Conv2D(6, 1, name="project")(layers.Multiply()([x, gate]))


def _separable(layers: Any, image: Any) -> Any:
    x = layers.SeparableConv2D(6, 3, depth_multiplier=2, name="s1")(layers.ZeroPadding2D()(image))
    x = layers.PReLU(shared_axes=[1, 2], name="slope")(x)
    x = layers.SeparableConv2D(8, 3, name="s2")(layers.SpatialDropout2D(0.1)(x))
    return layers.PReLU(name="slopes")(layers.MaxPooling2D()(x))


def _flatten(layers: Any, image: Any) -> Any:
    x = layers.MaxPooling2D()(layers.Conv2D(8, 3, activation="relu", name="c1")(image))
    x = layers.Reshape((25 * 6,), name="flat")(layers.Conv2D(6, 1, name="c2")(x))
    return layers.Dropout(0.2)(layers.Dense(10, "relu", name="hidden")(x))


def _transposed(layers: Any, image: Any) -> Any:
    down = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="down")(image)
    deep = layers.Conv2D(10, 3, strides=2, padding="same", name="deep")(down)
    up = layers.Conv2DTranspose(8, 2, strides=2, activation="relu", name="up")(deep)
    merged = layers.Concatenate()([down, up])
    return layers.UpSampling2D()(layers.Conv2D(6, 3, name="merge")(layers.Cropping2D(1)(merged)))


def _one_dimension(layers: Any, image: Any) -> Any:
    x = layers.Conv1D(8, 3, activation="relu", name="c1")(image)
    x = layers.DepthwiseConv1D(3, name="deep")(layers.BatchNormalization()(x))
    x = layers.SeparableConv1D(6, 3, name="c2")(layers.MaxPooling1D()(x))
    return layers.Dense(8, "relu", name="per_step")(x)


def _nested(layers: Any, image: Any) -> Any:
    import keras

    inner_image = keras.Input((12, 12, 8))
    y = layers.Conv2D(8, 3, padding="same", name="inner")(inner_image)
    block = keras.Model(inner_image, layers.Add()([inner_image, y]), name="block")
    tail = keras.Sequential([layers.Conv2D(6, 3, activation="relu", name="inner"), layers.MaxPooling2D()], name="tail")
    return tail(block(layers.Conv2D(8, 3, padding="same", name="stem")(image)))


def _shared(layers: Any, image: Any) -> Any:
    twice = layers.Conv2D(8, 3, padding="same", activation="relu", name="twice")
    x = layers.Conv2D(8, 3, padding="same", name="stem")(image)
    return layers.Average()([x, twice(twice(x))])


def _operations(layers: Any, image: Any) -> Any:
    import keras

    x = layers.Conv2D(8, 3, name="c1")(image)
    x = x * keras.ops.relu6(x + 3.0) / 6.0
    return layers.Conv2D(6, 3, name="c2")(keras.ops.maximum(x, layers.Conv2D(8, 1, name="c3")(x)))


def _grouped_depthwise(layers: Any, image: Any) -> Any:
    x = layers.Conv2D(8, 3, name="c1")(image)
    x = layers.Conv2D(16, 3, groups=8, name="deep")(x)
    return layers.Conv2D(6, 1, name="c2")(x)


def small_models() -> dict[str, Builder]:
    """By structure."""
    return {
        "residual": _net(_residual),
        "dense_block": _net(_dense_block),
        "squeeze_excite": _net(_squeeze_excite),
        "separable": _net(_separable),
        "flatten": _net(_flatten),
        "transposed": _net(_transposed),
        "one_dimension": _net(_one_dimension, (24, 2)),
        "nested": _net(_nested),
        "shared": _net(_shared),
        "operations": _net(_operations),
        "grouped_depthwise": _net(_grouped_depthwise),
    }


def _through(make: Callable[[Any], Any]) -> Builder:
    """Two convolutions around a layer, and one before them that stays prunable."""

    def build(layers: Any, image: Any) -> Any:
        x = layers.Conv2D(8, 3, name="free")(image)
        x = layers.Conv2D(8, 3, name="before")(x)
        x = make(layers)(x)
        return layers.Conv2D(8, 1, name="after")(x) if len(x.shape) == 4 else x

    return _net(build)


def blocked_models() -> dict[str, tuple[Builder, str, str, list[str]]]:
    """A model, the layer that blocks, words of the reason, and which layers can still be pruned."""
    from tests.custom_layers import ErfLayer

    return {
        "layer norm": (
            _through(lambda layers: layers.LayerNormalization(name="x")),
            "x",
            "normalizes across channels",
            ["after", "free"],
        ),
        "group norm": (
            _through(lambda layers: layers.GroupNormalization(2, name="x")),
            "x",
            "normalizes across channels",
            ["after", "free"],
        ),
        "softmax": (
            _through(lambda layers: layers.Activation("softmax", name="x")),
            "x",
            "activation softmax works on all channels at once",
            ["after", "free"],
        ),
        "fused softmax": (
            _through(lambda layers: layers.Conv2D(5, 1, activation="softmax", name="x")),
            "x",
            "activation softmax works on all channels at once",
            ["after", "before", "free"],
        ),
        "groups": (
            _through(lambda layers: layers.Conv2D(8, 3, groups=2, name="x")),
            "x",
            "a convolution in 2 groups",
            ["after", "free"],
        ),
        "reshape": (
            _through(lambda layers: layers.Reshape((8, 4, 16), name="x")),
            "x",
            "spreads channels over other axes",
            ["after", "free"],
        ),
        "permute": (
            _through(lambda layers: layers.Permute((3, 1, 2), name="x")),
            "x",
            "not known here",
            ["after", "free"],
        ),
        "custom": (
            _through(lambda _: ErfLayer(name="x")),
            "x",
            "a layer of your own",
            ["after", "free"],
        ),
    }
