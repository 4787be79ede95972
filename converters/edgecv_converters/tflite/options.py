"""The options of the TFLite target."""

from __future__ import annotations

from edgecv_runtime.records import Record


class TfliteOptions(Record, frozen=True, kw_only=True):
    """The options of the TFLite files of a bundle: `metadata` writes into them what other tools read."""

    metadata: bool = True
