"""Maps from gradients, against networks whose every step is written again in plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.explain.canvas import Canvas
from edgecv_converters.explain.compare import rank_correlation
from edgecv_converters.explain.gradients import (
    gradcam,
    gradcam_plus_plus,
    hirescam,
    integrated,
    smoothgrad,
)
from edgecv_converters.explain.insides import InsideOrder, view_inside
from edgecv_converters.explain.network import InnerNetwork
from edgecv_converters.explain.places import MapPlaces, measured
from edgecv_converters.explain.records import ExplainOrder
from edgecv_converters.explain.settings import ExplainSettings
from edgecv_converters.explain.subjects import AnsweringSource
from edgecv_converters.explain.worker import explain
from edgecv_converters.source.request import SourceRequest, open_source
from edgecv_runtime.errors import UsageError
from edgecv_runtime.heads.explained import Explained
from edgecv_runtime.heads.kinds import open_head

from tests.models import save_h5

SIDE, CLASSES = 12, 4


def pooled(layers, keras):
    """A convolution, the mean of each channel, and classes: the gradient is that of the last layer's weights."""
    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    found = layers.Conv2D(5, 3, activation="relu", name="conv")(pixels)
    found = layers.GlobalAveragePooling2D()(found)
    return keras.Model(pixels, layers.Dense(CLASSES, activation="softmax", name="classes")(found))


def nested(layers, keras):
    """The same with the convolutions in a model of their own, and a hidden layer behind all places."""
    inner = keras.Sequential([keras.Input((SIDE, SIDE, 3)), layers.Conv2D(4, 3, activation="relu", name="conv")])
    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    found = layers.Flatten()(inner(pixels))
    found = layers.Dense(7, activation="relu", name="hidden")(found)
    return keras.Model(pixels, layers.Dense(CLASSES, activation="softmax", name="classes")(found))


def strided(layers, keras):
    """A convolution of stride two with a pool behind it, and a single logit for each class."""
    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    found = layers.Conv2D(6, 3, activation="relu", name="conv")(pixels)
    found = layers.Flatten()(layers.MaxPooling2D(2)(found))
    return keras.Model(pixels, layers.Dense(CLASSES, name="classes")(found))


def saved(make, path):
    """The network in a file of Keras 3, or of Keras 2 where the file is one of HDF5."""
    if path.suffix == ".h5":
        import tf_keras

        model = make(tf_keras.layers, tf_keras)
        save_h5(model, path)
    else:
        import keras

        keras.utils.set_random_seed(7)
        model = make(keras.layers, keras)
        model.save(path)
    return model


NETWORKS = [(pooled, ".keras"), (nested, ".keras"), (strided, ".h5")]


@pytest.fixture(scope="module", params=NETWORKS, ids=lambda one: one[0].__name__)
def opened(request, tmp_path_factory):
    make, suffix = request.param
    path = tmp_path_factory.mktemp("network") / f"{make.__name__}{suffix}"
    saved(make, path)
    return make, open_source(SourceRequest(path=path))


@pytest.fixture(scope="module")
def picture():
    return np.random.default_rng(3).random((SIDE, SIDE, 3)).astype(np.float32)


def weights_of(source, end):
    return next(np.asarray(read()) for name, read in source.loaded.weights if end in name)


def convolved(picture, kernel, bias):
    windows = np.lib.stride_tricks.sliding_window_view(picture.astype(np.float64), (3, 3), axis=(0, 1))
    return np.maximum(0, np.einsum("hwcij,ijco->hwo", windows, kernel) + bias)


def numpy_map_and_gradient(make, source, picture, index):
    """What the convolution gives, and the gradient of a class's logit by it."""
    values = convolved(picture, weights_of(source, "conv/kernel"), weights_of(source, "conv/bias"))
    last = weights_of(source, "classes/kernel").astype(np.float64)
    if make is pooled:
        return values, np.broadcast_to(last[:, index] / values[..., 0].size, values.shape)
    if make is nested:
        hidden = weights_of(source, "hidden/kernel").astype(np.float64)
        active = values.reshape(-1) @ hidden + weights_of(source, "hidden/bias") > 0
        return values, (hidden @ (active * last[:, index])).reshape(values.shape)
    gradient, (height, width, channels) = np.zeros_like(values), values.shape
    behind = last[:, index].reshape(height // 2, width // 2, channels)
    for row, column, channel in np.ndindex(behind.shape):
        part = values[2 * row : 2 * row + 2, 2 * column : 2 * column + 2, channel]
        top, left = np.unravel_index(part.argmax(), part.shape)
        gradient[2 * row + top, 2 * column + left, channel] = behind[row, column, channel]
    return values, gradient


def numpy_cams(values, gradient):
    power = {n: gradient**n for n in (2, 3)}
    below = 2 * power[2] + values.sum(axis=(0, 1)) * power[3]
    share = np.where(below != 0, power[2] / np.where(below == 0, 1, below), 0)
    plus = (share * np.maximum(gradient, 0)).sum(axis=(0, 1))
    return {
        gradcam: np.maximum(0, (values * gradient.mean(axis=(0, 1))).sum(axis=-1)),
        gradcam_plus_plus: np.maximum(0, (values * plus).sum(axis=-1)),
        hirescam: np.maximum(0, (values * gradient).sum(axis=-1)),
    }


def the_class(source, index):
    return Explained.of(str(index), source.outputs[0].name, [index])


@pytest.mark.parametrize("index", range(CLASSES))
def test_maps_of_a_layer_are_those_of_plain_numpy(opened, picture, index):
    make, source = opened
    seen = InnerNetwork(source).weighed(picture[None], the_class(source, index), "conv")
    wanted_values, wanted_gradient = numpy_map_and_gradient(make, source, picture, index)
    np.testing.assert_allclose(seen.values, wanted_values, atol=1e-5)
    np.testing.assert_allclose(seen.gradient, wanted_gradient, atol=1e-5)
    for weigh, wanted in numpy_cams(wanted_values, wanted_gradient).items():
        np.testing.assert_allclose(weigh(seen.values, seen.gradient), wanted, atol=1e-5)
    assert np.abs(wanted_gradient).max() > 1e-3


def test_the_last_map_of_convolutions_is_found_inside_nested_models_and_before_pools(opened, picture):
    assert InnerNetwork(opened[1]).last_map(picture[None]) == "conv"


@pytest.mark.parametrize("baseline", ["mean", "zero", "blur"])
def test_integrated_gradients_add_up_to_the_difference_of_outputs(opened, picture, baseline):
    _, source = opened
    network, explained = InnerNetwork(source), the_class(source, 2)
    canvas = Canvas(picture, baseline=baseline)
    found = integrated(network, canvas, explained, ExplainSettings(steps=8))
    scores, _ = network.gradients(np.stack([canvas.raw, canvas.base]), explained)
    assert found.difference == pytest.approx(scores[0] - scores[1], abs=1e-6)
    assert abs(found.values.sum() - found.difference) <= 0.01 * abs(found.difference)
    assert found.missing <= 0.01


def test_smoothgrad_without_noise_is_the_gradient(opened, picture):
    _, source = opened
    network, explained = InnerNetwork(source), the_class(source, 1)
    found = smoothgrad(network, Canvas(picture), explained, ExplainSettings(noise=0.0, draws=3))
    plain = network.gradients(picture[None], explained)[1][0]
    np.testing.assert_allclose(found, plain, atol=1e-6)
    noisy = smoothgrad(network, Canvas(picture), explained, ExplainSettings(noise=0.5, draws=3))
    assert np.abs(noisy - plain).max() > 1e-3


def test_a_softmax_at_the_end_is_left_out_while_a_score_is_taken_and_back_afterwards(opened, picture):
    make, source = opened
    before = source.predict({"pixels": picture[None]})[source.outputs[0].name]
    scores, _ = InnerNetwork(source).gradients(picture[None], the_class(source, 0))
    after = [np.asarray(values) for values in source.loaded.call([picture[None]])]
    np.testing.assert_allclose(after[0], before, atol=1e-6)
    logits = [float(InnerNetwork(source).gradients(picture[None], the_class(source, i))[0][0]) for i in range(CLASSES)]
    powers = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(before[0], logits if make is strided else powers, atol=1e-5)
    assert scores[0] == pytest.approx(logits[0])


def order_of(source, picture, **more):
    head = open_head(source.heads[0], source.outputs)
    return ExplainOrder(samples=picture[None], head=head, **{"method": "gradcam", "curves": False, **more})


def test_shuffled_weights_give_another_map_and_it_is_said_how_like_it_is(tmp_path, picture):
    saved(nested, tmp_path / "nested.keras")
    source = open_source(SourceRequest(path=tmp_path / "nested.keras"))
    subject = AnsweringSource(source, open_head(source.heads[0], source.outputs))
    places = measured(subject.network, picture[None], "conv")
    plain = explain(subject, order_of(source, picture))
    assert plain.layer == "conv"
    assert plain.maps[0].shuffled is None
    assert plain.maps[0].values.shape == (SIDE, SIDE)
    checked = explain(subject, order_of(source, picture, sanity=True))
    np.testing.assert_array_equal(checked.maps[0].values, plain.maps[0].values)
    seen = subject.network.weighed(picture[None], plain.explained[0], "conv")  # its weights stay so
    shuffled = places.enlarged(gradcam(seen.values, seen.gradient), (SIDE, SIDE))
    assert checked.maps[0].shuffled == rank_correlation(plain.maps[0].values, shuffled)
    assert abs(checked.maps[0].shuffled) < 0.7


def test_an_unknown_layer_is_named_with_those_there_are(opened, picture):
    _, source = opened
    subject = AnsweringSource(source, open_head(source.heads[0], source.outputs))
    with pytest.raises(UsageError, match="no layer 'nope'") as raised:
        explain(subject, order_of(source, picture, layer="nope"))
    assert "conv" in raised.value.hint
    with pytest.raises(UsageError, match="gives no map"):
        explain(subject, order_of(source, picture, layer="classes"))


def test_the_inside_is_filters_maps_and_the_strongest_pictures(opened, picture):
    _, source = opened
    pictures = np.stack([picture, 2 * picture, 0.5 * picture])
    found = view_inside(InnerNetwork(source), InsideOrder(filters=True, layer="conv", channel=1), pictures)
    kernel = weights_of(source, "conv/kernel")
    np.testing.assert_array_equal(found.filters, kernel)
    assert found.filters_of == "conv"
    wanted = [convolved(one, kernel, weights_of(source, "conv/bias")) for one in pictures]
    for maps, trace, strength, one in zip(found.maps, found.traces, found.strengths, wanted, strict=True):
        np.testing.assert_allclose(maps, one, atol=1e-5)
        inner = trace[1:-1, 1:-1]  # a place of a convolution without padding looks one pixel further on
        np.testing.assert_allclose(inner, one[..., 1], atol=0.2 * one[..., 1].max())
        assert strength == pytest.approx(one[..., 1].max(), abs=1e-5)
    assert found.strongest == tuple(np.argsort([-one[..., 1].max() for one in wanted], kind="stable"))
    with pytest.raises(UsageError, match="has no channel 99"):
        view_inside(InnerNetwork(source), InsideOrder(layer="conv", channel=99), pictures)


def test_a_map_is_drawn_where_its_places_look():
    small = np.asarray([[0, 1], [2, 3]], np.float32)
    places = MapPlaces("conv", np.float32([1.5, 5.5]), np.float32([1, 4]))
    large = places.enlarged(small, (8, 6))
    assert large.shape == (8, 6)
    assert (large[0, 0], large[-1, -1]) == (0, 3)
    np.testing.assert_allclose(large[0], [0, 0, 1 / 3, 2 / 3, 1, 1], atol=1e-6)
    np.testing.assert_allclose(large[:, 0], [0, 0, 0.25, 0.75, 1.25, 1.75, 2, 2], atol=1e-6)


def three_strides(padding):
    """Three convolutions of stride two: padded as TensorFlow does, after; or as PyTorch does, on both sides alike."""
    import keras

    pixels = found = keras.Input((64, 64, 3), name="pixels")
    for number in range(3):
        if padding == "both":
            found = keras.layers.ZeroPadding2D(1)(found)
        found = keras.layers.Conv2D(
            8, 3, strides=2, padding="valid" if padding == "both" else "same", activation="relu", name=f"conv_{number}"
        )(found)
    found = keras.layers.GlobalAveragePooling2D()(found)
    return keras.Model(pixels, keras.layers.Dense(CLASSES, activation="softmax", name="classes")(found))


@pytest.mark.parametrize(("padding", "first"), [("same", 7), ("both", 0)])
def test_a_map_lies_over_what_its_places_look_at_whichever_side_was_padded(tmp_path, padding, first):
    """Stretched over the picture, both maps would have their first place at 3.5."""
    import keras

    keras.utils.set_random_seed(0)
    three_strides(padding).save(tmp_path / "strides.keras")
    network = InnerNetwork(open_source(SourceRequest(path=tmp_path / "strides.keras")))
    sample = np.random.default_rng(0).random((1, 64, 64, 3)).astype(np.float32)
    places = measured(network, sample, "conv_2")
    np.testing.assert_allclose(places.down, first + 8 * np.arange(8), atol=1.0)
    np.testing.assert_allclose(places.across, first + 8 * np.arange(8), atol=1.0)
