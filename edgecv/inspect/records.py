"""The findings of `inspect`: one record a kind of thing, told apart in JSON by `kind`."""

from __future__ import annotations

import msgspec
from edgecv_converters.inspection import ArtifactInspection
from edgecv_converters.measured import LayerError
from edgecv_converters.source import LayerRow
from edgecv_runtime.schema import HeadSpec, Manifest, SourceInfo, TensorSpec


class ModelInspection(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="model"):
    """A trained model, at a batch of one."""

    file: str
    bytes: int
    info: SourceInfo
    heads: tuple[HeadSpec, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    scales_its_input: bool
    layers: tuple[LayerRow, ...]
    notes: tuple[str, ...]


class BundleInspection(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="bundle"):
    """A bundle: its size, its preprocessing in words a person reads, its manifest, and what that leaves out."""

    file: str
    bytes: int
    preprocessing: dict[str, str]
    manifest: Manifest
    left_out: tuple[str, ...] = ()


class LayersInspection(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="layers"):
    """The report's numbers on the results inside an int8 file, those farthest from the float file first."""

    file: str
    samples: int
    layers: tuple[LayerError, ...]


Inspection = ModelInspection | ArtifactInspection | BundleInspection | LayersInspection
