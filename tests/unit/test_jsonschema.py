"""The committed schema is the one that the records give, and it says what they say."""

import json

import jsonschema
import msgspec
import pytest
from edgecv_runtime.bench.result import BenchRow, Result
from edgecv_runtime.jsonschema import COMMITTED, COMMITTED_BENCH, bench_schema, bundle_schema, encode_schema
from edgecv_runtime.schema import Artifact, Manifest, Preprocess

RESOLVER = jsonschema.Draft202012Validator


def validator(definition):
    schema = bundle_schema()
    return RESOLVER({"$ref": f"#/$defs/{definition}", "$defs": schema["$defs"]})


def test_the_committed_schema_is_the_generated_one():
    assert COMMITTED.read_bytes() == encode_schema(bundle_schema()), "run `make schema`"


def test_the_committed_schema_of_benchmarks_is_the_generated_one():
    assert COMMITTED_BENCH.read_bytes() == encode_schema(bench_schema()), "run `make schema`"
    schema = json.loads(COMMITTED_BENCH.read_text())
    RESOLVER.check_schema(schema)
    assert schema["$ref"] == "#/$defs/Result"
    assert set(schema["$defs"]["Result"]["properties"]) == set(Result.__struct_fields__)
    assert set(schema["$defs"]["BenchRow"]["required"]) < set(BenchRow.__struct_fields__)


def test_the_schema_is_valid_and_has_both_files():
    schema = json.loads(COMMITTED.read_text())
    RESOLVER.check_schema(schema)
    assert schema["$ref"] == "#/$defs/Manifest"
    assert set(schema["$defs"]["Manifest"]["properties"]) == set(Manifest.__struct_fields__)
    assert set(schema["$defs"]["Golden"]["properties"]) == {"cases", "layers"}


def test_every_record_forbids_unknown_keys():
    definitions = bundle_schema()["$defs"] | bench_schema()["$defs"]
    assert len(definitions) > 20
    assert [name for name, record in definitions.items() if record["additionalProperties"] is not False] == []


ARTIFACT = {
    "target": "tflite",
    "precision": "int8",
    "file": "tflite/model.int8.tflite",
    "sha256": "0" * 64,
    "bytes": 10,
    "inputs": [{"name": "x", "tensor": "x:0", "shape": [1, 2], "dtype": "int8"}],
    "outputs": [],
    "ops": {"ADD": 1},
    "requires": {},
}


@pytest.mark.parametrize(
    ("kind", "content", "valid"),
    [
        (Preprocess, {}, True),
        (Preprocess, {"size": [8, 9], "fit": {"mode": "letterbox", "pad": [0]}}, True),
        (Preprocess, {"size": [8]}, False),
        (Preprocess, {"size": [8, 9.5]}, False),
        (Preprocess, {"colour": "rgb"}, False),
        (Preprocess, {"color": "rgba"}, False),
        (Preprocess, {"resize": {"kernel": "hamming"}}, False),
        (Preprocess, {"normalize": {"scale": ["1"]}}, False),
        (Artifact, ARTIFACT, True),
        (Artifact, ARTIFACT | {"target": "of-tomorrow"}, True),
        (Artifact, ARTIFACT | {"target": "Of tomorrow"}, False),
        (Artifact, ARTIFACT | {"bytes": "10"}, False),
        (Artifact, {key: value for key, value in ARTIFACT.items() if key != "sha256"}, False),
    ],
)
def test_schema_and_records_accept_the_same(kind, content, valid):
    assert validator(kind.__name__).is_valid(content) == valid
    if valid:
        msgspec.convert(content, kind)
    else:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(content, kind)
