"""The message of another library's error, in one line."""

from __future__ import annotations

import re

_COLOR = re.compile(r"\x1b\[[0-9;]*m")
_WRAPPER = "Exception encountered when calling"
_CAUSE = "Exception encountered: "  # before it Keras prints the whole configuration of the object
_CONFIGURATION = re.compile(r"\W*(Full object config|using config|with config|Received: config)\b.*", re.DOTALL)
_ADVICE = re.compile(r"\. (Make sure custom classes|Please ensure).*", re.DOTALL)  # for who can change the program


def gist(error: BaseException) -> str:
    """The first telling line of an error's text, without colours and final period, at most 300 characters."""
    text = _COLOR.sub("", str(error)).rpartition(_CAUSE)[2]
    lines = [line.strip() for line in _ADVICE.sub("", _CONFIGURATION.sub("", text)).splitlines()]
    telling = [line for line in lines if line and not line.startswith(_WRAPPER)]
    return (telling or lines or [""])[0].rstrip(".:")[:300] or type(error).__name__
