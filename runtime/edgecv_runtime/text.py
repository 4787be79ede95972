"""Text from outside, made harmless (what drives a terminal or is no Unicode is shown as an escape), and shares."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["THIN", "in_json", "one_line", "one_of", "percent", "valid", "visible"]

THIN: Final = "\N{NARROW NO-BREAK SPACE}"

# Control characters (C0, DEL and C1), marks that reorder what stands beside them (Unicode's Bidi_Control), line and
# paragraph separators, and lone surrogates: what Python makes of the bytes of a file name that are no UTF-8.
_BIDI: Final = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_ACTING: Final = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI}\u2028\u2029\ud800-\udfff]")
_ACTING_OR_BREAKING: Final = re.compile(f"[\x00-\x1f\x7f-\x9f{_BIDI}\u2028\u2029\ud800-\udfff]")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_SMUGGLED: Final = range(0xDC80, 0xDD00)  # bytes that were no UTF-8 (PEP 383)


def visible(text: str) -> str:
    r"""The text with every character that would act on a terminal as an escape such as \x1b; lines and tabs stay."""
    return _ACTING.sub(_escape, text)


def one_of(names: Iterable[str]) -> str:
    """Return a choice in words: "a, b or c"."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def one_line(text: str) -> str:
    r"""The text as `visible` gives it, with line ends and tabs as \x0a and \x09 too."""
    return _ACTING_OR_BREAKING.sub(_escape, text)


def valid(text: str) -> str:
    r"""The text with every lone surrogate as an escape, so that it can be encoded: the byte 0xff of a name as \xff."""
    return _SURROGATES.sub(_escape, text)


def in_json(encoded: str) -> str:
    r"""Return JSON with the characters that act on a terminal, such as DEL, written as escapes like \u007f."""
    return _ACTING.sub(lambda found: f"\\u{ord(found[0]):04x}", encoded)


def percent(share: float, digits: int = 1) -> str:
    """Return a share of 0..1 in percent; 100 only where it is exactly one."""
    text = f"{100 * share:.{digits}f}"
    if share < 1 and float(text) >= 100:
        text = f"{100 - 10**-digits:.{digits}f}"
    return f"{text}{THIN}%"


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code in _SMUGGLED:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
