"""The names of devices on the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from edgecv_runtime.errors import UsageError

FORMS = "Give ssh:user@host, ssh:user@host:port, ssh:alias, adb, or adb:SERIAL"
_USER, _HOST, _IPV6 = r"[^@:\s-][^@:\s]*@", r"[^\s:@\[\]-][^\s:@\[\]]*", r"\[[0-9a-fA-F:.]+(?:%\w+)?\]"
_SSH = re.compile(rf"(?P<destination>(?:{_USER})?(?:{_HOST}|{_IPV6}))(?::(?P<port>\d+))?")
_SERIAL = re.compile(r"[^\s-]\S*")


@dataclass(frozen=True, slots=True)
class Address:
    """`name` is the ssh destination or the adb serial (None: the only one that is connected)."""

    kind: Literal["ssh", "adb"]
    name: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read "ssh:user@host[:port]", "ssh:alias", "adb" or "adb:SERIAL".

        Raises:
            UsageError: It is none of these.
        """
        kind, colon, rest = text.partition(":")
        if kind == "adb" and (not colon or _SERIAL.fullmatch(rest)):
            return cls("adb", rest or None)
        found = _SSH.fullmatch(rest) if kind == "ssh" else None
        if found is None:
            raise UsageError(f"{text!r} names no device", FORMS)
        port = int(found["port"]) if found["port"] else None
        if port is not None and not 0 < port < 1 << 16:
            raise UsageError(f"the port of {text!r} must be 1 to 65535, got {port}", FORMS)
        return cls("ssh", re.sub(r"[\[\]]", "", found["destination"]), port)
