"""The file `metadata.json` of a Core AI model: always the same bytes for the same model, and no date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from edgecv_runtime.schema import Precision

from edgecv_converters.coreml.package import RECIPE
from edgecv_converters.model_metadata import ModelMetadata

ASSET_VERSION: Final = "2.0"
VERSION: Final = "edgecv.model_version"


def write_metadata(file: Path, precision: Precision, metadata: ModelMetadata) -> None:
    """Say who made a model, what it is, what its input goes through, and which bundle it belongs to."""
    authorship = metadata.authorship
    own = {**metadata.properties(), RECIPE: precision, VERSION: authorship.version}
    said = {
        "assetVersion": ASSET_VERSION,
        "author": authorship.author,
        "creatorDefinedMetadata": {key: value for key, value in own.items() if value is not None},
        "description": metadata.summary(),
        "license": authorship.license,
        "producer": "edgecv",
    }
    kept = {key: value for key, value in said.items() if value is not None}
    file.write_text(json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
