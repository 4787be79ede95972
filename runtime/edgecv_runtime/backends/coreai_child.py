"""The process that runs a Core AI model, and what it and its owner send each other.

A damaged file makes Apple's runtime end its process. So it has one of its own, and nothing else is in there.
A message is one line of JSON, followed by the bytes of the tensors that the line lists.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

FUNCTION = "main"


def send(stream: IO[bytes], tensors: Mapping[str, np.ndarray], **said: object) -> None:
    """Write one message."""
    listed = [(name, values.dtype.name, values.shape) for name, values in tensors.items()]
    stream.write(json.dumps({**said, "tensors": listed}).encode() + b"\n")
    stream.writelines(np.ascontiguousarray(values).tobytes() for values in tensors.values())
    stream.flush()


def receive(stream: IO[bytes]) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """Read one message; None where the other side has ended."""
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    said = json.loads(line)
    tensors: dict[str, np.ndarray] = {}
    for name, dtype, shape in said.pop("tensors"):
        size = math.prod(shape) * np.dtype(dtype).itemsize
        content = stream.read(size)
        if len(content) < size:
            return None
        tensors[name] = np.frombuffer(content, dtype).reshape(shape)
    return said, tensors


async def answer(model: Path, orders: IO[bytes], answers: IO[bytes]) -> None:
    """Load a model, tell its inputs and outputs, and answer every message until there is no more."""
    from coreai.authoring import AIModelAsset
    from coreai.runtime import NDArray

    async with AIModelAsset.load(model).executable() as loaded:
        function = loaded.load_function(FUNCTION)
        told = function.desc
        inputs = {name: _port(told.input_descriptor(name)) for name in told.input_names}
        outputs = {name: _port(told.output_descriptor(name)) for name in told.output_names}
        send(answers, {}, inputs=inputs, outputs=outputs)
        while (order := receive(orders)) is not None:
            given = {name: NDArray(values) for name, values in order[1].items()}
            try:
                found = await function(given)
            except (RuntimeError, ValueError, TypeError) as error:
                send(answers, {}, error=str(error))
                continue
            send(answers, {name: values.numpy() for name, values in found.items()})


def _port(descriptor: Any) -> list[object]:
    return [str(descriptor.dtype), list(descriptor.shape)]


def main() -> None:
    """Answer on standard input and output; whatever the library prints goes to standard error."""
    out = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(out, "wb") as answers:
        try:
            asyncio.run(answer(Path(sys.argv[1]), sys.stdin.buffer, answers))
        except (RuntimeError, KeyError, ValueError, OSError) as error:
            send(answers, {}, error=str(error))


if __name__ == "__main__":
    main()
