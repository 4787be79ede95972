"""Budgets are met, widths keep their rules, and the least important goes first."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_runtime.errors import UsageError

from edgecv.compress.channel_choice import Widths, choose, least_multiply_adds
from edgecv.compress.importance import score
from edgecv.compress.load import flat
from edgecv.compress.surgery import Anatomy
from tests.architectures import small_models


@pytest.fixture(scope="module")
def anatomy():
    return Anatomy.of(flat(small_models()["residual"]()))


def full(anatomy):
    return anatomy.channels.multiply_adds(np.zeros(anatomy.channels.count, bool))


def kept(anatomy, removed):
    return {family.layers: int((~removed[family.members]).sum()) for family in anatomy.channels.families}


@pytest.mark.parametrize("scope", ["global", "layer"])
@pytest.mark.parametrize("share", [0.3, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("round_to", [1, 2, 4])
def test_the_budget_is_met_and_widths_are_multiples(anatomy, scope, share, round_to):
    scores = np.random.default_rng(0).random(anatomy.channels.count)
    widths = Widths(round_to=round_to, least=2)
    removed = choose(anatomy.channels, scores, int(share * full(anatomy)), scope=scope, widths=widths)
    assert anatomy.channels.multiply_adds(removed) <= share * full(anatomy)
    for family in anatomy.channels.families:
        stays = int((~removed[family.members]).sum())
        assert stays >= widths.floor(len(family.members))
        assert stays % round_to == 0 or stays == len(family.members) or round_to % stays == 0
        assert (
            scores[family.members[removed[family.members]]].max(initial=0)
            <= scores[family.members[~removed[family.members]]].min()
        )


@pytest.mark.parametrize(
    ("round_to", "least", "most", "ladder"),
    [
        (16, 8, 64, [48, 32, 16, 8]),
        (16, 4, 50, [48, 32, 16, 8, 4]),
        (8, 8, 16, [8]),
        (8, 4, 12, [8, 4]),
        (6, 1, 7, [6, 3]),
        (1, 4, 6, [5, 4]),
        (16, 20, 64, [48, 32]),
        (8, 4, 3, []),
        (4, 10, 30, [28, 24, 20, 16, 12]),
        (8, 8, 5, []),
    ],
)
def test_below_a_whole_step_come_its_halves(round_to, least, most, ladder):
    widths, found, width = Widths(round_to=round_to, least=least), [], most
    while (narrower := widths.below(width, most)) is not None:
        found.append(width := narrower)
    assert found == ladder
    assert widths.floor(most) == ([most, *ladder])[-1]


def test_the_least_important_channels_of_the_network_go_first(anatomy):
    scores = np.ones(anatomy.channels.count)
    [first, *_] = anatomy.channels.families
    scores[first.members[[1, 4]]] = 0.1, 0.2
    alone = np.zeros(anatomy.channels.count, bool)
    alone[first.members[[1, 4]]] = True
    budget = anatomy.channels.multiply_adds(alone)
    removed = choose(anatomy.channels, scores, budget, widths=Widths(round_to=1, least=1))
    assert list(np.flatnonzero(removed)) == sorted(first.members[[1, 4]])


def test_no_more_goes_than_the_budget_asks_for(anatomy):
    """What was removed before a large block made room is given back."""
    scores = np.random.default_rng(1).random(anatomy.channels.count)
    budget = int(0.6 * full(anatomy))
    widths = Widths(round_to=4, least=4)
    removed = choose(anatomy.channels, scores, budget, widths=widths)
    for family in anatomy.channels.families:
        gone = family.members[removed[family.members]]
        if len(gone):
            again = removed.copy()
            again[gone[np.argsort(scores[gone])[-4:]]] = False
            assert anatomy.channels.multiply_adds(again) > budget


def test_the_least_is_what_no_choice_goes_below(anatomy):
    widths = Widths(round_to=4, least=3)
    removed = choose(anatomy.channels, np.ones(anatomy.channels.count), 0, widths=widths)
    assert anatomy.channels.multiply_adds(removed) == least_multiply_adds(anatomy.channels, widths, 0)
    assert set(kept(anatomy, removed).values()) == {4}
    assert (
        least_multiply_adds(anatomy.channels, widths, 1000) == least_multiply_adds(anatomy.channels, widths, 0) + 1000
    )


def test_layers_that_stay_count_against_the_budget(anatomy):
    scores = np.random.default_rng(2).random(anatomy.channels.count)
    other = full(anatomy)
    removed = choose(
        anatomy.channels, scores, int(1.5 * full(anatomy)), other=other, widths=Widths(round_to=1, least=1)
    )
    assert anatomy.channels.multiply_adds(removed) <= 0.5 * full(anatomy)


def test_what_saves_more_goes_before_what_saves_less():
    """Two layers of equally important channels: those at the larger resolution go first."""
    import keras

    layers = keras.layers
    image = keras.Input((16, 16, 3))
    fine = layers.Conv2D(8, 3, padding="same", name="fine")(image)
    coarse = layers.Conv2D(8, 3, padding="same", name="coarse")(layers.MaxPooling2D(4)(fine))
    out = layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3, name="last")(coarse)))
    found = Anatomy.of(flat(keras.Model(image, out)))
    budget = int(0.8 * full(found))
    removed = choose(found.channels, np.ones(found.channels.count), budget, widths=Widths(round_to=1, least=1))
    assert kept(found, removed) == {("fine",): 6, ("coarse",): 8, ("last",): 8}


@pytest.mark.parametrize("kind", ["l1", "l2"])
def test_a_norm_sums_what_goes_with_the_channel(kind):
    import keras

    layers = keras.layers
    model = flat(
        keras.Sequential(
            [keras.Input((4, 4, 2)), layers.Conv2D(3, 1, name="c"), layers.Flatten(), layers.Dense(2, name="d")]
        )
    )
    found = Anatomy.of(model)
    scores = score(model, found.channels, kind)[found.channels.families[0].members]
    power = 1 if kind == "l1" else 2
    first = (np.abs(np.asarray(model.get_layer("c").kernel)) ** power).sum((0, 1, 2))
    second = (np.abs(np.asarray(model.get_layer("d").kernel)) ** power).reshape(16, 3, 2).sum((0, 2))
    wanted = (first + second) ** (1 / power)
    np.testing.assert_allclose(scores, wanted / wanted.mean(), rtol=1e-6)


def test_gamma_takes_the_norms_that_a_channel_goes_through(anatomy):
    model = anatomy.model
    norm = model.get_layer(next(layer.name for layer in model.layers if "batch" in layer.name))
    norm.gamma.assign(np.linspace(0.5, 4, 8))
    scores = score(model, anatomy.channels, "gamma")
    slot = anatomy.channels.slots[norm.name, "gamma", 0]
    assert np.all(np.diff(scores[slot.atoms]) > 0)


def test_gamma_without_batch_norm_is_an_error():
    model = flat(small_models()["flatten"]())
    with pytest.raises(UsageError, match="needs batch norm"):
        score(model, Anatomy.of(model).channels, "gamma")


def test_taylor_is_activation_times_gradient():
    """The weights that read a channel, times their gradients, sum to the channel times its own gradient."""
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(3)
    layers = keras.layers
    image = keras.Input((6, 6, 2))
    hidden = layers.Conv2D(4, 3, activation="relu", name="c")(image)
    out = layers.Dense(3, name="d")(layers.Flatten()(layers.MaxPooling2D()(hidden)))
    model = flat(keras.Model(image, out))
    found = Anatomy.of(model)
    x = np.random.default_rng(0).normal(size=(8, 6, 6, 2)).astype(np.float32)

    def gradients(model, weights):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(model(x) ** 2)
        yield [np.asarray(g) for g in tape.gradient(loss, [w.value for w in weights])]

    scores = score(model, found.channels, "taylor", gradients)[found.channels.families[0].members]
    pooled = keras.Model(model.inputs[0], model.get_layer("d").input)
    rows = tf.constant(pooled(x))
    with tf.GradientTape() as tape:
        tape.watch(rows)
        loss = tf.reduce_mean(model.get_layer("d")(rows) ** 2)
    product = np.asarray(rows * tape.gradient(loss, rows)).reshape(8, 4, 4).sum((0, 1))
    np.testing.assert_allclose(scores, np.abs(product), rtol=1e-4)


def test_taylor_without_data_is_an_error(anatomy):
    with pytest.raises(UsageError, match="needs --data"):
        score(anatomy.model, anatomy.channels, "taylor")
