"""Which artifact and which runtime, where nobody says."""

from __future__ import annotations

import sys

import msgspec
import pytest
from edgecv_runtime.artifact_choice import open_best
from edgecv_runtime.bundle import Bundle, encode_manifest
from edgecv_runtime.digest import sha256_tree
from edgecv_runtime.errors import BackendError, BundleError, MissingDependencyError

from tests import bundles


def opened(root, **asked):
    artifact, backend = open_best(Bundle.load(root), **asked)
    backend.close()
    return f"{artifact.target} {artifact.precision}", backend.info.name


def rewritten(root, **parity):
    """The bundle with the parity of some precisions changed."""
    manifest = bundles.write_bundle(root)
    artifacts = tuple(msgspec.structs.replace(a, parity=parity.get(a.precision, a.parity)) for a in manifest.artifacts)
    bundles.write_bundle(root, artifacts=artifacts)
    return root


def test_int8_is_the_best_of_a_cpu(tmp_path):
    assert opened(rewritten(tmp_path)) == ("onnx int8", "onnxruntime")


def test_what_failed_its_proof_is_never_taken_unasked(tmp_path):
    root = rewritten(tmp_path, int8="failed")
    assert opened(root) == ("onnx float32", "onnxruntime")
    assert opened(root, precision="int8")[0] == "onnx int8"
    with pytest.raises(BackendError, match="every artifact of the bundle failed its proof"):
        opened(rewritten(tmp_path, int8="failed", float32="failed"))


def test_a_backend_alone_picks_what_it_runs(tmp_path):
    assert opened(rewritten(tmp_path), backend="onnx") == ("onnx int8", "onnxruntime")
    with pytest.raises(BundleError, match="the bundle colours has no tflite"):
        opened(tmp_path, backend="litert")
    with pytest.raises(BackendError, match="unknown backend 'gpu'"):
        opened(tmp_path, backend="gpu")


def test_cuda_is_used_where_it_is_and_never_imagined(tmp_path, monkeypatch):
    """A machine that lists CUDA and cannot use it answers on the CPU, and says so; asked for CUDA it is an error."""
    import onnxruntime

    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    tried = []
    real = onnxruntime.InferenceSession
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda *a, **k: tried.append(k["providers"]) or real(*a, **k))
    root = rewritten(tmp_path)
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"):
        assert opened(root) == ("onnx int8", "onnxruntime")
    assert tried == [["CUDAExecutionProvider"], ["CPUExecutionProvider"]]
    with pytest.warns(UserWarning), pytest.raises(BackendError, match="fell back"):  # noqa: PT030
        opened(root, backend="onnx-cuda")


def test_a_missing_runtime_is_the_reason_that_is_told(tmp_path, monkeypatch):
    rewritten(tmp_path)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("edgecv_runtime.formats.find_spec", lambda _name: None)
    with pytest.raises(MissingDependencyError, match="ONNX Runtime is not installed") as caught:
        opened(tmp_path)
    assert 'pip install "edgecv[onnx]"' in caught.value.hint


def exchanged(root, data):
    """A bundle whose int8 artifact has other bytes, with the digest that fits them."""
    manifest = bundles.write_bundle(root)
    old = next(artifact for artifact in manifest.artifacts if artifact.precision == "int8")
    (root / old.file).write_bytes(data)
    new = msgspec.structs.replace(old, sha256=sha256_tree(root / old.file), bytes=len(data))
    artifacts = tuple(new if artifact is old else artifact for artifact in manifest.artifacts)
    (root / "bundle.json").write_bytes(encode_manifest(msgspec.structs.replace(manifest, artifacts=artifacts)))


def test_a_file_that_the_runtime_refuses_gives_way_to_the_next(tmp_path):
    import onnx

    bundles.write_onnx(tmp_path / "whole.onnx", integers=True)
    model = onnx.load(tmp_path / "whole.onnx")
    model.graph.node[0].op_type = "FromTheFuture"
    exchanged(tmp_path, model.SerializeToString())
    assert opened(tmp_path)[0] == "onnx float32"
    with pytest.raises(BackendError, match=r"cannot run onnx/model\.int8\.onnx"):
        opened(tmp_path, precision="int8")


def test_a_bundle_with_a_damaged_file_is_refused_as_a_whole(tmp_path):
    exchanged(tmp_path, b"no model")
    with pytest.raises(BundleError, match=r"onnx/model\.int8\.onnx is damaged"):
        opened(tmp_path)
