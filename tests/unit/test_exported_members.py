"""`__all__` is what is visible, and every public name resolves and says what it is."""

import ast
import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

PACKAGES = ("edgecv", "edgecv_runtime")


def typed_imports(module):
    """The names that type checkers see: those imported under `if TYPE_CHECKING`."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    guarded = (node for node in tree.body if isinstance(node, ast.If))
    imports = (line for node in guarded for line in node.body if isinstance(line, ast.ImportFrom))
    return {alias.asname or alias.name: line.module for line in imports for alias in line.names}


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_what_is_visible(package):
    module = import_module(package)
    assert module.__all__ == sorted(module.__all__)
    assert dir(module) == sorted(module.__all__)
    assert set(typed_imports(module)) == set(module.__all__)


@pytest.mark.parametrize(("package", "name"), [(p, name) for p in PACKAGES for name in import_module(p).__all__])
def test_every_public_name_resolves_and_is_documented(package, name):
    module = import_module(package)
    member = getattr(module, name)
    assert member is getattr(import_module(typed_imports(module)[name]), name)
    assert member.__doc__
    assert inspect.getdoc(member).splitlines()[0].endswith((".", ":"))


@pytest.mark.parametrize("first", ["", "edgecv.convert; ", "import edgecv.convert.recipe; "])
def test_the_function_is_there_after_a_reload(first):
    code = f"import importlib, edgecv; {first}importlib.reload(edgecv); importlib.reload(edgecv); print(edgecv.convert)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    assert done.stdout.startswith("<function convert")


@pytest.mark.parametrize("package", PACKAGES)
def test_other_names_do_not_exist(package):
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'covnert'"):
        _ = import_module(package).covnert


def test_every_error_is_listed_with_its_docstring():
    errors = import_module("edgecv_runtime.errors")
    classes = {name for name, value in vars(errors).items() if isinstance(value, type)}
    assert set(errors.__all__) == classes
    assert all(getattr(errors, name).__doc__ and name in errors.__doc__ for name in classes)
