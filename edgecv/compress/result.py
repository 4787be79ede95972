"""The findings of a run of `edgecv prune`, as they lie in the report beside the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from edgecv_converters.graph.freeze import freeze
from edgecv_converters.graph.macs import multiply_adds
from edgecv_converters.source.keras_model import flat_call, input_ports, output_names
from edgecv_runtime.schema import TensorSpec

from edgecv.compress.blocks import Dropped
from edgecv.compress.channels import Blocked
from edgecv.compress.checkpoint import Epoch, zipped_bytes
from edgecv.compress.masks import KERNELS
from edgecv.compress.options import Removal, TrainingOptions
from edgecv.inspect.quiet import quiet_stderr


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """One model: what it holds, what it computes, and how it does on the validation samples (None without data).

    `zipped` are the bytes of its file deflated; `zeros` is the share of zeros among all kernel weights.
    """

    parameters: int
    multiply_adds: int
    zipped: int
    zeros: float
    accuracy: float | None = None
    loss: float | None = None


class PrunedLayer(msgspec.Struct, frozen=True, kw_only=True):
    """One layer with kernels: output channels and kernel weights that are not zero, before and after.

    Both are 0 after where the layer went with its block.
    """

    layer: str
    kind: str
    width_before: int
    width_after: int
    weights_before: int
    weights_after: int


class Untouched(msgspec.Struct, frozen=True, kw_only=True):
    """A layer that nothing was removed at, why, and how many channels stay for that."""

    layer: str
    kind: str
    reason: str
    channels: int

    @classmethod
    def of(cls, found: Blocked) -> Untouched:
        """Make the record of a layer that was left as it is."""
        return cls(layer=found.layer, kind=found.kind, reason=found.reason, channels=found.channels)


class PruneReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was asked, measured and left out.

    `pruned_accuracy` is the validation accuracy after the first removal, before any training.
    """

    name: str
    source: str
    source_sha256: str
    created: str
    machine: str
    versions: dict[str, str]
    removal: Removal
    training: TrainingOptions
    data: str | None
    train_samples: int
    validation_samples: int
    before: Size
    after: Size
    pruned_accuracy: float | None
    rows: tuple[PrunedLayer, ...]
    dropped: tuple[Dropped, ...]
    untouched: tuple[Untouched, ...]
    history: tuple[Epoch, ...]
    notes: tuple[str, ...]
    seconds: float


class Pruned(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `edgecv.prune`: the model's file, the report's, and the report itself."""

    path: Path
    report_path: Path
    report: PruneReport


def count_multiply_adds(model: Any) -> int:
    """The multiply-adds of one inference, counted on the graph that the converters start from."""
    ports = input_ports(model)
    inputs = [TensorSpec(name=p.name, shape=(1, *(s or 1 for s in p.shape[1:])), dtype=p.dtype) for p in ports]
    with quiet_stderr():
        return multiply_adds(freeze(flat_call(model), inputs, output_names(model, ports)))


def size_of(model: Any, counted: int, judged: tuple[float, float] | None) -> Size:
    """Measure a model; `judged` is its validation (loss, accuracy)."""
    kernels = [np.asarray(weight) for weight in _kernels(model)]
    total = sum(kernel.size for kernel in kernels)
    return Size(
        parameters=int(model.count_params()),
        multiply_adds=counted,
        zipped=zipped_bytes(model),
        zeros=sum(int((kernel == 0).sum()) for kernel in kernels) / max(total, 1),
        accuracy=None if judged is None else judged[1],
        loss=None if judged is None else judged[0],
    )


def rows_of(before: Any, after: Any) -> tuple[PrunedLayer, ...]:
    """The layers with kernels, by name."""
    left = {layer.name: layer for layer in after.layers}
    return tuple(_row(layer, left.get(layer.name)) for layer in before.layers if list(_own_kernels(layer)))


def _row(old: Any, new: Any | None) -> PrunedLayer:
    return PrunedLayer(
        layer=old.name,
        kind=type(old).__name__,
        width_before=int(old.output.shape[-1]),
        width_after=0 if new is None else int(new.output.shape[-1]),
        weights_before=_nonzero(_own_kernels(old)),
        weights_after=0 if new is None else _nonzero(_own_kernels(new)),
    )


def _nonzero(weights: Sequence[Any]) -> int:
    return sum(int(np.count_nonzero(np.asarray(weight))) for weight in weights)


def _own_kernels(layer: Any) -> list[Any]:
    return [weight for weight in layer.weights if weight.name in KERNELS]


def _kernels(model: Any) -> list[Any]:
    return [weight for layer in model.layers for weight in _own_kernels(layer)]
