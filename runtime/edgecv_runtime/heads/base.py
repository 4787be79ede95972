"""The interface of all kinds of heads, through which the rest of edgecv reads a model's outputs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Literal, Self

import msgspec
import numpy as np
import numpy.typing as npt

from edgecv_runtime.decoders import Decoder
from edgecv_runtime.errors import SpecError, UsageError
from edgecv_runtime.geometry import View
from edgecv_runtime.heads.annotation import Annotations, Marked
from edgecv_runtime.heads.answers import HeadAnswer, Top
from edgecv_runtime.heads.arithmetic import activate, top_k
from edgecv_runtime.heads.comparison import NOTHING, AnswerCounts, HeadCounts, WholeCounts
from edgecv_runtime.heads.explained import Explained
from edgecv_runtime.heads.metrics import HeadMetrics
from edgecv_runtime.heads.words import AnswerCell, Caption, Drawn, rounded
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Activation, HeadSpec, TensorIO

HALF: Final = 0.5
# How a source model's output ends, as far as it tells what the output means: with a sigmoid, a softmax, an operation
# that gives logits, or with anything else.
Ending = Literal["sigmoid", "softmax", "logits", "other"]
# What an output was trained towards, as its loss tells: numbers, one of n classes, or labels that hold or not.
Training = Literal["numbers", "one_class", "labels"]
Outputs = Mapping[str, npt.NDArray[Any]]
PairedRows = Mapping[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]]  # by output: the source's, and the artifact's


def is_whole(dtype: str) -> bool:
    """Tell whether values of a dtype, such as "int64", are whole numbers."""
    return dtype.startswith(("int", "uint", "bool"))


@dataclass(frozen=True)
class Head(ABC):
    """One head of a bundle: what its outputs mean, and how they become scores, decisions and words.

    Outputs are real values, (batch, ...), by the names that the model gives them.

    Attributes:
        spec: The head's record in the manifest.
        shapes: The shapes of its outputs in the order of `spec.outputs`, batch included.
        dtypes: Their types, where they are known.
        canvas: The size of the model's picture, (height, width) in pixels; None where it takes none.

    Raises:
        SpecError: The record is none of this kind, or does not fit the outputs.
    """

    spec: HeadSpec
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[str, ...] = ()
    canvas: tuple[int, int] | None = None

    kind: ClassVar[str]
    meaning: ClassVar[str]  # in a few words, for help texts
    decides: ClassVar[bool] = True  # whether it says one thing or another, so that answers can agree
    takes_thresholds: ClassVar[bool] = False
    activates: ClassVar[bool] = True  # whether it applies an activation that the model has left out
    one_class: ClassVar[bool] = False  # whether its decision is the index of one class
    pictured: ClassVar[bool] = False  # whether its answers are places in the picture, or one, which can be drawn
    exclusive: ClassVar[bool] = False  # whether its scores are those of labels of which exactly one holds
    identifies: ClassVar[bool] = False  # whether a folder's classes are the identities that its answers tell apart
    trained: ClassVar[Training | None] = None  # what outputs of this kind are trained towards
    decoders: ClassVar[tuple[type[Record], ...]] = ()  # the decoders that the kind has
    usual_threshold: ClassVar[float] = HALF

    def __post_init__(self) -> None:
        self.check()

    @classmethod
    @abstractmethod
    def shown_by(cls, shape: Sequence[int], ending: Ending) -> bool:
        """Return whether an output of that shape that ends like that is of this kind, where nobody says otherwise."""

    @classmethod
    @abstractmethod
    def pending(cls, ending: Ending) -> Activation:
        """Return what a device still has to apply for scores in 0..1, where the model's output ends like that."""

    @classmethod
    def usual_thresholds(cls, shape: Sequence[int]) -> tuple[float, ...]:
        """Return the thresholds of a head of an output of that shape, where nobody gives others."""
        return (cls.usual_threshold,) if cls.takes_thresholds else ()

    @classmethod
    def usual_decoder(cls, shape: Sequence[int]) -> Decoder | None:
        """Return the decoder where nobody gives another; None where somebody must."""
        return None

    @abstractmethod
    def scores(self, outputs: Outputs) -> np.ndarray:
        """Return one value for each answer: (batch, answers) float32."""

    @abstractmethod
    def decisions(self, outputs: Outputs) -> npt.NDArray[np.int64] | None:
        """Return what the model says of each sample, (batch,) or (batch, n) int64; None where it decides nothing."""

    @abstractmethod
    def read(self, outputs: Outputs, view: View | None = None) -> HeadAnswer:
        """Return the answer to one sample, whose outputs have a batch of 1.

        Args:
            outputs: The outputs.
            view: Where the picture lies in the model's input; without it, places are those in the input itself.

        Raises:
            BackendError: The model gave NaN, so it said nothing.
        """

    @abstractmethod
    def cells(self, answer: HeadAnswer, count: int) -> tuple[AnswerCell, ...]:
        """Return an answer in words: at most `count` of the best, where there are several; nothing where none holds."""

    @abstractmethod
    def record(self, answer: HeadAnswer, outputs: Outputs, count: int) -> dict[str, Any]:
        """Return an answer as JSON-able fields, with the `count` best where there are several."""

    @abstractmethod
    def read_truth(self, values: npt.NDArray[Any], origin: str) -> npt.NDArray[Any]:
        """Return labelled data, one row a sample, in the form of `measured`.

        Args:
            values: What a file holds.
            origin: What messages call it.

        Raises:
            DataError: They are not what this head answers.
        """

    def read_marks(self, marks: Sequence[Marked], annotations: Annotations) -> npt.NDArray[Any] | None:
        """Return what people marked in pictures, one row a sample, in the form of `measured`; None for other kinds.

        Args:
            marks: The marks of each sample.
            annotations: The data set that they are of.

        Raises:
            DataError: They are not what this head answers.
        """
        return None

    @abstractmethod
    def measure(self, truth: npt.NDArray[Any], answers: npt.NDArray[Any]) -> HeadMetrics:
        """Return how good answers are on labelled data.

        Args:
            truth: As `read_truth` gives it.
            answers: As `answers` gives them for the same samples.
        """

    def check(self) -> None:
        """Check the record: its outputs, thresholds and labels.

        Raises:
            SpecError: It contradicts itself, or the outputs.
        """
        if not self.spec.outputs:
            raise SpecError("it has no output")
        if len(self.spec.outputs) != 1 and not self.decoders:
            raise SpecError(f"a {self.kind} head has one output, got {len(self.spec.outputs)}")
        if not self.activates and self.spec.activation != "none":
            raise SpecError(
                f"a head of the kind {self.kind} applies no activation, got {self.spec.activation!r}",
                "Leave it out, or put it into the model as its last layer",
            )
        self.check_thresholds()
        self.check_decoder()
        labels = self.spec.labels
        if labels is not None and not labels:
            raise SpecError("its list of labels is empty")
        if labels is not None:
            self.check_labels(labels)

    def check_decoder(self) -> None:
        """Check that there is a decoder of the kind's where it has some, and that it fits the outputs.

        Raises:
            SpecError: There is not, or it does not.
        """
        decoder = self.spec.decode
        if decoder is None and self.decoders:
            raise SpecError(f"a {self.kind} head needs a decoder", "Describe it in a file: --head NAME:KIND=head.toml")
        if decoder is not None and not isinstance(decoder, self.decoders):
            raise SpecError(f"a {self.kind} head has no decoder of the form {decoder.__struct_config__.tag!r}")

    def check_labels(self, labels: tuple[str, ...]) -> None:
        """Check that there are as many labels as answers.

        Raises:
            SpecError: There are not.
        """
        last = self.shapes[0][-1]
        if len(labels) not in {max(self.width, 2), last} and not (self.width == 1 and len(labels) == 1):
            raise SpecError(f"it has {len(labels)} labels for {self.width} answers")

    def check_thresholds(self) -> None:
        """Check that there are as many thresholds as the kind takes.

        Raises:
            SpecError: There are not, or one is not in 0..1.
        """
        given = self.spec.thresholds
        if not self.takes_thresholds:
            if given:
                raise SpecError(f"a {self.kind} head has no thresholds, got {len(given)}")
            return
        if not all(0 <= value <= 1 for value in given):
            raise SpecError(f"thresholds must be in 0..1, got {given}", "0.5 is the usual one")
        if len(given) not in {1, self.width}:
            raise SpecError(f"thresholds must be one, or one for each of {self.width} labels, got {len(given)}")

    @property
    def name(self) -> str:
        """The head's name."""
        return self.spec.name

    @property
    def whole(self) -> bool:
        """Whether its values are whole numbers, such as indices: they are equal or not, but never nearly equal."""
        return bool(self.dtypes) and all(map(is_whole, self.dtypes))

    @property
    def title(self) -> str:
        """The head's name for people."""
        return self.spec.title or self.spec.name

    @property
    def width(self) -> int:
        """The number of values that its output has for one sample."""
        return math.prod(self.shapes[0][1:])

    @property
    def label_count(self) -> int:
        """The number of labels that belong to an output of this width."""
        return max(1, self.shapes[0][-1] if len(self.shapes[0]) > 1 else 1)

    @property
    def label_names(self) -> tuple[str, ...]:
        """The labels, or their indices as text where the head has none."""
        return self.spec.labels or tuple(str(index) for index in range(self.label_count))

    @property
    def threshold_labels(self) -> tuple[str, ...]:
        """The labels that may have a threshold of their own."""
        return ()

    def label(self, index: int) -> str:
        """Return a label, or its index as text."""
        labels = self.spec.labels or ()
        return labels[index] if index < len(labels) else str(index)

    def given(self, ios: Sequence[TensorIO]) -> Self:
        """Return the head for an artifact with these outputs: what the artifact applies itself is applied no more."""
        applied = {io.name for io in ios if io.activation != "none"}
        if applied.isdisjoint(self.spec.outputs):
            return self
        return replace(self, spec=msgspec.structs.replace(self.spec, activation="none"))

    def values(self, outputs: Outputs) -> npt.NDArray[Any]:
        """Return the values of its output, one row a sample: (batch, width)."""
        output = outputs[self.spec.outputs[0]]
        return output.reshape(len(output), -1)

    def activated(self, outputs: Outputs) -> np.ndarray:
        """Return its values in float32, with the activation that is left to the device: (batch, width)."""
        return activate(self.values(outputs).astype(np.float32, copy=False), self.spec.activation)

    def trusted_decisions(self, outputs: Outputs) -> npt.NDArray[np.int64] | None:
        """Return the decisions, with `NOTHING` (-1) for samples whose outputs are not finite: they win nothing."""
        made = self.decisions(outputs)
        if made is None:
            return None
        decided = np.array(made, np.int64)
        finite = np.ones(len(decided), bool)
        for name in self.spec.outputs:
            finite &= np.isfinite(np.asarray(outputs[name], np.float64)).reshape(len(decided), -1).all(axis=1)
        decided[~finite] = NOTHING
        return decided

    def comparison(self) -> AnswerCounts | None:
        """Return what counts how far answers agree; None where agreement has no meaning."""
        if self.decides:
            return HeadCounts(self)
        return WholeCounts(self) if self.whole else None

    @property
    def sorts(self) -> bool:
        """Whether its outputs are rows in the order of their scores, so that a place means nothing by itself."""
        return False

    def paired(self, reference: Outputs, candidate: Outputs) -> PairedRows:
        """Return of outputs that are sorted the rows of what both the source and the artifact find, side by side."""
        return {}

    def highest_score(self, outputs: Outputs) -> float:
        """Return the highest score in the answers to a batch, of a kind whose scores must be shares of 1; else 0."""
        return 0.0

    def finds(self, outputs: Outputs) -> bool:
        """Tell whether there is anything to agree on in the answers to a batch, such as a box in one of them."""
        return True

    def recorded(self, outputs: Outputs, view: View | None) -> tuple[tuple[int, ...] | None, npt.NDArray[Any]]:
        """Return what golden cases record of the answer to one sample: decisions, and numbers with a batch of 1."""
        decided = self.trusted_decisions(outputs)
        return (
            None if decided is None else tuple(decided.reshape(-1).tolist()),
            np.asarray(self.scores(outputs), np.float32),
        )

    def answers(self, outputs: Outputs) -> npt.NDArray[Any]:
        """Return what is held against labelled data: the decisions, one row a sample."""
        decided = self.trusted_decisions(outputs)
        assert decided is not None, "a kind that decides nothing answers with something else"
        return decided

    def explained(self, outputs: Outputs, wanted: str | None = None) -> Explained:
        """Return the number that a map of importance explains: the score of one answer to one sample.

        Args:
            outputs: The outputs of one sample, with a batch of 1.
            wanted: A label, or its index as text; None for the answer that the model gives.

        Raises:
            UsageError: There is no such label.
        """
        index = self.usual_answer(outputs) if wanted is None else self.label_index(wanted)
        if index >= self.width:
            raise UsageError(f"the head {self.name!r} has {self.width} values, and {wanted!r} is none of them")
        return Explained.of(self.label(index), self.spec.outputs[0], [index])

    def usual_answer(self, outputs: Outputs) -> int:
        """Return the index of the answer that is explained where nobody asks for another: the one of highest score."""
        return int(self.scores(outputs)[0].argmax())

    def label_index(self, wanted: str) -> int:
        """Return the index of a label, given as its name or as the index in digits.

        Raises:
            UsageError: There is no such label.
        """
        names = self.label_names
        if wanted in names:
            return names.index(wanted)
        if wanted.isdecimal() and int(wanted) < len(names):
            return int(wanted)
        there = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
        raise UsageError(f"the head {self.name!r} has no answer {wanted!r}", f"Its answers are {there}")

    def top(self, scores: np.ndarray, count: int) -> tuple[Top, ...]:
        """Return the `count` best answers, best first."""
        return tuple(
            Top(label=self.label(index), index=index, score=float(scores[index]))
            for index in top_k(scores, count).tolist()
        )

    def top_records(self, answer: HeadAnswer, count: int) -> list[dict[str, Any]]:
        """Return the `count` best answers as JSON-able fields, best first."""
        return [
            {"label": top.label, "index": top.index, "score": rounded(top.score)}
            for top in self.top(answer.scores, count)
        ]

    def words(self, answer: HeadAnswer, count: int) -> str:
        """Return an answer on one line: `cat 97.1 %  dog 1.2 %`."""
        return "  ".join(f"{cell.label} {cell.value}".strip() for cell in self.cells(answer, count)) or "none"

    def drawing(self, answer: HeadAnswer, count: int) -> tuple[Drawn, ...]:
        """Return what is drawn of an answer on its picture."""
        return (Caption(self.words(answer, count)),)

    def scoring(self) -> str:
        """Return in a few words how outputs become answers: "sigmoid on the device, yes from 0.5 on"."""
        activation = self.spec.activation
        applied = "as the model gives them" if activation == "none" else f"{activation} on the device"
        if not self.takes_thresholds:
            return applied
        return f"{applied}, yes from {', '.join(f'{value:g}' for value in self.spec.thresholds)} on"
