"""An int8 file of a small Keras model on every target, and its answers."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecv_converters.data import Spool
from edgecv_converters.graph.freeze import freeze
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.onnx.int8 import from_tflite
from edgecv_converters.targets import IoType, Quantizing
from edgecv_converters.tflite.convert import to_tflite
from edgecv_converters.tflite.describe import describe
from edgecv_converters.tflite.int8 import Int8, to_int8
from edgecv_converters.workers.exchange import CALIBRATION, PICTURES
from edgecv_runtime.backends import to_raw
from edgecv_runtime.schema import TensorIO, TensorSpec

from tests.canonical import canonical
from tests.integration.coreml_int8_models import coreml_answers, package_of
from tests.integration.onnx_models import onnx_session, quiet

Array = npt.NDArray[Any]
JUDGED = 20


@dataclass(frozen=True)
class Files:
    """The int8 file of a model, the frozen graph, the samples, and what the model answers to the first of them."""

    made: Int8
    graph: FrozenGraph
    samples: Mapping[str, Array]
    expected: tuple[Array, ...]

    @property
    def kept(self) -> str:
        """Everything that is said."""
        return "; ".join(self.made.notes)

    def tflite(self) -> tuple[Array, ...]:
        """The outputs of LiteRT, as real numbers."""
        from ai_edge_litert.interpreter import Interpreter

        taken, given, _ = describe(self.made.data, self.graph.inputs, self.graph.outputs)
        interpreter = Interpreter(model_content=self.made.data, num_threads=1)
        interpreter.allocate_tensors()
        places = {detail["name"]: detail["index"] for detail in interpreter.get_input_details()}
        results = {detail["name"]: detail["index"] for detail in interpreter.get_output_details()}
        rows = []
        for sample in self._rows():
            for io in taken:
                interpreter.set_tensor(places[io.tensor], to_raw(sample[io.name].astype(np.float32), io))
            interpreter.invoke()
            rows.append([_real(interpreter.get_tensor(results[io.tensor]).copy(), io) for io in given])
        return _stacked(rows)

    def onnx(self) -> tuple[Array, ...]:
        """The outputs of ONNX Runtime, as real numbers."""
        with quiet():
            model = from_tflite(self.made.data, inputs=self.graph.inputs, outputs=self.graph.outputs)
        taken, given, _ = describe(self.made.data, self.graph.inputs, self.graph.outputs)
        session = onnx_session(model)
        rows = []
        for sample in self._rows():
            raw = {io.name: to_raw(sample[io.name].astype(np.float32), io) for io in taken}
            found = session.run([io.name for io in given], raw)
            rows.append([_real(values, io) for values, io in zip(found, given, strict=True)])
        return _stacked(rows)

    def coreml(self) -> tuple[Array, ...]:
        """The outputs of the reference evaluation of the Core ML program."""
        with tempfile.TemporaryDirectory() as folder, quiet():
            program = package_of(self.made.data, self.graph, Path(folder) / "model.mlpackage")
        kinds = {end.name: np.float32 if end.dtype == "float32" else np.int32 for end in self.graph.inputs}
        rows = [{name: values.astype(kinds[name]) for name, values in sample.items()} for sample in self._rows()]
        found = coreml_answers(program, rows)
        return tuple(found[end.name][:, 0] for end in self.graph.outputs)

    def _rows(self) -> list[dict[str, Array]]:
        return [{name: values[k : k + 1] for name, values in self.samples.items()} for k in range(JUDGED)]


def files(model: Any, samples: Mapping[str, Array], *, io: IoType = "float32", how: Quantizing | None = None) -> Files:
    """Convert a Keras model, whose inputs have the samples' names."""
    graph = frozen(model)
    with tempfile.TemporaryDirectory() as folder, quiet():
        store = ObjectStore(Path(folder))
        spool = Spool(Path(folder) / "samples", tuple(samples), len(next(iter(samples.values()))))
        shapes = {name: values.shape for name, values in samples.items()}
        for name, file in spool.create(shapes).items():
            file[:] = samples[name]
        store.put(CALIBRATION, spool)
        store.put(PICTURES, frozenset())
        made = to_int8(canonical(graph, "tflite"), store, io, how or Quantizing(quantizer="vendor"))
    answers = [_answers(model, [v[k : k + 1] for v in samples.values()]) for k in range(JUDGED)]
    return Files(made, graph, samples, _stacked(answers))


def frozen(model: Any) -> FrozenGraph:
    """The graph of a model, its outputs named out_0, out_1 ..."""
    specs = [TensorSpec(name=t.name, shape=(1, *t.shape[1:]), dtype=t.dtype) for t in model.inputs]
    return freeze(lambda tensors: _answers(model, tensors), specs, [f"out_{k}" for k in range(len(model.outputs))])


def float_file(model: Any) -> bytes:
    """The float32 TFLite file of a model."""
    with quiet():
        return to_tflite(canonical(frozen(model), "tflite"), "float32")


def ratios(expected: Sequence[Array], got: Sequence[Array]) -> list[float]:
    """The signal-to-noise ratio of each output in dB."""
    return [decibels(a, b.reshape(a.shape)) for a, b in zip(expected, got, strict=True)]


def decibels(expected: Array, got: Array) -> float:
    """The signal-to-noise ratio in dB; 99 of equal values."""
    noise = float(np.square(expected.astype(np.float64) - got).sum())
    return 99.0 if noise == 0 else 10 * float(np.log10(np.square(expected.astype(np.float64)).sum() / noise))


def _answers(model: Any, tensors: Sequence[Any]) -> list[Any]:
    found = model(list(tensors) if len(tensors) > 1 else tensors[0], training=False)
    return list(found) if isinstance(found, list | tuple) else [found]


def _stacked(rows: Sequence[Sequence[Any]]) -> tuple[Array, ...]:
    return tuple(np.concatenate([np.asarray(value) for value in values]) for values in zip(*rows, strict=True))


def _real(values: Array, io: TensorIO) -> Array:
    if io.quantization is None:
        return values
    return (values.astype(np.float32) - io.quantization.zero_point) * np.float32(io.quantization.scale)
