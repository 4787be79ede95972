"""What the tests that unpack a Debian root have in common."""

from __future__ import annotations

import re
from pathlib import Path

APT = Path("/etc/apt")


def mirror() -> str | None:
    """The Debian mirror that this machine itself uses; None where it uses none (debootstrap then has its own)."""
    files = [APT / "sources.list", *sorted((APT / "sources.list.d").glob("*"))]
    text = "\n".join(file.read_text(errors="replace") for file in files if file.is_file())
    found = re.search(r"^(?:URIs:|deb(?: \[[^]]*\])?)\s+(https?://\S+/debian)/?(?:\s|$)", text, flags=re.MULTILINE)
    return found.group(1) if found else None
