"""Makes the int8 TFLite file, which carries the one quantization of all targets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from edgecv_runtime.schema import TensorIO

from edgecv_converters.data import Spool
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.isolate.child import progress
from edgecv_converters.quantize import Quantized, Refinement, Settings, quantize
from edgecv_converters.tflite import IoType, check_integers, describe, input_names, to_tflite, with_io

Quantizer = Literal["edgecv", "vendor"]
SHOWN = 1000  # progress is shown as so many parts
PLAIN_SHARE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantizing:
    """How int8 files are quantized.

    Attributes:
        quantizer: "edgecv", or "vendor": the converter's own, by the smallest and largest value.
        seed: Of every draw.
        refine_seconds: At most so long is distilled; None leaves it out.
    """

    quantizer: Quantizer = "edgecv"
    seed: int = 0
    refine_seconds: float | None = None


def to_int8(
    frozen: FrozenGraph, spool: Spool, pictures: frozenset[str], io: IoType, how: Quantizing
) -> tuple[bytes, Quantized | None]:
    """The file with inputs and outputs of `io`, and what edgecv's quantizer did; None where it was not asked.

    Raises:
        ConversionError: The converter refused the graph, or an operation stays float.
    """
    if how.quantizer == "vendor":
        data = to_tflite(frozen, "int8", samples=streamed(spool, spool.count), io=io)
        check_integers(data)
        return data, None
    plain = to_tflite(frozen, "int8", samples=streamed(spool, round(spool.count / PLAIN_SHARE)))
    check_integers(plain)
    names = _in_file_order(describe(plain, frozen.inputs, frozen.outputs)[0], input_names(plain))
    arrays = [np.load(spool.path(name), mmap_mode="r")[: spool.count] for name in names]
    found = quantize(plain, to_tflite(frozen, "float32"), arrays, _settings(how, names, pictures), _show)
    return with_io(found.data, io), found


def _settings(how: Quantizing, names: list[str], pictures: frozenset[str]) -> Settings:
    if how.refine_seconds is None:
        return Settings(seed=how.seed)
    places = frozenset(place for place, name in enumerate(names) if name in pictures)
    return Settings(seed=how.seed, refine=Refinement(seconds=how.refine_seconds, pictures=places))


def _in_file_order(described: tuple[TensorIO, ...], tensors: list[str]) -> list[str]:
    """The source's input names in the order of the file's inputs."""
    source = {tensor.tensor: tensor.name for tensor in described}
    return [source[tensor] for tensor in tensors]


def _show(share: float, seconds: float | None) -> None:
    progress(round(SHOWN * (PLAIN_SHARE + (1 - PLAIN_SHARE) * share)), SHOWN, seconds)


def streamed(spool: Spool, total: int) -> Callable[[], Iterator[Mapping[str, np.ndarray]]]:
    """The calibration samples one by one, as the converter takes them; `total` is what progress is shown of."""

    def generate() -> Iterator[Mapping[str, np.ndarray]]:
        for rows, batch in spool.batches(1):
            yield batch
            progress(rows.stop, total)

    return generate
