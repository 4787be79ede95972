"""The protocol of edgecv and the Android demo app for a benchmark over adb; docs/bench_devices.md tells it in words.

edgecv pushes a bundle to a folder of /data/local/tmp, which apps may read but not write, and starts the app's activity
with the extras below. The app measures, and writes into the folder `RESULTS` of its own external files
(`getExternalFilesDir`), which adb may read: now and then `RUN.progress.json`, and at the end `RUN.json` (the `Result`
of `edgecv_runtime.bench.result`) or `RUN.error.json`; before the result the folder `RUN.answers`, where it was asked
for. It writes each beside its place and renames it: what is there is whole.
"""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec
from edgecv_runtime.records import Record

VERSION: Final = 1
PACKAGE: Final = "dev.edgecv.demo"
ACTIVITY: Final = f"{PACKAGE}/.BenchmarkActivity"
FOLDER: Final = "/data/local/tmp/edgecv-bench"  # RUN.edgecv in it is the bundle of one run
RESULTS: Final = f"/sdcard/Android/data/{PACKAGE}/files/bench"

Said = TypeVar("Said", bound=Record)

# Extras of the intent, by their types of `am start`: --es is a string, --ei an int, --ez a boolean.
PROTOCOL: Final = ("--ei", "edgecv.protocol")
RUN: Final = ("--es", "edgecv.run")  # names the files of this run: [0-9a-f]{16}
BUNDLE: Final = ("--es", "edgecv.bundle")  # the bundle's absolute path
SAMPLES: Final = ("--es", "edgecv.samples")  # a folder of preprocessed inputs, N.npy for input N; left out where none
ANSWERS: Final = ("--ez", "edgecv.answers")  # true: RUN.answers/ROW/SET/N.npy are wanted, the outputs of every row
OPTIONS: Final = ("--es", "edgecv.options")  # `Options` of `edgecv_runtime.bench.jobs`, as base64 of its JSON


class AppProgress(Record, frozen=True, kw_only=True):
    """RUN.progress.json: steps done, steps in all (0 where not known), and what is being done, for people."""

    done: int
    total: int
    doing: str


class AppError(Record, frozen=True, kw_only=True):
    """RUN.error.json: why there is no result, one sentence, and what to do about it."""

    message: str
    hint: str | None = None


def result_file(run: str) -> str:
    """The file in which the result appears."""
    return f"{RESULTS}/{run}.json"


def answers_folder(run: str) -> str:
    """The folder of the outputs of all rows, complete when the result appears."""
    return f"{RESULTS}/{run}.answers"


def samples_folder(run: str) -> str:
    """The folder of the evaluation set's inputs."""
    return f"{FOLDER}/{run}.samples"


def progress_file(run: str) -> str:
    """The file in which the app tells its progress."""
    return f"{RESULTS}/{run}.progress.json"


def error_file(run: str) -> str:
    """The file in which the app says why it gave up."""
    return f"{RESULTS}/{run}.error.json"


def bundle_folder(run: str) -> str:
    """The folder of the bundle of a run."""
    return f"{FOLDER}/{run}.edgecv"


def read_progress(data: bytes) -> AppProgress | None:
    """RUN.progress.json, or None where it is missing or says something else."""
    return _read(data, AppProgress)


def read_error(data: bytes) -> AppError | None:
    """RUN.error.json, or None where it says something else."""
    return _read(data, AppError)


def _read(data: bytes, kind: type[Said]) -> Said | None:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
