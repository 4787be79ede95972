"""Residual blocks: which ones can go whole, what is left without them, and which one goes first."""

import keras
import numpy as np
import pytest
from keras import layers

from edgecv.compress.blocks import blocks_of, cheapest, without
from edgecv.compress.rebuild import flattened


def block(tensor, name, *, inner=4):
    """What a residual network adds to a tensor."""
    found = layers.Conv2D(inner, 3, padding="same", activation="relu", name=f"{name}_a")(tensor)
    return layers.Conv2D(tensor.shape[-1], 3, padding="same", name=f"{name}_b")(found)


def network(*, between=lambda tensor: tensor):
    """Two residual blocks with the same shapes, and a head."""
    image = keras.Input((8, 8, 3))
    stem = layers.Conv2D(6, 3, padding="same", name="stem")(image)
    first = layers.Add(name="add_1")([stem, block(stem, "one")])
    second = layers.Add(name="add_2")([block(between(first), "two", inner=8), first])
    return flattened(keras.Model(image, layers.Dense(5)(layers.GlobalAveragePooling2D()(second))))


def answers(model):
    return np.asarray(model(np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)))


def test_the_blocks_are_found_with_what_they_compute():
    assert [(item.addition, item.layers, item.multiply_adds) for item in blocks_of(network())] == [
        ("add_1", ("one_a", "one_b"), 64 * 9 * 6 * 4 * 2),
        ("add_2", ("two_a", "two_b"), 64 * 9 * 6 * 8 * 2),
    ]


def test_a_block_that_adds_nothing_is_not_missed_and_one_that_does_is():
    model = network()
    first, second = blocks_of(model)
    model.get_layer("one_b").kernel.assign(np.zeros((3, 3, 4, 6)))
    shorter = without(model, [first])
    assert [layer.name for layer in shorter.layers if "one" in layer.name or layer.name == "add_1"] == []
    np.testing.assert_allclose(answers(shorter), answers(model), atol=1e-6)
    assert np.abs(answers(without(model, [second])) - answers(model)).max() > 1e-3


def test_both_blocks_go_and_the_stem_is_what_is_left():
    model = network()
    shorter = without(model, blocks_of(model))
    assert [layer.name for layer in shorter.layers if layer.weights] == ["stem", shorter.layers[-1].name]


def test_an_inner_block_can_go_or_the_one_around_it():
    image = keras.Input((8, 8, 3))
    inner = block(image, "in")
    added = layers.Add(name="add_in")([inner, block(inner, "core")])
    model = flattened(keras.Model(image, layers.Add(name="add_out")([image, added])))
    assert {item.addition: item.layers for item in blocks_of(model)} == {
        "add_in": ("core_a", "core_b"),
        "add_out": ("in_a", "in_b", "core_a", "core_b", "add_in"),
    }
    inside, around = blocks_of(model)
    assert without(model, [inside]).count_params() < model.count_params()
    assert without(model, [around]).count_params() == 0


def projected(stem):
    short = layers.Conv2D(6, 1)(stem)
    return layers.Add()([short, block(stem, "one")])


def read_twice(stem):
    found = block(stem, "one")
    return layers.Concatenate()([layers.Add()([stem, found]), found])


def with_itself(stem):
    return layers.Add()([stem, stem])


def weights_shared(stem):
    once = layers.Conv2D(6, 3, padding="same", name="both")
    return layers.Add()([once(stem), once(once(stem))])


def three_sides(stem):
    return layers.Add()([stem, block(stem, "one"), block(stem, "two")])


@pytest.mark.parametrize("body", [projected, read_twice, with_itself, weights_shared, three_sides])
def test_what_is_no_block_of_its_own_stays(body):
    image = keras.Input((8, 8, 6))
    stem = layers.Conv2D(6, 3, padding="same")(image)
    assert blocks_of(flattened(keras.Model(image, body(stem)))) == []


def test_the_block_goes_that_costs_least_for_what_it_saves():
    """Both raise the loss alike; the second one computes twice as much."""
    model = network()
    losses = {("add_1",): 1.5, ("add_2",): 1.5}
    told = []

    def loss(shorter):
        gone = tuple(name for name in ("add_1", "add_2") if name not in {layer.name for layer in shorter.layers})
        return losses[gone]

    found, shorter, after = cheapest(model, loss, 1.0, lambda *turn: told.append(turn))
    assert (found.addition, after, told) == ("add_2", 1.5, [(1, 2), (2, 2)])
    assert "two_a" not in {layer.name for layer in shorter.layers}
    losses["add_1",] = 1.1
    assert cheapest(model, loss, 1.0, lambda *_: None)[0].addition == "add_1"
    assert cheapest(without(model, blocks_of(model)), loss, 1.0, lambda *_: None) is None
