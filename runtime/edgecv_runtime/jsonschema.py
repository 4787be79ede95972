"""The JSON Schema of `bundle.json`, generated from the records, for readers in other languages.

`python -m edgecv_runtime.jsonschema` writes the committed copy beside this file.
"""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from edgecv_runtime.schema import Golden, Manifest

COMMITTED = Path(__file__).with_name("bundle.schema.json")


def bundle_schema() -> dict[str, Any]:
    """Draft 2020-12, the manifest at the root; `$defs.Golden` is the schema of `golden/golden.json`."""
    (root, _), definitions = msgspec.json.schema_components([Manifest, Golden], ref_template="#/$defs/{name}")
    for definition in definitions.values():  # Python 3.13 strips the indentation of docstrings, earlier ones keep it
        if "description" in definition:
            definition["description"] = cleandoc(definition["description"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **root, "$defs": definitions}


def encode_schema() -> bytes:
    """The bytes of the committed copy."""
    return msgspec.json.format(msgspec.json.encode(bundle_schema()), indent=2) + b"\n"


if __name__ == "__main__":
    COMMITTED.write_bytes(encode_schema())
