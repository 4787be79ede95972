"""Elements that escape: text becomes HTML only through `el`, so nothing a person named can become markup.

What no document may hold, or what would turn the text beside it round, is shown as an escape too.
"""

from __future__ import annotations

from html import escape

from edgecv_runtime.text import visible


class Html(str):
    """Finished markup. Any other string is text, and is escaped where it enters an element."""

    __slots__ = ()


Child = str | Html | None


def el(tag: str, *children: Child, **attributes: object) -> Html:
    """One element. Attributes write `_` for `-`, and end in `_` where Python owns the word; not if None."""
    named = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(visible(str(value)), quote=True)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{named}>{join(children)}</{tag}>")


def join(children: tuple[Child, ...] | list[Html]) -> Html:
    """Children one after the other, text escaped."""
    parts = (child if isinstance(child, Html) else escape(visible(child)) for child in children if child is not None)
    return Html("".join(parts))
