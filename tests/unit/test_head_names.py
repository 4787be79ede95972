"""What a kind of answer is stands in its own module: nothing elsewhere asks for one by its name or class."""

from __future__ import annotations

import ast

import pytest
from edgecv_runtime.heads.kinds import KINDS

from tests.unit.test_names import PACKAGES, ROOT, asked_by_name

CLASSES = {kind.__name__ for kind in KINDS.values()}
HOMES = {PACKAGES["edgecv_runtime"] / "heads" / f"{kind.__module__.rpartition('.')[2]}.py" for kind in KINDS.values()}
FILES = [file for root in PACKAGES.values() for file in sorted(root.rglob("*.py")) if file not in HOMES]


def asked_by_class(tree):
    """The lines that ask whether something is of a kind's class, or compare with that class's name of its kind."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="isinstance" | "issubclass"), args=[_, asked]):
                parts = [asked]
            case ast.Compare(left=left, comparators=others):
                parts = [left, *others]
            case ast.MatchClass(cls=asked):
                parts = [asked]
            case _:
                continue
        if any(isinstance(one, ast.Name) and one.id in CLASSES for part in parts for one in ast.walk(part)):
            yield node.lineno


def asked(tree):
    names = set(KINDS) - {"image"}  # which is a kind of input, too
    return [*asked_by_name(tree, names), *asked_by_class(tree)]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_no_kind_of_answer_is_asked_for_by_its_name(file):
    lines = asked(ast.parse(file.read_text(encoding="utf-8")))
    assert lines == [], f"{file}: put what differs into the kind's own module in edgecv_runtime/heads"


def test_every_kind_has_a_module_of_its_own():
    assert len(HOMES) == len(KINDS)
    assert all(home.is_file() for home in HOMES)


@pytest.mark.parametrize(
    "planted",
    [
        'if head.kind == "binary": pass',
        'if kind in {"classification", "binary"}: pass',
        'if kind != "regression": pass',
        'WORDS = {"multilabel": "any of n"}',
        'match kind:\n    case "regression":\n        pass',
        "if isinstance(head, Regression): pass",
        "if isinstance(head, (Binary, Multilabel)): pass",
        "if head.kind == Binary.kind: pass",
        "match head:\n    case Classification():\n        pass",
    ],
)
def test_the_search_finds_a_kind_that_is_planted(planted):
    assert asked(ast.parse(planted))


@pytest.mark.parametrize("harmless", ["if isinstance(head, OneClassHead): pass", "if head.one_class: pass"])
def test_the_search_lets_what_kinds_share_be(harmless):
    assert not asked(ast.parse(harmless))
