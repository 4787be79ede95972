"""Inference requests of the Open Inference Protocol v2: tensors in JSON or binary form, and answers in the same.

The extensions `binary_tensor_data` and `classification` are those of Triton's documentation. An input whose datatype is
BYTES holds encoded pictures, which go through the bundle's own preprocessing.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt
from edgecv_runtime.errors import UsageError
from edgecv_runtime.heads.base import Head
from edgecv_runtime.prediction import Prediction
from edgecv_runtime.predictor import Predictor

PICTURES: Final = "BYTES"
DTYPES: Final[Mapping[str, str]] = {
    "BOOL": "bool",
    **{f"UINT{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)},
    **{f"INT{bits}": f"int{bits}" for bits in (8, 16, 32, 64)},
    **{f"FP{bits}": f"float{bits}" for bits in (16, 32, 64)},
}
NAMES: Final[Mapping[str, str]] = {dtype: name for name, dtype in DTYPES.items()}
MOST_SAMPLES: Final = 64  # of one request: a longer one would keep others waiting
LENGTH: Final = struct.Struct("<I")


class InputTensor(msgspec.Struct, frozen=True, kw_only=True):
    """One input: `data` is its numbers, nested or flat, unless they follow the JSON as so many bytes."""

    name: str
    shape: tuple[int, ...]
    datatype: str
    data: list[Any] = []
    parameters: dict[str, Any] = {}


class RequestedOutput(msgspec.Struct, frozen=True, kw_only=True):
    """One output that is asked for: as numbers, in binary form, or as its best classes."""

    name: str
    parameters: dict[str, Any] = {}


class InferenceRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of a request."""

    id: str = ""
    inputs: tuple[InputTensor, ...]
    outputs: tuple[RequestedOutput, ...] = ()
    parameters: dict[str, Any] = {}


class TensorRequest:
    """One request, read and checked.

    Args:
        predictor: Who answers it.
        data: The whole body.
        json_size: So many bytes of it are JSON, and the rest is binary.

    Raises:
        UsageError: It is no such request, or does not fit the model.
    """

    def __init__(self, predictor: Predictor, data: bytes, json_size: int) -> None:
        self._predictor = predictor
        try:
            self._asked = msgspec.json.decode(data[:json_size], type=InferenceRequest)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise UsageError(f"the request is not of the Open Inference Protocol: {error}") from error
        self._binary = memoryview(data)[json_size:]
        self._check_names()

    def answer(self) -> list[Prediction]:
        """Answer every sample.

        Raises:
            EdgecvError: A tensor has another form than the model takes, a picture cannot be read, or the model failed.
        """
        inputs = self._asked.inputs
        if len(inputs) == 1 and inputs[0].datatype == PICTURES:
            found: list[Prediction] = self._predictor.predict([*self._elements(inputs[0])])
            return found
        arrays = {tensor.name: self._array(tensor) for tensor in inputs}
        counts = {len(values) if values.ndim else 0 for values in arrays.values()}
        if len(counts) > 1 or not 1 <= (count := counts.pop()) <= MOST_SAMPLES:
            raise UsageError(f"the first axis of every input must be the same, from 1 to {MOST_SAMPLES}")
        rows = ({name: values[row : row + 1] for name, values in arrays.items()} for row in range(count))
        return [self._predictor.predict_tensor(row) for row in rows]

    def response(self, found: Sequence[Prediction]) -> tuple[bytes, list[bytes]]:
        """Return the JSON of the response, without the model's name, and the binary outputs that follow it."""
        outputs: list[dict[str, Any]] = []
        parts: list[bytes] = []
        binary = self._asked.parameters.get("binary_data_output") is True
        for wanted in self._asked.outputs or self._all_outputs():
            classes = wanted.parameters.get("classification")
            record: dict[str, Any] = {"name": wanted.name}
            if isinstance(classes, int) and classes > 0:
                words = self._classes(wanted.name, found, classes)
                record |= {"datatype": PICTURES, "shape": (len(found), len(words) // len(found))}
                data = b"".join(LENGTH.pack(len(word)) + word for word in map(str.encode, words))
                numbers: list[Any] = words
            else:
                values = np.concatenate([one.outputs[wanted.name] for one in found])
                values = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
                record |= {"datatype": NAMES[values.dtype.name], "shape": values.shape}
                data, numbers = values.tobytes(), []
            if wanted.parameters.get("binary_data", binary) is True:
                record["parameters"] = {"binary_data_size": len(data)}
                parts.append(data)
            else:
                record["data"] = numbers or values.ravel().tolist()
            outputs.append(record)
        named = {"id": self._asked.id} if self._asked.id else {}
        return msgspec.json.encode({**named, "outputs": outputs}), parts

    def _check_names(self) -> None:
        manifest = self._predictor.manifest
        given, wanted = [tensor.name for tensor in self._asked.inputs], {spec.name for spec in manifest.inputs}
        if set(given) != wanted or len(given) != len(wanted):
            raise UsageError(f"the model's inputs are {', '.join(sorted(wanted))}, got {', '.join(given) or 'none'}")
        outputs = {spec.name for spec in manifest.outputs}
        unknown = next((one.name for one in self._asked.outputs if one.name not in outputs), None)
        if unknown is not None:
            raise UsageError(f"the model has no output {unknown!r}", f"Its outputs are {', '.join(sorted(outputs))}")

    def _all_outputs(self) -> tuple[RequestedOutput, ...]:
        return tuple(RequestedOutput(name=spec.name) for spec in self._predictor.manifest.outputs)

    def _take(self, tensor: InputTensor) -> memoryview | None:
        """The bytes of an input that follow the JSON; None where its numbers stand in it."""
        size = tensor.parameters.get("binary_data_size")
        if size is None:
            return None
        if not isinstance(size, int) or not 0 <= size <= len(self._binary):
            raise UsageError(f"the input {tensor.name!r} says {size} binary bytes, {len(self._binary)} follow")
        taken, self._binary = self._binary[:size], self._binary[size:]
        return taken

    def _array(self, tensor: InputTensor) -> npt.NDArray[Any]:
        name, shape = tensor.name, tensor.shape
        if tensor.datatype not in DTYPES:
            raise UsageError(
                f"the input {name!r} has the datatype {tensor.datatype!r}", f"Known are {', '.join(DTYPES)}"
            )
        dtype, raw = np.dtype(DTYPES[tensor.datatype]), self._take(tensor)
        if min(shape, default=0) < 1:
            raise UsageError(f"the input {name!r} has the shape {list(shape)}")
        try:
            if raw is None:
                values = np.asarray(tensor.data, dtype)
            else:
                values = np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype, copy=False)
        except (ValueError, TypeError, OverflowError) as error:
            raise UsageError(f"the input {name!r} does not hold {tensor.datatype} numbers: {error}") from error
        if values.size != math.prod(shape):
            raise UsageError(f"the input {name!r} has {values.size} numbers, its shape needs {math.prod(shape)}")
        return values.reshape(shape)

    def _elements(self, tensor: InputTensor) -> list[bytes]:
        """The encoded pictures of an input."""
        if self._predictor.manifest.preprocess[tensor.name].kind != "image":
            raise UsageError(f"the input {tensor.name!r} takes no pictures", "Send its numbers")
        raw = self._take(tensor)
        if raw is None:
            raise UsageError("pictures cannot stand in JSON", "Send them as binary data, or to .../predict")
        found: list[bytes] = []
        while raw:
            size = LENGTH.unpack_from(raw)[0] if len(raw) >= LENGTH.size else len(raw)
            if LENGTH.size + size > len(raw):
                raise UsageError(f"the input {tensor.name!r} ends inside a picture")
            found.append(bytes(raw[LENGTH.size : LENGTH.size + size]))
            raw = raw[LENGTH.size + size :]
        if not 1 <= len(found) <= MOST_SAMPLES or len(found) != math.prod(tensor.shape):
            raise UsageError(f"the shape {list(tensor.shape)} and {len(found)} pictures do not fit")
        return found

    def _classes(self, output: str, found: Sequence[Prediction], count: int) -> list[str]:
        """The best classes of every sample: `score:index:label`, as Triton writes them."""
        head = next(one for one in self._predictor.heads if output in one.spec.outputs)
        return [words for one in found for words in _best(head, one, count)]


def _best(head: Head, found: Prediction, count: int) -> list[str]:
    scores = head.scores(found.outputs)[0]
    return [f"{top.score:.9g}:{top.index}:{top.label}" for top in head.top(scores, min(count, len(scores)))]
