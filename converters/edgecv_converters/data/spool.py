"""Preprocessed samples on disk, made once and read by every process that needs them, a few at a time."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from edgecv_runtime.digest import sha256_file
from edgecv_runtime.errors import DataError, ImageError
from edgecv_runtime.geometry import View
from edgecv_runtime.npz import headers, match_arrays
from edgecv_runtime.npz import rows as npz_rows
from edgecv_runtime.preprocess import input_preprocessor
from edgecv_runtime.schema import Preprocess, TensorSpec

from edgecv_converters.data.inputs import is_plane
from edgecv_converters.data.samples import SampleSet

MAX_UNREADABLE = 0.05
MOST_NAMED = 5
Progress = Callable[[int, int], None]
FILES_OF = {"image": "images", "clip": "videos", "sound": "sounds"}  # by the kind of an input's preprocessing


@dataclass(frozen=True, slots=True)
class SpoolInfo:
    """The samples of a spool: ids and label indices of those that could be read; the rest is counted.

    `digest` is the SHA-256 over the sorted digests of the source files (or arrays' rows); `views` say where the
    pictures of a folder lie in the model's input.
    """

    ids: tuple[str, ...]
    labels: tuple[int, ...] | None
    skipped: tuple[str, ...]
    digest: str
    views: tuple[View, ...] = ()

    @property
    def skipped_names(self) -> str:
        """The first of the samples that could not be read, and how many more there are, for a message."""
        more = len(self.skipped) - MOST_NAMED
        return ", ".join(self.skipped[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class Spool:
    """Float32 tensors of all inputs (or outputs), one .npy file a name, the first axis counts samples."""

    folder: Path
    names: tuple[str, ...]
    count: int

    def path(self, name: str) -> Path:
        """The file of one tensor; model names may hold characters that file names must not."""
        return self.folder / f"{self.names.index(name)}.npy"

    def create(self, shapes: Mapping[str, Sequence[int]]) -> dict[str, np.memmap]:
        """Make the files, of shape (count, *shape without its batch axis), to be filled."""
        self.folder.mkdir(parents=True, exist_ok=True)
        needed = sum(4 * self.count * int(np.prod(shape[1:])) for shape in shapes.values())
        free = shutil.disk_usage(self.folder).free
        if needed > 0.9 * free:
            raise DataError(
                f"the preprocessed samples need {needed / 1e9:.1f} GB and the disk has {free / 1e9:.1f} GB left",
                "Use fewer samples (--samples), or write to another disk",
            )
        return {
            name: np.lib.format.open_memmap(
                self.path(name), mode="w+", dtype=np.float32, shape=(self.count, *map(int, shape[1:]))
            )
            for name, shape in shapes.items()
        }

    def batches(self, size: int) -> Iterator[tuple[slice, dict[str, np.ndarray]]]:
        """Read `size` samples at a time."""
        arrays = {name: np.load(self.path(name), mmap_mode="r") for name in self.names}
        for start in range(0, self.count, size):
            rows = slice(start, min(start + size, self.count))
            yield rows, {name: np.asarray(array[rows]) for name, array in arrays.items()}


def write_spool(
    samples: SampleSet,
    folder: Path,
    specs: Mapping[str, Preprocess],
    inputs: Sequence[TensorSpec],
    *,
    labels: Sequence[str] | None = None,
    truths: Collection[str] = (),
    on_progress: Progress = lambda _done, _total: None,
) -> tuple[Spool, SpoolInfo]:
    """Preprocess every sample into float32 files with the code that runs on the device.

    Unreadable files are skipped and counted.

    Args:
        samples: The samples.
        folder: Where the files go.
        specs: The preprocessing of every input.
        inputs: The model's inputs.
        labels: The model's labels, by which the classes of the samples are counted.
        truths: The names of heads: arrays of an .npz file that are called like them are no inputs.
        on_progress: Is told how many samples are done, and of how many.

    Raises:
        DataError: More than 5 % of the files are unreadable, or the data does not fit the model's inputs.
    """
    spool = Spool(folder, tuple(spec.name for spec in inputs), len(samples))
    indices = samples.labels(labels)
    fill = _fill_from_npz if samples.kind == "npz" else _fill_from_files
    filled = fill(samples, spool, specs, inputs, truths, on_progress)
    kept, skipped, digests = filled.kept, filled.skipped, filled.digests
    if len(skipped) > MAX_UNREADABLE * len(samples):
        raise DataError(
            f"{len(skipped)} of {len(samples)} {samples.kind} in {samples.path} cannot be read, the first is "
            f"{skipped[0]}",
            "Remove or replace them; up to 5 % are skipped",
        )
    digest = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
    info = SpoolInfo(
        ids=tuple(samples.samples[i].id for i in kept),
        labels=None if indices is None else tuple(indices[i] for i in kept),
        skipped=tuple(skipped),
        digest=digest,
        views=tuple(filled.views),
    )
    return Spool(folder, spool.names, len(kept)), info


@dataclass(frozen=True, slots=True)
class _Filled:
    """The fate of samples: the places of those that are in the spool, and the names of those that are not."""

    kept: list[int]
    skipped: list[str]
    digests: list[str]
    views: list[View]


def _fill_from_files(
    samples: SampleSet,
    spool: Spool,
    specs: Mapping[str, Preprocess],
    inputs: Sequence[TensorSpec],
    _truths: Collection[str],
    on_progress: Progress,
) -> _Filled:
    wanted = FILES_OF.get(specs[inputs[0].name].kind)
    if len(inputs) != 1 or wanted != samples.kind:
        hint = "Give an .npz file with one array per input"
        if len(inputs) == 1 and wanted is not None:
            hint = f"Give a folder of {wanted}, or an .npz file"
        elif len(inputs) == 1 and samples.kind == "images" and is_plane(inputs[0]):
            hint = f"If H x W = {inputs[0].shape[1:]} is a gray picture, say with --preprocess how it is prepared"
        one = next(kind for kind, files in FILES_OF.items() if files == samples.kind)
        raise DataError(f"{samples.path} is a folder of {samples.kind}, but the model does not take one {one}", hint)
    preprocessor = input_preprocessor(specs[inputs[0].name], shape=inputs[0].shape)
    array = spool.create({inputs[0].name: inputs[0].shape})[inputs[0].name]
    filled = _Filled([], [], [], [])
    for number, sample in enumerate(samples.samples):
        location = Path(str(sample.location))
        try:
            tensor, view = preprocessor.locate(location)
        except ImageError:
            filled.skipped.append(sample.id)
        else:
            array[len(filled.kept)] = tensor[0]
            filled.kept.append(number)
            filled.digests.append(sha256_file(location))
            if view is not None:
                filled.views.append(view)
        on_progress(number + 1, len(samples))
    return filled


def _fill_from_npz(
    samples: SampleSet,
    spool: Spool,
    specs: Mapping[str, Preprocess],
    inputs: Sequence[TensorSpec],
    truths: Collection[str],
    on_progress: Progress,
) -> _Filled:
    arrays = match_arrays(samples.path, headers(samples.path), specs, inputs, truths)
    out = spool.create({spec.name: spec.shape for spec in inputs})
    preprocessors = {spec.name: input_preprocessor(specs[spec.name], shape=spec.shape) for spec in inputs}
    digests = {int(str(s.location)): hashlib.sha256() for s in samples.samples}
    places = {int(str(s.location)): place for place, s in enumerate(samples.samples)}
    done = 0
    for name, array in arrays.items():
        for row, values in enumerate(npz_rows(samples.path, array)):
            if row not in places:
                continue
            try:
                out[name][places[row]] = preprocessors[name](values)[0]
            except ImageError as error:
                raise DataError(
                    f"{samples.path}: sample {row} of {array!r}: {error.message}", "Every sample must be usable"
                ) from error
            digests[row].update(values.tobytes())
            done += 1
            on_progress(done // len(arrays), len(samples))
    return _Filled(list(range(len(samples))), [], [digest.hexdigest() for digest in digests.values()], [])
