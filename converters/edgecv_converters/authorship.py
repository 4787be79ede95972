"""The words of a person on a model, for the metadata of its artifacts."""

from __future__ import annotations

from edgecv_runtime.records import Record


class Authorship(Record, frozen=True, kw_only=True):
    """The author, the license and the version of a model; None where nobody said."""

    author: str | None = None
    license: str | None = None
    version: str | None = None
