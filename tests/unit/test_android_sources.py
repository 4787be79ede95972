"""The Android app's files agree with what Python says of them, and with each other, as far as text tells."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from edgecv.bench.devices import protocol

HOME = Path(__file__).resolve().parents[2] / "android_demo"
MAIN = HOME / "app/src/main"
CODE = MAIN / "kotlin/dev/edgecv/demo"
ANDROID = "{http://schemas.android.com/apk/res/android}"


def text(path):
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def manifest():
    return ET.parse(MAIN / "AndroidManifest.xml").getroot()


@pytest.mark.parametrize("file", sorted(MAIN.rglob("*.xml")), ids=lambda file: file.name)
def test_xml_is_well_formed(file):
    assert ET.parse(file).getroot().tag


def test_the_app_is_the_one_that_edgecv_bench_starts(manifest):
    assert f'applicationId = "{protocol.PACKAGE}"' in text(HOME / "app/build.gradle.kts")
    activity = protocol.ACTIVITY.partition("/")[2]
    found = [item for item in manifest.iter("activity") if item.get(f"{ANDROID}name") == activity]
    assert [item.get(f"{ANDROID}exported") for item in found] == ["true"]
    assert protocol.RESULTS.endswith("/files/bench")
    assert 'getExternalFilesDir("bench")' in text(CODE / "BenchmarkActivity.kt")


def test_the_app_reads_the_extras_that_edgecv_bench_sends():
    kinds = {"--es": "string", "--ei": "int", "--ez": "flag"}
    said = text(CODE / "BenchRequest.kt")
    sent = (protocol.PROTOCOL, protocol.RUN, protocol.BUNDLE, protocol.SAMPLES, protocol.ANSWERS, protocol.OPTIONS)
    for kind, name in sent:
        assert f'extras.{kinds[kind]}("{name}")' in said
    assert f"PROTOCOL = {protocol.VERSION}" in said
    assert set(re.findall(r'"(edgecv\.\w+)"', said)) == {name for _, name in sent}


def test_the_app_writes_the_files_that_edgecv_bench_looks_for():
    said = text(CODE / "BenchFiles.kt")
    run = "$run"
    for path in (protocol.result_file(run), protocol.error_file(run), protocol.progress_file(run)):
        assert f'"{Path(path).name}"' in said
    assert f'"{Path(protocol.answers_folder(run)).name}"' in said


def test_every_component_of_the_manifest_is_there(manifest):
    components = [item for kind in ("activity", "provider") for item in manifest.iter(kind)]
    assert len(components) == 4
    for item in components:
        name = item.get(f"{ANDROID}name").removeprefix(".")
        assert f"class {name}" in text(CODE / f"{name}.kt")
        assert item.get(f"{ANDROID}exported") is not None


def test_library_and_app_are_built_for_the_same_systems():
    files = [HOME / "app/build.gradle.kts", HOME / "edgecv/build.gradle.kts"]
    for setting in ("compileSdk", "minSdk"):
        assert len({re.search(rf"{setting} = (\d+)", text(file)).group(1) for file in files}) == 1


def test_maven_and_gradle_build_with_the_same_kotlin():
    versions = dict(re.findall(r"<([\w-]+)\.version>([^<]+)</", text(HOME / "pom.xml")))
    catalog = dict(re.findall(r'^(\w+) = "([^"]+)"', text(HOME / "gradle/libs.versions.toml"), re.MULTILINE))
    for name in ("kotlin", "serialization", "onnxruntime"):
        assert versions[name] == catalog[name]
