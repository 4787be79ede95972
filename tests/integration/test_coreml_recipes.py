"""Core ML's weight recipes: what is stored, that it is stored, and that it is the same every time."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from edgecv_converters.coreml.convert import to_coreml
from edgecv_converters.coreml.describe import describe
from edgecv_converters.coreml.weights import SMALLEST, palette
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_runtime.digest import sha256_tree, tree_bytes
from edgecv_runtime.errors import UsageError

from tests.integration.coreml_packages import network, weights
from tests.integration.onnx_models import frozen, quiet

Array = npt.NDArray[Any]
Make = Callable[[str], Path]
UNPACKED = {
    "weights8": {"constexpr_affine_dequantize": 3},
    "weights4": {"constexpr_blockwise_shift_scale": 3},
    "weights4-block16": {"constexpr_blockwise_shift_scale": 3},
    "palette8": {"constexpr_lut_to_dense": 3},
    "palette4": {"constexpr_lut_to_dense": 3},
    "palette3": {"constexpr_lut_to_dense": 3},
    "palette2-group8": {"constexpr_lut_to_dense": 3},
    "palette4-group16": {"constexpr_lut_to_dense": 3},
    "sparse50-palette4": {"constexpr_lut_to_sparse": 3, "constexpr_sparse_to_dense": 3},
}


def distance(one: Array, other: Array) -> float:
    """The sum of squared differences."""
    return float(np.square(one.astype(np.float64) - other).sum())


@pytest.fixture(scope="module")
def graph() -> FrozenGraph:
    return frozen(network(), "coreml")


@pytest.fixture(scope="module")
def make(graph: FrozenGraph, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """The package of a recipe, converted once."""
    folder = tmp_path_factory.mktemp("recipes")

    def made(name: str) -> Path:
        out = folder / f"{name}.mlpackage"
        if not out.exists():
            with quiet():
                to_coreml(graph, name, out)
        return out

    return made


@pytest.mark.parametrize("name", UNPACKED)
def test_the_larger_weights_are_stored_as_asked_and_the_smaller_as_they_are(
    name: str, make: Make, graph: FrozenGraph
) -> None:
    _, _, ops, requires = describe(make(name), graph.inputs, graph.outputs)
    late = name.partition("-")[2] or name in {"weights4", "palette3"}
    assert {kind: count for kind, count in ops.items() if kind.startswith("constexpr")} == UNPACKED[name]
    assert requires["minimum_target"] == ("iOS18" if late else "iOS16")
    assert ("raised_because" in requires) == bool(late)
    plain, stored = weights(make("float16")), weights(make(name))
    assert plain.keys() == stored.keys()
    small = [key for key, value in plain.items() if value.size <= SMALLEST]
    assert len(plain) == 5
    assert len(small) == 2
    for key, value in plain.items():
        assert (stored[key] == value).all() == (key in small)


def test_a_palette_has_no_more_values_than_its_bits_tell_apart_and_more_bits_are_nearer(make: Make) -> None:
    plain = weights(make("float16"))
    errors = []
    for bits in (8, 6, 4, 3, 2):
        stored = weights(make(f"palette{bits}"))
        large = [key for key, value in plain.items() if value.size > SMALLEST]
        assert all(1 << bits - 1 < len(np.unique(stored[key])) <= 1 << bits for key in large)
        errors.append(sum(distance(stored[key], plain[key]) for key in large))
    assert errors == sorted(errors)
    assert errors[0] < errors[-1] / 1000


def test_a_group_of_channels_has_its_own_palette_and_what_it_does_not_divide_has_one(make: Make) -> None:
    whole, grouped, plain = weights(make("palette4")), weights(make("palette4-group16")), weights(make("float16"))
    for key, value in grouped.items():
        if value.size <= SMALLEST:
            continue
        count = value.shape[0]
        step = 16 if count % 16 == 0 else count
        assert all(len(np.unique(value[first : first + step])) <= 16 for first in range(0, count, step))
        if step == count:
            assert (value == whole[key]).all()
        else:
            assert len(np.unique(value)) > 16
            assert distance(value, plain[key]) < distance(whole[key], plain[key])


def test_blocks_of_input_channels_have_their_own_scale_where_they_divide(make: Make) -> None:
    plain = weights(make("float16"))
    for name, block in (("weights4", 32), ("weights4-block16", 16)):
        for key, value in weights(make(name)).items():
            if value.size <= SMALLEST:
                continue
            into = value.shape[1]
            step = block if into % block == 0 else into
            parts = value.reshape(value.shape[0], into // step, step, -1)
            peaks = np.abs(plain[key].reshape(parts.shape)).max(axis=(2, 3), keepdims=True).astype(np.float64)
            grid = parts / (peaks / 7)
            assert np.abs(grid - np.rint(grid)).max() < 0.02  # the scale is rounded to float16
            assert np.abs(grid).max() < 7.02


def test_the_smallest_are_made_zero_and_stay_zero(make: Make) -> None:
    plain, stored = weights(make("float16")), weights(make("sparse50-palette4"))
    for key, value in plain.items():
        if value.size <= SMALLEST:
            continue
        zero = stored[key] == 0
        assert 0.5 <= zero.mean() < 0.51
        assert np.abs(value[zero]).max() <= np.abs(value[~zero]).min()
        assert len(np.unique(stored[key][~zero])) == 16, "no entry of the palette is spent on zeros"


def test_zeros_that_are_there_are_kept_as_they_are(tmp_path: Path) -> None:
    model = network()
    rng = np.random.default_rng(0)
    for name, share in (("large", 0.6), ("odd", 0.1)):
        kernel, bias = model.get_layer(name).get_weights()
        model.get_layer(name).set_weights([kernel * (rng.random(kernel.shape) >= share), bias])
    with quiet():
        graph = frozen(model, "coreml")
        for name in ("float16", "sparse-palette4"):
            to_coreml(graph, name, tmp_path / name)
    _, _, ops, _ = describe(tmp_path / "sparse-palette4", graph.inputs, graph.outputs)
    assert ops["constexpr_lut_to_sparse"] == ops["constexpr_sparse_to_dense"] == 1
    assert ops["constexpr_lut_to_dense"] == 2, "too few zeros are not worth a bit a weight"
    plain, stored = weights(tmp_path / "float16"), weights(tmp_path / "sparse-palette4")
    (sparse,) = (key for key, value in plain.items() if (value == 0).mean() > 0.5)
    assert ((plain[sparse] == 0) == (stored[sparse] == 0)).all()


def test_without_zeros_there_is_nothing_to_keep(graph: FrozenGraph, tmp_path: Path) -> None:
    with (
        quiet(),
        pytest.raises(UsageError, match="keeps the zeros among the weights, and this model has few") as caught,
    ):
        to_coreml(graph, "sparse-palette4", tmp_path / "m.mlpackage")
    assert "edgecv prune --method magnitude" in caught.value.hint
    assert not (tmp_path / "m.mlpackage").exists()


def test_an_unknown_recipe_is_refused(graph: FrozenGraph, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown weight recipe 'int8'"):
        to_coreml(graph, "int8", tmp_path / "m.mlpackage")


@pytest.mark.parametrize("name", ["palette4-group16", "sparse50-palette4"])
def test_the_same_bytes_at_every_conversion(name: str, make: Make, graph: FrozenGraph, tmp_path: Path) -> None:
    with quiet():
        to_coreml(graph, name, tmp_path / "again.mlpackage")
    assert sha256_tree(tmp_path / "again.mlpackage") == sha256_tree(make(name))


def test_fewer_bits_are_fewer_bytes(make: Make) -> None:
    names = ("float16", "palette8", "palette6", "palette4", "palette3", "palette2")
    sizes = [tree_bytes(make(name) / "Data" / "com.apple.CoreML" / "weights") for name in names]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[3] < 0.4 * sizes[0]


@pytest.mark.parametrize("seed", range(20))
def test_a_palette_is_the_best_there_is(seed: int) -> None:
    """Against every way to cut the sorted values into as many runs."""
    rng = np.random.default_rng(seed)
    values = np.sort(rng.normal(size=11)).astype(np.float32)
    table, index = palette(values, 2)
    cost = float(np.square(values - table[index], dtype=np.float64).sum())
    best = min(
        sum(float(np.square(part - part.mean()).sum()) for part in np.split(values.astype(np.float64), cuts))
        for cuts in combinations(range(1, len(values)), 3)
    )
    assert cost == pytest.approx(best, rel=1e-5, abs=1e-12)


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8])
def test_values_around_as_many_centres_as_a_palette_has_become_the_centres(bits: int) -> None:
    centres = (np.arange(1 << bits) - (1 << bits - 1)) / 64
    around = centres[:, None] + np.array([-1, 0, 0, 1]) / 4096
    shuffled = np.random.default_rng(0).permutation(around.ravel()).astype(np.float16)
    table, index = palette(shuffled, bits)
    np.testing.assert_array_equal(table, centres.astype(np.float16))
    np.testing.assert_array_equal(table[index], np.rint(shuffled.astype(np.float64) * 64) / 64)


def test_few_values_are_their_own_palette() -> None:
    values = np.float16([[3, -1, 3], [0, 0, -1]])
    table, index = palette(values, 4)
    assert (table[index].reshape(values.shape) == values).all()
    assert table.dtype == np.float16
    nonzero, index = palette(values, 1, zeros=False)
    assert sorted(nonzero.tolist()) == [-1, 3]
    assert (nonzero[index].reshape(values.shape)[values != 0] == values[values != 0]).all()
