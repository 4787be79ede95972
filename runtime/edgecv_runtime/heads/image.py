"""Heads of the kind `image`: a picture, such as a denoised or an enlarged one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.decoders import Pixels
from edgecv_runtime.errors import SpecError
from edgecv_runtime.geometry import View
from edgecv_runtime.heads.annotation import Annotations, Marked
from edgecv_runtime.heads.answers import HeadAnswer, PictureAnswer, in_form
from edgecv_runtime.heads.base import Outputs
from edgecv_runtime.heads.explained import Explained
from edgecv_runtime.heads.marked_pictures import shown_part, true_picture
from edgecv_runtime.heads.matches import PictureCounts
from edgecv_runtime.heads.place_metrics import PictureMetrics, picture_metrics
from edgecv_runtime.heads.png import png_record
from edgecv_runtime.heads.spatial import SpatialHead
from edgecv_runtime.heads.words import AnswerCell, Drawn, MadePicture

AXES: Final = 4  # batch, height, width, channels
WHITE: Final = 255


@dataclass(frozen=True)
class ImageHead(SpatialHead):
    """A picture."""

    kind = "image"
    activates = False
    meaning = "a picture"
    decoders = (Pixels,)

    @classmethod
    def usual_decoder(cls, shape: Sequence[int]) -> Pixels:
        """Return 0 for black and 1 for white."""
        return Pixels()

    def check_decoder(self) -> None:
        """Check that the output is a picture.

        Raises:
            SpecError: It is not.
        """
        super().check_decoder()
        self.check_canvas()
        decoder = self.decoder
        if len(self.shapes) != 1 or not self._is_picture(self.shapes[0]):
            raise SpecError(f"an {self.kind} head has one output of height, width and 1 or 3 channels")
        if decoder.high == decoder.low:
            raise SpecError("the low and high of its decoder are equal")

    @staticmethod
    def _is_picture(shape: tuple[int, ...]) -> bool:
        return len(shape) == AXES - 1 or (len(shape) == AXES and shape[-1] in {1, 3})

    @property
    def decoder(self) -> Pixels:
        """The values of black and white."""
        decoder = self.spec.decode
        assert isinstance(decoder, Pixels), "checked when the head was opened"
        return decoder

    @property
    def label_count(self) -> int:
        """None."""
        return 0

    def pictures(self, outputs: Outputs) -> npt.NDArray[np.uint8]:
        """Return the pictures of a batch: (batch, height, width, 1 or 3) uint8.

        ((y - low) * 255) / (high - low) in float64, rounded half to even, between 0 and 255.
        """
        values = np.asarray(outputs[self.spec.outputs[0]], np.float64)
        low, high = self.decoder.low, self.decoder.high
        with np.errstate(invalid="ignore"):
            pixels = np.clip(np.rint((values - low) * WHITE / (high - low)), 0, WHITE)
        shape = values.shape if values.ndim == AXES else (*values.shape, 1)
        return np.asarray(pixels.reshape(shape), np.uint8)

    def read(self, outputs: Outputs, view: View | None = None) -> PictureAnswer:
        """Return the picture, without what a fit has padded.

        Raises:
            BackendError: The model gave NaN.
        """
        self.check_outputs(outputs)
        none = np.zeros(0, np.float32)
        return PictureAnswer(head=self.name, kind=self.kind, scores=none, picture=self.shown(outputs, view))

    def shown(self, outputs: Outputs, view: View | None) -> npt.NDArray[np.uint8]:
        """Return the picture of one sample without what was padded, in the pixels of the output."""
        picture: npt.NDArray[np.uint8] = self.pictures(outputs)[0]
        if view is None:
            return picture
        height, width = self.picture
        return picture[shown_part(view.down, len(picture), height), shown_part(view.across, picture.shape[1], width)]

    def explained(self, outputs: Outputs, wanted: str | None = None) -> Explained:
        """Return the mean of all values of the picture."""
        return Explained.of("mean brightness", self.spec.outputs[0], np.arange(self.width), 1 / self.width)

    def recorded(self, outputs: Outputs, view: View | None) -> tuple[None, npt.NDArray[Any]]:
        """Return the picture: (1, height, width, channels) uint8."""
        return None, self.shown(outputs, view)[None]

    def comparison(self) -> PictureCounts:
        """Return what measures the pictures' noise."""
        return PictureCounts(self.name, self.pictures)

    def answers(self, outputs: Outputs) -> npt.NDArray[Any]:
        """Return the pictures."""
        return self.pictures(outputs)

    def read_marks(self, marks: Sequence[Marked], annotations: Annotations) -> npt.NDArray[Any] | None:
        """Return the pictures that the model should make, fitted as its input is: (n, height, width, channels) uint8.

        None where there are no such pictures.

        Raises:
            DataError: One is missing, or cannot be read.
        """
        if not any(one.marks.target is not None for one in marks):
            return None
        shape = self.shapes[0]
        channels = shape[3] if len(shape) == AXES else 1
        return np.stack([true_picture(one, self.picture, (shape[1], shape[2], channels)) for one in marks])

    def measure(self, truth: npt.NDArray[Any], answers: npt.NDArray[Any]) -> PictureMetrics:
        """Return the peak signal-to-noise ratio and the structural similarity."""
        return picture_metrics(truth, answers)

    def cells(self, answer: HeadAnswer, count: int) -> tuple[AnswerCell, ...]:
        """Return the picture's size."""
        found = in_form(answer, PictureAnswer)
        height, width = found.picture.shape[:2]
        return (AnswerCell("", f"a picture of {width} x {height}"),)

    def record(self, answer: HeadAnswer, outputs: Outputs, count: int) -> dict[str, Any]:
        """Return the picture as PNG in base64."""
        return {"picture": png_record(in_form(answer, PictureAnswer).picture)}

    def drawing(self, answer: HeadAnswer, count: int) -> tuple[Drawn, ...]:
        """Return the picture."""
        found = in_form(answer, PictureAnswer)
        return (MadePicture(found.picture),)
