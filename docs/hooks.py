"""What MkDocs does for this site beside its own: pages from outside docs/, links out of it, the command reference."""

from __future__ import annotations

import html
import importlib
import logging
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parents[1]
COMMANDS: Final = "commands.md"
PAGES: Final = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "reporting.md",
    "tests/golden/README.md": "golden_vectors.md",
    "tests/golden/decode/README.md": "golden_vectors_of_decoding.md",
    "android_demo/README.md": "android_app.md",
    "android_demo/edgecv/README.md": "android_library.md",
    "ios_demo/README.md": "ios_parts.md",
}
"""Pages of the site that lie outside docs/, by their path in the repository."""

log = logging.getLogger("mkdocs.hooks.edgecv")
_FENCE: Final = re.compile(r"^(```.*?^```)", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
_EXAMPLES: Final = re.compile(r"(Examples?:) (edgecv .*)")
_REMOTE: Final = re.compile(r"<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=\"(?:https?:)?//[^\"]*\"")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that lie outside docs/, and the command reference."""
    from mkdocs.structure.files import File

    for path, name in PAGES.items():
        files.append(File.generated(config, name, content=(ROOT / path).read_text("utf-8")))
    files.append(File.generated(config, COMMANDS, content=command_reference()))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Lead every link to a page of the site, or name the file of the repository that it means."""
    place = page.file.src_uri
    source = next((path for path, name in PAGES.items() if name == place), f"docs/{place}")
    return site_links(markdown, source)


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001
    """Warn of anything that a reader's browser would fetch from another place."""
    for found in _REMOTE.findall(output):
        log.warning("%s loads something from outside the site: %s", page.file.src_uri, found)
    return output


def site_links(markdown: str, source: str) -> str:
    """The text of `source`, a path in the repository, with its links as the site needs them; code stays as it is."""
    parts = _FENCE.split(markdown)
    return "".join(part if part.startswith("```") else _LINK.sub(lambda m: _link(m, source), part) for part in parts)


def _link(found: re.Match[str], source: str) -> str:
    text, target, anchor = found["text"], found["target"], found["anchor"] or ""
    if ":" in target:
        return found[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    if not (ROOT / path).exists() and path != f"docs/{COMMANDS}":
        log.warning("%s links to %s, which is not there", source, target)
        return found[0]
    if path in PAGES or path.startswith("docs/"):
        return f"{found['image']}[{text}]({PAGES.get(path) or path.removeprefix('docs/')}{anchor})"
    said = text.strip("`")
    return f"`{path}`" if path.endswith(said) else f"{text} (`{path}`)"


def command_reference() -> str:
    """Every command with its arguments and options, as `--help` tells them: a page in Markdown."""
    import typer

    app = importlib.import_module("edgecv.cli").app
    lines = ["# Commands", ""]
    for name, command in leaves(typer.main.get_command(app), "edgecv"):
        lines += [f"## {name}", "", *_described(name, command)]
    return "\n".join(lines) + "\n"


def leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with all of its words, in the order of the help."""
    if not hasattr(command, "list_commands"):
        yield name, command
        return
    with command.make_context(name, [], resilient_parsing=True) as context:
        for word in command.list_commands(context):
            yield from leaves(command.get_command(context, word), f"{name} {word}")


def _described(name: str, command: Any) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    with command.make_context(name, [], resilient_parsing=True) as context:
        for paragraph in (command.help or "").split("\n\n"):
            yield from (*_paragraph(" ".join(paragraph.split())), "")
        yield from ("Usage:", "", *_block(context.get_usage().removeprefix("Usage: ")))
        for param in command.params:
            if record := (None if getattr(param, "hidden", False) else param.get_help_record(context)):
                group = getattr(param, "rich_help_panel", None) or f"{param.param_type_name.capitalize()}s"
                groups.setdefault(group, []).extend(_entry(*record))
    for group, entries in groups.items():
        yield from (f"**{group}**", "", *entries)


def _paragraph(text: str) -> tuple[str, ...]:
    """A paragraph of help; one of example commands becomes a block with a command on each line."""
    if found := _EXAMPLES.match(text):
        title, commands = found.groups()
        return (title, "", *_block(*commands.split(", ")))
    return (_plain(text),)


def _block(*lines: str) -> tuple[str, ...]:
    return ("```text", *lines, "```", "")


def _entry(names: str, told: str) -> tuple[str, ...]:
    """An entry of a definition list; its second line is indented, as Markdown wants it."""
    return f"`{' '.join(names.split())}`", f":   {_plain(' '.join(told.split()))}", ""


def _plain(text: str) -> str:
    """Help text without Rich's markup, and with what Markdown or HTML would take for its own shown as it is."""
    bare = re.sub(r"\[/?(?:bold|italic|dim|cyan|green|yellow|red)\]", "", text)
    return re.sub(r"([*_`\[\]\\])", r"\\\1", html.escape(bare, quote=False))
