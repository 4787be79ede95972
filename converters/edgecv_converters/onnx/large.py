"""Large tensors of an ONNX graph in a file while tf2onnx works on it, which copies every constant at every step.

A message keeps the memory of each copy for as long as it lives, so that a tensor of one page counts as large already.

The finished model holds them itself. One that would be larger than a protocol buffer can be has them in a second file
beside it, where each begins at a page of its own: so they are mapped, not copied.
"""

from __future__ import annotations

import hashlib
import math
import mmap
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from edgecv_runtime.schema import DATA_SUFFIX

from edgecv_converters.graph.weights import Array, WeightFile, raw

_PATH, _OFFSET, _LENGTH = "location", "offset", "length"
_PAGE: Final = 4096
_APART: Final = 256 * 1024
"""The bytes from which on a tensor lies in the second file of a model that has one."""
_MOST_OVERHEAD: Final = 64
"""The bytes that a tensor takes besides its name, shape and numbers, and more."""
MOST_BYTES: Final = 2**31 - 1
"""The size that a protocol buffer can have."""


@contextmanager
def large_in(file: WeightFile) -> Iterator[None]:
    """Let `onnx.numpy_helper` write large tensors into a file, and read them from there, mapped.

    Equal tensors get one place, so that a pass that merges equal constants still finds them equal.
    """
    from onnx import numpy_helper

    from_array, to_array = numpy_helper.from_array, numpy_helper.to_array
    places: dict[bytes, int] = {}

    def stored(values: Array, name: str | None = None) -> Any:
        if values.nbytes < _PAGE or values.dtype.kind not in "fiub":
            return from_array(values, name)
        tensor = from_array(np.empty(0, values.dtype), name)
        tensor.dims[:] = values.shape
        whole = np.ascontiguousarray(values)
        digest = hashlib.sha256(raw(whole)).digest()
        if digest not in places:
            places[digest] = file.append(whole)
        set_place(tensor, **{_PATH: file.path, _OFFSET: places[digest]})
        return tensor

    def read(tensor: Any, base_dir: str = "") -> Array:
        return _mapped(tensor) if _is_large(tensor) else to_array(tensor, base_dir)

    numpy_helper.from_array, numpy_helper.to_array = stored, read
    try:
        yield
    finally:
        numpy_helper.from_array, numpy_helper.to_array = from_array, to_array
        _whole_file.cache_clear()


def kept_in(file: WeightFile | None, model: Any) -> AbstractContextManager[None]:
    """Let the large tensors of a model stay in their file while it is worked on, if it has any there."""
    return large_in(file) if file is not None and large_of(model) else nullcontext()


def whole_size(model: Any) -> int:
    """The bytes of a model that holds its large tensors itself, or a few more."""
    outside = sum(_mapped(tensor).nbytes + _MOST_OVERHEAD for tensor in large_of(model))
    return int(model.ByteSize()) + outside


def large_of(model: Any) -> list[Any]:
    """The tensors of a graph that lie in a file."""
    return [tensor for tensor in model.graph.initializer if _is_large(tensor)]


def take_large(model: Any, below: float = math.inf) -> None:
    """Put tensors of a graph, which lie in a file, back into its message, in place: those below so many bytes."""
    for tensor in large_of(model):
        values = _mapped(tensor)
        if values.nbytes >= below:
            continue
        tensor.ClearField("data_location")
        tensor.ClearField("external_data")
        tensor.raw_data = values.tobytes()


def without_large(model: Any) -> Any:
    """The model itself, or a copy whose large tensors are inputs, for what looks at types and shapes alone."""
    from onnx import helper

    if not large_of(model):
        return model
    light = type(model)()
    light.CopyFrom(model)
    for tensor in large_of(light):
        light.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
        light.graph.initializer.remove(tensor)
    return light


def write_model(model: Any, path: Path, most: int = MOST_BYTES) -> None:
    """Write a model, and a second file of its large tensors where it would be larger than `most` bytes with them.

    The model's large tensors lie in that file afterwards, or in the model.
    """
    import onnx

    if whole_size(model) <= most:
        take_large(model)
    else:
        take_large(model, below=_APART)
        _move_large(model, path.with_name(f"{path.name}{DATA_SUFFIX}"))
    onnx.save_model(model, str(path))


def _move_large(model: Any, path: Path) -> None:
    """Write the large tensors into a file in the order of the graph, equal ones once, and say where each of them is."""
    starts: dict[tuple[str, str], int] = {}
    with path.open("wb") as out:
        for tensor in large_of(model):
            place, values = _place(tensor), _mapped(tensor)
            source = place[_PATH], place[_OFFSET]
            if source not in starts:
                out.write(bytes(-out.tell() % _PAGE))
                starts[source] = out.tell()
                out.write(raw(values))
            set_place(tensor, **{_PATH: path.name, _OFFSET: starts[source], _LENGTH: values.nbytes})


def set_place(tensor: Any, **place: Any) -> None:
    """Say where a tensor lies: `location`, the file, `offset` and `length`, in bytes."""
    tensor.ClearField("raw_data")
    tensor.ClearField("external_data")
    tensor.data_location = tensor.EXTERNAL
    for key, value in place.items():
        tensor.external_data.add(key=key, value=str(value))


def _is_large(tensor: Any) -> bool:
    return bool(tensor.data_location == tensor.EXTERNAL)


def _place(tensor: Any) -> dict[str, str]:
    return {entry.key: entry.value for entry in tensor.external_data}


def _mapped(tensor: Any) -> Array:
    from onnx import helper

    place, dims = _place(tensor), tuple(tensor.dims)
    dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type)
    whole = _whole_file(place[_PATH], Path(place[_PATH]).stat().st_size)
    return np.frombuffer(whole, dtype, math.prod(dims), int(place[_OFFSET])).reshape(dims)


@lru_cache(maxsize=2)
def _whole_file(path: str, size: int) -> mmap.mmap:
    """A file of so many bytes, mapped once: tf2onnx compares each large tensor with all others of its shape."""
    with Path(path).open("rb") as file:
        return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
