"""The example for Ray Serve, on a Ray of this machine: `make test-ray`, since `.[ray]` is too large for the others."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

import pytest

from tests import bundles
from tests.serving import encoded

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]
PORT = 8765


def test_ray_serves_the_same_application(tmp_path, monkeypatch):
    from ray import serve

    monkeypatch.setattr(sys, "path", [str(Path(__file__).resolve().parents[2] / "examples"), *sys.path])
    import ray_serve

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    bundles.write_bundle(tmp_path / "colours.edgecv")
    ray.init(num_cpus=2, include_dashboard=False)
    try:
        serve.start(http_options={"port": PORT})
        serve.run(ray_serve.build(str(tmp_path / "colours.edgecv")))
        url = f"http://127.0.0.1:{PORT}/v2/models/colours/predict"
        request = urllib.request.Request(url, encoded(bundles.plain((200, 10, 10))), {"content-type": "image/png"})
        with urllib.request.urlopen(request, timeout=60) as response:
            assert json.load(response)["label"] == "red"
    finally:
        serve.shutdown()
        ray.shutdown()
