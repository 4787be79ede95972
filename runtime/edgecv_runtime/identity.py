"""A bundle's identity: what it was made from and how, as one digest that an artifact can carry as well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import msgspec

from edgecv_runtime.schema import HeadSpec, Preprocess, TensorSpec


def bundle_identity(
    *,
    name: str,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    preprocess: Mapping[str, Preprocess],
    heads: Sequence[HeadSpec],
    labels: Sequence[str] | None,
    source: str,
    recipe: Mapping[str, Any],
) -> str:
    """The SHA-256, in lower-case hex, over the canonical JSON of all that decides what a bundle does.

    Canonical is: UTF-8, keys sorted by code points, no white space, numbers as their shortest decimals.

    `source` is the source model's SHA-256; `recipe` is plain data, as in the manifest's provenance.
    """
    said = {
        "name": name,
        "inputs": tuple(inputs),
        "outputs": tuple(outputs),
        "preprocess": dict(preprocess),
        "heads": tuple(heads),
        "labels": None if labels is None else tuple(labels),
        "source": source,
        "recipe": dict(recipe),
    }
    return sha256(msgspec.json.encode(said, order="sorted")).hexdigest()
