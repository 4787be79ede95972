"""The suite goes on where a bundle fails, and says so."""

import json

import pytest
from edgecv_runtime.bench.jobs import Options

from benchmarks import suite


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.setattr(suite, "WORK", tmp_path)
    monkeypatch.setattr(suite, "RESULTS", tmp_path / "suite.json")
    for name in ("mnist_cnn", "cifar_cnn"):
        (tmp_path / f"{name}.edgecv").mkdir()
        (tmp_path / f"{name}.edgecv" / "bundle.json").write_text("{}")
    return tmp_path


def test_a_bundle_that_fails_is_a_row_and_the_others_go_on(work, monkeypatch, capsys):
    monkeypatch.setattr(suite, "_read", lambda _: (("mnist_cnn", "cifar_cnn"), Options(threads=(1,))))
    assert suite.main([]) == 1
    bundles = json.loads((work / "suite.json").read_text())["bundles"]
    assert [bundle["name"] for bundle in bundles] == ["mnist_cnn", "cifar_cnn"]
    assert all(bundle["error"] and bundle["machine"] and bundle["commit"] for bundle in bundles)
    assert "mnist_cnn: " in capsys.readouterr().out
