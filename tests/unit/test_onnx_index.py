"""What passes and tf2onnx ask of an ONNX graph again and again costs no more in a graph of many layers."""

from __future__ import annotations

import mmap

import numpy as np
from edgecv_converters.graph.weights import WeightFile
from edgecv_converters.onnx.edit import Index
from edgecv_converters.onnx.int8.passes import clamps
from edgecv_converters.onnx.large import large_in, large_of, take_large
from onnx import TensorProto, helper, numpy_helper


def test_an_index_follows_a_node_that_reads_another_tensor() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Relu", ["x"], ["b"]),
        helper.make_node("Add", ["a", "a"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "moved", [], [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    index = Index.of(graph)
    for position, name in ((0, "b"), (1, "x"), (0, "new")):
        index.read(graph.node[2], position, name)
        anew = Index.of(graph)
        assert graph.node[2].input[position] == name
        for tensor in ("x", "a", "b", "new"):
            assert _places(index, tensor) == _places(anew, tensor)
    assert index.only_reader("new", "Add") is graph.node[2]


def _places(index: Index, tensor: str) -> list[tuple[str, int]]:
    return sorted((node.output[0], position) for node, position in index.consumers.get(tensor, []))


def test_clamps_of_a_long_chain_are_taken_away_by_one_index(monkeypatch) -> None:
    count, nodes = 20, []
    for number in range(count):
        nodes.append(helper.make_node("Relu", [f"d{number}"], [f"r{number}"]))
        nodes.append(helper.make_node("QuantizeLinear", [f"r{number}", "s", "z"], [f"q{number}"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"q{number}", "s", "z"], [f"d{number + 1}"]))
    constants = [numpy_helper.from_array(np.array(v), name) for v, name in ((np.float32(0.5), "s"), (np.uint8(0), "z"))]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in ("d0", f"d{count}")]
    model = helper.make_model(helper.make_graph(nodes, "chain", ends[:1], ends[1:], constants))
    built = []
    real = Index.of
    monkeypatch.setattr(clamps.Index, "of", lambda graph: built.append(graph) or real(graph))
    clamps.apply(model)
    quantizers = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    assert [node.input[0] for node in quantizers] == [f"d{number}" for number in range(count)]
    assert len(built) == 1


def test_a_file_of_large_tensors_is_mapped_once_until_it_grows(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    values = [rng.random((64, 64), np.float32) for _ in range(6)]
    mapped = []
    real = mmap.mmap
    monkeypatch.setattr(mmap, "mmap", lambda *asked, **how: mapped.append(asked) or real(*asked, **how))
    file = WeightFile()
    with large_in(file):
        tensors = [numpy_helper.from_array(value, f"w{number}") for number, value in enumerate(values[:4])]
        for tensor, value in [*zip(tensors, values[:4], strict=True)] * 3:
            np.testing.assert_array_equal(numpy_helper.to_array(tensor), value)
        assert len(mapped) == 1
        tensors += [numpy_helper.from_array(value, f"v{number}") for number, value in enumerate(values[4:])]
        for tensor, value in zip(tensors, values, strict=True):
            np.testing.assert_array_equal(numpy_helper.to_array(tensor), value)
        assert len(mapped) == 2
        model = helper.make_model(helper.make_graph([], "large", [], [], tensors))
        assert len(large_of(model)) == 6
        take_large(model)
    for tensor, value in zip(model.graph.initializer, values, strict=True):
        np.testing.assert_array_equal(numpy_helper.to_array(tensor), value)
