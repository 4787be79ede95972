"""Answers to orders, inside a worker process: what `edgecv run` answers, by the same predictor and heads."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self

import msgspec
import numpy as np
from edgecv_runtime.errors import BundleError, EdgecvError, ImageError, LeftOutWarning, UsageError
from edgecv_runtime.heads.png import png_record
from edgecv_runtime.prediction import Prediction, prediction_record
from edgecv_runtime.predictor import Predictor, load
from PIL import Image

from edgecv.serve.proving import prove
from edgecv.serve.tensors import TensorRequest
from edgecv.serve.wire import PictureTask, Task, TaskDone, TaskFailed, TensorTask, WorkerSetup, WorkReport, parts_of

INVALID, TOO_LARGE, BROKEN = 400, 413, 500


class Answerer:
    """Answers tasks with one predictor."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    @classmethod
    def opened(cls, setup: WorkerSetup) -> Self:
        """Open the bundle, prove it here, and infer once, so that the first request waits for nothing.

        Raises:
            EdgecvError: The bundle cannot be used on this machine.
            GateError: It does not give its golden answers.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LeftOutWarning)
            predictor = load(
                setup.root,
                target=setup.target,
                precision=setup.precision,
                backend=setup.backend,
                threads=setup.threads,
                thresholds=setup.thresholds,
            )
        prove(predictor, setup.gates)
        predictor.warm_up(1)
        return cls(predictor)

    def answer(self, tasks: Sequence[Task], body: bytes) -> tuple[WorkReport, list[bytes]]:
        """Answer tasks together where the artifact takes several samples."""
        found: list[tuple[TaskDone | TaskFailed, bytes]] = []
        waiting: list[tuple[PictureTask, bytes]] = []
        for task, data in zip(tasks, parts_of(body, [task.size for task in tasks]), strict=True):
            if isinstance(task, PictureTask):
                waiting.append((task, data))
                continue
            found += self._pictures(waiting)
            waiting = []
            found.append(self._tensors(task, data))
        found += self._pictures(waiting)
        return WorkReport(results=tuple(result for result, _ in found)), [part for _, part in found]

    def _pictures(self, given: Sequence[tuple[PictureTask, bytes]]) -> list[tuple[TaskDone | TaskFailed, bytes]]:
        answers = self._predictions([data for _, data in given]) if given else []
        together = min(len(given), self.predictor.artifact.batch)
        return [
            (failure(answer), b"") if isinstance(answer, EdgecvError) else self._done(task, answer, together)
            for (task, _), answer in zip(given, answers, strict=True)
        ]

    def _predictions(self, pictures: Sequence[bytes]) -> list[Prediction | EdgecvError]:
        """One answer or error for each picture; what fails a whole batch fails only the picture that is to blame."""
        try:
            return [*self.predictor.predict(list(pictures), skip_bad=True)]
        except EdgecvError as error:
            if len(pictures) == 1:
                return [error]
        return [answer for picture in pictures for answer in self._predictions([picture])]

    def _done(self, task: PictureTask, found: Prediction, together: int) -> tuple[TaskDone, bytes]:
        heads = self.predictor.heads
        record = prediction_record(heads, found, task.top)
        if task.drawing:
            record["drawing"] = [
                {"head": head.name, "title": head.title, "shape": type(item).__name__.lower(), **_plain(item)}
                for head, answer in zip(heads, found.answers, strict=True)
                for item in head.drawing(answer, task.top)
            ]
        data = msgspec.json.encode(record, enc_hook=_encoded)
        return _task_done([found], data, len(data), together), data

    def _tensors(self, task: TensorTask, data: bytes) -> tuple[TaskDone | TaskFailed, bytes]:
        try:
            request = TensorRequest(self.predictor, data, task.json_size)
            found = request.answer()
        except EdgecvError as error:
            return failure(error), b""
        header, parts = request.response(found)
        whole = b"".join((header, *parts))
        return _task_done(found, whole, len(header), 1), whole


def _task_done(found: Sequence[Prediction], data: bytes, json_size: int, together: int) -> TaskDone:
    return TaskDone(
        size=len(data),
        json_size=json_size,
        samples=len(found),
        together=together,
        preprocess_ms=sum(one.preprocess_ms for one in found),
        inference_ms=sum(one.inference_ms for one in found),
        postprocess_ms=sum(one.postprocess_ms for one in found),
        labels=tuple(
            (answer.head, label)
            for one in found
            for answer in one.answers
            for label in ((answer.label,) if answer.label is not None else answer.labels)
        ),
    )


def failure(error: EdgecvError) -> TaskFailed:
    """Return what a client is told of an error: whether the request is to blame, or the model or its runtime."""
    status = INVALID if isinstance(error, ImageError | BundleError | UsageError) else BROKEN
    if isinstance(error.__cause__, Image.DecompressionBombError):
        return TaskFailed(status=TOO_LARGE, message="the picture has too many pixels", hint="Send a smaller one")
    return TaskFailed(status=status, message=error.message, hint=error.hint)


def _plain(item: object) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(item, enc_hook=_encoded)
    return fields


def _encoded(value: object) -> object:
    """Return what JSON has no form for: numbers of an array, a picture as PNG, or the words of anything."""
    if isinstance(value, np.generic):
        return value.item()
    if not isinstance(value, np.ndarray):
        return str(value)
    return png_record(value) if value.dtype == np.uint8 and value.ndim in {2, 3} else value.tolist()
