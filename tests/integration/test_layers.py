"""What int8 does to each layer, measured on real files."""

from __future__ import annotations

import numpy as np
import pytest
from edgecv_converters.quantize import QuantizeSettings, quantize
from edgecv_converters.quantize.layers import SAMPLES, measure_layers
from edgecv_converters.quantize.network import CASTS, read_network
from edgecv_converters.quantize.scheme import read_scheme, write_scheme
from edgecv_converters.quantize.score import answers
from edgecv_converters.tflite.reader import Grid

from tests.integration.quantized_networks import ALL, digits_files, files


@pytest.mark.parametrize("name", ALL)
def test_every_result_of_the_int8_file_has_a_record(name: str) -> None:
    _, int8, float32, data = files(name)
    net = read_network(int8, float32)
    found = measure_layers(int8, float32, [data])
    made = [tensor for op in net.ops if op.kind not in CASTS for tensor in op.outputs if tensor in net.grids]
    assert [row.layer for row in found] == [net.layer(tensor) for tensor in made]
    assert all(row.count == len(data) < SAMPLES for row in found)
    assert all(row.snr_db is None or row.snr_db > 3 for row in found)
    assert all(row.cosine > 0.8 for row in found)


def test_a_float_file_against_itself_has_no_error() -> None:
    _, _, float32, data = files("residual")
    found = measure_layers(float32, float32, [data])
    assert found
    assert {(row.snr_db, row.grid_range, row.clipped) for row in found} == {(None, None, 0.0)}
    assert min(row.cosine for row in found) > 1 - 1e-9


def test_a_range_that_is_too_narrow_shows_at_its_layer_and_after_it() -> None:
    _, int8, float32, data = files("residual")
    net = read_network(int8, float32)
    plain = measure_layers(int8, float32, [data])
    product = net.products[1]
    tensor = net.ops[product.op].outputs[0]
    grid = net.grids[tensor]
    narrow = read_scheme(net, int8).with_grids({tensor: Grid(grid.scale / 4, grid.zero)})
    found = measure_layers(write_scheme(net, int8, narrow), float32, [data])
    place = next(n for n, op in enumerate(o for o in net.ops if o.kind not in CASTS) if tensor in op.outputs)
    assert found[:place] == plain[:place], "what is computed before does not change"
    before, after = plain[place], found[place]
    assert after.clipped > 0.05 > before.clipped
    assert after.snr_db is not None
    assert before.snr_db is not None
    assert after.snr_db < before.snr_db - 6
    assert after.float_range == before.float_range
    assert after.grid_range is not None
    assert after.grid_range[1] == pytest.approx((127 - grid.zero) * grid.scale / 4)


def test_the_last_layer_is_what_comes_out_of_the_file() -> None:
    _, int8, float32, data, _ = digits_files()
    last = measure_layers(int8, float32, [data])[-1]
    wanted, got = answers(float32, [data[:SAMPLES]])[0], answers(int8, [data[:SAMPLES]])[0]
    ratio = 10 * np.log10(np.square(wanted).sum() / np.square(wanted - got).sum())
    assert last.op == "SOFTMAX"
    assert last.snr_db == pytest.approx(ratio, abs=2), "built-in kernels here, XNNPACK's there"


def test_logits_are_what_only_the_softmax_reads() -> None:
    _, int8, float32, data, _ = digits_files()
    made = quantize(int8, float32, [data], QuantizeSettings()).data
    found = measure_layers(made, float32, [data], by_answers=True)
    assert [row.op for row in found if row.logits] == [found[-2].op]
    assert found[-2].clipped > 0.01, "classes that lost"
    assert found[-1].clipped <= measure_layers(int8, float32, [data])[-1].clipped + 1e-9
    residual = files("residual")
    assert not any(row.logits for row in measure_layers(residual[1], residual[2], [residual[3]], by_answers=True))
    assert not any(row.logits for row in measure_layers(int8, float32, [data])), "the plain file's are ranged as any"


def test_files_of_different_graphs_have_no_records() -> None:
    assert measure_layers(files("residual")[1], files("dense_block")[2], [files("residual")[3]]) == ()
