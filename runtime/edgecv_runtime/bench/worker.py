"""The process that loads one artifact and measures it when it is told to; `python -m edgecv_runtime.bench.worker`."""

from __future__ import annotations

import os
import sys
import time
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import BinaryIO

import msgspec
import numpy as np

from edgecv_runtime.backends import open_backend, to_raw, to_real
from edgecv_runtime.bench import profilers
from edgecv_runtime.bench.machine import peak_memory
from edgecv_runtime.bench.messages import (
    Answered,
    Command,
    Open,
    Opened,
    ProfileTaken,
    Refused,
    Reply,
    Sustain,
    SustainedPart,
    TakeProfile,
    Turn,
    Turned,
    WriteOutputs,
)
from edgecv_runtime.bench.result import Library, Sustained
from edgecv_runtime.bench.statistics import tidy
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.errors import BackendError, EdgecvError, MissingDependencyError
from edgecv_runtime.predictor import Predictor
from edgecv_runtime.schema import Artifact

SKIPPED = 0.1  # of a turn: what others left in the caches is not this artifact's fault
Tensors = dict[str, np.ndarray]
Times = tuple[float, float, float, float]


class ArtifactSession:
    """One loaded artifact and the samples that it predicts in rotation."""

    def __init__(self, order: Open) -> None:
        bundle, artifact = _found(order)
        self._names = tuple(spec.name for spec in bundle.manifest.inputs)
        self._pictures = [Path(file).read_bytes() for file in order.pictures]
        self._tensors = [] if self._pictures else list(_read(Path(order.samples), self._names, order.most))
        self.memory_before = peak_memory()
        began = perf_counter()
        backend = open_backend(artifact, bundle.path(artifact), backend=order.backend, threads=order.threads)
        self.load_us = 1e6 * (perf_counter() - began)
        self.predictor = Predictor(bundle, artifact, backend)
        shape = artifact.inputs[0].shape
        self.batch = shape[0] if shape and self._pictures else 1
        self._next = 0
        self.cold_us = self.predict()[1]

    @property
    def inputs(self) -> int:
        """The number of distinct samples."""
        return len(self._pictures) or len(self._tensors)

    def predict(self) -> Times:
        """Predict the next sample (or batch): microseconds of the stages, and of all."""
        chosen = [(self._next + step) % self.inputs for step in range(self.batch)]
        self._next = (chosen[-1] + 1) % self.inputs
        if not self._pictures:
            return self._predict_tensors(self._tensors[chosen[0]])
        began = perf_counter()
        made = (
            [self.predictor.predict(self._pictures[chosen[0]])]
            if self.batch == 1
            else self.predictor.predict([self._pictures[place] for place in chosen])
        )
        total = 1e6 * (perf_counter() - began)
        before, inference, after = (
            1e3 * sum(getattr(answer, f"{stage}_ms") for answer in made)
            for stage in ("preprocess", "inference", "postprocess")
        )
        return before, inference, after, total

    def _predict_tensors(self, tensors: Tensors) -> Times:
        """Bringing tensors to the artifact's dtype and layout is their preprocessing."""
        began = perf_counter()
        made = self.predictor.predict_tensor(tensors)
        total = 1e6 * (perf_counter() - began)
        inference, after = 1e3 * made.inference_ms, 1e3 * made.postprocess_ms
        return max(0.0, total - inference - after), inference, after, total

    def answers(self, folder: Path) -> Iterator[Tensors]:
        """The outputs for every sample of a folder, real values of one sample each."""
        artifact, backend = self.predictor.artifact, self.predictor.backend
        for tensors in _read(folder, self._names, None):
            raw = backend.run(_raw(tensors, artifact))
            yield {io.name: to_real(raw[io.name], io)[:1] for io in artifact.outputs}


def _found(order: Open) -> tuple[Bundle, Artifact]:
    bundle = Bundle.load(order.bundle, verify=False)
    artifact = next((a for a in bundle.manifest.artifacts if a.file == order.artifact), None)
    if artifact is None:
        raise BackendError(f"the bundle has no {order.artifact}")
    return bundle, artifact


def _read(folder: Path, names: Sequence[str], most: int | None) -> Iterator[Tensors]:
    arrays = {name: np.load(folder / f"{place}.npy", mmap_mode="r") for place, name in enumerate(names)}
    count = min(map(len, arrays.values()))
    for row in range(count if most is None else min(count, most)):
        yield {name: np.array(values[row : row + 1]) for name, values in arrays.items()}


def _raw(tensors: Tensors, artifact: Artifact) -> Tensors:
    """One sample as an artifact takes it."""
    return {io.name: _filled(to_raw(tensors[io.name], io), io.shape) for io in artifact.inputs}


def _filled(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """One sample, repeated to the artifact's batch."""
    return values if len(values) == shape[0] else np.repeat(values, shape[0], axis=0)


def turn(session: ArtifactSession, seconds: float) -> Turned:
    """Predict for `seconds`, two times at least; the first tenth, once at least, is not counted."""
    stages = tuple(array("d") for _ in range(4))
    began = perf_counter()
    counts, end = began + SKIPPED * seconds, began + seconds
    session.predict()
    while perf_counter() < counts:
        session.predict()
    while True:
        for values, value in zip(stages, session.predict(), strict=True):
            values.append(value)
        if perf_counter() >= end:
            break
    before, inference, after, total = (tuple(map(tidy, values)) for values in stages)
    return Turned(
        preprocess=before,
        inference=inference,
        postprocess=after,
        total=total,
        memory=peak_memory(),
        cpu_seconds=time.process_time(),
    )


def sustain(session: ArtifactSession, order: Sustain) -> Iterator[SustainedPart]:
    """Predict without a pause, and give p50 and p90 of the inferences of every step."""
    began = perf_counter()
    start = 0.0
    while start < order.seconds:
        end = min(start + order.step, order.seconds)
        times = array("d")
        while not times or perf_counter() - began < end:
            times.append(session.predict()[1])
        p50, p90 = np.percentile(np.frombuffer(times), (50, 90)).tolist()
        point = Sustained(second=tidy(start), count=len(times), p50_us=tidy(p50), p90_us=tidy(p90))
        start = max(end, perf_counter() - began)
        yield SustainedPart(point=point, cpu_seconds=time.process_time())
    yield SustainedPart(point=None, cpu_seconds=time.process_time(), last=True)


def answer(session: ArtifactSession, order: WriteOutputs) -> Answered:
    """Write the outputs for a folder of samples."""
    made = list(session.answers(Path(order.samples)))
    folder = Path(order.out)
    folder.mkdir(parents=True, exist_ok=True)
    for place, spec in enumerate(session.predictor.manifest.outputs):
        np.save(folder / f"{place}.npy", np.concatenate([outputs[spec.name] for outputs in made]))
    return Answered(count=len(made))


def profiled(order: Open, seconds: float) -> ProfileTaken:
    """Let the runtime's own profiler time the operations of an artifact, on the first sample."""
    profile = profilers.find(order.backend)
    bundle, artifact = _found(order)
    names = tuple(spec.name for spec in bundle.manifest.inputs)
    inputs = _raw(next(_read(Path(order.samples), names, 1)), artifact)
    return ProfileTaken(profile=profile(artifact, bundle.path(artifact), order.threads, inputs, seconds))


def opened(session: ArtifactSession) -> Opened:
    """Describe a session that has begun: its library and what loading took."""
    info = session.predictor.backend.info
    return Opened(
        library=Library(name=info.name, version=info.version, providers=info.providers),
        batch=session.batch,
        load_us=tidy(session.load_us),
        cold_us=tidy(session.cold_us),
        memory_before=session.memory_before,
        inputs=session.inputs,
    )


def replies(orders: BinaryIO) -> Iterator[Reply]:
    """Do what every line says, until there is no more."""
    sessions: dict[int, ArtifactSession] = {}
    for line in orders:
        order = msgspec.json.decode(line, type=Command)
        try:
            match order:
                case Open():
                    sessions[order.slot] = ArtifactSession(order)
                    yield opened(sessions[order.slot])
                case Turn():
                    yield turn(sessions[order.slot], order.seconds)
                case Sustain():
                    yield from sustain(sessions[0], order)
                case WriteOutputs():
                    yield answer(sessions[0], order)
                case TakeProfile():
                    yield profiled(order.order, order.seconds)
        except EdgecvError as error:
            missing = isinstance(error, MissingDependencyError)
            yield Refused(message=error.message, hint=error.hint, missing_package=missing)


def main() -> None:
    """Talk on standard input and output; whatever libraries print goes to standard error."""
    out = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(out, "wb") as answers:
        for reply in replies(sys.stdin.buffer):
            answers.write(msgspec.json.encode(reply) + b"\n")
            answers.flush()


if __name__ == "__main__":
    main()
