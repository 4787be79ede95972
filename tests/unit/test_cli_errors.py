"""Wrong calls that need no model: each has its exit code, its message and its hint, and writes nothing."""

from __future__ import annotations

import sys
import zipfile

import numpy as np
import pytest
from edgecv_converters.source.request import SourceRequest
from edgecv_runtime.errors import MissingDependencyError
from PIL import Image

from edgecv.inspect.alone import look_into
from tests.command import edgecv


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with one file of each wrong kind, and the current directory."""
    monkeypatch.chdir(tmp_path)
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            archive.writestr(name, "{}")
    (tmp_path / "cut.keras").write_bytes(b"PK\x03\x04 not really")
    (tmp_path / "empty.h5").touch()
    (tmp_path / "done.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(64))
    (tmp_path / "empty.txt").touch()
    (tmp_path / "twice.txt").write_text("cat\ndog\ncat\n")
    (tmp_path / "gap.txt").write_text("cat\n\ndog\n")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "flat").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "flat" / "one.png")
    (tmp_path / "notes.csv").write_text("a,b\n")
    (tmp_path / "fake.npz").write_bytes(b"no zip at all")
    np.savez(tmp_path / "ragged.npz", a=np.zeros((3, 2)), b=np.zeros((4, 2)))
    np.savez(tmp_path / "objects.npz", a=np.array([{}, {}], dtype=object))
    (tmp_path / "bad.toml").write_text("[resize]\nkernal = 'bilinear'\n")
    (tmp_path / "odd.toml").write_text("[fit]\nmode = 'crop'\npad = 3\n")
    (tmp_path / "there.edgecv").mkdir()
    (tmp_path / "there.edgecv" / "precious.txt").write_text("mine")
    (tmp_path / "broken.edgecv").mkdir()
    (tmp_path / "broken.edgecv" / "bundle.json").write_text("{")
    (tmp_path / "newer.edgecv").mkdir()
    (tmp_path / "newer.edgecv" / "bundle.json").write_text('{"schema_version": 99}')
    return tmp_path


CONVERT = ("convert", "model.keras", "-o", "out.edgecv")
INT8 = (*CONVERT, "--quantize", "int8", "--preprocess", "none")

WRONG_CALLS = [
    (("convert",), 2, "Missing argument 'MODEL'", "edgecv convert --help"),
    (("konvert",), 2, "No such command 'konvert'", "edgecv --help"),
    ((*CONVERT, "--quantise", "int8"), 2, "No such option", "--help"),
    ((*CONVERT, "--io", "int4"), 2, "Invalid value for '--io'", "--help"),
    ((*CONVERT, "-q", "int3"), 2, "unknown precision 'int3'", "float32, float16, dynamic, int8, int16x8"),
    ((*CONVERT, "-t", "tensorrt"), 2, "unknown target 'tensorrt'", "tflite, onnx, coreml"),
    ((*CONVERT, "-q", "onnx:int16x8"), 2, "onnx has no int16x8", "onnx knows float32, float16, int8"),
    ((*CONVERT, "-q", "int8"), 2, "tflite int8 needs calibration images", "--calibrate FOLDER"),
    ((*INT8, "--epochs", "3"), 2, "--epochs is for quantization-aware training", "--qat FOLDER"),
    ((*CONVERT, "--qat", "flat"), 2, "--qat needs an int8 artifact", "--quantize int8"),
    ((*INT8, "--qat", "flat", "--quantizer", "vendor"), 2, "--qat is a part of edgecv's own quantizer", "vendor out"),
    ((*INT8, "--qat", "flat", "--refine"), 2, "--qat and --refine exclude each other", "leave --refine out"),
    ((*INT8, "--qat", "flat", "--max-drop", "1", "--evaluate", "flat"), 2, "--qat and --max-drop exclude", "Leave one"),
    ((*INT8, "--qat", "flat", "--epochs", "0"), 2, "--epochs must be 1 to 1000, got 0", "5 is enough"),
    ((*INT8, "--qat", "flat"), 1, "flat has no labels", "subfolder of its own"),
    ((*INT8, "--qat", "lost"), 1, "lost does not exist", "folder of images"),
    ((*CONVERT, "--io", "int8"), 2, "--io int8 needs an int8 artifact", "--quantize int8"),
    ((*CONVERT, "--samples", "0"), 2, "--samples must be 1 to 100000, got 0", "200"),
    ((*CONVERT, "--gate", "agreemnt=1"), 2, "unknown gate 'agreemnt=1'", "agreement"),
    ((*CONVERT, "--gate", "agreement=often"), 2, "needs a number or off, got 'often'", ""),
    ((*CONVERT, "--input-shape", "image=1,a,3"), 2, "is not a shape", "NAME=1,224,224,3"),
    ((*CONVERT, "--time-limit", "-3"), 2, "--time-limit must be positive, got -3", ""),
    ((*CONVERT, "--memory-limit", "0"), 2, "--memory-limit must be positive, got 0", ""),
    ((*CONVERT, "--jobs", "0"), 2, "--jobs must be at least 1, got 0", ""),
    (
        (*INT8, "--calibrate", "flat", "--refine", "--time-limit", "100"),
        2,
        "--refine-limit 540 is no less than --time-limit 100",
        "Give a higher --time-limit",
    ),
    (
        (*INT8, "--calibrate", "flat", "--max-drop", "1", "--evaluate", "flat", "--max-drop-limit", "1800"),
        2,
        "--max-drop-limit 1800 is no less than --time-limit 1800",
        "or a lower --max-drop-limit",
    ),
    (("convert", "model.keras", "-o", "out.zip"), 2, "the output must end in .edgecv or .edgecv.zip", "out.edgecv"),
    (("convert", "model.keras", "-o", "there.edgecv"), 2, "there.edgecv exists", "--force"),
    (("convert", "model.keras", "-o", "there.edgecv", "--force"), 2, "is no bundle", "another --output"),
    ((*CONVERT, "--preprocess", "imagenet"), 1, "unknown preprocessing 'imagenet'", "none, rescale, tf, torch, caffe"),
    ((*CONVERT, "--preprocess", "lost.toml"), 1, "lost.toml cannot be read", "docs/preprocessing.md"),
    ((*CONVERT, "--preprocess", "bad.toml"), 1, "unknown key 'kernal' in [resize]", "kernel, semantics"),
    ((*CONVERT, "--preprocess", "odd.toml"), 1, "fit.pad must be given only with mode = 'letterbox'", ""),
    ((*CONVERT, "--activation", "tanh"), 2, "Invalid value for '--activation'", "--help"),
    ((*CONVERT, "--threshold", "cat=7"), 2, "--threshold 'cat=7' is not in 0..1", "--threshold LABEL=0.4"),
    ((*CONVERT, "--labels", "lost.txt"), 1, "cannot read the labels in lost.txt", "one label a line"),
    ((*CONVERT, "--labels", "empty.txt"), 1, "empty.txt has no labels", "one label a line"),
    ((*CONVERT, "--labels", "twice.txt"), 1, "names the label 'cat' twice", ""),
    ((*CONVERT, "--labels", "gap.txt"), 1, "gap.txt has an empty line", ""),
    ((*INT8, "--calibrate", "lost"), 1, "lost does not exist", "folder of images"),
    ((*INT8, "--calibrate", "nothing"), 1, "nothing holds no images", ".jpg"),
    ((*INT8, "--calibrate", "notes.csv"), 1, "neither a folder nor an .npz file", ""),
    ((*INT8, "--calibrate", "fake.npz"), 1, "fake.npz is not a readable .npz file", "numpy.savez"),
    ((*INT8, "--calibrate", "objects.npz"), 1, "objects.npz is not a readable .npz file", "without Python objects"),
    ((*INT8, "--calibrate", "ragged.npz"), 1, "arrays of different lengths (a 3, b 4)", ""),
    ((*INT8, "--calibrate", "flat", "--evaluate", "flat"), 1, "flat has no labels", "subfolder"),
    (("convert", "lost.keras", "-p", "none"), 1, "lost.keras does not exist", "a Keras 3 .keras file"),
    (("convert", "modle.keras", "-p", "none"), 1, "modle.keras does not exist", "Did you mean model.keras, in "),
    (("convert", "lost/model.keras", "-p", "none"), 1, "model.keras does not exist", "There is no folder "),
    (("convert", "cut.keras", "-p", "none"), 1, "cut.keras is damaged", "save the model again"),
    (("convert", "empty.h5", "-p", "none"), 1, "empty.h5 is empty", "save the model again"),
    (("convert", "done.tflite", "-p", "none"), 1, "done.tflite is a TFLite model, already converted", ".keras file"),
    (("convert", "nothing", "-p", "none"), 1, "nothing is a folder without saved_model.pb", "SavedModel folder"),
    (("convert", "broken.edgecv", "-p", "none"), 1, "broken.edgecv is a bundle, already converted", ".keras file"),
    (("verify", "lost.edgecv"), 1, "lost.edgecv does not exist", "NAME.edgecv"),
    (("verify", "broken.edgecv"), 1, "is not JSON", ""),
    (("verify", "newer.edgecv"), 1, "schema version is 99", "pip install --upgrade edgecv"),
    (("verify", "notes.csv"), 1, "notes.csv is no bundle: neither a folder nor a .zip", "Give a NAME.edgecv folder"),
    (("evaluate", "flat/one.png", "flat"), 1, "is not a bundle, nor a file inside one", "edgecv convert"),
    (("inspect", "lost.onnx"), 1, "lost.onnx", ""),
    (("demo", "-o", "demo"), 2, "the output must end in .edgecv", ""),
]


@pytest.mark.parametrize(("call", "code", "message", "hint"), WRONG_CALLS, ids=range(len(WRONG_CALLS)))
def test_wrong_call_says_what_and_how_to_mend_it(place, call, code, message, hint):
    before = sorted(place.rglob("*"))
    result = edgecv(*call)
    assert message in result.message
    assert hint in result.message
    assert result.message.lstrip().startswith("error: ")
    assert "Traceback" not in result.err
    assert result.out == ""
    assert result.code == code
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize(
    ("module", "call"),
    [
        ("tensorflow", CONVERT),
        ("keras", CONVERT),
        ("tf2onnx", (*CONVERT, "-t", "onnx")),
        ("coremltools", (*CONVERT, "-t", "coreml")),
        ("sklearn", ("demo", "-o", "demo.edgecv")),
    ],
)
def test_a_missing_package_comes_with_its_install_line(place, monkeypatch, module, call):
    monkeypatch.setitem(sys.modules, module, None)
    result = edgecv(*call)
    assert result.code == 1
    assert f"error: {module} is not installed" in result.message
    assert 'hint: pip install "edgecv[convert]"' in result.message


def test_looking_into_a_model_without_tensorflow_comes_with_its_install_line(place, monkeypatch):
    """What `inspect` does in a process of its own."""
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(MissingDependencyError, match="tensorflow is not installed") as caught:
        look_into(SourceRequest(path=place / "model.keras"))
    assert caught.value.hint == 'pip install "edgecv[convert]"'


def test_a_label_in_brackets_is_printed_as_it_is(place):
    (place / "brackets.txt").write_text("[red]a[/red]\n[red]a[/red]\n")
    result = edgecv(*CONVERT, "--labels", "brackets.txt")
    assert "'[red]a[/red]'" in result.message


@pytest.mark.parametrize("command", ["convert", "demo", "inspect", "verify", "evaluate", "doctor"])
def test_help_names_the_command_and_exits_zero(command):
    result = edgecv(command, "--help")
    assert result.code == 0
    assert f"edgecv {command}" in result.out
    assert edgecv(command, "-h").out == result.out


def test_help_of_the_whole_lists_commands_and_exit_codes():
    result = edgecv("--help")
    assert result.code == 0
    for word in ("convert", "demo", "inspect", "verify", "evaluate", "doctor", "3 a parity or accuracy gate"):
        assert word in " ".join(result.out.split())


def test_version_is_the_installed_one():
    from importlib.metadata import version

    assert edgecv("--version").out == f"edgecv {version('edgecv')}\n"
