"""README and docs: short enough, no dead link, and no command or option that does not exist."""

import functools
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
INSIDE = (
    "tests/golden/README.md",
    "tests/golden/decode/README.md",
    "android_demo/README.md",
    "android_demo/edgecv/README.md",
    "micro_demo/README.md",
)
PAGES = [ROOT / name for name in (*TOP, *INSIDE)] + sorted((ROOT / "docs").glob("*.md"))
MOST_WORDS, WIDEST = 700, 160
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
GENERATED = ROOT / "docs" / "commands.md"  # made from the Typer app when the site is built
CALL = re.compile(r"(?<![\w/.-])edgecv ((?:[a-z]+(?![\w./-]) ?)+)([^`\n|]*)")
TOPS = (
    *("benchmarks", "converters", "docs", "edgecv", "examples", "runtime", "tests"),
    *("android_demo", "ios_demo", "micro_demo"),
)
PATH = re.compile(rf"`((?:{'|'.join(TOPS)})/[\w./-]+)`")
MODULE = re.compile(r"`((?:edgecv|edgecv_runtime|edgecv_converters)(?:\.[a-z_0-9]+)+)(?:\.[A-Z]\w*)?`")
SCRIPT = re.compile(r"python3? -m ((?:benchmarks|tests|edgecv_runtime)[\w.]*)")
OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z0-9-]*")


def load_hooks():
    spec = importlib.util.spec_from_file_location("docs_hooks", ROOT / "docs" / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def hooks():
    return load_hooks()


@pytest.fixture(scope="module")
def commands(hooks) -> dict[str, set[str]]:
    """The options of every command, by its words."""
    import typer

    from edgecv.cli import app

    found: dict[str, set[str]] = {"": {"--version", "--help"}}
    for name, command in hooks.leaves(typer.main.get_command(app), "edgecv"):
        words = [word for param in command.params for word in (*param.opts, *param.secondary_opts)]
        found[name.removeprefix("edgecv ")] = {word for word in words if word.startswith("-")} | {"--help", "-h"}
    return found


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as the site and code hosts make them."""
    heads = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def calls(page: Path) -> Iterator[tuple[str, str]]:
    """Each `edgecv WORDS` in code, with what follows on its line."""
    text = page.read_text("utf-8").replace("\\\n", " ")
    code = [*FENCE.findall(text), *re.findall(r"`(edgecv [^`\n]+)`", FENCE.sub("", text))]
    for part in code:
        for line in part.splitlines():
            if line.lstrip().startswith(("$ edgecv ", "edgecv ", "./edgecv ")) or "| edgecv " in line:
                for words, rest in CALL.findall(line):
                    yield words.strip(), rest


def test_the_readme_has_at_most_700_words():
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= MOST_WORDS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_line_of_text_is_too_long(page):
    text = FENCE.sub(lambda found: "\n" * found[0].count("\n"), page.read_text("utf-8"))
    lines = {number: line for number, line in enumerate(text.splitlines(), 1) if not line.lstrip().startswith("|")}
    assert {number: len(line) for number, line in lines.items() if len(line) > WIDEST} == {}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    dead = []
    for target in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        path, _, anchor = target.partition("#")
        place = (page.parent / path).resolve() if path else page
        if "://" in target or place == GENERATED:
            continue
        if not place.exists() or (anchor and anchor not in anchors(place)):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_command_and_option_exists(page, commands):
    unknown = []
    for words, rest in calls(page):
        name = max((one for one in commands if one and f"{words} ".startswith(f"{one} ")), key=len, default="")
        options = set(OPTION.findall(rest.split(" #")[0].split(" | ")[0]))
        if (not name and words) or not options <= commands[name]:
            unknown.append((words, sorted(options - commands[name])))
    assert unknown == []


def test_every_option_in_prose_is_an_option_of_some_command(commands):
    known = set().union(*commands.values())
    pages = [ROOT / "docs" / f"{name}.md" for name in ("convert", "gates", "quantization", "run")]
    told = {option for page in pages for option in re.findall(r"`(--[a-z0-9-]+)", page.read_text("utf-8"))}
    assert told - known == set()


def test_the_command_reference_has_every_command_and_option(hooks, commands):
    page = hooks.command_reference()
    for name in filter(None, commands):
        _, _, section = page.partition(f"\n## edgecv {name}\n")
        section = section.partition("\n## ")[0]
        assert {option for option in commands[name] - {"--help", "-h"} if option not in section} == set()


def test_commands_are_found_in_prose_and_in_blocks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Use `edgecv run b.edgecv --top 3`.\n```sh\n$ edgecv convert m.keras \\\n    -q int8\n```\n")
    assert [(words, OPTION.findall(rest)) for words, rest in calls(page)] == [("convert", ["-q"]), ("run", ["--top"])]


def test_links_of_pages_lead_to_pages_of_the_site(hooks):
    text = "[a](docs/run.md#answers) [b](tests/golden/README.md) `[c](x)` [d](edgecv/cli.py)"
    assert hooks.site_links("[a](docs/run.md#answers)", "README.md") == "[a](run.md#answers)"
    assert hooks.site_links("[a](../README.md)", "docs/run.md") == "[a](index.md)"
    assert hooks.site_links("[`cli.py`](edgecv/cli.py)", "README.md") == "`edgecv/cli.py`"
    assert hooks.site_links("[the app](edgecv/cli.py)", "README.md") == "the app (`edgecv/cli.py`)"
    assert hooks.site_links(f"```\n{text}\n```", "README.md") == f"```\n{text}\n```"


def test_a_link_that_leads_nowhere_is_warned_of(hooks, caplog):
    hooks.site_links("[gone](docs/gone.md)", "README.md")
    assert "README.md links to docs/gone.md, which is not there" in caplog.text


def is_module(name: str) -> bool:
    """Whether a dotted name is a module of the project, or something that one of them names."""
    roots = {"edgecv_runtime": "runtime", "edgecv_converters": "converters"}
    place = ROOT / roots.get(name.partition(".")[0], "") / name.replace(".", "/")
    if place.with_suffix(".py").is_file() or place.is_dir():
        return True
    sources = (place.parent.with_suffix(".py"), place.parent / "__init__.py")
    return any(re.search(rf"\b{place.name}\b", one.read_text("utf-8")) for one in sources if one.is_file())


@functools.cache
def python_code() -> str:
    """All Python code of the three packages: keys of metadata and messages stand in it as texts."""
    roots = (ROOT / "edgecv", ROOT / "converters", ROOT / "runtime")
    return "".join(file.read_text("utf-8") for root in roots for file in sorted(root.rglob("*.py")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_path_and_module_exists(page):
    text = page.read_text("utf-8")
    paths = [path for path in PATH.findall(text) if "NAME" not in path and not (ROOT / path).exists()]
    modules = [
        name
        for name in (*MODULE.findall(text), *SCRIPT.findall(text))
        if not is_module(name) and f'"{name}"' not in python_code()
    ]
    assert paths + modules == []
