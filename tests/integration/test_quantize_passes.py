"""How the int8 quantizer goes through its samples: in their order, of all of them, and no further than decides."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from edgecv_converters.quantize import QuantizeSettings, quantize
from edgecv_converters.quantize.bias import corrected
from edgecv_converters.quantize.floats import float_values
from edgecv_converters.quantize.held import HeldFiles, HeldValues
from edgecv_converters.quantize.keep_float import keep_float
from edgecv_converters.quantize.network import MismatchError, Network, read_network
from edgecv_converters.quantize.race import LEAST, expected_gain, nearest, race
from edgecv_converters.quantize.scheme import read_scheme, write_scheme
from edgecv_converters.quantize.score import answers, distance, distances, variances
from edgecv_converters.quantize.watched import UnusableFileError, WatchedFile, file_outputs, in_turn, rows_of
from edgecv_converters.quantize.weights import least_error_weights
from edgecv_converters.quantize.whole_range import FEW, with_whole_ranges
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import load
from edgecv_converters.tflite.reader import Grid
from edgecv_converters.tflite.write import packed

from tests.integration.onnx_models import (
    frozen,
    int8_file,
    quiet,
    samples,
)
from tests.integration.quantized_networks import digits_files, files


@pytest.mark.parametrize("name", ["residual", "squeeze_excite"])
def test_a_few_samples_and_the_ranges_of_all_give_the_converters_own_file(name: str) -> None:
    """But for the operands of additions: the converter may give an input the range of the sum."""
    graph, int8, float32, data = files(name)
    with quiet():
        few = int8_file(graph, data[:FEW])
    net = read_network(few, float32)
    whole = with_whole_ranges(net, few, float_values(net, float32, [data]))
    wanted, found, before = (read_scheme(net, file).grids for file in (int8, whole, few))
    added = {number for op in net.ops if op.kind == "ADD" for number in (*op.inputs, *op.outputs)}
    compared = [number for number in wanted if number not in added]
    for number in compared:
        assert found[number].scale == pytest.approx(wanted[number].scale, rel=1e-5)
        assert abs(found[number].zero - wanted[number].zero) <= 1
    assert any(before[number].scale < 0.99 * wanted[number].scale for number in compared)


def shifted(net: Network, int8: bytes, classes: slice) -> bytes:
    """The file of digits with far larger biases of some of its last layer's classes."""
    plain = read_scheme(net, int8)
    last = net.products[-1].bias
    assert last is not None
    bias = plain.biases[last].copy()
    bias[classes] += 9 * np.abs(bias).max()
    return write_scheme(net, int8, plain.with_biases({last: bias}))


def test_a_file_that_is_far_behind_and_one_that_answers_alike_leave_the_race_early() -> None:
    _, int8, float32, calibration, _ = digits_files()
    net = read_network(int8, float32)
    runners = {(): int8, ("far",): shifted(net, int8, slice(0, 5)), ("same",): int8}
    found = race(net, runners, answers(float32, [calibration]), [calibration])
    lap = max(LEAST, len(calibration) // 4)
    assert {steps: len(far) for steps, far in found.items()} == dict.fromkeys(runners, lap)
    assert nearest(found) == ()
    few = [calibration[:lap]]
    whole = distance(net, answers(float32, few), answers(int8, few))
    assert found[()].mean() == pytest.approx(whole)


def test_a_race_goes_on_while_something_may_be_gained() -> None:
    """Each of two files is wrong about other digits: which one is nearer, few samples do not tell."""
    _, int8, float32, calibration, _ = digits_files()
    net = read_network(int8, float32)
    runners = {("one",): shifted(net, int8, slice(2, 3)), ("two",): shifted(net, int8, slice(7, 8))}
    found = race(net, runners, answers(float32, [calibration]), [calibration])
    assert min(map(len, found.values())) > max(LEAST, len(calibration) // 4)


@pytest.mark.parametrize(("behind", "error"), [(0.0, 1.0), (0.3, 0.2), (-0.5, 0.3), (2.0, 0.7)])
def test_the_gain_to_be_expected_is_the_mean_of_what_is_saved(behind: float, error: float) -> None:
    places = np.linspace(behind - 9 * error, behind + 9 * error, 200_001)
    likely = np.exp(-(((places - behind) / error) ** 2) / 2) / (error * np.sqrt(2 * np.pi))
    wanted = float((np.maximum(-places, 0) * likely).sum() * (places[1] - places[0]))
    assert expected_gain(behind, error) == pytest.approx(wanted, rel=1e-6)
    assert (expected_gain(behind, 0), expected_gain(-0.5, 0)) == (max(-behind, 0), 0.5)


def test_nothing_is_kept_of_a_race_that_no_file_runs() -> None:
    from tests.integration.test_quantize_training import unusable

    _, int8, float32, calibration, _ = digits_files()
    net = read_network(int8, float32)
    with pytest.raises(UnusableFileError, match="LiteRT does not take the file"):
        race(net, {(): unusable(int8)}, answers(float32, [calibration]), [calibration])


def test_an_output_that_is_given_twice_is_shown_once() -> None:
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    model = load(float32)
    model.subgraphs[0].outputs = [*model.subgraphs[0].outputs, model.subgraphs[0].outputs[0]]
    shown: list[int] = []
    file = WatchedFile(packed(model), [net.twins[net.products[0].source]])
    file.run([data[:1]])
    file.look(lambda number, _: shown.append(number))
    assert sorted(shown) == sorted(set(shown))
    assert file.outputs == [file.outputs[0]] * 2


def test_the_ends_are_of_all_samples_where_few_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgecv_converters.quantize import floats

    monkeypatch.setattr(floats, "COUNTS_WORK", 0)
    monkeypatch.setattr(floats, "FILE_WORK", 0)
    monkeypatch.setattr(floats, "FEWEST", 4)
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    later = np.concatenate([data[:8], 5 * data[8:9]])
    known = float_values(net, float32, [later])
    assert (known.counts.ranges, known.counts.scores) == (4, 4)
    source = net.twins[net.inputs[0]]
    assert known.seen.ends([source])[1] == later.max() > later[:4].max()
    assert len(known.answers[0]) == 4


def test_a_value_that_is_not_finite_is_said_with_its_layer_and_its_sample() -> None:
    _, int8, float32, data = files("residual")
    broken = data.copy()
    broken[6] = np.nan
    found = quantize(int8, float32, [broken], QuantizeSettings())
    assert (found.data, found.steps) == (int8, ())
    assert found.notes[0].startswith("The int8 file is the converter's plain one: input ")
    assert found.notes[0].endswith("gives nan for sample 7")


def reversed_tanh() -> Any:
    """A reversed sequence of what has a kernel's own scale: the converter gives it another one."""
    import keras

    source = keras.Input((8, 4), name="sequence")
    curved = keras.ops.tanh(keras.layers.Dense(4)(source))
    both = keras.layers.Concatenate()([keras.ops.flip(curved, axis=1), keras.layers.Dense(2)(source)])
    return keras.Model(source, keras.layers.Dense(3)(keras.layers.Flatten()(both)))


def test_a_group_of_a_kernels_scale_with_another_one_needs_all_samples() -> None:
    data = samples((8, 4), 20)
    graph = frozen(reversed_tanh(), "tflite")
    with quiet():
        few, float32 = int8_file(graph, data[:FEW]), to_tflite(graph, "float32")
    net = read_network(few, float32)
    (op,) = (op for op in net.ops if op.kind == "REVERSE_V2")
    assert net.grids[op.inputs[0]] != net.grids[op.outputs[0]]
    with pytest.raises(MismatchError, match="should be its neighbours'"):
        with_whole_ranges(net, few, float_values(net, float32, [data]))


def two_strides() -> Any:
    """Two convolutions of one input with the same weights."""
    import keras

    source = keras.Input((8, 8, 3), name="image")
    same = {"kernel_initializer": keras.initializers.Constant(0.1), "bias_initializer": "ones"}
    one, two = (keras.layers.Conv2D(4, 3, strides=step, name=f"step{step}", **same) for step in (1, 2))
    return keras.Model(source, [one(source), two(source)])


def test_samples_that_are_computed_side_by_side_come_in_their_order() -> None:
    _, _, float32, data, _ = digits_files()
    (result,) = file_outputs(float32)
    alone = WatchedFile(float32, ())
    count = 0
    for row, file in enumerate(in_turn(float32, (), rows_of([data], 20))):
        alone.run([data[row : row + 1]])
        np.testing.assert_array_equal(file.value(result), alone.value(result))
        count += 1
    assert count == 20


def test_files_that_run_in_turn_share_their_bytes() -> None:
    _, _, float32, data, _ = digits_files()
    large = float32 + bytes(8 << 20)
    tracemalloc.start()
    for _ in in_turn(large, (), rows_of([data], 4)):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * len(large)


def test_float_weights_are_read_where_they_lie_in_the_file() -> None:
    _, int8, float32, _, _ = digits_files()
    whole = np.frombuffer(float32, np.uint8)
    net = read_network(int8, float32)
    assert all(np.shares_memory(net.constants[product.weight], whole) for product in net.products)
    scheme = read_scheme(net, int8)
    one, other = least_error_weights(net, [scheme, scheme.with_grids({net.inputs[0]: Grid(0.5, 0)})])
    assert all(one.weights[product.weight] is other.weights[product.weight] for product in net.products)


def test_what_the_float_file_computed_is_held_on_disk() -> None:
    _, int8, float32, data, _ = digits_files()
    net = read_network(int8, float32)
    twins = sorted({net.twins[number] for number in net.grids})
    tracemalloc.start()
    held = HeldValues(float32, twins, rows_of([data], 50), 50)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    file = WatchedFile(float32, twins)
    rows, size = {twin: held.rows(twin) for twin in twins}, 0
    for feed in rows_of([data], 50):
        file.run(feed)
        for twin in twins:
            found = next(rows[twin])
            np.testing.assert_array_equal(found, file.value(twin))
            size += found.nbytes
    assert taken < size / 4
    assert all(next(left, None) is None for left in rows.values())


def test_the_values_of_one_sample_are_in_memory_at_a_time() -> None:
    _, int8, float32, data, _ = digits_files()
    net = read_network(int8, float32)
    largest = net.twins[max(net.grids, key=lambda number: np.prod(net.shapes[number]))]
    held = HeldValues(float32, [largest], rows_of([data], 50), 50)
    size = next(held.rows(largest)).nbytes
    tracemalloc.start()
    for _ in held.rows(largest):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * size + 4096


def test_files_are_held_on_disk_and_read_by_several_threads() -> None:
    content = {(str(number),): bytes([number]) * (1 << 20) for number in range(8)}
    tracemalloc.start()
    held = HeldFiles[tuple[str, ...]]()
    for name, data in content.items():
        held.add(name, data)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert list(held) == list(content)
    assert len(held) == 8
    assert taken < 1 << 20
    with ThreadPoolExecutor(4) as threads:
        assert dict(zip(content, threads.map(held.__getitem__, content), strict=True)) == content
    with pytest.raises(KeyError):
        held["9",]


def test_what_the_float_file_computed_does_for_a_file_that_was_repaired_since() -> None:
    """With one of two products that read one bias in float, the other's may be corrected."""
    data = samples((8, 8, 3), 20)
    graph = frozen(two_strides(), "tflite")
    with quiet():
        model, float32 = load(int8_file(graph, data)), to_tflite(graph, "float32")
    first, second = (op for op in model.subgraphs[0].operators if len(op.inputs) == 3)
    second.inputs = [*second.inputs[:2], first.inputs[2]]
    int8 = packed(model)
    net = read_network(int8, float32)
    assert net.products[0].bias == net.products[1].bias
    known = float_values(net, float32, [data])
    kept = keep_float(net, int8, float32, {net.products[1].op}).data
    one = read_network(kept, float32, plain=False)
    assert len(one.products) == 1
    scheme = read_scheme(one, kept)
    found = corrected(one, kept, scheme, [data], known.means)
    changed = {number for number, bias in found.biases.items() if (bias != scheme.biases[number]).any()}
    assert changed == {one.products[0].bias}


@pytest.mark.parametrize("lost", ["a range", "a mean input"])
def test_what_the_float_file_computed_for_another_file_is_computed_anew_where_a_tensor_is_not_among_it(
    lost: str,
) -> None:
    """The converter gives what nobody reads a scale or none as it comes: an unrolled recurrence once ended in a bug."""
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    known = float_values(net, float32, [data])
    assert known.cover(net)
    if lost == "a range":
        number = net.twins[net.ops[1].outputs[0]]
        del known.seen._ends[number], known.seen._counts[number]
    else:
        known.means.popitem()
    assert not known.cover(net)
    wanted = quantize(int8, float32, [data], QuantizeSettings())
    assert quantize(int8, float32, [data], QuantizeSettings(), known=known).data == wanted.data


def test_the_variance_that_errors_are_held_against_is_of_all_samples() -> None:
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    expected, got = answers(float32, [data]), answers(int8, [data])
    spread = variances(expected)
    few = [values[:5] for values in expected], [values[:5] for values in got]
    np.testing.assert_allclose(distances(net, *few, spread), distances(net, expected, got, spread)[:5])
    assert distance(net, expected, got) == pytest.approx(distances(net, expected, got, spread).mean())
