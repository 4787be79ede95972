"""Describes a trained model or a converted file, in the process that this is called in."""

from __future__ import annotations

from pathlib import Path

from edgecv_converters.inspection import ArtifactInspection
from edgecv_converters.source.request import SourceRequest
from edgecv_converters.targets import known_targets
from edgecv_runtime.errors import SourceError
from edgecv_runtime.files import open_regular

from edgecv.inspect.records import Inspection

HEAD = 8  # bytes by which a format is told
HINT = "Give a model, a converted file or a bundle"


def look_into(request: SourceRequest) -> Inspection:
    """Describe a model or an artifact; the options of the request count for a model.

    Raises:
        EdgecvError: It is damaged, or nothing that edgecv knows.
    """
    found = _artifact(request.path)
    if found is not None:
        return found
    from edgecv.inspect.model import inspect_model

    return inspect_model(request)


def _artifact(path: Path) -> ArtifactInspection | None:
    """Describe a converted file; None where the path is for the model loader to judge."""
    head = b"" if path.is_dir() else _beginning(path)
    for target in known_targets():
        if target.recognizes(path, head):
            return target.inspect(path)
    return None


def _beginning(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            head = file.read(HEAD)
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error.strerror}", HINT) from error
    if not head:
        raise SourceError(f"{path.name} is empty", HINT)
    return head
