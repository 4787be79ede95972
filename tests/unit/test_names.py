"""What a format or a back end is stands in its own module: nothing elsewhere asks for one by its name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from edgecv_runtime import formats

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "edgecv_runtime": ROOT / "runtime" / "edgecv_runtime",
    "edgecv_converters": ROOT / "converters" / "edgecv_converters",
    "edgecv": ROOT / "edgecv",
}
NAMES = {*formats.KNOWN, *formats.BACKENDS}
HOMES = (
    PACKAGES["edgecv_runtime"] / "formats.py",
    PACKAGES["edgecv_runtime"] / "backends",
    *(PACKAGES["edgecv_converters"] / name for name in formats.KNOWN),
)
FILES = [
    file
    for root in PACKAGES.values()
    for file in sorted(root.rglob("*.py"))
    if not any(home in (file, *file.parents) for home in HOMES)
]


def texts(node):
    """The texts of a literal, in however many collections; `formats.ONNX.name` is one as well."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.Attribute(attr="name", value=ast.Name(id=record) | ast.Attribute(attr=record)):
            yield record.lower()
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            for element in elements:
                yield from texts(element)
        case ast.Call(func=ast.Name(id="set" | "frozenset" | "tuple"), args=[collection]):
            yield from texts(collection)


def asked_by_name(tree, names):
    """The lines that compare with one of the names, match one, or look something up by one."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                literals = [left, *others]
            case ast.MatchValue(value=value):
                literals = [value]
            case ast.Dict(keys=keys):
                literals = [key for key in keys if key is not None]
            case ast.Subscript(slice=key):
                literals = [key]
            case _:
                continue
        if any(text in names for literal in literals for text in texts(literal)):
            yield node.lineno


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_no_format_and_no_backend_is_asked_for_by_its_name(file):
    lines = list(asked_by_name(ast.parse(file.read_text(encoding="utf-8")), NAMES))
    assert lines == [], f"{file}: put what differs into the format's own record or target"


def test_every_package_was_searched_but_for_the_homes():
    assert all(home.exists() for home in HOMES)
    assert all(any(root in file.parents for file in FILES) for root in PACKAGES.values())


@pytest.mark.parametrize(
    "planted",
    [
        'if target == "onnx": pass',
        'fast = "coreml" != artifact.target',
        'if target in {"tflite", "onnx"}: pass',
        'if (artifact.target, artifact.precision) == ("tflite", "int8"): pass',
        'if backend not in ("onnx-cuda",): pass',
        'if backend in frozenset({"litert"}): pass',
        'TITLES = {"tflite": "TFLite", "onnx": "ONNX"}',
        'title = TITLES["coreml"]',
        "if target == formats.ONNX.name: pass",
        "if target == TFLITE.name: pass",
        'match target:\n    case "onnx":\n        pass',
        'match target:\n    case "x" | "coreml":\n        pass',
    ],
)
def test_the_search_finds_a_name_that_is_planted(planted):
    assert list(asked_by_name(ast.parse(planted), NAMES))


@pytest.mark.parametrize(
    "harmless",
    ['find("onnx")', 'help = "such as tflite"', 'if kind == "pictures": pass', "if target == carrier.name: pass"],
)
def test_the_search_lets_the_rest_be(harmless):
    assert not list(asked_by_name(ast.parse(harmless), NAMES))
