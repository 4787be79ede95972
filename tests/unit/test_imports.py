"""Imports go one way, and the device's package is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from edgecv_converters.target_options import known_options
from edgecv_runtime.formats import BACKENDS, KNOWN

from edgecv.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "edgecv_runtime": ROOT / "runtime" / "edgecv_runtime",
    "edgecv_converters": ROOT / "converters" / "edgecv_converters",
    "edgecv": ROOT / "edgecv",
}
FORBIDDEN = {
    "edgecv_runtime": {"edgecv", "edgecv_converters", "tensorflow", "keras", "tf_keras", "typer", "rich"},
    "edgecv_converters": {"edgecv", "typer", "rich"},
    "edgecv": set(),
}
RUNTIMES = {module for record in BACKENDS.values() for module in record.library.modules}
HEAVY = {
    "tensorflow",
    "keras",
    "tf_keras",
    "tf2onnx",
    "onnx",
    "sklearn",
    "cv2",
    "faster_coco_eval",
    "picamera2",
    *RUNTIMES,
}
ALLOWED = {
    *("edgecv_runtime", "numpy", "PIL", "msgspec", *sys.stdlib_module_names),
    # each backend's, camera's and measure's own, inside a function
    *(*RUNTIMES, "cv2", "faster_coco_eval", "picamera2"),
}
FILES = [(package, file) for package, root in PACKAGES.items() for file in sorted(root.rglob("*.py"))]


def packages(nodes):
    """The top-level packages that import statements name, by `import`, `from` and `import_module("...")`."""
    for node in nodes:
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module"), args=[first, *_]):
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value.partition(".")[0]


def executed(tree):
    """The nodes that run when the module is imported: outside functions and `if TYPE_CHECKING`."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            stack.extend(node.orelse)
            continue
        yield node
        stack.extend(ast.iter_child_nodes(node))


@pytest.mark.parametrize(("package", "file"), FILES, ids=lambda value: value.name if isinstance(value, Path) else value)
def test_imports_go_one_way(package, file):
    named = set(packages(ast.walk(ast.parse(file.read_text(encoding="utf-8")))))
    assert not named & FORBIDDEN[package], f"{file} imports what only packages above may"
    if package == "edgecv_runtime":
        assert named <= ALLOWED


@pytest.mark.parametrize(("package", "file"), FILES, ids=lambda value: value.name if isinstance(value, Path) else value)
def test_heavy_libraries_are_imported_where_they_are_used(package, file):
    at_import = set(packages(executed(ast.parse(file.read_text(encoding="utf-8")))))
    assert not at_import & (HEAVY if package != "edgecv_converters" else HEAVY - {"onnx"})


def test_every_package_was_searched():
    assert {package for package, _ in FILES} == set(PACKAGES)
    assert len(FILES) > 60


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("import keras.layers as k", {"keras"}),
        ("def f():\n    from tensorflow.lite import x", {"tensorflow"}),
        ("from . import sibling", set()),
        ("import_module('edgecv.cli')", {"edgecv"}),
        ("importlib.import_module('typer')", {"typer"}),
    ],
)
def test_the_search_sees_every_form_of_import(line, found):
    assert set(packages(ast.walk(ast.parse(line)))) == found


def module_name(package, file):
    """The dotted name of a file of a package; that of a package is that of its `__init__.py`."""
    parts = (package, *file.relative_to(PACKAGES[package]).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(name, tree, known):
    """The modules among the known ones that a module imports when it is imported, packages on the way included.

    A package is imported before its modules, so a module's own packages count only where it names them itself:
    `from package import anything`.
    """
    for node in executed(tree):
        match node:
            case ast.Import(names=names):
                wanted = [alias.name for alias in names]
            case ast.ImportFrom(module=str(module), names=names, level=0):
                wanted = [module, *(f"{module}.{alias.name}" for alias in names)]
            case _:
                continue
        for one in wanted:
            parts = one.split(".")
            for count in range(1, len(parts) + 1):
                on_the_way = ".".join(parts[:count])
                is_own_package = name.startswith(f"{on_the_way}.") and count < len(parts)
                if on_the_way in known and on_the_way != name and not is_own_package:
                    yield on_the_way


def cycle(trees):
    """One cycle among modules' top-level imports, as a list of their names; empty where there is none."""
    graph = {name: set(imported(name, tree, trees)) for name, tree in trees.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_module_imports_itself_by_way_of_others():
    assert cycle({module_name(*one): ast.parse(one[1].read_text(encoding="utf-8")) for one in FILES}) == []


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        ({"p": "", "p.a": "from p.b import x", "p.b": "import p.a"}, {"p.a", "p.b"}),
        ({"p": "from p.a import x", "p.a": "from p import b", "p.b": ""}, {"p", "p.a"}),
        ({"p": "from p.a import x", "p.a": "from q import y", "q": "import p.b", "p.b": ""}, {"p", "p.a", "q"}),
        ({"p": "from p.a import x", "p.a": "from p.b import y", "p.b": ""}, set()),
        ({"p": "", "p.a": "from p.b import x", "p.b": "def f():\n    import p.a"}, set()),
        ({"p": "", "p.a": "from p.b import x", "p.b": "if TYPE_CHECKING:\n    import p.a"}, set()),
    ],
    ids=["two modules", "a module and its package", "by way of another package", "re-export", "function", "types only"],
)
def test_the_search_finds_a_cycle_that_is_planted(sources, found):
    assert set(cycle({name: ast.parse(source) for name, source in sources.items()})) == found


def modules_after(code):
    """The top-level modules in a new interpreter after `code`."""
    script = f"import sys\n{code}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60)
    assert not run.stderr
    return set(run.stdout.split())


LIGHT = [
    *("edgecv", "edgecv_runtime", "edgecv_runtime.bundle", "edgecv_runtime.preprocess", "edgecv_runtime.predictor"),
    *("edgecv_runtime.backends.litert", "edgecv_runtime.backends.onnx", "edgecv_runtime.backends.coreml"),
]


@pytest.mark.parametrize("module", LIGHT)
def test_importing_a_package_loads_nothing_heavy(module):
    loaded = modules_after(f"import {module}")
    assert not loaded & (HEAVY | {"typer", "rich", "edgecv_converters"})
    if module != "edgecv":
        assert "edgecv" not in loaded


def test_the_runtime_itself_loads_only_the_standard_library():
    assert not modules_after("import edgecv_runtime") & {"numpy", "PIL", "msgspec"}


def test_public_names_are_what_they_say():
    import edgecv_runtime

    assert sorted(edgecv_runtime.__all__) == dir(edgecv_runtime)
    for name in edgecv_runtime.__all__:
        assert getattr(edgecv_runtime, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = edgecv_runtime.Nothing


# What --help may load: the form of a command, and what owns the defaults and names that an option's help shows.
FORM = {
    *("edgecv", "edgecv.cli", "edgecv.convert", "edgecv.explain"),
    *("edgecv.commands", "edgecv.commands.form", "edgecv.commands.options"),
    *("edgecv.terminal", "edgecv.terminal.console", "edgecv.terminal.streams"),
    *("edgecv_converters", "edgecv_converters.isolate"),
    *(f"edgecv_converters.isolate.{name}" for name in ("alone", "child", "pool", "scratch", "store")),
}
OWNERS = {
    "convert": {
        *(
            "edgecv.commands.metadata_options",
            "edgecv.commands.target_options",
            "edgecv.convert.recipe",
            "edgecv.given",
        ),
        *(f"edgecv_converters.{name}" for name in ("authorship", "coreml.recipes", "graph.weights", "targets")),
        *(f"edgecv_converters.{name}" for name in ("target_options", *KNOWN)),
        *(f"edgecv_converters.{name}.options" for name in known_options()),
        *(f"edgecv_converters.{name}" for name in ("graph", "graph.edit", "graph.frozen", "graph.layers")),
        *(f"edgecv_converters.{name}" for name in ("graph.names", "graph.passes", "graph.passes.runner")),
        *(f"edgecv_converters.{name}" for name in ("inspection", "measured")),
    },
    "prune": {
        "edgecv.compress",
        *(f"edgecv.compress.{name}" for name in ("channel_choice", "channels", "importance", "options")),
    },
    "bench": {"edgecv.given"},
    "serve": {"edgecv.serve", "edgecv.serve.options"},
    "explain": {"edgecv_converters.explain", "edgecv_converters.explain.settings"},
}
HELP = """
import contextlib, io, sys
from edgecv.cli import main
with contextlib.redirect_stdout(io.StringIO()) as shown, contextlib.suppress(SystemExit):
    main(sys.argv[1:])
assert "--help" in shown.getvalue()
print(*sys.modules)
"""


def loaded_for_help(*command):
    run = subprocess.run(
        [sys.executable, "-c", HELP, *command, "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    return set(run.stdout.split())


def test_help_of_all_commands_loads_no_engine():
    loaded = loaded_for_help()
    own = {name for name in loaded if name.partition(".")[0] in {"edgecv", "edgecv_converters"}}
    assert own == {*FORM, *(f"edgecv.commands.{name}" for name in COMMANDS), *set().union(*OWNERS.values())}
    assert not {name.partition(".")[0] for name in loaded} & (HEAVY | {"PIL"})


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command_loads_no_engine(command):
    loaded = loaded_for_help(command)
    own = {name for name in loaded if name.partition(".")[0] in {"edgecv", "edgecv_converters"}}
    assert own == {*FORM, f"edgecv.commands.{command}", *OWNERS.get(command, ())}
    assert not {name.partition(".")[0] for name in loaded} & (HEAVY | {"PIL"})
