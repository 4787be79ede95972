"""Which channels are found to belong together, and that removing them changes nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_runtime.errors import SourceError

from edgecv.compress.channels import Channels
from edgecv.compress.load import flat
from edgecv.compress.surgery import Anatomy
from tests.architectures import blocked_models, small_models


def anatomy_of(outputs, inputs):
    import keras

    return Anatomy.of(flat(keras.Model(inputs, outputs)))


def families(anatomy):
    """The layers that make each family's channels, with its width."""
    return {family.layers: len(family.members) for family in anatomy.channels.families}


def slots(anatomy, *layers):
    """Which (layer, weight, axis, times) the first channel of a family is in."""
    [family] = [family for family in anatomy.channels.families if family.layers == layers]
    root = family.members[0]
    counted = {
        (slot.layer, slot.weight, slot.axis): int((slot.atoms == root).sum())
        for slot in anatomy.channels.slots.values()
    }
    return {key: times for key, times in counted.items() if times}


@pytest.fixture
def image():
    import keras

    keras.utils.set_random_seed(0)
    return keras.Input((8, 8, 3), name="image")


def test_the_sides_of_a_residual_are_one_family(image):
    from keras import layers

    x = layers.Conv2D(6, 3, padding="same", name="stem")(image)
    y = layers.Conv2D(5, 3, padding="same", name="inner")(x)
    y = layers.Conv2D(6, 3, padding="same", name="outer")(y)
    out = layers.Dense(2, name="out")(layers.GlobalAveragePooling2D()(layers.Add()([x, y])))
    found = anatomy_of(out, image)
    assert families(found) == {("stem", "outer"): 6, ("inner",): 5}
    assert slots(found, "stem", "outer") == {
        ("stem", "kernel", -1): 1,
        ("stem", "bias", 0): 1,
        ("inner", "kernel", -2): 1,
        ("outer", "kernel", -1): 1,
        ("outer", "bias", 0): 1,
        ("out", "kernel", -2): 1,
    }


def test_a_dense_block_reads_each_layer_at_its_offset(image):
    from keras import layers

    one = layers.Conv2D(4, 1, name="one")(image)
    two = layers.Conv2D(3, 1, name="two")(one)
    both = layers.Concatenate()([one, two])
    three = layers.Conv2D(5, 1, name="three")(layers.BatchNormalization(name="norm")(both))
    out = layers.Dense(2)(layers.GlobalMaxPooling2D()(layers.Concatenate()([both, three])))
    found = anatomy_of(out, image)
    assert families(found) == {("one",): 4, ("two",): 3, ("three",): 5}
    [family] = [family for family in found.channels.families if family.layers == ("two",)]
    norm = found.channels.slots["norm", "gamma", 0]
    assert list(np.flatnonzero(np.isin(norm.atoms, family.members))) == [4, 5, 6]


def test_squeeze_and_excite_gates_go_with_the_channels_they_gate(image):
    from keras import layers

    x = layers.Conv2D(6, 1, name="features")(image)
    gate = layers.Reshape((1, 1, 6), name="shape")(layers.GlobalAveragePooling2D()(x))
    gate = layers.Conv2D(3, 1, activation="relu", name="squeeze")(gate)
    gate = layers.Conv2D(6, 1, activation="sigmoid", name="excite")(gate)
    out = layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.Multiply()([x, gate])))
    found = anatomy_of(out, image)
    assert families(found) == {("features", "excite"): 6, ("squeeze",): 3}
    [gated] = [family for family in found.channels.families if family.layers == ("features", "excite")]
    narrower = found.without(np.isin(np.arange(found.channels.count), gated.members[:2]))
    assert narrower.get_layer("shape").target_shape == (1, 1, 4)


def test_depthwise_and_separable_layers_carry_channels_on(image):
    from keras import layers

    x = layers.Conv2D(4, 1, name="stem")(image)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, name="deep")(x)
    x = layers.SeparableConv2D(5, 3, depth_multiplier=3, name="separable")(x)
    out = layers.Dense(2)(layers.GlobalAveragePooling2D()(x))
    found = anatomy_of(out, image)
    assert families(found) == {("stem",): 4, ("separable",): 5}
    assert slots(found, "stem") == {
        ("stem", "kernel", -1): 1,
        ("stem", "bias", 0): 1,
        ("deep", "kernel", -2): 1,
        ("deep", "bias", 0): 2,
        ("separable", "depthwise_kernel", -2): 2,
        ("separable", "pointwise_kernel", -2): 6,
    }


def test_a_channel_before_flatten_is_a_row_for_every_pixel(image):
    from keras import layers

    x = layers.Conv2D(4, 3, name="conv")(image)
    out = layers.Dense(2, name="out")(layers.Flatten()(x))
    found = anatomy_of(out, image)
    [family] = found.channels.families
    rows = np.flatnonzero(found.channels.slots["out", "kernel", -2].atoms == family.members[1])
    assert list(rows) == list(range(1, 6 * 6 * 4, 4))


def test_a_layer_used_twice_keeps_one_set_of_weights(image):
    from keras import layers

    shared = layers.Conv2D(6, 3, padding="same", name="shared")
    x = layers.Conv2D(6, 1, name="stem")(image)
    out = layers.Dense(2)(layers.GlobalAveragePooling2D()(shared(shared(x))))
    assert families(anatomy_of(out, image)) == {("stem", "shared"): 6}


def test_inputs_and_outputs_keep_their_channels(image):
    from keras import layers

    same = layers.Add(name="same")([image, layers.Conv2D(3, 1, name="like_the_input")(image)])
    mask = layers.Conv2D(4, 1, name="mask")(same)
    found = anatomy_of(mask, image)
    assert found.channels.families == ()
    assert found.channels.blocked == ()


@pytest.mark.parametrize("name", list(blocked_models()))
def test_a_layer_that_cannot_be_followed_is_named_with_its_reason(name):
    build, layer, reason, left = blocked_models()[name]
    found = Anatomy.of(flat(build()))
    by_name = {item.layer: item for item in found.channels.blocked}
    assert reason in by_name[layer].reason
    assert by_name[layer].channels > 0
    assert sorted(name for family in found.channels.families for name in family.layers) == left


def test_normalizing_the_input_blocks_nothing(image):
    from keras import layers

    scaled = layers.Rescaling([1.0, 2.0, 3.0], offset=[0.0, 1.0, 2.0])(
        layers.Normalization(mean=0.0, variance=1.0)(image)
    )
    out = layers.Dense(2)(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, name="conv")(scaled)))
    found = anatomy_of(out, image)
    assert families(found) == {("conv",): 4}
    assert found.channels.blocked == ()


def test_a_subclassed_model_is_refused():
    import keras

    class Own(keras.Model):
        def call(self, inputs):
            return inputs

    with pytest.raises(SourceError, match="no graph of layers"):
        flat(Own(name="own"))


def scrambled(model, seed):
    """No weight is left at a special value such as 0 or 1; kernels keep the spread that their initializers give."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if weight.name in {"gamma", "moving_variance"}:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif "kernel" not in weight.name:
            weight.assign(rng.normal(0, 0.1, weight.shape))
    return model


def remove_some(channels: Channels, rng):
    """Any number of channels of any family, but not all of one."""
    removed = np.zeros(channels.count, bool)
    for family in channels.families:
        gone = rng.integers(0, len(family.members)) if len(family.members) > 1 else 0
        removed[rng.permutation(family.members)[:gone]] = True
    return removed


def gap(model, seed, batch=3):
    """How much outputs differ between channels that nothing reads any more and channels that are gone."""
    rng = np.random.default_rng(seed)
    found = Anatomy.of(scrambled(flat(model), seed))
    removed = remove_some(found.channels, rng)
    found.silenced(removed)
    samples = [rng.normal(size=(batch, *t.shape[1:])).astype(np.float32) for t in found.model.inputs]
    given = samples[0] if len(samples) == 1 else samples
    smaller = found.without(removed)
    expected, got = np.asarray(found.model(given, training=False)), np.asarray(smaller(given, training=False))
    scale = max(1.0, float(np.abs(expected).max()))
    return float(np.abs(expected - got).max()) / scale, int(removed.sum()), found.model, smaller


@pytest.mark.parametrize("name", list(small_models()))
def test_removing_channels_that_nothing_reads_changes_no_output(name):
    error, removed, before, after = gap(small_models()[name](), seed=1)
    assert removed > 0
    assert error < 1e-5
    assert after.count_params() < before.count_params()
    assert [layer.name for layer in after.layers] == [layer.name for layer in before.layers]


@pytest.mark.parametrize("name", list(small_models()))
def test_a_channel_that_is_still_read_is_missed(name):
    """The exactness above would be empty if outputs did not depend on what is removed."""
    found = Anatomy.of(scrambled(flat(small_models()[name]()), 2))
    rng = np.random.default_rng(2)
    samples = [rng.normal(size=(3, *t.shape[1:])).astype(np.float32) for t in found.model.inputs]
    given = samples[0] if len(samples) == 1 else samples
    expected = np.asarray(found.model(given, training=False))
    removed = np.zeros(found.channels.count, bool)
    for family in found.channels.families:
        removed[family.members[: len(family.members) // 2]] = True
    got = np.asarray(found.without(removed)(given, training=False))
    assert np.abs(expected - got).max() > 1e-4


@pytest.mark.parametrize("name", list(small_models()))
def test_multiply_adds_are_those_of_the_converters_graph(name):
    from edgecv.compress.result import count_multiply_adds

    rng = np.random.default_rng(3)
    found = Anatomy.of(flat(small_models()[name]()))
    removed = remove_some(found.channels, rng)
    assert found.channels.multiply_adds(removed) == count_multiply_adds(found.without(removed))
