"""`edgecv export ios`: what is written, what is refused, and that nothing is left behind."""

from __future__ import annotations

import json
import shutil

import msgspec
import pytest
from edgecv_runtime.bundle import Bundle, encode_manifest
from edgecv_runtime.errors import BundleError, UsageError
from edgecv_runtime.formats import KNOWN

import edgecv
from edgecv.export import ios
from tests import bundles
from tests.command import edgecv as command


@pytest.fixture
def bundle(tmp_path):
    """A bundle with two ONNX artifacts, and a Core ML package, which is a folder."""
    root = tmp_path / "colours.edgecv"
    manifest = bundles.write_bundle(root)
    package = root / "coreml/model.float32.mlpackage"
    shutil.copytree(root / "onnx", package / "Data")
    described = bundles.onnx_artifact(package, "coreml/model.float32.mlpackage")
    described = msgspec.structs.replace(described, target="coreml")
    manifest = msgspec.structs.replace(manifest, artifacts=(described, *manifest.artifacts))
    (root / "bundle.json").write_bytes(encode_manifest(manifest))
    return root


@pytest.fixture
def project(tmp_path):
    root = tmp_path / "mine"
    (root / "Mine.xcodeproj").mkdir(parents=True)
    (root / "Mine.xcodeproj/project.pbxproj").write_text("// mine")
    return root


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_a_new_folder_becomes_the_demo_app(bundle, tmp_path):
    made = edgecv.export_ios(bundle, tmp_path / "new/demo", slim=True)
    assert made.kind == "app"
    assert made.bundle == tmp_path / "new/demo/App/Bundles/colours.edgecv"
    assert made.artifacts == ("coreml/model.float32.mlpackage",)
    assert made.left_out == ("onnx/model.float32.onnx", "onnx/model.int8.onnx")
    assert made.products == ("EdgeCV", "EdgeCVCoreML")
    assert (made.library / "Package.swift").is_file()
    assert (made.library / "Sources/EdgeCV/Predictor.swift").is_file()
    assert (made.project / "App/EdgeCVDemo.xcodeproj/project.pbxproj").is_file()
    assert not list(made.project.rglob("*Tests*"))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["demo"]
    with Bundle.load(made.bundle) as copy:
        copy.verify_integrity()
        assert [artifact.target for artifact in copy.manifest.artifacts] == ["coreml"]


@pytest.mark.parametrize("target", [name for name in ios.RUNS if name != "coreml"])
def test_whatever_runs_there_is_kept_and_names_its_product(bundle, tmp_path, target):
    file = f"{target}/model.int8{KNOWN[target].suffix}"
    shutil.copytree(bundle / "onnx", bundle / file)
    described = msgspec.structs.replace(bundles.onnx_artifact(bundle / file, file), target=target)
    with Bundle.load(bundle) as opened:
        manifest = msgspec.structs.replace(opened.manifest, artifacts=(*opened.manifest.artifacts, described))
    (bundle / "bundle.json").write_bytes(encode_manifest(manifest))
    made = edgecv.export_ios(bundle, tmp_path / "demo", slim=True)
    assert made.artifacts == ("coreml/model.float32.mlpackage", file)
    assert set(made.products) == {"EdgeCV", "EdgeCVCoreML", ios.RUNS[target]}


def test_every_product_that_an_export_names_is_one_of_the_package():
    package = (ios.home() / "EdgeCV/Package.swift").read_text()
    for product in ios.RUNS.values():
        assert f'.library(name: "{product}", targets: ["{product}"])' in package
        assert list((ios.home() / "EdgeCV/Sources" / product).glob("*.swift"))


def test_without_slim_everything_goes_along(bundle, tmp_path):
    made = edgecv.export_ios(bundle, tmp_path / "demo")
    assert len(made.artifacts) == 3
    assert made.left_out == ()


def test_a_project_gets_bundle_and_package_and_keeps_its_files(bundle, project):
    before = files(project)
    made = edgecv.export_ios(bundle, project, artifacts=["coreml"])
    after = files(project)
    assert made.kind == "project"
    assert {name: after[name] for name in before} == before
    assert sorted(path.name for path in project.iterdir()) == ["Bundles", "EdgeCV", "Mine.xcodeproj"]
    with pytest.raises(UsageError, match="exists"):
        edgecv.export_ios(bundle, project)
    edgecv.export_ios(bundle, project, force=True)


def test_another_version_of_the_package_is_replaced_only_by_force(bundle, project):
    made = edgecv.export_ios(bundle, project)
    (made.library / "Package.swift").write_text('name: "EdgeCV" // older')
    shutil.rmtree(made.bundle)
    with pytest.raises(UsageError, match="another version"):
        edgecv.export_ios(bundle, project)
    edgecv.export_ios(bundle, project, force=True)
    assert (made.library / "Package.swift").read_bytes() == (ios.home() / "EdgeCV/Package.swift").read_bytes()


def test_what_is_in_the_way_is_refused(bundle, project, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/readme").write_text("")
    with pytest.raises(UsageError, match="no Xcode project"):
        edgecv.export_ios(bundle, tmp_path / "other")
    (project / "EdgeCV").mkdir()
    with pytest.raises(UsageError, match="is not edgecv's package"):
        edgecv.export_ios(bundle, project)
    assert not (project / "Bundles").exists()
    shutil.rmtree(project / "EdgeCV")
    (project / "Bundles/colours.edgecv").mkdir(parents=True)
    with pytest.raises(UsageError, match="is no bundle"):
        edgecv.export_ios(bundle, project, force=True)


def test_a_bundle_that_ios_cannot_run_is_refused(tmp_path):
    bundles.write_bundle(tmp_path / "colours.edgecv")
    with pytest.raises(BundleError, match="no artifact for tflite or coreml"):
        edgecv.export_ios(tmp_path / "colours.edgecv", tmp_path / "demo", slim=True)
    with pytest.raises(BundleError, match="no artifact for tflite or coreml"):
        edgecv.export_ios(tmp_path / "colours.edgecv", tmp_path / "demo")
    assert not (tmp_path / "demo").exists()


def test_an_artifact_that_ios_cannot_run_is_not_taken_alone(bundle, tmp_path):
    with pytest.raises(UsageError, match="none of these artifacts runs on iOS"):
        edgecv.export_ios(bundle, tmp_path / "demo", artifacts=["onnx"])


def test_the_command_prints_what_to_add(bundle, project):
    done = command("export", "ios", str(bundle), str(project), "--slim")
    assert done.code == 0, done.err
    assert "Add Package Dependencies" in done.out
    assert "EdgeCV, EdgeCVCoreML" in done.out
    assert "left out: onnx/model.float32.onnx, onnx/model.int8.onnx" in done.out
    again = command("export", "ios", str(bundle), str(project), "--force", "--json")
    assert json.loads(again.out)["kind"] == "project"
