"""Heads of the kind `segmentation`: a class for each pixel of the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.decoders import Planes
from edgecv_runtime.errors import SpecError
from edgecv_runtime.geometry import View
from edgecv_runtime.heads.annotation import Annotations, Marked
from edgecv_runtime.heads.answers import HeadAnswer, MaskAnswer, in_form
from edgecv_runtime.heads.base import HALF, Ending, Outputs
from edgecv_runtime.heads.explained import Explained, winning_cells
from edgecv_runtime.heads.marked_masks import true_mask
from edgecv_runtime.heads.masks import UNSEEN, Floats, mask_of
from edgecv_runtime.heads.matches import MaskCounts
from edgecv_runtime.heads.place_metrics import MaskMetrics, mask_metrics
from edgecv_runtime.heads.png import png_record
from edgecv_runtime.heads.spatial import SpatialHead
from edgecv_runtime.heads.words import AnswerCell, Drawn, MaskLayer, rounded, score_words
from edgecv_runtime.schema import Activation
from edgecv_runtime.text import one_line

AXES: Final = 4  # of planes: batch, height, width, classes
LEAST_SHARE: Final = 0.0005
BACKGROUNDS: Final = frozenset({"background", "bg", "none", "no", "unlabeled", "void"})  # names of what is nothing


@dataclass(frozen=True)
class Segmentation(SpatialHead):
    """A class for each pixel of the picture: of several planes the largest, of one by its threshold."""

    kind = "segmentation"
    meaning = "a class for each pixel"
    decoders = (Planes,)
    takes_thresholds = True

    @classmethod
    def usual_thresholds(cls, shape: Sequence[int]) -> tuple[float, ...]:
        """Return a half for one plane; several have none."""
        return (HALF,) if len(shape) < AXES or shape[-1] == 1 else ()

    @classmethod
    def usual_decoder(cls, shape: Sequence[int]) -> Planes:
        """Return interpolation between the cells."""
        return Planes()

    @classmethod
    def shown_by(cls, shape: Sequence[int], ending: Ending) -> bool:
        """Return whether there are several planes with a softmax over them."""
        return len(shape) == AXES and 1 < shape[-1] <= UNSEEN and min(shape[1:3]) > 1 and ending == "softmax"

    @classmethod
    def pending(cls, ending: Ending) -> Activation:
        """Return sigmoid for logits: a single plane of them needs it, several do not."""
        return "sigmoid" if ending == "logits" else "none"

    def check_decoder(self) -> None:
        """Check that the output has planes.

        Raises:
            SpecError: It has not.
        """
        super().check_decoder()
        self.check_canvas()
        if len(self.shapes) != 1 or len(self.shapes[0]) not in {AXES, AXES - 1}:
            raise SpecError(f"a {self.kind} head has one output of height, width and classes, got {self.shapes}")
        if self.planes == 1 and self.spec.activation == "softmax":
            raise SpecError(
                f"a {self.kind} head of one plane has no softmax, which is over planes", "Use sigmoid, or none"
            )
        if not 0 < self.planes <= UNSEEN:
            raise SpecError(f"a {self.kind} head has at most {UNSEEN} classes, got {self.planes}")

    def check_thresholds(self) -> None:
        """Check that one plane has one threshold, and several have none.

        Raises:
            SpecError: They have not.
        """
        given = self.spec.thresholds
        if self.planes > 1 and given:
            raise SpecError(f"a {self.kind} head of {self.planes} planes has no thresholds, got {len(given)}")
        if self.planes == 1 and not (len(given) == 1 and 0 <= given[0] <= 1):
            raise SpecError(f"a {self.kind} head of one plane has one threshold in 0..1, got {given}")

    @property
    def planes(self) -> int:
        """The number of planes of the output."""
        return self.shapes[0][-1] if len(self.shapes[0]) == AXES else 1

    @property
    def class_count(self) -> int:
        """The number of classes: two for one plane."""
        return max(2, self.planes)

    def _choose(self, values: Floats) -> npt.NDArray[np.uint8]:
        if values.shape[-1] == 1:
            return np.asarray(values[..., 0] >= np.float32(self.spec.thresholds[0]), np.uint8)
        return np.asarray(values.argmax(axis=-1), np.uint8)

    def _planes(self, outputs: Outputs) -> Floats:
        """The planes of a batch; one plane alone as probabilities."""
        output = np.asarray(outputs[self.spec.outputs[0]], np.float32)
        if self.planes > 1:
            return output
        return self.activated(outputs).reshape(*output.shape[: AXES - 1], 1)

    def read(self, outputs: Outputs, view: View | None = None) -> MaskAnswer:
        """Return the mask of the picture; without a view, of the input.

        Raises:
            BackendError: The model gave NaN.
        """
        self.check_outputs(outputs)
        mask = self.mask(outputs, view)
        counts = np.bincount(mask.reshape(-1), minlength=UNSEEN + 1)[: self.class_count]
        shares = (counts / max(1, counts.sum())).astype(np.float32)
        return MaskAnswer(head=self.name, kind=self.kind, scores=shares, mask=mask)

    def mask(self, outputs: Outputs, view: View | None) -> npt.NDArray[np.uint8]:
        """Return the class of each pixel of one sample: (height, width)."""
        decoder = self.spec.decode
        bilinear = isinstance(decoder, Planes) and decoder.kernel == "bilinear"
        view = view or View.whole(*self.picture)
        return mask_of(self._planes(outputs)[0], self._choose, view, self.picture, bilinear=bilinear)

    def masks(self, outputs: Outputs) -> npt.NDArray[np.uint8]:
        """Return the classes of the planes' own cells: (batch, cells)."""
        planes = self._planes(outputs)
        return self._choose(planes).reshape(len(planes), -1)

    def explained(self, outputs: Outputs, wanted: str | None = None) -> Explained:
        """Return the mean of a class's values over the cells that have it in the mask of this picture."""
        chosen = self.masks(outputs)[0]
        index = self.usual_answer(outputs) if wanted is None else self.label_index(wanted)
        cells = winning_cells(chosen, index)
        share, output = 1 / len(cells), self.spec.outputs[0]
        if self.planes > 1:
            return Explained.of(self.label(index), output, cells * self.planes + index, share)
        return Explained.of(self.label(index), output, cells, share if index else -share, 0.0 if index else 1.0)

    def usual_answer(self, outputs: Outputs) -> int:
        """Return the largest class of the mask, what is nothing left aside where there is anything else."""
        counts = np.bincount(self.masks(outputs)[0], minlength=self.class_count)
        nothing = self.planes == 1 or self.label(0).casefold() in BACKGROUNDS
        if nothing and counts[1:].any():
            counts[0] = 0
        return int(counts.argmax())

    def finds(self, outputs: Outputs) -> bool:
        """Tell whether there are two classes in any mask."""
        return any(len(np.unique(mask)) > 1 for mask in self.masks(outputs))

    def recorded(self, outputs: Outputs, view: View | None) -> tuple[None, npt.NDArray[Any]]:
        """Return the mask: (1, height, width) uint8."""
        return None, self.mask(outputs, view)[None]

    def comparison(self) -> MaskCounts:
        """Return what counts equal pixels."""
        return MaskCounts(self.name, self.masks, self.label, self.class_count)

    def answers(self, outputs: Outputs) -> npt.NDArray[Any]:
        """Return the masks of the model's input: (batch, height, width) uint8."""
        count = len(outputs[self.spec.outputs[0]])
        return np.stack([self.mask(self._one(outputs, sample), None) for sample in range(count)])

    def _one(self, outputs: Outputs, sample: int) -> Outputs:
        return {name: outputs[name][sample : sample + 1] for name in self.spec.outputs}

    def read_marks(self, marks: Sequence[Marked], annotations: Annotations) -> npt.NDArray[Any] | None:
        """Return the marked masks at the pixels of the model's input: (n, height, width) uint8; None without masks.

        A picture without one is not judged.

        Raises:
            DataError: A mask is of another size than its picture, or has another class.
        """
        if not any(one.marks.mask is not None for one in marks):
            return None
        return np.stack([true_mask(one, self.picture, self.class_count) for one in marks])

    def measure(self, truth: npt.NDArray[Any], answers: npt.NDArray[Any]) -> MaskMetrics:
        """Return the mean intersection over union, Dice, and the share of right pixels."""
        return mask_metrics(truth, answers, tuple(self.label(index) for index in range(self.class_count)))

    def _shares(self, answer: MaskAnswer) -> list[tuple[int, float]]:
        """The classes that the picture has, the largest first."""
        order = np.argsort(-answer.scores, kind="stable").tolist()
        return [(index, float(answer.scores[index])) for index in order if answer.scores[index] > 0]

    def cells(self, answer: HeadAnswer, count: int) -> tuple[AnswerCell, ...]:
        """Return the classes with the largest shares of the picture."""
        found = in_form(answer, MaskAnswer)
        shown = [(index, share) for index, share in self._shares(found)[:count] if share >= LEAST_SHARE]
        return tuple(AnswerCell(one_line(self.label(index)), score_words(share)) for index, share in shown)

    def record(self, answer: HeadAnswer, outputs: Outputs, count: int) -> dict[str, Any]:
        """Return the share of each class, and the mask as PNG in base64 (class indices, 255 for what was not seen)."""
        found = in_form(answer, MaskAnswer)
        classes = [
            {"label": self.label(index), "index": index, "share": rounded(share)}
            for index, share in self._shares(found)
        ]
        return {"classes": classes, "mask": png_record(found.mask)}

    def drawing(self, answer: HeadAnswer, count: int) -> tuple[Drawn, ...]:
        """Return the mask."""
        found = in_form(answer, MaskAnswer)
        names = tuple(one_line(self.label(index)) for index in range(self.class_count))
        plain = self.planes == 1 or self.spec.labels is None or names[0].casefold() in BACKGROUNDS
        return (MaskLayer(found.mask, names, background=0 if plain else None),)
