"""What the checks of this package raise among themselves."""

from __future__ import annotations


class DamageError(Exception):
    """A file's structure is impossible, or names what no artifact of edgecv does; the text says what."""
