"""Whole results of a benchmark, with numbers that were made up, for the tests of what carries them."""

from __future__ import annotations

import msgspec
from edgecv_runtime.bench.result import BenchRow, BenchSettings, Latency, Machine, MeasuredOn, Result
from edgecv_runtime.bundle import Bundle
from edgecv_runtime.heads.kinds import kind_words


def latency(microseconds: float) -> Latency:
    return Latency(
        count=2,
        min_us=microseconds,
        mean_us=microseconds,
        p50_us=microseconds,
        p90_us=microseconds,
        p99_us=microseconds,
        samples_us=(microseconds, microseconds),
    )


def result_of(bundle: Bundle, **changed: object) -> Result:
    """What a device could answer for a bundle; `changed` are fields of the result."""
    rows = tuple(
        BenchRow(
            artifact=artifact.file,
            target=artifact.target,
            precision=artifact.precision,
            sha256=artifact.sha256,
            bytes=artifact.bytes,
            backend="onnx",
            threads=1,
            inference=latency(120.0),
        )
        for artifact in bundle.manifest.artifacts
    )
    made = Result(
        schema_version=1,
        name=bundle.manifest.name,
        identity=bundle.manifest.identity,
        task=kind_words(bundle.manifest.heads),
        created="2026-01-31T12:00:00Z",
        place=MeasuredOn(),
        machine=Machine(cpu="a processor", architecture="aarch64", cores=4, system="Linux"),
        settings=BenchSettings(rounds=2, seconds=0.1, warm_up_seconds=0.1),
        rows=rows,
    )
    return msgspec.structs.replace(made, **changed)
