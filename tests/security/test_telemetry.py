"""ONNX Runtime reports models to its maker from version 1.29 on, unless it is told not to before it is imported."""

import os
import re
import subprocess
import sys

import pytest

from tests import bundles
from tests.unit.test_imports import ROOT

EVERY_IMPORT = re.compile(r"^\s*(?:import onnxruntime\b|from onnxruntime\b.* import )", re.MULTILINE)
ALLOWED = {"runtime/edgecv_runtime/ort.py", "converters/edgecv_converters/onnx/float16.py"}  # the second by the first

PREDICT = "import edgecv_runtime, sys; edgecv_runtime.load(sys.argv[1], target='onnx').predict(sys.argv[2])"
IMPORT = "import onnxruntime"


def left_by(program, tmp_path, *arguments, **variables):
    """Run a program with a home and a temporary folder of its own and no network; what is in them afterwards."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if name not in {"CI", "ORT_DISABLE_TELEMETRY"}}
    folders = dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME"), str(home))
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY"), "http://127.0.0.1:9")
    subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        check=True,
        timeout=60,
        cwd=home,
        env=kept | folders | nowhere | variables,
    )
    return {str(path.relative_to(home)) for path in home.rglob("*")}


def test_a_prediction_leaves_no_trace_of_telemetry(tmp_path):
    bundles.write_bundle(tmp_path / "colours.edgecv")
    bundles.plain((200, 10, 10)).save(tmp_path / "red.png")
    assert left_by(PREDICT, tmp_path, tmp_path / "colours.edgecv", tmp_path / "red.png") == set()


def test_a_plain_import_leaves_one_and_so_does_a_person_who_asks_for_it(tmp_path):
    import onnxruntime

    if tuple(map(int, onnxruntime.__version__.split(".")[:2])) < (1, 29):
        pytest.skip(f"ONNX Runtime {onnxruntime.__version__} has no telemetry here")
    assert left_by(IMPORT, tmp_path)
    bundles.write_bundle(tmp_path / "colours.edgecv")
    bundles.plain((200, 10, 10)).save(tmp_path / "red.png")
    (tmp_path / "asked").mkdir()
    given = (tmp_path / "colours.edgecv", tmp_path / "red.png")
    assert left_by(PREDICT, tmp_path / "asked", *given, ORT_DISABLE_TELEMETRY="0")


def test_one_function_imports_it():
    files = [file for folder in ("edgecv", "converters", "runtime") for file in (ROOT / folder).rglob("*.py")]
    found = {str(file.relative_to(ROOT)) for file in files if EVERY_IMPORT.search(file.read_text())}
    assert found == ALLOWED
