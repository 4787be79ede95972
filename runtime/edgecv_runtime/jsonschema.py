"""The JSON Schemas of `bundle.json` and of a benchmark's result, generated from the records, for other languages.

`python -m edgecv_runtime.jsonschema` writes the committed copies, each beside its records.
"""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from edgecv_runtime.bench.result import Result
from edgecv_runtime.golden_schema import Golden
from edgecv_runtime.schema import Manifest

COMMITTED = Path(__file__).with_name("bundle.schema.json")
COMMITTED_BENCH = Path(__file__).with_name("bench") / "bench.schema.json"


def bundle_schema() -> dict[str, Any]:
    """Draft 2020-12, the manifest at the root; `$defs.Golden` is the schema of `golden/golden.json`."""
    return _schema(Manifest, Golden)


def bench_schema() -> dict[str, Any]:
    """Draft 2020-12, a benchmark's result at the root."""
    return _schema(Result)


def _schema(*kinds: type) -> dict[str, Any]:
    """The first kind at the root, all of them in `$defs`."""
    (root, *_), definitions = msgspec.json.schema_components(kinds, ref_template="#/$defs/{name}")
    for definition in definitions.values():  # Python 3.13 strips the indentation of docstrings, earlier ones keep it
        if "description" in definition:
            definition["description"] = cleandoc(definition["description"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root, "$defs": definitions}


def encode_schema(schema: dict[str, Any]) -> bytes:
    """The bytes of a committed copy."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2) + b"\n"


if __name__ == "__main__":
    COMMITTED.write_bytes(encode_schema(bundle_schema()))
    COMMITTED_BENCH.write_bytes(encode_schema(bench_schema()))
