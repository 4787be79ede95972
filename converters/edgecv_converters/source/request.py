"""A trained model that is to be loaded in another process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgecv_converters.source.custom import import_last
from edgecv_converters.source.load import load_source
from edgecv_converters.source.model import SourceModel


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRequest:
    """A request to load a model: `path` is absolute, and so is `modules`, the folder of the user's own modules."""

    path: Path
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    allow_code: bool = False
    custom_objects: str | None = None
    signature: str | None = None
    modules: Path | None = None


def open_source(request: SourceRequest) -> SourceModel:
    """Load the model; the user's own modules are found after all others."""
    if request.modules is not None:
        import_last(request.modules)
    return load_source(
        request.path,
        input_shapes=request.input_shapes,
        allow_code=request.allow_code,
        custom_objects=request.custom_objects,
        signature=request.signature,
    )
