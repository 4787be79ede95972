"""Large tensors of an ONNX graph in a file while tf2onnx works on it, which copies every constant at every step.

The finished model holds them itself, as a bundle's artifacts must, so that it cannot be larger than a protocol buffer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import numpy as np
from edgecv_runtime.errors import ConversionError

from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.weights import LARGE, Array, WeightFile, raw

_PATH, _OFFSET = "location", "offset"
MOST_BYTES: Final = 2**31 - 1
"""The size that a protocol buffer can have."""


def check_size(frozen: FrozenGraph, most: int = MOST_BYTES) -> None:
    """Refuse a graph whose ONNX model would be larger than `most` bytes, before it is converted.

    In float16 it is half as large, but is made of the float32 model.

    Raises:
        ConversionError: It would be.
    """
    size = frozen.bytes()
    if size > most:
        raise ConversionError(
            f"the model is too large for an ONNX file: {size / 1e9:.3g} GB, where one can have {most / 1e9:.3g} GB",
            "Leave ONNX out (--target), or give the model fewer weights (edgecv prune)",
        )


@contextmanager
def large_in(file: WeightFile) -> Iterator[None]:
    """Let `onnx.numpy_helper` write large tensors into a file, and read them from there, mapped.

    Equal tensors get one place, so that a pass that merges equal constants still finds them equal.
    """
    from onnx import numpy_helper

    from_array, to_array = numpy_helper.from_array, numpy_helper.to_array
    places: dict[bytes, int] = {}

    def stored(values: Array, name: str | None = None) -> Any:
        if values.nbytes < LARGE or values.dtype.kind not in "fiub":
            return from_array(values, name)
        tensor = from_array(np.empty(0, values.dtype), name)
        tensor.ClearField("raw_data")
        tensor.dims[:] = values.shape
        whole = np.ascontiguousarray(values)
        digest = hashlib.sha256(raw(whole)).digest()
        if digest not in places:
            places[digest] = file.append(whole)
        tensor.data_location = tensor.EXTERNAL
        for key, value in ((_PATH, str(file.path)), (_OFFSET, str(places[digest]))):
            tensor.external_data.add(key=key, value=value)
        return tensor

    def read(tensor: Any, base_dir: str = "") -> Array:
        return _mapped(tensor) if _is_large(tensor) else to_array(tensor, base_dir)

    numpy_helper.from_array, numpy_helper.to_array = stored, read
    try:
        yield
    finally:
        numpy_helper.from_array, numpy_helper.to_array = from_array, to_array


def take_large(model: Any) -> None:
    """Put the large tensors of a graph, which lie in a file, back into its message, in place."""
    for tensor in model.graph.initializer:
        if _is_large(tensor):
            values = _mapped(tensor)
            tensor.ClearField("data_location")
            tensor.ClearField("external_data")
            tensor.raw_data = values.tobytes()


def _is_large(tensor: Any) -> bool:
    return bool(tensor.data_location == tensor.EXTERNAL)


def _mapped(tensor: Any) -> Array:
    from onnx import helper

    place = {entry.key: entry.value for entry in tensor.external_data}
    dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    return np.memmap(place[_PATH], dtype, "r", int(place[_OFFSET]), tuple(tensor.dims))
