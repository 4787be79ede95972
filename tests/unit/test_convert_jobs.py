"""How many workers a conversion has, and how many threads its proofs have of them."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from edgecv.convert.pipeline import proof_threads
from edgecv.convert.recipe import ArtifactSpec
from edgecv.convert.request import default_jobs

SPECS = tuple(ArtifactSpec(target=target, precision="float32") for target in ("tflite", "onnx", "coreml"))


@pytest.mark.parametrize(("cores", "jobs"), [(None, 2), (1, 2), (2, 2), (8, 8)])
def test_as_many_workers_run_as_there_are_cores(monkeypatch, cores, jobs):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert default_jobs() == jobs


@pytest.mark.parametrize(
    ("jobs", "specs", "threads"),
    [(1, SPECS, (1, 1)), (2, SPECS, (1, 2)), (8, SPECS, (2, 4)), (2, SPECS[:1], (2, 2))],
)
def test_proofs_share_the_jobs_as_threads_and_an_evaluation_has_them_all(jobs, specs, threads):
    asked = SimpleNamespace(jobs=jobs, recipe=SimpleNamespace(steps=specs))
    found = proof_threads(asked)
    assert (found["runtime"], found["reference"]) == threads
