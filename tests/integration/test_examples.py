"""The scripts of examples/ run, one after the other, on one small trained model."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
LONGEST = 60  # lines of an example


@pytest.fixture(scope="module")
def bundle(digits_model, digits_folder, tmp_path_factory) -> tuple[Path, str]:
    """The bundle of the first example, and what that printed."""
    out = tmp_path_factory.mktemp("examples") / "digits.edgecv"
    with pytest.MonkeyPatch.context() as patch:
        printed = run(patch, "convert_and_prove", digits_model, digits_folder / "train", digits_folder / "test", out)
    return out, printed


def run(patch: pytest.MonkeyPatch, name: str, *arguments: object) -> str:
    """What an example prints; it must end with exit code 0."""
    said: list[str] = []
    patch.setattr("builtins.print", lambda *words, **_: said.append(" ".join(map(str, words))))
    patch.setattr(sys, "argv", [name, *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert ended.value.code == 0
    return "\n".join(said)


def test_convert_and_prove_prints_each_proof(bundle):
    _, printed = bundle
    assert "tflite/model.int8.tflite: passed" in printed
    assert "onnx/model.int8.onnx: passed" in printed
    assert "agreement" in printed


def test_predict_prints_every_answer(bundle, digits_folder, monkeypatch):
    pictures = sorted((digits_folder / "test" / "7").glob("*.png"))[:2]
    printed = run(monkeypatch, "predict", bundle[0], *pictures)
    assert printed.count(": 7 ") == 2
    assert len(printed.splitlines()) == 1 + 2 * (2 + 10)


def test_golden_cases_are_equal_in_every_bit(bundle, monkeypatch):
    printed = run(monkeypatch, "golden_cases", bundle[0])
    assert printed.count("equal in all") == len(printed.splitlines()) > 1


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_examples_are_short_and_described(path):
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST
    assert f"examples/{path.name}" in (EXAMPLES.parent / "docs" / "examples.md").read_text("utf-8")
