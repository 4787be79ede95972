"""The base of every record that is written as JSON."""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen record with named fields; unknown keys are refused when decoding."""
