"""`edgecv export android`: what is written, what is refused, and that nothing is left behind."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import msgspec
import pytest
from edgecv_runtime.bundle import Bundle, encode_manifest
from edgecv_runtime.errors import BundleError, EdgecvError, UsageError

import edgecv
from edgecv.convert.staging import write_zip
from edgecv.export import ios, packaged, sources
from edgecv.export.names import resource_name
from tests import bundles
from tests.command import edgecv as command

ROOT = Path(__file__).resolve().parents[2]
APP_BUILD = 'plugins { id("com.android.application") }\nandroid {\n    defaultConfig { applicationId = "a.b" }\n}\n'
LIBRARY_BUILD = 'plugins { id("com.android.library") }\nandroid {\n    namespace = "a.lib"\n}\n'
ROOT_BUILD = """plugins {
    // id("com.android.library") is not used here
    id("com.android.application") version "8.13.2" apply false
    id("org.jetbrains.kotlin.android") version "2.2.21" apply false
}
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A bundle with two ONNX artifacts, and a third for Core ML that is a folder."""
    root = tmp_path_factory.mktemp("whole") / "colours.edgecv"
    manifest = bundles.write_bundle(root)
    shutil.copytree(root / "onnx", root / "coreml/model.float32.mlpackage")
    package = bundles.onnx_artifact(root / "coreml/model.float32.mlpackage", "coreml/model.float32.mlpackage")
    package = msgspec.structs.replace(package, target="coreml")
    manifest = msgspec.structs.replace(manifest, artifacts=(package, *manifest.artifacts))
    (root / "bundle.json").write_bytes(encode_manifest(manifest))
    (root / "report.json").write_text("{}")
    return root


@pytest.fixture
def bundle(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "colours.edgecv"))


def project(root, *, app="app", more=(), suffix=".kts"):
    """A project as Android Studio makes one."""
    for name, text in (("settings", f'include(":{app}")\n'), ("build", ROOT_BUILD)):
        (root / f"{name}.gradle{suffix}").parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.gradle{suffix}").write_text(text)
    for module, text in ((app, APP_BUILD), *more):
        (root / module).mkdir(parents=True)
        (root / module / f"build.gradle{suffix}").write_text(text)
    return root


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_folder_becomes_the_demo_app(bundle, tmp_path):
    before = files(bundle)
    made = edgecv.export_android(bundle, tmp_path / "new/demo")
    assert made.kind == "app"
    assert made.project == tmp_path / "new/demo"
    assert made.bundle == made.project / "app/src/main/assets/colours.edgecv"
    assert made.left_out == ("coreml/model.float32.mlpackage",)
    assert made.additions == ()
    assert all((made.project / part).exists() for part in sources.PARTS)
    assert not list(made.project.rglob("pom.xml"))
    assert not (made.project / "edgecv/src/test").exists()
    assert names(tmp_path / "new") == ["demo"]
    assert files(bundle) == before


def test_the_bundle_in_it_is_whole_and_has_what_android_runs(bundle, tmp_path):
    made = edgecv.export_android(bundle, tmp_path / "demo")
    with Bundle.load(made.bundle) as copy, Bundle.load(bundle) as original:
        copy.verify_integrity()
        assert tuple(artifact.file for artifact in copy.manifest.artifacts) == made.artifacts
        assert {artifact.target for artifact in copy.manifest.artifacts} == {"onnx"}
        assert copy.manifest.identity == original.manifest.identity
        assert copy.manifest.preprocess == original.manifest.preprocess
        assert copy.golden() == original.golden()
    assert names(made.bundle) == ["bundle.json", "golden", "labels.txt", "onnx"]


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (["onnx"], {"onnx/model.float32.onnx", "onnx/model.int8.onnx"}),
        (["onnx:int8"], {"onnx/model.int8.onnx"}),
        (["onnx/model.float32.onnx"], {"onnx/model.float32.onnx"}),
        (["onnx:int8", "onnx:float32"], {"onnx/model.float32.onnx", "onnx/model.int8.onnx"}),
    ],
)
def test_artifacts_are_chosen(bundle, tmp_path, wanted, kept):
    made = edgecv.export_android(bundle, tmp_path / "demo", artifacts=wanted)
    assert set(made.artifacts) == kept
    assert {f"onnx/{name}" for name in names(made.bundle / "onnx")} == kept
    assert set(made.artifacts) | set(made.left_out) == {
        "coreml/model.float32.mlpackage",
        "onnx/model.float32.onnx",
        "onnx/model.int8.onnx",
    }


def test_a_zip_goes_in_as_a_folder(bundle, tmp_path):
    write_zip(bundle, tmp_path / "_my model!.edgecv.zip")
    made = edgecv.export_android(tmp_path / "_my model!.edgecv.zip", tmp_path / "demo")
    assert made.bundle.name == "my-model.edgecv"
    assert (made.bundle / "bundle.json").is_file()


def test_names_that_android_leaves_out_are_changed():
    given = ["a.edgecv", "_a.edgecv", ".a.edgecv.zip", "a b.edgecv", "ü.edgecv"]
    assert [resource_name(Path(name)) for name in given] == [
        *("a.edgecv", "a.edgecv", "a.edgecv", "a-b.edgecv", "model.edgecv"),
    ]


@pytest.mark.parametrize("suffix", [".kts", ""])
def test_a_project_gets_bundle_and_library_and_keeps_its_build_files(bundle, tmp_path, suffix):
    root = project(tmp_path / "mine", suffix=suffix, more=(("lib", LIBRARY_BUILD),))
    before = files(root)
    made = edgecv.export_android(bundle, root)
    assert (made.kind, made.project) == ("project", root)
    assert made.bundle == root / "app/src/main/assets/colours.edgecv"
    assert (root / "edgecv/src/main/kotlin/dev/edgecv/Bundle.kt").is_file()
    assert (root / "edgecv/src/android/kotlin/dev/edgecv/android/AssetSource.kt").is_file()
    after = files(root)
    assert {name: after[name] for name in before} == before
    assert names(root / "app/src/main/assets") == ["colours.edgecv"]
    assert names(root) == sorted(["app", f"build.gradle{suffix}", "edgecv", "lib", f"settings.gradle{suffix}"])


def test_the_lines_to_add_are_told_and_left_out_once_they_are_there(bundle, tmp_path):
    root = project(tmp_path / "mine")
    made = edgecv.export_android(bundle, root)
    settings, build, app = made.additions
    versions = sources.versions()
    assert settings.lines == ('include(":edgecv")',)
    assert build.lines == (
        "plugins {",
        f'    id("com.android.library") version "{versions["agp"]}" apply false',
        f'    id("org.jetbrains.kotlin.plugin.serialization") version "{versions["kotlin"]}" apply false',
        "}",
    )
    assert '    implementation(project(":edgecv"))' in app.lines
    assert any("onnxruntime-android" in line for line in app.lines)
    assert not any("litert" in line for line in app.lines)  # the bundle has no TFLite
    for addition in made.additions:
        with addition.file.open("a", encoding="utf-8") as file:
            file.write("\n".join(addition.lines) + "\n")
    assert edgecv.export_android(bundle, root, force=True).additions == ()


@pytest.mark.parametrize("given", ["app", "deep/er/app"])
def test_a_module_may_be_given(bundle, tmp_path, given):
    root = project(tmp_path / "mine", app=given, more=(("other", APP_BUILD),))
    made = edgecv.export_android(bundle, root / given)
    assert made.project == root
    assert made.bundle == root / given / "src/main/assets/colours.edgecv"
    assert made.library == root / "edgecv"


def test_the_demo_app_is_a_project_too(bundle, tmp_path):
    made = edgecv.export_android(bundle, tmp_path / "demo")
    shutil.copytree(bundle, tmp_path / "second.edgecv")
    again = edgecv.export_android(tmp_path / "second.edgecv", made.project)
    assert again.additions == ()
    assert names(made.bundle.parent) == ["colours.edgecv", "second.edgecv"]


def test_an_existing_bundle_is_replaced_by_force_alone(bundle, tmp_path):
    root = project(tmp_path / "mine")
    made = edgecv.export_android(bundle, root)
    (made.bundle / "old").touch()
    with pytest.raises(UsageError, match=r"colours\.edgecv exists") as caught:
        edgecv.export_android(bundle, root)
    assert "--force" in str(caught.value.hint)
    edgecv.export_android(bundle, root, force=True)
    assert not (made.bundle / "old").exists()
    assert names(made.bundle.parent) == ["colours.edgecv"]


def test_a_changed_library_is_replaced_by_force_alone(bundle, tmp_path):
    root = project(tmp_path / "mine")
    made = edgecv.export_android(bundle, root)
    shutil.rmtree(made.bundle)
    (made.library / "build").mkdir()  # what Gradle makes there is no difference
    (made.library / "build/x").touch()
    edgecv.export_android(bundle, root)
    shutil.rmtree(made.bundle)
    (made.library / "src/main/kotlin/dev/edgecv/Bundle.kt").write_text("// older")
    with pytest.raises(UsageError, match="another version of edgecv's library"):
        edgecv.export_android(bundle, root)
    assert not made.bundle.exists()
    edgecv.export_android(bundle, root, force=True)
    assert (made.library / "src/main/kotlin/dev/edgecv/Bundle.kt").read_text() != "// older"


def test_what_is_not_ours_is_never_replaced(bundle, tmp_path):
    root = project(tmp_path / "mine", more=(("edgecv", LIBRARY_BUILD),))
    with pytest.raises(UsageError, match="edgecv exists and is not edgecv's library"):
        edgecv.export_android(bundle, root, force=True)
    other = project(tmp_path / "other")
    (other / "app/src/main/assets/colours.edgecv").mkdir(parents=True)
    (other / "app/src/main/assets/colours.edgecv/precious.txt").touch()
    with pytest.raises(UsageError, match="is no bundle, so --force does not replace it"):
        edgecv.export_android(bundle, other, force=True)
    assert not (other / "edgecv").exists()


def a_file(folder):
    (folder / "dest").write_text("x")


def no_project(folder):
    (folder / "dest").mkdir()
    (folder / "dest/notes.txt").touch()


def without_app(folder):
    project(folder / "dest", app="lib")
    (folder / "dest/lib/build.gradle.kts").write_text(LIBRARY_BUILD)


def two_apps(folder):
    project(folder / "dest", more=(("wear", APP_BUILD),))


def lone_module(folder):
    (folder / "dest").mkdir()
    (folder / "dest/build.gradle.kts").write_text(APP_BUILD)


@pytest.mark.parametrize(
    ("there", "message", "hint"),
    [
        (a_file, "dest is a file", "a folder that does not exist yet"),
        (no_project, "dest is no Android project", "the demo app goes there"),
        (without_app, "has no Android app module", "the module's folder"),
        (two_apps, "has 2 app modules: app, wear", "Give one of them: dest/app"),
        (lone_module, "no settings.gradle(.kts) was found in dest or above it", "a module of a Gradle project"),
    ],
)
def test_a_wrong_destination_is_told_and_left_as_it_was(bundle, tmp_path, monkeypatch, there, message, hint):
    there(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = files(tmp_path)
    result = command("export", "android", "colours.edgecv", "dest", "--force")
    assert (result.code, result.out) == (2, "")
    assert result.message.startswith("error: ")
    assert message in result.message
    assert hint in result.message
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    ("call", "message", "hint"),
    [
        (("lost.edgecv", "demo"), "lost.edgecv does not exist", "NAME.edgecv"),
        (("colours.edgecv", "demo", "-a", "tflite"), "the bundle colours has no tflite to take", "It has onnx:float32"),
        (("colours.edgecv", "demo", "-a", "coreml:float32"), "has no coreml:float32 to take", "onnx:int8"),
        (("broken.edgecv", "demo"), "onnx/model.int8.onnx was changed", "edgecv convert"),
        (("apple.edgecv", "demo"), "has no artifact for tflite or onnx", "--target tflite; it has coreml:float32"),
        (("colours.edgecv", "notes.txt/demo"), "cannot write to notes.txt", "choose another"),
    ],
)
def test_a_wrong_bundle_is_told_and_nothing_is_made(bundle, tmp_path, monkeypatch, call, message, hint):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").touch()
    shutil.copytree(bundle, tmp_path / "broken.edgecv")
    (tmp_path / "broken.edgecv/onnx/model.int8.onnx").write_bytes(b"x")
    shutil.copytree(bundle, tmp_path / "apple.edgecv", ignore=shutil.ignore_patterns("onnx"))
    shutil.copytree(bundle / "coreml", tmp_path / "apple.edgecv/coreml", dirs_exist_ok=True)
    with Bundle.load(bundle) as opened:
        apple = msgspec.structs.replace(opened.manifest, artifacts=opened.manifest.artifacts[:1])
    (tmp_path / "apple.edgecv/bundle.json").write_bytes(encode_manifest(apple))
    before = files(tmp_path)
    result = command("export", "android", *call)
    assert (result.code, result.out) == (1, "")
    assert message in result.message
    assert hint in result.message
    assert files(tmp_path) == before


def test_a_failure_half_way_leaves_nothing(bundle, tmp_path, monkeypatch):
    root = project(tmp_path / "mine")
    before = files(root)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr("edgecv.export.slim.shutil.copyfile", full)
    for dest in (root, tmp_path / "demo"):
        with pytest.raises(EdgecvError, match="No space left on device"):
            edgecv.export_android(bundle, dest)
    assert files(root) == before
    assert not (tmp_path / "demo").exists()
    assert not list(tmp_path.rglob("*.partial"))


def test_the_command_prints_what_is_left_to_do(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    project(tmp_path / "mine")
    result = command("export", "android", "colours.edgecv", "mine", "-a", "onnx:int8")
    assert result.code == 0, result.err
    assert "bundle:   app/src/main/assets/colours.edgecv (onnx/model.int8.onnx)" in result.out
    assert 'Add to settings.gradle.kts:\n\n    include(":edgecv")' in result.out
    assert 'Bundle.open(AssetSource(context.assets, "colours.edgecv"))' in result.out
    result = command("export", "android", "colours.edgecv", "demo")
    assert "gradle :app:installDebug" in result.out


def test_json_has_every_field(bundle, tmp_path):
    result = command("export", "android", bundle, project(tmp_path / "mine"), "--json")
    said = json.loads(result.out)
    assert list(said) == ["kind", "project", "bundle", "library", "artifacts", "left_out", "additions"]
    assert [Path(item["file"]).name for item in said["additions"]] == [
        "settings.gradle.kts",
        "build.gradle.kts",
        "build.gradle.kts",
    ]


def test_a_bundle_without_the_artifact_is_an_error_in_python_too(bundle, tmp_path):
    with pytest.raises(BundleError):
        edgecv.export_android(str(bundle), str(tmp_path / "demo"), artifacts=["onnx:int16x8"])


def test_the_wheel_holds_what_an_export_copies():
    """The sources lie outside the Python packages: the wheel must be told each of them."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    included = build["wheel"]["force-include"]
    android = {f"android_demo/{part}": f"edgecv/{sources.PACKAGED}/{part}" for part in sources.PARTS}
    places = ((ios.LIBRARY, ios.LIBRARY_PARTS), (ios.APP, ios.APP_PARTS))
    parts = [f"{folder}/{part}" for folder, held in places for part in held]
    apple = {f"ios_demo/{part}": f"edgecv/{ios.PACKAGED}/{part}" for part in parts}
    assert included.items() >= (android | apple).items()
    assert included["constraints.txt"] == "edgecv/constraints.txt"
    assert all((ROOT / file).exists() for file in included)
    assert {f"/{Path(file).parts[0]}" for file in included} <= set(build["sdist"]["include"])


def test_an_installed_wheel_s_sources_are_found(tmp_path, monkeypatch):
    sources.copy_project(tmp_path / "edgecv" / sources.PACKAGED)
    monkeypatch.setattr(packaged, "files", lambda _: tmp_path / "edgecv")
    assert sources.home() == tmp_path / "edgecv" / sources.PACKAGED
    shutil.rmtree(tmp_path / "edgecv" / sources.PACKAGED)
    with pytest.raises(EdgecvError, match="has no Android sources"):
        sources.home()


def test_the_library_asks_for_the_versions_of_the_catalog():
    """It has none of its own: its build file goes into other projects."""
    text = (ROOT / "android_demo/edgecv/build.gradle.kts").read_text(encoding="utf-8")
    versions = sources.versions()
    assert f'kotlinx-serialization-json:{versions["serialization"]}"' in text
    assert f'litert:litert:{versions["litert"]}"' in text
    assert f'onnxruntime-android:{versions["onnxruntime"]}"' in text


def test_the_app_and_its_pages_name_the_litert_that_it_is_built_with():
    """LiteRT does not tell its version itself."""
    litert = sources.versions()["litert"]
    models = ROOT / "android_demo/app/src/main/kotlin/dev/edgecv/demo/Models.kt"
    assert f'LITERT = "{litert}"' in models.read_text(encoding="utf-8")
    page = (ROOT / "docs/android.md").read_text(encoding="utf-8")
    assert f"litert:litert:{litert}`" in page
    assert f"litert:litert-gpu:{litert}`" in page
