"""The state of a run after each epoch, in one file that is whole or not there."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from edgecv_converters.isolate import scratch_folder

from edgecv.compress.blocks import Dropped

Array = npt.NDArray[Any]
FILE = "checkpoint.npz"


class Epoch(msgspec.Struct, frozen=True, kw_only=True):
    """One epoch of training: `step` is the step of removal it follows, from 1; losses are means over samples.

    `sparsity` is the share of zeros among the weights that have a mask, at its end.
    """

    step: int
    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float
    sparsity: float = 0.0


class Progress(msgspec.Struct, kw_only=True):
    """The progress of a run: `epoch` epochs of `step` are done; `best` is the best validation accuracy in it.

    `before` is the unpruned model's validation (loss, accuracy), `pruned` the first step's before any training;
    `dropped` are the blocks that went whole.
    """

    step: int = 0
    epoch: int = 0
    best: float = -1.0
    best_loss: float = 0.0
    stale: int = 0
    history: list[Epoch] = msgspec.field(default_factory=list)
    before: tuple[float, float] | None = None
    pruned: tuple[float, float] | None = None
    dropped: list[Dropped] = msgspec.field(default_factory=list)


def save(folder: Path, progress: Progress, model: Any, groups: dict[str, list[Array]]) -> None:
    """Write the model's architecture and every group of arrays; the file is replaced at once."""
    content = {"progress": np.frombuffer(msgspec.json.encode(progress), np.uint8)}
    content["model"] = np.frombuffer(model_bytes(model), np.uint8)
    for group, arrays in groups.items():
        content |= {f"{group}/{number:05d}": array for number, array in enumerate(arrays)}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **content)
    replace_file(folder / FILE, buffer.getvalue())


def load(
    folder: Path, *, allow_code: bool, custom_objects: str | None
) -> tuple[Progress, Any, dict[str, list[Array]]] | None:
    """Load what `save` wrote last; None if no epoch was finished.

    The model in it is read as any other: whoever can write to the folder may have put another there.

    Raises:
        SourceError: The model carries code without `allow_code`, or cannot be rebuilt.
    """
    path = folder / FILE
    if not path.exists():
        return None
    groups: dict[str, list[Array]] = {}
    with np.load(path, allow_pickle=False) as archive:
        progress = msgspec.json.decode(archive["progress"].tobytes(), type=Progress)
        model = _model_from(archive["model"].tobytes(), allow_code=allow_code, custom_objects=custom_objects)
        for key in sorted(key for key in archive.files if "/" in key):
            groups.setdefault(key.partition("/")[0], []).append(archive[key])
    return progress, model, groups


def model_bytes(model: Any) -> bytes:
    """A model as a `.keras` file's bytes."""
    with scratch_folder() as scratch:
        path = scratch / "model.keras"
        model.save(path)
        return path.read_bytes()


def _model_from(content: bytes, *, allow_code: bool, custom_objects: str | None) -> Any:
    from edgecv_converters.source import keras_files
    from edgecv_converters.source.detect import ModelFormat

    with scratch_folder() as scratch:
        path = scratch / "model.keras"
        path.write_bytes(content)
        read = keras_files.read_model(path, ModelFormat.KERAS, allow_code=allow_code, custom_objects=custom_objects)
        return read.model


def replace_file(path: Path, content: bytes) -> None:
    """Write a file beside its place, to the disk, and move it there."""
    beside = path.with_name(f".{path.name}.partial")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def zipped_bytes(model: Any) -> int:
    """The size of the weights and the architecture in a deflated archive."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(model_bytes(model))) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made,
    ):
        for name in sorted(source.namelist()):
            made.writestr(name, source.read(name))
    return buffer.tell()
