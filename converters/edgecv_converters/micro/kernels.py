"""TFLM in the form of LiteRT's interpreter, so that the quantizer can run int8 files by a microcontroller's numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from edgecv_runtime.backends.tflm_interpreter import TFLMError, TFLMInterpreter

from edgecv_converters.micro.refusals import explained
from edgecv_converters.quantize.watched import UnusableFileError
from edgecv_converters.tflite.reader import Array


class MicroKernels:
    """A file in TFLM; tensors go by their numbers in the file.

    Raises:
        UnusableFileError: TFLM refuses the file; the message names the operator and its layer.
    """

    def __init__(self, data: bytes) -> None:
        try:
            self._interpreter = TFLMInterpreter(data, watched=True)
        except TFLMError as error:
            found = explained(data, error)
            raise UnusableFileError(found.message, found.hint) from error
        self._given: dict[int, Array] = {}
        self._found: dict[int, Array] = {}

    def get_input_details(self) -> list[dict[str, Any]]:
        """Tell of the inputs, in the file's order."""
        return [{**detail, "index": detail["number"]} for detail in self._interpreter.inputs]

    def get_output_details(self) -> list[dict[str, Any]]:
        """Tell of the outputs, in the file's order."""
        return [{**detail, "index": detail["number"]} for detail in self._interpreter.outputs]

    def set_tensor(self, number: int, value: Array) -> None:
        """Set an input for the next inference."""
        self._given[number] = value

    def invoke(self) -> None:
        """Infer once."""
        found = self._interpreter.run([self._given[detail["number"]] for detail in self._interpreter.inputs])
        self._found = {detail["number"]: value for detail, value in zip(self._interpreter.outputs, found, strict=True)}

    def get_tensor(self, number: int) -> Array:
        """Return the values of a tensor."""
        held = self._found.get(number)
        return np.array(held) if held is not None else self._interpreter.tensor(number)

    def tensor(self, number: int) -> Callable[[], Array]:
        """Return a function that gives the values of a tensor."""
        return lambda: self.get_tensor(number)
