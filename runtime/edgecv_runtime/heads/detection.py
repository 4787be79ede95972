"""Heads of the kind `detection`: labels with a box in the picture's pixels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edgecv_runtime.decoders import Anchors, BoxDecoder, Centers, Columns, Decoded, Distances, Offsets
from edgecv_runtime.errors import DataError, SpecError
from edgecv_runtime.geometry import View
from edgecv_runtime.heads.annotation import Annotations, Marked
from edgecv_runtime.heads.answers import BoxesAnswer, HeadAnswer, in_form
from edgecv_runtime.heads.arithmetic import activate
from edgecv_runtime.heads.base import Ending, Outputs, PairedRows
from edgecv_runtime.heads.box_metrics import BoxMetrics, TrueBoxes, box_metrics
from edgecv_runtime.heads.boxes import Cells, box_numbers, decode_boxes, levels_of, suppress, usable_boxes
from edgecv_runtime.heads.candidates import Candidates, find_candidates, find_numbered
from edgecv_runtime.heads.columns import form_of, places_of, read_rows
from edgecv_runtime.heads.explained import Explained
from edgecv_runtime.heads.matches import BoxCounts, Found, match
from edgecv_runtime.heads.spatial import SpatialHead
from edgecv_runtime.heads.words import AnswerCell, BoxMark, Drawn, rounded, score_words
from edgecv_runtime.schema import Activation
from edgecv_runtime.text import one_line

NUMBERS: Final = 6  # of an answer: left, top, right, bottom, score, label
MOST_PAIRS: Final = (1 << 31) - 1  # of a box and a numbered class, which the languages of phones count in 32 bits
UNBOXED: Final = ("mask PNGs", "pairs of pictures")  # forms of annotations without boxes


@dataclass(frozen=True)
class Detection(SpatialHead):
    """Labels with a score and a box each, in the pixels of the picture."""

    kind = "detection"
    meaning = "labels with a box in the picture"
    takes_thresholds = True
    usual_threshold = 0.25
    decoders = (Decoded, Offsets, Distances, Anchors, Centers)

    @classmethod
    def pending(cls, ending: Ending) -> Activation:
        """Return sigmoid for logits."""
        return "sigmoid" if ending == "logits" else "none"

    def check_decoder(self) -> None:
        """Check that the decoder's columns and levels fit the outputs and each other.

        Raises:
            SpecError: They do not.
        """
        super().check_decoder()
        self.check_canvas()
        decoder, shapes = self.decoder, dict(zip(self.spec.outputs, self.shapes, strict=True))
        rows, _ = form_of(decoder.scores, shapes, "scores")
        parts = [("boxes", decoder.boxes, box_numbers(decoder)), ("objectness", decoder.objectness, 1)]
        parts += [("offsets", self._offsets, 2), ("numbers", self._numbers, 1)]
        if self._numbers:
            parts.append(("scores", decoder.scores, 1))
        if bool(self._numbers) != (self._numbered_count is not None):
            raise SpecError("its decoder needs both the numbers of classes and the class_count, or neither")
        if rows * (self._numbered_count or 0) > MOST_PAIRS:
            raise SpecError(f"its decoder has {self._numbered_count} classes of {rows} boxes, which are too many")
        for name, columns, width in parts:
            if (name == "boxes" or columns) and form_of(columns, shapes, name) != (rows, width):
                found = form_of(columns, shapes, name)
                raise SpecError(f"the {name} of its decoder must be {rows} rows of {width} columns, got {found}")
        levels = levels_of(decoder)
        places = sum(level.grid[0] * level.grid[1] * max(1, len(level.sizes)) for level in levels)
        if levels and places != rows:
            raise SpecError(f"the levels of its decoder have {places} places for {rows} boxes")
        if decoder.background is not None and decoder.background > self.class_count:
            raise SpecError(f"the background of its decoder must be in 0..{self.class_count}")
        if len(self.spec.thresholds) not in {1, self.class_count}:
            count = len(self.spec.thresholds)
            raise SpecError(f"thresholds must be one, or one for each of {self.class_count} labels, got {count}")
        if decoder.overlap is not None and not 0 <= decoder.overlap <= 1:
            raise SpecError(f"the overlap of its decoder must be in 0..1, got {decoder.overlap:g}")

    @property
    def decoder(self) -> BoxDecoder:
        """The record of how boxes are found."""
        decoder = self.spec.decode
        assert isinstance(decoder, BoxDecoder), "checked when the head was opened"
        return decoder

    @property
    def _offsets(self) -> tuple[Columns, ...]:
        return self.decoder.offsets if isinstance(self.decoder, Centers) else ()

    @property
    def _numbers(self) -> tuple[Columns, ...]:
        return self.decoder.numbers if isinstance(self.decoder, Decoded) else ()

    @property
    def _numbered_count(self) -> int | None:
        return self.decoder.class_count if isinstance(self.decoder, Decoded) else None

    @property
    def class_count(self) -> int:
        """The number of classes, without the background."""
        shapes = dict(zip(self.spec.outputs, self.shapes, strict=True))
        count = self._numbered_count or form_of(self.decoder.scores, shapes, "scores")[1]
        return count - (self.decoder.background is not None)

    @cached_property
    def _cells(self) -> Cells:
        return Cells.of(levels_of(self.decoder))

    @cached_property
    def _thresholds(self) -> npt.NDArray[np.float32]:
        """One for each class; NaN for the background."""
        given = np.asarray(self.spec.thresholds, np.float32)
        limits = np.broadcast_to(given, self.class_count)
        background = self.decoder.background
        return limits if background is None else np.insert(limits, background, np.float32(np.nan))

    def find(self, outputs: Outputs, sample: int = 0) -> Found:
        """Return the boxes of one sample in the pixels of the model's input, best first."""
        decoder = self.decoder
        best = self._candidates(outputs, sample)
        values = read_rows(decoder.boxes, outputs, sample).take(best.rows, axis=0)
        inner = read_rows(self._offsets, outputs, sample)[best.rows] if self._offsets else None
        cells = self._cells.taken(best.rows)
        boxes = decode_boxes(decoder, values, inner, cells, self.picture)
        found, usable = Found(boxes, best.classes, best.scores, best.rows), usable_boxes(boxes)
        if not usable.all():
            found = found.taken(usable)
        kept = found.taken(suppress(found.boxes, found.labels, decoder))
        if decoder.background is None:
            return kept
        return replace(kept, labels=kept.labels - (kept.labels > decoder.background))

    def _candidates(self, outputs: Outputs, sample: int) -> Candidates:
        decoder, activation, thresholds = self.decoder, self.spec.activation, self._thresholds
        objectness = read_rows(decoder.objectness, outputs, sample) if decoder.objectness else None
        scores = read_rows(decoder.scores, outputs, sample)
        if not self._numbers:
            return find_candidates(decoder, activation, scores, objectness, thresholds)
        numbers = read_rows(self._numbers, outputs, sample)
        return find_numbered(decoder, activation, scores, objectness, numbers, thresholds)

    def explained(self, outputs: Outputs, wanted: str | None = None) -> Explained:
        """Return the score of the best box, or of the best box of one label, where the outputs hold it."""
        decoder, scores = self.decoder, self._class_scores(outputs)
        columns = [column for column in range(scores.shape[1]) if column != decoder.background]
        labels = range(len(columns)) if wanted is None else [self.label_index(wanted)]
        row, label = max(
            ((int(scores[:, columns[one]].argmax()), one) for one in labels),
            key=lambda found: scores[found[0], columns[found[1]]],
        )
        own, column = places_of(decoder.scores, outputs, row), 0 if self._numbers else columns[label]
        return Explained.of(f"{self.label(label)}, its best box", own.output, [own.places[row, column]])

    def _class_scores(self, outputs: Outputs) -> npt.NDArray[np.float64]:
        """The scores of one sample, (rows, classes), the background among them; those of numbered classes are apart."""
        decoder = self.decoder
        scores = activate(read_rows(decoder.scores, outputs, 0), self.spec.activation).astype(np.float64)
        if decoder.objectness:
            scores *= activate(read_rows(decoder.objectness, outputs, 0), self.spec.activation)
        if not self._numbers:
            return scores
        own = np.rint(read_rows(self._numbers, outputs, 0)) == np.arange(len(self._thresholds))
        return np.where(own, scores, -np.inf)

    def placed(self, found: Found, view: View | None) -> Found:
        """Return boxes in the pixels of the picture, cut at its borders; those outside are left out."""
        if view is None:
            view = View.whole(*self.picture)
        places = found.boxes.astype(np.float64)
        boxes = view.clipped(places if view.unchanged else view.back(places)).astype(np.float32)
        inside = usable_boxes(boxes)
        placed = replace(found, boxes=boxes)
        return placed if inside.all() else placed.taken(inside)

    def read(self, outputs: Outputs, view: View | None = None) -> BoxesAnswer:
        """Return the boxes, best first.

        Raises:
            BackendError: The model gave NaN.
        """
        self.check_outputs(outputs)
        found = self.placed(self.find(outputs), view)
        best = int(found.labels[0]) if len(found.labels) else None
        return BoxesAnswer(
            head=self.name,
            kind=self.kind,
            label=None if best is None else self.label(best),
            index=best,
            score=None if best is None else float(found.scores[0]),
            scores=found.scores,
            boxes=found.boxes,
            indices=found.labels,
        )

    def highest_score(self, outputs: Outputs) -> float:
        """Return the highest score of a box in any sample; 0 without boxes."""
        found = (self.find(outputs, sample).scores for sample in range(len(next(iter(outputs.values())))))
        return max((float(scores.max(initial=0.0)) for scores in found), default=0.0)

    def finds(self, outputs: Outputs) -> bool:
        """Tell whether there is a box in any sample."""
        return any(len(self.find(outputs, sample).labels) for sample in range(len(next(iter(outputs.values())))))

    def recorded(self, outputs: Outputs, view: View | None) -> tuple[tuple[int, ...] | None, npt.NDArray[Any]]:
        """Return the labels, and for each box left, top, right, bottom and score: (1, n, 5) float32."""
        found = self.placed(self.find(outputs), view)
        return tuple(found.labels.tolist()), np.concatenate([found.boxes, found.scores[:, None]], axis=1)[None]

    def answers(self, outputs: Outputs) -> npt.NDArray[Any]:
        """Return the boxes in pixels of the input: (batch, most, 6) of the box, score and label, NaN where fewer."""
        samples, (height, width) = len(next(iter(outputs.values()))), self.picture
        rows = np.full((samples, self.decoder.most, NUMBERS), np.nan)
        for sample in range(samples):
            found = self.find(outputs, sample)
            boxes = np.clip(found.boxes, 0, (width, height, width, height))
            rows[sample, : len(boxes)] = np.column_stack([boxes, found.scores, found.labels])
        return rows

    def read_marks(self, marks: Sequence[Marked], annotations: Annotations) -> npt.NDArray[Any] | None:
        """Return the marked boxes of each sample in pixels of the input, (n,) of `TrueBoxes`; None without boxes.

        Raises:
            DataError: A label is not among the head's.
        """
        if annotations.form in UNBOXED:
            return None
        names = {name: index for index, name in enumerate(self.spec.labels or annotations.names or self.label_names)}
        rows = np.empty(len(marks), object)
        rows[:] = [true_boxes(one, names, str(annotations.path)) for one in marks]
        return rows

    def measure(self, truth: npt.NDArray[Any], answers: npt.NDArray[Any]) -> BoxMetrics:
        """Return COCO's mean average precision."""
        return box_metrics(truth.tolist(), answers, self.label_names)

    def comparison(self) -> BoxCounts:
        """Return what counts the boxes that both find."""
        return BoxCounts(self.name, self.find, self.label)

    @property
    def sorts(self) -> bool:
        """Whether the model itself finds the best boxes, and numbers their classes."""
        return bool(self._numbers)

    def paired(self, reference: Outputs, candidate: Outputs) -> PairedRows:
        """Return the rows of the boxes that both find, side by side."""
        given = (self.decoder.boxes, self.decoder.scores, self.decoder.objectness, self._numbers)
        parts = sorted((columns for columns in given if columns), key=lambda columns: columns[0].first)
        pairs: list[dict[str, list[np.ndarray]]] = [{}, {}]
        for sample in range(len(next(iter(reference.values())))):
            wanted, got = self.find(reference, sample), self.find(candidate, sample)
            places = np.asarray(match(wanted, got), np.int64).reshape(-1, 2)
            sides = ((reference, wanted.rows[places[:, 0]]), (candidate, got.rows[places[:, 1]]))
            for into, (outputs, rows) in zip(pairs, sides, strict=True):
                for name in dict.fromkeys(columns[0].output for columns in parts):
                    own = [read_rows(one, outputs, sample)[rows] for one in parts if one[0].output == name]
                    into.setdefault(name, []).append(np.concatenate(own, axis=1))
        ours, theirs = ({name: np.concatenate(rows) for name, rows in side.items()} for side in pairs)
        return {name: (ours[name], theirs[name]) for name in ours}

    def cells(self, answer: HeadAnswer, count: int) -> tuple[AnswerCell, ...]:
        """Return the best boxes' labels."""
        found = in_form(answer, BoxesAnswer)
        shown = zip(found.indices[:count].tolist(), found.scores[:count].tolist(), strict=True)
        return tuple(AnswerCell(one_line(self.label(index)), score_words(score)) for index, score in shown)

    def record(self, answer: HeadAnswer, outputs: Outputs, count: int) -> dict[str, Any]:
        """Return all boxes: label, index, score, and left, top, right and bottom in the picture's pixels."""
        found = in_form(answer, BoxesAnswer)
        rows = zip(found.indices.tolist(), found.scores.tolist(), found.boxes.tolist(), strict=True)
        boxes = [
            {
                "label": self.label(index),
                "index": index,
                "score": rounded(score),
                "box": [rounded(side) for side in box],
            }
            for index, score, box in rows
        ]
        return {"label": found.label, "index": found.index, "score": rounded(found.score), "boxes": boxes}

    def drawing(self, answer: HeadAnswer, count: int) -> tuple[Drawn, ...]:
        """Return all boxes with their labels."""
        found = in_form(answer, BoxesAnswer)
        rows = zip(found.indices.tolist(), found.scores.tolist(), found.boxes.tolist(), strict=True)
        return tuple(
            BoxMark(tuple(box), index, f"{one_line(self.label(index))} {score_words(score)}")
            for index, score, box in rows
        )


def true_boxes(one: Marked, names: Mapping[str, int], origin: str) -> TrueBoxes:
    """Return the marked boxes of a sample in pixels of the model's input.

    Raises:
        DataError: A label is unknown.
    """
    objects = one.marks.boxes
    unknown = next((box.label for box in objects if box.label not in names), None)
    if unknown is not None:
        known = ", ".join(list(names)[:12])
        raise DataError(
            f"{origin} has the label {unknown!r} ({one.id}), which is not the model's", f"Labels are {known}"
        )
    view, places = one.view, np.asarray([box.place for box in objects], np.float64).reshape(-1, 4)
    relative = np.asarray([box.relative for box in objects], bool)
    places[relative] *= (view.width, view.height, view.width, view.height)
    return TrueBoxes(
        boxes=view.ahead(places),
        labels=np.asarray([names[box.label] for box in objects], np.int64),
        ignored=np.asarray([box.ignored for box in objects], bool),
    )
