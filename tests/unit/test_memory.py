"""The memory of this machine or container, and what a conversion says of it."""

from pathlib import Path

import pytest
from edgecv_converters.isolate import WorkerLimits, WorkerPool, machine_memory, pool

from edgecv import doctor
from edgecv.convert import memory
from edgecv.convert.memory import GB, HUGE_PAGES, memory_note, wants_huge_pages
from edgecv.convert.recipe import ArtifactSpec
from tests import misbehave

TFLITE = ArtifactSpec(target="tflite", precision="float32")
ONNX = ArtifactSpec(target="onnx", precision="float32")
COREML = ArtifactSpec(target="coreml", precision="float16")
MODEL = int(0.5 * GB)  # the targets need 5, 3 and 3 GB
NEEDS = "a model of 0.5 GB needs about 5 GB of memory"


@pytest.fixture
def container(monkeypatch, tmp_path) -> Path:
    """A container that may use 2 GB."""
    limit = tmp_path / "memory.max"
    limit.write_text("2000000000\n")
    monkeypatch.setattr(pool, "CGROUP", limit)
    return limit


def test_a_container_has_the_memory_of_its_limit(container):
    assert machine_memory() == 2_000_000_000
    assert WorkerLimits.of_machine().memory == 1_600_000_000
    found = {check.component: check for check in doctor.examine()}["memory"]
    assert (found.status, found.version) == ("warning", "2\u202fGB")
    container.write_text("max\n")
    assert machine_memory() > 2_000_000_000


@pytest.mark.parametrize(
    ("made", "size", "together", "said"),
    [
        ((TFLITE,), MODEL // 2, 0, None),
        ((TFLITE,), MODEL, 0, NEEDS),
        ((ONNX, TFLITE), MODEL, 1, f"{NEEDS}; its artifacts are made one after another"),
        ((TFLITE, ONNX, COREML), MODEL, 7 * GB, NEEDS),
    ],
    ids=["small", "one", "in_turn", "side_by_side"],
)
def test_a_large_model_says_what_it_needs(made, size, together, said, monkeypatch):
    monkeypatch.setattr(memory, "machine_memory", lambda: int(24 * GB))
    assert memory_note(made, size, int(together)) == said


def test_a_worker_that_waits_gives_back_what_it_needs_no_more(tmp_path):
    with WorkerPool(tmp_path / "work") as workers:
        waiting = workers.submit("wait", misbehave.wait_with_garbage, WorkerLimits(), store=workers.store)
        assert waiting.result()


def test_too_small_a_machine_is_said(container):
    said = memory_note((TFLITE,), MODEL, 0)
    assert said is not None
    assert said.endswith("5 GB of memory, and this machine has 2 GB: a converter may be stopped")


def test_large_models_alone_want_huge_pages():
    assert [wants_huge_pages(int(size)) for size in (0, HUGE_PAGES - 1, HUGE_PAGES, GB)] == [False, False, True, True]
