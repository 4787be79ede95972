"""The records of a benchmark: one schema for this machine, a machine over ssh, a phone, and what an app shared.

Times are microseconds of wall clock, sizes bytes, shares and accuracies 0..1. Unknown keys are errors; what has a
default may be left out. Every number is finite. A device writes `schema_version`, `name`, `identity`, `task`,
`created`, `place`, `machine`, `settings`, `rows`, and of a row what it measured; the host adds what compares.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edgecv_runtime.errors import DataError
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Comparison, Precision, Target

RESULT_VERSION = 1
MOST_SAMPLES = 400

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Time = Annotated[float, msgspec.Meta(ge=0)]
DataSet = Literal["golden", "evaluation"]


class Latency(Record, frozen=True, kw_only=True):
    """The time that one stage took, over `count` warm inferences of all turns.

    A percentile q of sorted values v[0..n-1] lies at q / 100 * (n - 1), linearly between its neighbours. `samples_us`
    are at most 400 of the values, taken evenly over time, in the order of time: for a plot of the distribution.
    """

    count: Annotated[int, msgspec.Meta(ge=1)]
    min_us: Time
    mean_us: Time
    p50_us: Time
    p90_us: Time
    p99_us: Time
    samples_us: Annotated[tuple[Time, ...], msgspec.Meta(max_length=MOST_SAMPLES)] = ()


class WarmUp(Record, frozen=True, kw_only=True):
    """The warm-up, which does not count: turns, inferences, seconds; `stable` is False if time was up before."""

    turns: Count
    count: Count
    seconds: Time
    stable: bool


class Library(Record, frozen=True, kw_only=True):
    """The library that really ran an artifact: its name, version, and the providers or delegates in force."""

    name: str
    version: str
    providers: tuple[str, ...]


class Sustained(Record, frozen=True, kw_only=True):
    """p50 and p90 of the `count` inferences that began from `second` on; the row ran alone, without a pause."""

    second: Time
    count: Annotated[int, msgspec.Meta(ge=1)]
    p50_us: Time
    p90_us: Time


class Correct(Record, frozen=True, kw_only=True):
    """Right answers on labelled samples.

    `interval` is the 95 % Wilson score interval of `accuracy`. Where the reference answered the same samples:
    `reference_accuracy`, what only the reference had right (`lost`), only the artifact (`gained`), and the two-sided
    exact p-value of McNemar's test.
    """

    count: Annotated[int, msgspec.Meta(ge=1)]
    accuracy: Share
    interval: tuple[Share, Share]
    reference_accuracy: Share | None = None
    lost: Count | None = None
    gained: Count | None = None
    mcnemar_p: Share | None = None


class ClassCount(Record, frozen=True, kw_only=True):
    """One class of the labelled samples: how many there are, and how many were answered right."""

    label: str
    count: Count
    correct: Count
    reference_correct: Count | None = None


class ProfiledOperation(Record, frozen=True, kw_only=True):
    """One operation that the runtime ran, in its order, after what it fused and rearranged.

    `layer` is the name of what it gives in the artifact, "" where the runtime's own operations could not be told apart;
    `operator` is the runtime's own word. `us` is the mean of the middle half of its times in each inference. `numbers`
    is "float" where it reads and gives floats, "integer" where neither, "conversion" where it turns one into the other;
    None where that is not known.
    """

    layer: str
    operator: str
    numbers: Literal["integer", "float", "conversion"] | None
    us: Time


class Profile(Record, frozen=True, kw_only=True):
    """The operations of one inference with the time of each, by the profiler of the runtime itself, which slows it.

    `total_us` is a whole inference under that profiler, over `runs` inferences. Where `not_profiled` has a reason,
    nothing is known.
    """

    profiler: str = ""
    runs: Count = 0
    total_us: Time = 0.0
    operations: tuple[ProfiledOperation, ...] = ()
    not_profiled: str | None = None


class BenchRow(Record, frozen=True, kw_only=True):
    """One artifact on one backend with so many threads, measured in a process of its own.

    Where `not_run` has a reason, nothing was measured and all that has a default is missing.

    Attributes:
        artifact: The artifact's file in the bundle; `bytes` and `sha256` are the bundle's of it.
        backend: What was asked to run it, as "litert", "onnx", "onnx-cuda", "coreml", or an app's own ("litert-gpu").
        batch: Samples an inference; the times are of a whole batch.
        load_us: Opening the artifact in a fresh process, the runtime's import included.
        cold_us: The first inference of that process, of the model alone.
        preprocess, inference, postprocess, total: Warm; `total` is a whole prediction, from the encoded picture (or the
            tensor) to the answer.
        per_second: Samples a second, one after the other: batch / mean of `total`.
        inferences_per_second: The same of the model alone.
        memory_bytes: The peak resident memory of the process, which loaded and ran this artifact alone.
        memory_before_bytes: Its peak before the runtime was imported and the artifact loaded: Python, NumPy, Pillow.
        drift: p50 of `inference` in the second half of the turns over that in the first half, minus 1.
        turn_p50_us: p50 of `inference` in each turn, in order of time.
        multiply_adds_per_second: The source model's multiply-adds times batch, over p50 of `inference`.
        peak_share: That over the measured peak (`Result.peaks`) of the same kind of numbers, backend and threads.
        profile: The time of each operation, where that was asked for; taken in another process than the times.
        comparisons: Outputs against the reference, by data set.
    """

    artifact: str
    target: Target
    precision: Precision
    sha256: str
    bytes: Count
    backend: str
    threads: Annotated[int, msgspec.Meta(ge=1)]
    not_run: str | None = None
    library: Library | None = None
    batch: Annotated[int, msgspec.Meta(ge=1)] = 1
    load_us: Time | None = None
    cold_us: Time | None = None
    preprocess: Latency | None = None
    inference: Latency | None = None
    postprocess: Latency | None = None
    total: Latency | None = None
    per_second: Time | None = None
    inferences_per_second: Time | None = None
    memory_bytes: Count | None = None
    memory_before_bytes: Count | None = None
    warm_up: WarmUp | None = None
    drift: float | None = None
    turn_p50_us: tuple[Time, ...] = ()
    multiply_adds_per_second: Time | None = None
    peak_share: Time | None = None
    profile: Profile | None = None
    comparisons: dict[DataSet, Comparison] = msgspec.field(default_factory=dict)
    correct: Correct | None = None
    classes: tuple[ClassCount, ...] = ()
    sustained: tuple[Sustained, ...] = ()

    @property
    def title(self) -> str:
        """The row in words, such as "tflite int8 on litert, 2 threads"."""
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        return f"{self.target} {self.precision} on {self.backend}, {threads}"


class Peak(Record, frozen=True, kw_only=True):
    """The most multiply-adds a second that a large layer reached on this machine; `how` says which layer."""

    kind: Literal["int8", "float32"]
    backend: str
    threads: Annotated[int, msgspec.Meta(ge=1)]
    multiply_adds_per_second: Positive
    how: str


class Machine(Record, frozen=True, kw_only=True):
    """The machine that ran. `model` is a device's own name ("Pixel 8"); `flags` change int8 speed.

    `governors` are the distinct frequency governors of its cores (empty where the system does not say), `mhz` their
    highest frequency, `load_before` and `load_after` the load average of one minute, `throttled` whether the system
    itself said that it slowed down because of heat (None where it cannot tell), `celsius_before` and `celsius_after`
    its hottest sensor. `busy_elsewhere` is the share of all cores' time that other programs used meanwhile, `stolen`
    the share that a hypervisor kept from this machine.
    """

    cpu: str
    architecture: str
    cores: Annotated[int, msgspec.Meta(ge=1)]
    system: str
    model: str | None = None
    flags: tuple[str, ...] = ()
    governors: tuple[str, ...] = ()
    mhz: Positive | None = None
    memory_bytes: Count | None = None
    load_before: Time | None = None
    load_after: Time | None = None
    busy_elsewhere: Share | None = None
    stolen: Share | None = None
    celsius_before: float | None = None
    celsius_after: float | None = None
    throttled: bool | None = None
    accelerators: tuple[str, ...] = ()
    versions: dict[str, str] = msgspec.field(default_factory=dict)


class MeasuredOn(Record, frozen=True, kw_only=True):
    """The place that the numbers are from; `name` is the ssh host, the adb serial, or the name of the file."""

    kind: Literal["here", "ssh", "adb", "import"] = "here"
    name: str | None = None


class BenchSettings(Record, frozen=True, kw_only=True):
    """The settings of a benchmark: `rounds` turns of each row, and `seconds` of measuring a row in all its turns.

    `warm_up_seconds` is the most that a row's warm-up may take; `inputs` distinct samples of `data` were run in
    rotation, as encoded pictures (decoding counts) or as tensors.
    """

    rounds: Annotated[int, msgspec.Meta(ge=1)]
    seconds: Positive
    warm_up_seconds: Time
    sustained_seconds: Time = 0.0
    threads: tuple[Annotated[int, msgspec.Meta(ge=1)], ...] = (1,)
    input: Literal["pictures", "tensors"] = "pictures"
    data: DataSet = "golden"
    inputs: Count = 0


class Reference(Record, frozen=True, kw_only=True):
    """A reference that the rows are compared with on the data set `on`; `description` is one sentence for people.

    `kind`: "cuda" (ONNX float32, run on a GPU here), "recorded" (a file made elsewhere with --record-reference),
    "keras" (the source model, run here), "golden" (the source's outputs that lie in the bundle: Keras on CPU when it
    was made), "artifact" (a float32 artifact of the bundle, run here). Latencies and machine are there where known.
    """

    on: DataSet
    kind: Literal["cuda", "recorded", "keras", "golden", "artifact"]
    description: str
    artifact: str | None = None
    library: Library | None = None
    machine: Machine | None = None
    created: str | None = None
    count: Count = 0
    inference: Latency | None = None
    total: Latency | None = None
    correct: Correct | None = None


class Result(Record, frozen=True, kw_only=True):
    """A whole benchmark of one bundle in one place.

    `identity` is the bundle's (`Manifest.identity`); `task` are the kinds of its heads, in their order with commas;
    `created` is ISO 8601 in UTC, as "2026-01-31T12:00:00Z"; `multiply_adds` are the source model's for one sample.
    `stable` is False where the numbers should not be relied on, and `unstable` says why, a sentence each.
    """

    schema_version: Annotated[int, msgspec.Meta(ge=1, le=RESULT_VERSION)]
    name: str
    identity: str
    task: str
    created: str
    place: MeasuredOn
    machine: Machine
    settings: BenchSettings
    rows: tuple[BenchRow, ...]
    multiply_adds: int | None = None
    peaks: tuple[Peak, ...] = ()
    references: tuple[Reference, ...] = ()
    stable: bool = True
    unstable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def encode_result(result: Result) -> bytes:
    """The JSON of a result, indented, keys in the order of the schema."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"


def read_result(path: Path) -> Result:
    """Read and check a result.

    Raises:
        DataError: The file cannot be read, is no result, or was written by a newer edgecv.
    """
    try:
        return decode_result(path.read_bytes(), str(path))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "Give the JSON that edgecv bench wrote") from error


def decode_result(data: bytes, origin: str) -> Result:
    """Check the JSON of a result; `origin` names it in errors.

    Raises:
        DataError: It is no result, or was written by a newer edgecv.
    """
    try:
        version = msgspec.json.decode(data, type=_Versioned).schema_version
        if version > RESULT_VERSION:
            raise DataError(
                f"{origin} has schema version {version}, this edgecv reads up to {RESULT_VERSION}",
                "Update edgecv: pip install --upgrade edgecv",
            )
        return msgspec.json.decode(data, type=Result)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise DataError(
            f"{origin} is no benchmark result: {error}", "It should be the JSON of edgecv bench, or of the demo app"
        ) from error


class _Versioned(msgspec.Struct):
    schema_version: int
