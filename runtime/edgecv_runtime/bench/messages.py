"""The messages between the measuring process and its workers: one JSON object a line."""

from __future__ import annotations

import msgspec

from edgecv_runtime.bench.result import Library, Profile, Sustained


class WorkerMessage(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A line in either direction; `type` is the record's name."""


class Open(WorkerMessage, frozen=True, kw_only=True):
    """Load one artifact. Pictures are files to be predicted in rotation; without any, tensors of `samples` are.

    `samples` is a folder with a float32 file `N.npy` for the N-th input of the model, of shape (count, ...). A worker
    may hold several artifacts, each in a slot of its own; where memory is measured it holds one.
    """

    bundle: str
    artifact: str
    backend: str
    threads: int
    samples: str
    pictures: tuple[str, ...] = ()
    most: int = 32
    slot: int = 0


class Turn(WorkerMessage, frozen=True, kw_only=True):
    """Predict for so long, and once more than that at least; the first tenth does not count."""

    seconds: float
    slot: int = 0


class Sustain(WorkerMessage, frozen=True, kw_only=True):
    """Predict without a pause, and tell every `step` seconds."""

    seconds: float
    step: float


class WriteOutputs(WorkerMessage, frozen=True, kw_only=True):
    """Give the outputs for every sample of a folder (as in `Open`), in `out`, a file `N.npy` for the N-th output."""

    samples: str
    out: str


class TakeProfile(WorkerMessage, frozen=True, kw_only=True):
    """Time the operations of an artifact one by one, for so long; nothing else need be open."""

    order: Open
    seconds: float


class Opened(WorkerMessage, frozen=True, kw_only=True):
    """The artifact is loaded and answered once."""

    library: Library
    batch: int
    load_us: float
    cold_us: float
    memory_before: int
    inputs: int


class Turned(WorkerMessage, frozen=True, kw_only=True):
    """One turn: microseconds of each prediction's stages; peak memory in bytes, processor seconds so far."""

    preprocess: tuple[float, ...]
    inference: tuple[float, ...]
    postprocess: tuple[float, ...]
    total: tuple[float, ...]
    memory: int
    cpu_seconds: float


class SustainedPart(WorkerMessage, frozen=True, kw_only=True):
    """A part of a sustained run; the last one has `last`."""

    point: Sustained | None
    cpu_seconds: float
    last: bool = False


class Answered(WorkerMessage, frozen=True, kw_only=True):
    """The outputs are written."""

    count: int


class ProfileTaken(WorkerMessage, frozen=True, kw_only=True):
    """The time of each operation."""

    profile: Profile


class Refused(WorkerMessage, frozen=True, kw_only=True):
    """The command cannot be done, for a reason that a person can mend."""

    message: str
    hint: str | None = None
    missing_package: bool = False


Command = Open | Turn | Sustain | WriteOutputs | TakeProfile
Reply = Opened | Turned | SustainedPart | Answered | ProfileTaken | Refused
