"""Makes one Core ML package: from the frozen graph or from the one quantization, and free of float16 overflows."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.backends import to_raw
from edgecv_runtime.golden_schema import Sketch
from edgecv_runtime.schema import Precision

from edgecv_converters.coreml.convert import to_coreml
from edgecv_converters.coreml.describe import describe
from edgecv_converters.coreml.int8.convert import program_from_tflite
from edgecv_converters.coreml.options import Interface
from edgecv_converters.coreml.package import write_package
from edgecv_converters.coreml.reference import ReferenceCoreML
from edgecv_converters.data import Spool
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.node_sketches import sketches
from edgecv_converters.isolate.child import wait_for
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.mil import Operation
from edgecv_converters.parity.methods import spread
from edgecv_converters.targets import ArtifactDescription
from edgecv_converters.workers.exchange import METADATA, SPOOLS

LARGEST: Final = 65504.0  # finite float16
ROOM: Final = 2.0  # for pictures that were not tried: what comes this near to LARGEST is not left in float16
TRIED: Final = 16  # samples of each set
Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Package:
    """A package that lies on the disk: how it is described, notes for the report, what the source computes inside."""

    described: ArtifactDescription
    notes: tuple[str, ...]
    sketches: tuple[Sketch, ...]


def make_package(
    precision: Precision,
    frozen: FrozenGraph,
    out: Path,
    store: ObjectStore,
    interface: Interface,
    quantized: Path | None,
) -> Package:
    """Write the package `out`; `quantized` is the TFLite file that carries the one quantization, for int8 and mixed.

    What overflows float16 on samples is computed in float32.

    Raises:
        ConversionError: The converter refused the model.
        UsageError: The model does not fit the recipe or the interface.
    """
    metadata = wait_for(store, METADATA)
    if quantized is not None:
        program = program_from_tflite(
            quantized, inputs=frozen.inputs, outputs=frozen.outputs, compute=interface.compute
        )
        notes = write_package(program, frozen, out, precision=precision, interface=interface, metadata=metadata)
    else:
        notes = to_coreml(frozen, precision, out, interface=interface, metadata=metadata)
    spools = wait_for(store, SPOOLS)
    if quantized is None and precision != "float32" and _overflows(out, frozen, spools):
        wide = overflowing(frozen, spools)
        shutil.rmtree(out)
        notes = to_coreml(frozen, precision, out, interface=interface, metadata=metadata, float32=wide)
        notes += (f"Core ML {precision}: float16 overflows in {', '.join(sorted(wide))}, which stay float32",)
    first = next(samples(spools["golden"]))
    return Package(ArtifactDescription(*describe(out, frozen.inputs, frozen.outputs)), notes, sketches(frozen, first))


def samples(spool: Spool) -> Iterator[dict[str, Array]]:
    """Some samples of a set, each with a batch of one."""
    chosen = set(spread(spool.count, TRIED).tolist())
    for rows, inputs in spool.batches(1):
        if rows.start in chosen:
            yield inputs


def _overflows(package: Path, frozen: FrozenGraph, spools: Mapping[str, Spool]) -> bool:
    with closing(PackageTrial(package, frozen)) as trial:
        return trial.overflows(spools)


def overflowing(frozen: FrozenGraph, spools: Mapping[str, Spool]) -> frozenset[str]:
    """The operations that read or make values too large for float16, found by running the graph in float32."""
    with tempfile.TemporaryDirectory() as scratch:
        package = Path(scratch) / "model.mlpackage"
        to_coreml(frozen, "float32", package)
        with closing(PackageTrial(package, frozen)) as trial:
            peaks = trial.peaks(spools)
    large = {name for name, peak in peaks.items() if peak > LARGEST / ROOM}
    return frozenset(
        operation.name
        for operation in trial.reference.program.operations
        if operation.type != "const" and large & {*_reads(operation), *(made.name for made in operation.outputs)}
    )


class PackageTrial:
    """A saved package, tried on samples of every set."""

    def __init__(self, package: Path, frozen: FrozenGraph) -> None:
        self._inputs, outputs, _, _ = describe(package, frozen.inputs, frozen.outputs)
        self.reference = ReferenceCoreML(package, self._inputs, outputs)

    def close(self) -> None:
        """Let go of the package."""
        self.reference.close()

    def overflows(self, spools: Mapping[str, Spool]) -> bool:
        """Tell whether any operation gives a value that is not finite."""
        for raw in self._raw(spools):
            self.reference.run(raw)
            if self.reference.overflow is not None:
                return True
        return False

    def peaks(self, spools: Mapping[str, Spool]) -> dict[str, float]:
        """The largest magnitude of every float value of the program, constants included."""
        found: dict[str, float] = {}

        def watch(operation: Operation, outputs: tuple[Array, ...]) -> None:
            for variable, values in zip(operation.outputs, outputs, strict=True):
                found[variable.name] = max(found.get(variable.name, 0.0), _peak(values))

        for raw in self._raw(spools):
            self.reference.watch(raw, watch)
        for operation in self.reference.program.operations:
            values = operation.inputs.get("val", ("",))[0] if operation.type == "const" else ""
            if not isinstance(values, str):
                found[operation.outputs[0].name] = _peak(values)
        return found

    def _raw(self, spools: Mapping[str, Spool]) -> Iterator[dict[str, Array]]:
        for spool in spools.values():
            for sample in samples(spool):
                yield {io.name: to_raw(sample[io.name], io) for io in self._inputs}


def _peak(values: Array) -> float:
    return float(np.abs(values).max()) if values.dtype.kind == "f" and values.size else 0.0


def _reads(operation: Operation) -> Iterator[str]:
    return (value for values in operation.inputs.values() for value in values if isinstance(value, str))
