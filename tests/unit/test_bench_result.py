"""The result's schema: what a phone writes is read, what it should not write is refused."""

from __future__ import annotations

import json

import msgspec
import pytest
from edgecv_runtime.bench.result import RESULT_VERSION, decode_result, encode_result, read_result
from edgecv_runtime.errors import DataError

LATENCY = {"count": 3, "min_us": 1.0, "mean_us": 2.0, "p50_us": 2.0, "p90_us": 3.0, "p99_us": 3.0}
PHONE = {
    "schema_version": RESULT_VERSION,
    "name": "digits",
    "identity": "ab" * 32,
    "task": "classification",
    "created": "2026-01-31T12:00:00Z",
    "place": {"kind": "adb", "name": "emulator-5554"},
    "machine": {"cpu": "Tensor G3", "architecture": "aarch64", "cores": 9, "system": "Android 15", "throttled": False},
    "settings": {"rounds": 20, "seconds": 2, "warm_up_seconds": 5},
    "rows": [
        {
            "artifact": "tflite/model.int8.tflite",
            "target": "tflite",
            "precision": "int8",
            "sha256": "00",
            "bytes": 100,
            "backend": "litert-gpu",
            "threads": 4,
            "inference": LATENCY,
            "sustained": [{"second": 0, "count": 5, "p50_us": 1, "p90_us": 2}],
        }
    ],
}


def changed(path, value):
    """The phone's result with one value at `path` replaced; a list's only element is passed by itself."""
    content = json.loads(json.dumps(PHONE))
    place = content
    for part in path[:-1]:
        place = place[part][0] if isinstance(place[part], list) else place[part]
    place[path[-1]] = value
    return json.dumps(content).encode()


def test_what_an_app_writes_is_read_and_written_back():
    result = decode_result(json.dumps(PHONE).encode(), "phone.json")
    assert result.rows[0].title == "tflite int8 on litert-gpu, 4 threads"
    assert result.rows[0].inference.p90_us == 3
    assert result.stable
    assert decode_result(encode_result(result), "again") == result


def test_the_file_is_indented_and_ends_with_a_newline(tmp_path):
    path = tmp_path / "result.json"
    path.write_bytes(encode_result(decode_result(json.dumps(PHONE).encode(), "phone.json")))
    assert path.read_bytes().startswith(b'{\n  "schema_version": 1,\n  "name"')
    assert path.read_bytes().endswith(b"}\n")
    assert read_result(path).name == "digits"


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("colour",), 1, "unknown field `colour`"),
        (("rows", "latency"), 1, "unknown field `latency`"),
        (("rows", "threads"), 0, ">= 1"),
        (("rows", "bytes"), -1, ">= 0"),
        (("rows", "target"), "Open VINO", "Expected `str` matching regex"),
        (("rows", "inference", "p50_us"), None, "Expected `float`, got `null`"),
        (("rows", "inference", "count"), 0, ">= 1"),
        (("rows", "inference", "samples_us"), [1.0] * 401, "length <= 400"),
        (("rows", "correct"), {"count": 5, "accuracy": 80.0, "interval": [0, 1]}, "<= 1"),
        (("machine", "cores"), "9", "Expected `int`"),
        (("place", "kind"), "phone", "Invalid enum value"),
    ],
)
def test_what_is_not_in_the_schema_is_refused_where_it_stands(path, value, words):
    with pytest.raises(DataError, match=r"phone\.json is no benchmark result") as caught:
        decode_result(changed(path, value), "phone.json")
    assert words in caught.value.message


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff\xfe", b'{"name": "digits"}', b"[" * 100_000])
def test_other_files_are_refused(data):
    with pytest.raises(DataError, match=r"x\.json is no benchmark result"):
        decode_result(data, "x.json")


def test_a_newer_result_says_what_to_do():
    with pytest.raises(DataError, match=f"schema version 9, this edgecv reads up to {RESULT_VERSION}") as caught:
        decode_result(changed(("schema_version",), 9), "phone.json")
    assert "pip install --upgrade" in caught.value.hint


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none.json cannot be read: No such file"):
        read_result(tmp_path / "none.json")


def test_numbers_survive_to_the_last_digit():
    result = decode_result(changed(("rows", "inference", "p50_us"), 0.1 + 0.2), "x")
    assert msgspec.json.decode(encode_result(result))["rows"][0]["inference"]["p50_us"] == 0.1 + 0.2
