"""The multiply-adds a second that a large layer reaches on this machine, measured in the same turns as the rows.

There are two layers, because no single one is the best for all kernels: convolutions of 3 x 3, 128 to 128 channels, and
of 1 x 1, 256 to 256 channels, on 16 x 16 pixels. They are converted as edgecv converts every model
(`benchmarks/peak_bundle.py`); in int8 their inputs and outputs are integers, so that the convolution alone counts. The
faster of the two is the peak.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Literal

import msgspec
import numpy as np

from edgecv_runtime import formats
from edgecv_runtime.artifact_choice import INTEGER
from edgecv_runtime.bench.messages import Open
from edgecv_runtime.bench.result import BenchRow, Peak
from edgecv_runtime.bench.statistics import median, tidy
from edgecv_runtime.bundle import Bundle

FOLDER: Final = Path(__file__).with_name("peak")
LAYERS: Final = {
    "conv3": "a 3 x 3 convolution, 128 to 128 channels, 16 x 16 pixels",
    "conv1": "a 1 x 1 convolution, 256 to 256 channels, 16 x 16 pixels",
}
SHARE: Final = 0.2  # of the others' turns: one layer settles sooner
KINDS: Final[tuple[Literal["float32", "int8"], ...]] = ("float32", "int8")
FLOAT: Final = frozenset({"float32", "float16"})


def orders(rows: Sequence[BenchRow], scratch: Path) -> list[Open]:
    """List what to open: each layer and kind for every CPU backend and number of threads among the rows."""
    settings = dict.fromkeys(
        (row.backend, row.threads) for row in rows if formats.BACKENDS[row.backend].processor == "cpu"
    )
    if not settings:
        return []
    made = [order for layer in LAYERS for order in _orders(layer, list(settings), scratch / layer)]
    return [msgspec.structs.replace(order, slot=slot) for slot, order in enumerate(made)]


def _orders(layer: str, settings: Sequence[tuple[str, int]], scratch: Path) -> Iterator[Open]:
    with Bundle.load(FOLDER / layer, verify=False) as bundle:
        shape = bundle.manifest.inputs[0].shape[1:]
        files = {(artifact.target, artifact.precision): artifact.file for artifact in bundle.manifest.artifacts}
    scratch.mkdir(parents=True)
    np.save(scratch / "0.npy", np.random.default_rng(0).standard_normal((2, *shape), np.float32))
    for backend, threads in settings:
        for kind in KINDS:
            file = files.get((formats.format_of(backend).name, kind))
            if file is not None:
                yield Open(
                    bundle=str(FOLDER / layer), artifact=file, backend=backend, threads=threads, samples=str(scratch)
                )


def peaks(measured: Sequence[tuple[Open, Sequence[float]]]) -> tuple[Peak, ...]:
    """For each kind, backend and number of threads the faster layer, at the median of its microseconds."""
    best: dict[tuple[str, str, int], Peak] = {}
    for order, times in measured:
        found = _peak(order, times)
        key = (found.kind, found.backend, found.threads)
        if key not in best or found.multiply_adds_per_second > best[key].multiply_adds_per_second:
            best[key] = found
    return tuple(best.values())


def _peak(order: Open, times: Sequence[float]) -> Peak:
    with Bundle.load(order.bundle, verify=False) as bundle:
        count = bundle.manifest.provenance.source.multiply_adds or 0
    return Peak(
        kind="int8" if ".int8." in order.artifact else "float32",
        backend=order.backend,
        threads=order.threads,
        multiply_adds_per_second=tidy(1e6 * count / median(times)),
        how=f"{LAYERS[Path(order.bundle).name]} ({count / 1e6:.0f} million multiply-adds)",
    )


def share(row: BenchRow, rate: float, found: Sequence[Peak]) -> float | None:
    """A row's rate over the peak of the same kind of numbers, backend and threads, where that was measured.

    "dynamic" and the like compute with neither kind alone, so there is no peak for them.
    """
    kind = "int8" if row.precision in INTEGER else "float32" if row.precision in FLOAT else None
    for one in found:
        if (one.kind, one.backend, one.threads) == (kind, row.backend, row.threads):
            return round(rate / one.multiply_adds_per_second, 5)
    return None
