"""A damaged Core ML package is one error, of inspect and of the evaluator that proves packages."""

from __future__ import annotations

import json
import os

import pytest
from edgecv_converters.coreml.inspect import inspect_coreml
from edgecv_converters.mil import load_program
from edgecv_runtime.errors import BundleError

pytest.importorskip("coremltools")


def manifest(path):
    return json.dumps({"rootModelIdentifier": "m", "itemInfoEntries": {"m": {"path": path}}}).encode()


PACKAGES = {
    "outside": (manifest("../../outside"), b""),
    "absolute": (manifest("/etc/hostname"), b""),
    "NUL": (manifest("x\0"), b""),
    "number": (manifest(7), b""),
    "missing": (manifest("other"), b""),
    "link to itself": (manifest("loop"), b""),
    "pipe": (manifest("pipe"), b""),
    "deep": (b"[" * 100_000, b""),
    "no UTF-8": (b"\xff", b""),
    "no entries": (b"{}", b""),
    "empty": (manifest("model"), b""),
    "no protobuf": (manifest("model"), b"\xff" * 50),
    "another kind": (manifest("model"), b"\x08\x07"),
    "name": (manifest("model"), b"\x12\x06\x0a\x04\x0a\x02\xff\xfe"),
}


@pytest.mark.parametrize(("index", "model"), PACKAGES.values(), ids=PACKAGES)
def test_a_damaged_package_is_one_error(tmp_path, index, model):
    package = tmp_path / "bad.mlpackage"
    (package / "Data").mkdir(parents=True)
    (package / "Manifest.json").write_bytes(index)
    (package / "Data" / "model").write_bytes(model)
    (package / "Data" / "loop").symlink_to("loop")
    os.mkfifo(package / "Data" / "pipe")
    with pytest.raises(BundleError, match=r"bad\.mlpackage|model"):
        load_program(package)
    with pytest.raises(BundleError, match=r"bad\.mlpackage"):
        inspect_coreml(package)


@pytest.mark.parametrize("data", [b"", b"\xff" * 50, b"\x12\x06\x0a\x04\x0a\x02\xff\xfe"])
def test_a_damaged_model_file_is_one_error(tmp_path, data):
    (tmp_path / "bad.mlmodel").write_bytes(data)
    with pytest.raises(BundleError, match=r"bad\.mlmodel"):
        inspect_coreml(tmp_path / "bad.mlmodel")
