"""Messages between the server and its worker processes: a header in JSON, and the bytes that belong to it."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

HEAD: Final = struct.Struct("<IQ")  # the bytes of the header, and those that follow it


class WireRecord(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A frozen record that one side sends to the other, with its own name as its tag."""


class WorkerSetup(WireRecord, frozen=True, kw_only=True):
    """The first message to a worker process: which bundle it opens, and how.

    Attributes:
        root: The bundle's folder.
        target, precision, backend, threads: As of `edgecv run`.
        thresholds: From which score on a label holds, by the head's name, in place of the bundle's.
        gates: As of `edgecv verify`.
        most_pixels: Pictures with more are refused before they are decoded.
    """

    root: str
    target: str | None = None
    precision: str | None = None
    backend: str | None = None
    threads: int = 1
    thresholds: dict[str, tuple[float, ...]] | None = None
    gates: tuple[str, ...] = ()
    most_pixels: int


class WorkerReady(WireRecord, frozen=True, kw_only=True):
    """The worker has loaded the bundle, and it gives its golden answers here.

    Attributes:
        artifact: The file that answers.
        runtime: The runtime that really runs it, in words.
        batch: The number of samples that one inference takes.
    """

    artifact: str
    runtime: str
    batch: int


class WorkerRefused(WireRecord, frozen=True, kw_only=True):
    """The worker cannot serve the bundle, for a reason that a person can mend; its process ends."""

    message: str
    hint: str | None
    gate: bool


class PictureTask(WireRecord, frozen=True, kw_only=True):
    """One picture to answer: `size` bytes of an encoded file; with the `top` best classes, and what is drawn."""

    size: int
    top: int
    drawing: bool


class TensorTask(WireRecord, frozen=True, kw_only=True):
    """One inference request of the Open Inference Protocol: `size` bytes, of which the first `json_size` are JSON."""

    size: int
    json_size: int


class WorkOrder(WireRecord, frozen=True, kw_only=True):
    """Tasks that a worker answers together; their bytes follow in their order."""

    tasks: tuple[PictureTask | TensorTask, ...]


class TaskDone(WireRecord, frozen=True, kw_only=True):
    """The answer to one task: `size` bytes, of which the first `json_size` are JSON.

    Attributes:
        size, json_size: The bytes that follow.
        samples: The number of samples in it.
        together: The number of samples that went through the model in one call.
        preprocess_ms, inference_ms, postprocess_ms: The milliseconds of each stage.
        labels: The head and the label of each class that was answered.
    """

    size: int
    json_size: int
    samples: int
    together: int
    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float
    labels: tuple[tuple[str, str], ...]


class TaskFailed(WireRecord, frozen=True, kw_only=True):
    """The reason why one task has no answer, with the HTTP status that says so."""

    status: int
    message: str
    hint: str | None = None


class WorkReport(WireRecord, frozen=True, kw_only=True):
    """The results of an order, in the order of its tasks; their bytes follow."""

    results: tuple[TaskDone | TaskFailed, ...]


Task = PictureTask | TensorTask
Message = WorkerSetup | WorkerReady | WorkerRefused | WorkOrder | WorkReport
_DECODER: Final = msgspec.json.Decoder(Message)
_ENCODER: Final = msgspec.json.Encoder()


def pack(message: Message, parts: Sequence[bytes] = ()) -> bytes:
    """Return a message as the bytes that are sent."""
    header = _ENCODER.encode(message)
    return b"".join((HEAD.pack(len(header), sum(map(len, parts))), header, *parts))


def unpack(header: bytes | bytearray | memoryview) -> Message:
    """Decode a message's header."""
    message: Message = _DECODER.decode(header)
    return message


class FrameReader:
    """Cuts a stream of bytes into messages."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Message, bytes]]:
        """Take the next bytes, and return each message that is complete with the bytes that follow it."""
        self._data += data
        while len(self._data) >= HEAD.size:
            header, body = HEAD.unpack_from(self._data)
            end = HEAD.size + header + body
            if len(self._data) < end:
                return
            with memoryview(self._data) as view:
                message = unpack(view[HEAD.size : HEAD.size + header])
                rest = bytes(view[HEAD.size + header : end])
            del self._data[:end]
            yield message, rest


def parts_of(body: bytes, sizes: Sequence[int]) -> list[bytes]:
    """Cut the bytes of a message into those of its tasks."""
    parts, start = [], 0
    for size in sizes:
        parts.append(body[start : start + size])
        start += size
    return parts
