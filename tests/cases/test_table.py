"""The table of cases in this package's docstring names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

from tests import cases


def test_every_kind_has_a_test() -> None:
    text, found = str(cases.__doc__), re.compile(r"^  ([\w.]*)\.(test_\w+)$", re.MULTILINE)
    kinds = re.findall(r"^\* ([\w, \n]+):$", text, re.MULTILINE)
    assert len([name for line in kinds for name in line.split(",")]) == 62
    assert len(kinds) <= len(found.findall(text))
    for module, test in found.findall(text):
        folder = Path(cases.__file__).parent if module.startswith("test_") else Path(cases.__file__).parents[1]
        assert f"\ndef {test}(" in (folder / f"{module.replace('.', '/')}.py").read_text(), test
