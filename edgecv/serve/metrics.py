"""The counts of a server, for Prometheus and for the protocol's statistics."""

from __future__ import annotations

import sys
import time
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from edgecv.serve.queueing import TaskResult

SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
BATCHES: Final = (1, 2, 4, 8, 16, 32, 64)
STAGES: Final = ("queue", "preprocess", "inference", "postprocess")
MODEL: Final = ("model", "version")


class ServerMetrics:
    """All metrics of one server, in a registry of its own; names and units are those of `docs/serve.md`."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        ProcessCollector(registry=self.registry)
        self.durations = Histogram(
            "edgecv_request_duration_seconds",
            "Seconds that a sample spent in each stage, and in all of them",
            (*MODEL, "stage"),
            buckets=SECONDS,
            registry=self.registry,
        )
        self.requests = self._counter("edgecv_requests", "Requests by what became of them", (*MODEL, "outcome"))
        self.answers = self._counter(
            "edgecv_answers", "Answers by label, so that drift is seen", (*MODEL, "head", "label")
        )
        self.batches = Histogram(
            "edgecv_batch_samples",
            "Samples that went through the model in one call",
            MODEL,
            buckets=BATCHES,
            registry=self.registry,
        )
        self.depth = self._gauge("edgecv_queue_depth", "Requests that wait for a model", MODEL)
        self.workers = self._gauge("edgecv_workers", "Worker processes that are ready", MODEL)
        self.restarts = self._counter("edgecv_worker_restarts", "Worker processes that were lost", MODEL)
        self.reloads = self._counter(
            "edgecv_bundle_reloads", "Changed bundles by what became of them", (*MODEL, "outcome")
        )
        self.bundles = self._gauge(
            "edgecv_bundle_info", "The bundle that answers now", (*MODEL, "identity", "artifact", "runtime")
        )
        python = ".".join(map(str, sys.version_info[:3]))
        build = self._gauge("edgecv_build_info", "The version of edgecv", ("version", "python"))
        build.labels(version, python).set(1)

    def _counter(self, name: str, words: str, labels: tuple[str, ...]) -> Counter:
        return Counter(name, words, labels, registry=self.registry)

    def _gauge(self, name: str, words: str, labels: tuple[str, ...]) -> Gauge:
        return Gauge(name, words, labels, registry=self.registry)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        return generate_latest(self.registry)


class ModelMetrics:
    """The metrics of one version of one model."""

    def __init__(self, server: ServerMetrics, name: str, version: str) -> None:
        self._server = server
        self._model = (name, version)
        self._stages = [server.durations.labels(*self._model, stage) for stage in STAGES]
        self._total = server.durations.labels(*self._model, "total")
        self._batches = server.batches.labels(*self._model)
        self._outcomes: dict[str, Counter] = {}
        self._labels: dict[tuple[str, str], Counter] = {}
        self._bundle: tuple[str, ...] | None = None
        self.statistics = ModelStatistics()
        self.outcome("ok", 0)

    def answered(self, result: TaskResult) -> None:
        """Count an answer, its stages and its labels."""
        done = result.done
        times = (result.queue_ms, done.preprocess_ms, done.inference_ms, done.postprocess_ms)
        for stage, milliseconds in zip(self._stages, times, strict=True):
            stage.observe(milliseconds / 1e3)
        self._total.observe(sum(times) / 1e3)
        for label in done.labels:
            counter = self._labels.get(label)
            if counter is None:
                counter = self._labels[label] = self._server.answers.labels(*self._model, *label)
            counter.inc()
        self.statistics.add(times, done.samples)

    def outcome(self, outcome: str, count: int = 1) -> None:
        """Count a request by what became of it."""
        counter = self._outcomes.get(outcome)
        if counter is None:
            counter = self._outcomes[outcome] = self._server.requests.labels(*self._model, outcome)
        counter.inc(count)
        if outcome != "ok":
            self.statistics.failures += count

    def batch(self, samples: int) -> None:
        """Count one call of the model."""
        self._batches.observe(samples)
        self.statistics.executions += 1

    def restarted(self) -> None:
        """Count a worker process that was lost."""
        self._server.restarts.labels(*self._model).inc()

    def reloaded(self, outcome: str) -> None:
        """Count a changed bundle by what became of it."""
        self._server.reloads.labels(*self._model, outcome).inc()

    def serving(self, identity: str, artifact: str, runtime: str) -> None:
        """Say which bundle answers from now on."""
        if self._bundle is not None:
            self._server.bundles.remove(*self._model, *self._bundle)
        self._bundle = (identity, artifact, runtime)
        self._server.bundles.labels(*self._model, *self._bundle).set(1)

    def state(self, depth: int, workers: int) -> None:
        """Say how many requests wait and how many worker processes are ready."""
        self._server.depth.labels(*self._model).set(depth)
        self._server.workers.labels(*self._model).set(workers)


class ModelStatistics:
    """The counts of the protocol's `statistics` extension, of one version of one model."""

    def __init__(self) -> None:
        self.failures = 0
        self.executions = 0
        self._requests = 0
        self._samples = 0
        self._last = 0
        self._milliseconds = [0.0] * len(STAGES)

    def add(self, milliseconds: tuple[float, ...], samples: int) -> None:
        """Count an answer with the milliseconds of each stage."""
        self._requests += 1
        self._samples += samples
        self._last = int(1e3 * time.time())
        for stage, value in enumerate(milliseconds):
            self._milliseconds[stage] += value

    def record(self, name: str, version: str) -> dict[str, Any]:
        """Return the counts in the protocol's form."""
        stages = dict(zip(STAGES, (self._duration(value) for value in self._milliseconds), strict=True))
        nothing = {"count": 0, "ns": 0}
        return {
            "name": name,
            "version": version,
            "last_inference": self._last,
            "inference_count": self._samples,
            "execution_count": self.executions,
            "inference_stats": {
                "success": self._duration(sum(self._milliseconds)),
                "fail": {"count": self.failures, "ns": 0},
                "queue": stages["queue"],
                "compute_input": stages["preprocess"],
                "compute_infer": stages["inference"],
                "compute_output": stages["postprocess"],
                "cache_hit": nothing,
                "cache_miss": nothing,
            },
            "batch_stats": [],
        }

    def _duration(self, milliseconds: float) -> dict[str, int]:
        return {"count": self._requests, "ns": int(1e6 * milliseconds)}
