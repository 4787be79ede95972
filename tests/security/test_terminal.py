"""Words of strangers on the terminal, in JSON and in HTML: they are shown, and do nothing."""

from __future__ import annotations

import io
import json
import os
import re
import sys

import msgspec
import pytest
from edgecv_runtime.text import in_json, one_line, valid, visible
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rich.table import Table
from rich.text import Text

from edgecv.report.html import el
from edgecv.terminal.console import LiveObserver, PlainConsole, json_bytes, show, show_text
from tests import bundles
from tests.command import edgecv

TITLE = "\x1b]0;owned\x07"
ACTING = {
    "a title": (TITLE, r"\x1b]0;owned\x07"),
    "a colour in C1": ("\x9b31m", r"\x9b31m"),
    "delete": ("a\x7f", r"a\x7f"),
    "carriage return": ("safe\rerror", r"safe\x0derror"),
    "right to left": ("gpj\u202eexe", r"gpj\u202eexe"),
    "isolate": ("\u2066x\u2069", r"\u2066x\u2069"),
    "no UTF-8": ("bad\udcff", r"bad\xff"),
    "half a pair": ("\ud800", r"\ud800"),
    "line separator": ("a\u2028b", r"a\u2028b"),
}
MARKUP = ("[/red]", "\\[/red]", "[bold]b", "[link=http://x]y[/link]", ":skull:", "[", "[/]", "[@click=x]y")
DRIVES = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
RICH = re.compile("\x1b\\[[0-9;]*m")  # the colours that rich sets itself


@pytest.mark.parametrize(("text", "shown"), ACTING.values(), ids=ACTING)
def test_what_acts_is_shown_as_an_escape(text, shown):
    assert visible(text) == one_line(text) == shown
    valid(text).encode()


@given(st.text(st.characters(codec=None)))
def test_nothing_but_what_acts_is_changed(text):
    assert not DRIVES.search(visible(text))
    assert one_line(text) == visible(text).replace("\n", r"\x0a").replace("\t", r"\x09")
    if not DRIVES.search(text):
        assert visible(text) is text or visible(text) == text


@settings(max_examples=40)
@given(st.text(st.characters(codec=None)))
def test_the_console_writes_no_character_that_acts(text):
    written = io.StringIO()
    console = PlainConsole(file=written, force_terminal=True, width=60, color_system="standard")
    table = Table(title=text)
    table.add_column(text)
    table.add_row(Text(text, style="red"))
    console.print(text, table, Text(text, "bold"))
    assert not DRIVES.search(RICH.sub("", written.getvalue()))


@pytest.mark.parametrize("text", MARKUP)
def test_markup_is_text(text, capsys):
    show(text)
    assert capsys.readouterr().out == f"{text}\n"


@pytest.mark.parametrize("word", [*MARKUP, *(text for text, _ in ACTING.values())])
@pytest.mark.parametrize("call", [("{}",), ("verify", "{}"), ("convert", "{}.keras"), ("verify", "x", "--{}")])
def test_a_wrong_word_is_repeated_harmlessly(call, word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = edgecv(*(part.format(word) for part in call))
    assert result.code in {1, 2}
    assert result.err.startswith("error: ")
    assert "Traceback" not in result.err
    assert not DRIVES.search(result.err)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A bundle whose labels are markup and escape sequences, and a labelled folder."""
    root = tmp_path_factory.mktemp("hostile")
    labels = ("[/red]", f"b{TITLE}\x1b[31m\nforged", "c\u202e")
    bundles.write_bundle(root / "named.edgecv", bundles.colour_head(labels=labels))
    for name, colour in (("0", (220, 20, 20)), ("1", (20, 220, 20)), ("2", (20, 20, 220))):
        (root / "data" / name).mkdir(parents=True)
        Image.new("RGB", (8, 8), colour).save(root / "data" / name / "p.png")
    return root


@pytest.mark.parametrize(
    "call",
    [
        ("run", "named.edgecv", "data"),
        ("run", "named.edgecv", "data", "--json"),
        ("inspect", "named.edgecv"),
        ("inspect", "named.edgecv", "--json"),
        ("evaluate", "named.edgecv", "data"),
        ("evaluate", "named.edgecv", "data", "--json"),
    ],
    ids=" ".join,
)
def test_labels_do_nothing(hostile, monkeypatch, call):
    monkeypatch.chdir(hostile)
    result = edgecv(*call)
    assert result.code == 0, result.err
    assert not DRIVES.search(result.out + result.err)
    assert "[/red]" in result.out


def test_each_answer_is_one_line(hostile, monkeypatch):
    monkeypatch.chdir(hostile)
    lines = edgecv("run", "named.edgecv", "data").out.splitlines()
    assert [line.split()[0] for line in lines] == [f"data/{name}/p.png" for name in "012"]
    assert r"\x0aforged" in lines[1]


def test_a_caption_is_plain(hostile, monkeypatch):
    drawn = []
    monkeypatch.chdir(hostile)
    monkeypatch.setattr("edgecv.run.session.draw", lambda pixels, items: drawn.extend(items) or pixels)
    assert edgecv("run", "named.edgecv", "data/1/p.png", "--save", "out", "--force").code == 0
    assert drawn
    assert not DRIVES.search("".join(item.text for item in drawn))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_is_no_utf8(hostile, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = (hostile / "data" / "0" / "p.png").read_bytes()
    for name in (b"bad\xff.png", b"g\xc3\xbct.png"):
        with open(name, "wb") as file:  # noqa: PTH123 - the name is bytes
            file.write(picture)
    result = edgecv("run", hostile / "named.edgecv", ".", "--json")
    assert [json.loads(line)["source"] for line in result.out.splitlines()] == [r"bad\xff.png", "güt.png"]
    assert edgecv("run", hostile / "named.edgecv", os.fsdecode(b"bad\xff.png")).out.startswith(r"bad\xff.png")


@settings(max_examples=40)
@given(
    st.recursive(st.text(st.characters(codec=None)), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_json_is_utf8_and_says_the_same(value):
    encoded = json_bytes(value)
    assert not DRIVES.search(encoded.decode())
    assert msgspec.json.decode(encoded) == _escaped(value)


def _escaped(value):
    if isinstance(value, str):
        return valid(value)
    if isinstance(value, dict):
        return {valid(key): _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value]


def test_json_stays_what_it_was():
    assert in_json('{"a":"ü"}') == '{"a":"ü"}'
    assert json.loads(in_json('{"a":"\x7f\x9b"}')) == {"a": "\x7f\x9b"}


def test_text_for_stdout_is_plain(capsys):
    show_text(f"{TITLE}\n")
    assert capsys.readouterr().out == "\\x1b]0;owned\\x07\n"


def test_html_holds_what_it_may_hold():
    shown = el("p", f"<b>{TITLE}\udcff\u202e", title=TITLE)
    assert shown.encode()
    assert "&lt;b&gt;" in shown
    assert not DRIVES.search(shown)


def test_what_runs_is_shown_plain(monkeypatch):
    written = io.StringIO()
    console = PlainConsole(file=written, force_terminal=True, width=80)
    monkeypatch.setattr("edgecv.terminal.console.people", lambda: console)
    with LiveObserver() as observer:
        observer.stage(f"[/red]{TITLE}", 1, 2)
        observer.note(f"[/red]{TITLE}")
    assert "\x07" not in written.getvalue()
    assert "]0;owned" in written.getvalue()
