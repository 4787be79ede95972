"""The rules of the code itself: sizes, names and words."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("runtime/edgecv_runtime", "converters/edgecv_converters", "edgecv")
FILES = {
    file.relative_to(ROOT).as_posix(): ast.parse(file.read_text(encoding="utf-8"))
    for package in PACKAGES
    for file in sorted((ROOT / package).rglob("*.py"))
}
FRAGMENT = re.compile(r"(What|How|Whether|Where|Who|Which|When|Why|As|Of|By|That)\b")
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_MEDIAN = 400, 60, 15
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef


def nodes(kind):
    return [(file, node) for file, tree in FILES.items() for node in ast.walk(tree) if isinstance(node, kind)]


def lines(function):
    return function.end_lineno - function.lineno + 1


def is_property(node):
    return any(isinstance(one, ast.Name) and one.id == "property" for one in getattr(node, "decorator_list", ()))


def fragments(tree):
    """The docstrings that are no sentence; a property may be a question, whose answer it is."""
    for node in ast.walk(tree):
        if isinstance(node, FUNCTION | ast.ClassDef | ast.Module):
            words = ast.get_docstring(node) or ""
            if FRAGMENT.match(words) and not (is_property(node) and words.startswith("Whether")):
                yield words.splitlines()[0]


def test_no_class_name_is_used_twice():
    homes = defaultdict(list)
    for file, node in nodes(ast.ClassDef):
        homes[node.name].append(file)
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def test_docstrings_are_sentences():
    assert {file: found for file, tree in FILES.items() if (found := list(fragments(tree)))} == {}


def test_the_search_for_fragments_finds_them():
    assert list(fragments(ast.parse('"""What it is."""\ndef f():\n    """As it was told."""'))) == [
        "What it is.",
        "As it was told.",
    ]
    assert not list(fragments(ast.parse('def f():\n    """Asks for more, and whether it comes."""')))


def test_files_and_functions_stay_small():
    assert [file for file, tree in FILES.items() if len((ROOT / file).read_text().splitlines()) > LONGEST_FILE] == []
    functions = nodes(FUNCTION)
    assert [f"{file} {node.name}" for file, node in functions if lines(node) > LONGEST_FUNCTION] == []
    assert median(lines(node) for _, node in functions) <= LONGEST_MEDIAN
