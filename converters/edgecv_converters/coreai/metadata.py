"""The file `metadata.json` of a Core AI model: always the same bytes for the same model, and no date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import msgspec
from edgecv_runtime.heads.kinds import first_labels, kind_words
from edgecv_runtime.schema import Precision

from edgecv_converters.coreml.interface import Interface, ModelMetadata
from edgecv_converters.coreml.package import BUNDLE, HEADS, PREPROCESS, RECIPE, SOURCE

ASSET_VERSION: Final = "2.0"
VERSION: Final = "edgecv.model_version"


def write_metadata(file: Path, precision: Precision, interface: Interface, metadata: ModelMetadata) -> None:
    """Say who made a model, what it is, what its input goes through, and which bundle it belongs to."""
    own = {
        PREPROCESS: _canonical(metadata.preprocess),
        HEADS: _canonical(metadata.heads),
        SOURCE: metadata.source.sha256,
        BUNDLE: metadata.identity,
        RECIPE: precision,
        VERSION: interface.version,
    }
    labels = first_labels(metadata.heads)
    count = "" if labels is None else f", {len(labels)} labels"
    said = {
        "assetVersion": ASSET_VERSION,
        "author": interface.author,
        "creatorDefinedMetadata": {key: value for key, value in own.items() if value is not None},
        "description": f"{metadata.name}: {kind_words(metadata.heads)}{count}. From a {metadata.source.format} model",
        "license": interface.license,
        "producer": "edgecv",
    }
    kept = {key: value for key, value in said.items() if value is not None}
    file.write_text(json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _canonical(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
