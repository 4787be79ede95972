"""Imports without packages that a library only looks for."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
from edgecv_converters.isolate import WorkerLimits, WorkerPool
from edgecv_converters.isolate.lean import importing_without

from tests import looks_for_sklearn


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module that looks for a package beside it, which there is."""
    (tmp_path / "heavy_package.py").write_text("")
    (tmp_path / "light_library.py").write_text(
        "try:\n    import heavy_package\nexcept ImportError:\n    heavy_package = None\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    return "light_library"


def test_what_is_left_out_is_absent_meanwhile_and_found_afterwards(library: str) -> None:
    with importing_without("heavy_package"):
        assert importlib.import_module(library).heavy_package is None
    assert importlib.import_module("heavy_package")


def test_what_is_there_already_stays() -> None:
    with importing_without("json"):
        assert sys.modules["json"] is not None
    assert sys.modules["json"] is not None


@pytest.mark.cold_hosts
def test_workers_begin_without_scikit_learn(tmp_path: Path) -> None:
    with WorkerPool(tmp_path / "work", preload=("tests.looks_for_sklearn",)) as pool:
        assert pool.submit("look", looks_for_sklearn.is_there, WorkerLimits()).result() == (False, True)
