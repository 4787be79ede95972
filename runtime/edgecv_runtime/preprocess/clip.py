"""Clips: successive frames, each prepared as a picture, side by side in one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from edgecv_runtime.clip_sound_schema import Clip
from edgecv_runtime.errors import ImageError, SpecError
from edgecv_runtime.geometry import View
from edgecv_runtime.preprocess.decode import ImageSource, decode
from edgecv_runtime.preprocess.pipeline import Preprocessor
from edgecv_runtime.preprocess.rules import frame_spec
from edgecv_runtime.schema import Preprocess, TensorIO
from edgecv_runtime.video_files import read_clip

WITH_CHANNELS: Final = 5  # axes: batch, frames, height, width, channels


class ClipPreprocessor:
    """Makes an artifact's input tensor from the frames of a clip. Several threads may share one.

    Args:
        spec: A resolved preprocessing of the kind "clip".
        io: The artifact's input; None gives float32, as the source model takes it.
        shape: The source model's input where `io` is None.

    Raises:
        SpecError: The preprocessing is not resolved, or an integer input lacks its scale.
    """

    def __init__(self, spec: Preprocess, io: TensorIO | None = None, *, shape: tuple[int, ...] | None = None) -> None:
        if not isinstance(spec.clip, Clip) or spec.clip.frames is None or spec.size is None:
            raise SpecError("the preprocessing has no size", "Fit it to the model's input first")
        self.spec = spec
        self.frames, self.stride = spec.clip.frames, spec.clip.stride
        given = shape if io is None else io.shape
        if given is None:
            given = (1, self.frames, *spec.size, 1 if spec.color == "gray" else 3)
        self.shape = (1, *given[1:])
        self.dtype = np.dtype("float32" if io is None else io.dtype)
        frame_shape = (1, *given[2:])
        if io is not None:
            layout = "NHWC" if len(given) == WITH_CHANNELS else "none"
            io = msgspec.structs.replace(io, shape=frame_shape, layout=layout)
        self.frame = Preprocessor(frame_spec(spec), io, shape=frame_shape)

    def __call__(self, source: ImageSource, out: np.ndarray | None = None) -> np.ndarray:
        """One tensor with batch 1, in the input's dtype. Arguments and errors are those of `locate`."""
        return self.locate(source, out)[0]

    def locate(self, source: ImageSource, out: np.ndarray | None = None) -> tuple[np.ndarray, View]:
        """Prepare every frame, and say where in the newest one the input comes from.

        Args:
            source: A video file, whose middle clip is taken; or its frames: uint8, frames x H x W x 3 (RGB), or
                frames x H x W of gray.
            out: A C-contiguous array of the result's shape and dtype, which is filled and returned.

        Raises:
            ImageError: The video cannot be read, or the frames are too few or too many.
            ValueError: `out` has another shape, dtype or layout in memory.
        """
        pictures = self.pictures(source)
        if out is None:
            out = np.empty(self.shape, self.dtype)
        if out.shape != self.shape:
            raise ValueError(f"out must be {self.dtype} {self.shape}, got {out.dtype} {out.shape}")
        for place, picture in enumerate(pictures):
            _, view = self.frame.locate(picture, out[:, place])
        if view is None:
            raise SpecError("a clip's frames are pictures")
        return out, view

    def pictures(self, source: ImageSource) -> Sequence[np.ndarray]:
        """The frames of a clip as they come, before anything is done to them: uint8 each.

        Raises:
            ImageError: As `locate`.
        """
        if isinstance(source, Path | str):
            return read_clip(source, self.frames, self.stride)
        if not isinstance(source, np.ndarray):
            raise ImageError(f"a clip must be a video file or an array, got {type(source).__name__}")
        if source.dtype != np.uint8 or source.ndim not in {3, 4} or len(source) != self.frames:
            raise ImageError(
                f"a clip as an array must be uint8 of {self.frames} x H x W x 3 (RGB), got {source.dtype} "
                f"{source.shape}"
            )
        return list(source)

    def stored(self, source: ImageSource) -> np.ndarray:
        """The frames of a clip in one array, as `pictures` has them, in colour or gray as the input is.

        Raises:
            ImageError: As `locate`; or the frames differ in size.
        """
        pictures = [np.asarray(decode(picture, self.frame.spec)) for picture in self.pictures(source)]
        if len({picture.shape for picture in pictures}) > 1:
            raise ImageError("the frames of the clip differ in size")
        return np.stack(pictures)


class FrameSequence:
    """The newest frames of a stream, of which every clip is made: a frame is prepared once, and not copied for each.

    The frames lie one behind the other in a buffer that is longer than a clip; where it ends, a new one begins with
    the last frames. So a clip that was handed out keeps its numbers, however late it is read.

    Args:
        clip: Prepares frames.
    """

    def __init__(self, clip: ClipPreprocessor) -> None:
        self._clip = clip
        self._room = 2 * clip.frames + 6
        self.clear()

    def clear(self) -> None:
        """Begin anew: what comes next follows nothing."""
        self._buffer = np.empty((self._room, *self._clip.shape[2:]), self._clip.dtype)
        self._end = self._held = 0
        self._due = 0
        self._answered = False
        self._view: View | None = None

    def takes(self, index: int) -> bool:
        """Tell whether the frame of that number in its source is one that clips are made of."""
        return self._held == 0 or index >= self._due

    def add(self, picture: ImageSource, index: int) -> tuple[np.ndarray, View | None] | None:
        """Take a frame in; the clip that ends with it and the frame's view, or None where there are too few frames.

        Args:
            picture: The frame, for which `takes` said yes.
            index: Its number in its source.

        Raises:
            ImageError: The frame cannot be read; the others stay.
        """
        if self._end == self._room:
            kept = self._buffer[self._end - self._clip.frames + 1 :]
            self._buffer = np.empty_like(self._buffer)
            self._buffer[: len(kept)] = kept
            self._end = len(kept)
        _, self._view = self._clip.frame.locate(picture, self._buffer[self._end : self._end + 1])
        self._end += 1
        self._held = min(self._held + 1, self._clip.frames)
        self._due = index + self._clip.stride
        return self._newest() if self._held == self._clip.frames else None

    def rest(self) -> tuple[np.ndarray, View | None] | None:
        """The clip of a source that ended before there was one, its last frame in place of those missing; else None."""
        if self._answered or not self._held:
            return None
        missing = self._clip.frames - self._held
        self._buffer[self._end : self._end + missing] = self._buffer[self._end - 1]
        self._end += missing
        return self._newest()

    def _newest(self) -> tuple[np.ndarray, View | None]:
        self._answered = True
        tensor = self._buffer[self._end - self._clip.frames : self._end][None]
        tensor.flags.writeable = False  # later clips have its frames, too
        return tensor, self._view
