"""`edgecv export micro`: what is written compiles, passes its own self-test, finds faults, and is refused in words."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from edgecv_converters.tflite.describe import load
from edgecv_converters.tflite.write import packed
from edgecv_runtime.bundle import Bundle, encode_manifest
from edgecv_runtime.errors import BundleError, SpecError, UsageError
from edgecv_runtime.schema import Preprocess, Resize

import edgecv
from edgecv.export.micro.camera import FORMATS, check_camera, parse_camera
from edgecv.export.micro.layouts import LAYOUTS, PACKAGED, PARTS
from edgecv.export.micro.model import methods_of
from edgecv.export.micro.text import comment, quoted
from tests import bundles
from tests.command import edgecv as command
from tests.micro import compiler, vectors

ROOT = Path(__file__).parents[2]

STUBS = compiler.LIBRARY.parents[1] / "tests" / "micro" / "stubs"
CAMERAS = {"cmake": None, "arduino": "160x120:rgb565be", "esp-idf": "96x64:yuyv", "zephyr": "48x40:gray8"}
TENSORS = """#include "model/edgecv_model.h"
#include <stdio.h>
int main(void)
{
    static uint8_t tensor[EDGECV_TENSOR_BYTES], scratch[EDGECV_SCRATCH_BYTES];
    uint16_t i;
    for (i = 0; i < edgecv_model_self_test.case_count; i++) {
        edgecv_preprocess(&edgecv_model_plan, edgecv_model_self_test.cases[i].frame, tensor, scratch);
        fwrite(tensor, 1, sizeof tensor, stdout);
    }
    return 0;
}
"""


@pytest.fixture(scope="module")
def bundle(people_model, people_data, tmp_path_factory):
    """Two heads, numbers and yes or no, in int8 for TensorFlow Lite Micro."""
    pytest.importorskip("tflite_micro")
    out = tmp_path_factory.mktemp("micro") / "people.edgecv"
    result = command(
        *("convert", people_model, "-o", out, "-p", "rescale", "-q", "int8", "-t", "micro"),
        *(
            "--calibrate",
            people_data / "test",
            "--head",
            f"gender:binary={people_data / 'labels.txt'}",
            *("--keep-failing", "--quantizer", "vendor"),
        ),
    )
    assert (out / "bundle.json").is_file(), result.err
    return out


@pytest.fixture(scope="module")
def exports(bundle, tmp_path_factory):
    """An export in each layout, each from a camera of another kind."""
    folder = tmp_path_factory.mktemp("exports")
    return {
        name: edgecv.export_micro(bundle, folder / name, layout=name, camera=camera) for name, camera in CAMERAS.items()
    }


def base(made):
    return made.folder / LAYOUTS[made.layout].base


def host_build(made, program, *more):
    """The self-test without the interpreter."""
    own = base(made)
    sources = [made.folder / "host/self_test.c", *sorted((own / "model").glob("*.c"))]
    compiler.run(
        *(compiler.compiler(), *compiler.STRICT, *more, f"-I{own}", *sources),
        *(*sorted((own / "edgecv").glob("*.c")), "-lm", "-o", program),
    )
    return program


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_self_test_passes_on_a_computer(exports, layout, tmp_path):
    sanitizers = compiler.SANITIZED if layout == "arduino" else ()
    printed = compiler.run(host_build(exports[layout], tmp_path / "self_test", *sanitizers))
    cases = exports[layout].cases
    assert printed.count(": passed (0 wrong)") == 2 * len(cases) > 0
    assert printed.endswith("self-test without the interpreter: 0 parts failed\n")


def test_make_runs_it_as_the_readme_says(exports):
    compiler.compiler("make")
    assert "0 parts failed" in compiler.run("make", "-C", exports["arduino"].folder / "host", "CC=gcc")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_cpp_of_every_layout_is_well_formed(exports, layout):
    """Its syntax and types alone, against small declarations of what it includes: no build system is here."""
    made, own = exports[layout], base(exports[layout])
    main = next(path for path in (*made.folder.glob("*.ino"), *made.folder.glob("*.cpp"), *own.glob("*.cpp")))
    assert main.suffix != ".ino" or main.stem == made.folder.name
    flags = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{own}", f"-I{made.folder}", f"-I{STUBS}")
    compiler.run(compiler.compiler("g++"), *flags, "-x", "c++", main, own / "tflm/edgecv_tflm.cpp")


def test_the_example_answers_where_an_interpreter_gives_the_recorded_outputs(exports, tmp_path):
    made = exports["cmake"]
    parts = [*base(made).glob("edgecv/*.c"), *base(made).glob("model/*.c"), *base(made).glob("tflm/*.c")]
    flags = ("-g", *compiler.SANITIZED, f"-I{base(made)}")
    objects = [tmp_path / f"{part.stem}.o" for part in parts]
    for part, made_of in zip(parts, objects, strict=True):
        compiler.run(compiler.compiler(), *compiler.STRICT, *flags, "-c", part, "-o", made_of)
    cpp = (made.folder / "main.cpp", base(made) / "tflm/edgecv_tflm.cpp")
    program = tmp_path / "example"
    compiler.run(
        *(compiler.compiler("g++"), "-std=c++17", "-Wall", "-Wextra", "-Werror", *flags, f"-I{STUBS}"),
        *(*cpp, *objects, "-o", program),
    )
    printed = compiler.run(program).splitlines()
    assert [line for line in printed if "FAILED" in line] == []
    assert sum(line.endswith("decisions: passed (0 wrong)") for line in printed) == len(made.cases)
    answers = printed[-2 * len(made.cases) :]
    assert all(re.fullmatch(r"age: 0 \d+/1000|gender: (fe)?male \d+/1000 (fe)?male \d+/1000", line) for line in answers)


def test_cmake_builds_its_layout_and_runs_the_self_test(exports, tmp_path):
    """With the declarations in place of TensorFlow Lite Micro, so the example is built and run, too."""
    cmake, build = compiler.compiler("cmake"), tmp_path / "build"
    library = tmp_path / "libnothing.a"
    library.write_bytes(b"!<arch>\n")
    given = (f"-DTFLM_DIR={STUBS}", f"-DTFLM_LIBRARY={library}")
    compiler.run(cmake, "-S", exports["cmake"].folder, "-B", build, *given)
    compiler.run(cmake, "--build", build)
    assert "100% tests passed" in compiler.run(compiler.compiler("ctest"), "--test-dir", build)
    assert "self-test: 0 parts failed" in compiler.run(build / "example")


def test_tflm_gives_the_recorded_outputs_for_the_tensors_of_c(bundle, exports, tmp_path):
    from edgecv_runtime.backends.tflm_interpreter import TFLMInterpreter

    from edgecv.export.micro.text import wrapped

    made, own = exports["esp-idf"], base(exports["esp-idf"])
    (tmp_path / "tensors.c").write_text(TENSORS)
    sources = (*own.glob("model/*.c"), *own.glob("edgecv/*.c"))
    compiler.run(
        *(compiler.compiler(), *compiler.STRICT, f"-I{own}", tmp_path / "tensors.c", *sources, "-lm"),
        *("-o", tmp_path / "tensors"),
    )
    with Bundle.load(bundle) as opened:
        artifact = opened.manifest.artifacts[0]
        interpreter = TFLMInterpreter(opened.path(artifact).read_bytes())
    tensors = np.frombuffer(vectors.output_of(tmp_path / "tensors"), np.int8)
    recorded = (own / "model/edgecv_model_cases.c").read_text()
    for place, tensor in enumerate(tensors.reshape(len(made.cases), *artifact.inputs[0].shape)):
        for which, output in enumerate(interpreter.run([tensor])):
            name = f"case_{place}_output_{which}[{output.size}] = {{"
            assert f"{name}\n{wrapped(map(str, output.view(np.uint8).reshape(-1)))}\n" in recorded


@pytest.mark.parametrize(
    ("file", "right", "fault", "part"),
    [
        ("edgecv/edgecv_camera.c", "<< 8, line", "<< 7, line", "tensor"),
        (
            "model/edgecv_model_plan.c",
            ".scaler = edgecv_scale_across_first",
            ".scaler = edgecv_scale_nearest",
            "tensor",
        ),
        ("model/edgecv_model_heads.c", ".output = 0", ".output = 1", "heads"),
        ("model/edgecv_model_heads.c", ".activate = NULL", ".activate = edgecv_sigmoid", "heads"),
    ],
)
def test_the_self_test_finds_a_fault(exports, tmp_path, file, right, fault, part):
    made = exports["arduino"]
    broken = replace(made, folder=shutil.copytree(made.folder, tmp_path / "arduino"))
    source = base(broken) / file
    text = source.read_text()
    assert right in text
    source.write_text(text.replace(right, fault))
    done = subprocess.run([host_build(broken, tmp_path / "broken")], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.search(rf" {part}: FAILED \([1-9]\d* wrong\)", done.stdout)


def test_an_earlier_export_keeps_what_is_its_owner_s(bundle, tmp_path):
    made = edgecv.export_micro(bundle, tmp_path / "mine", layout="zephyr")
    (made.folder / "src/main.cpp").write_text("// mine")
    with pytest.raises(UsageError, match="mine exists"):
        edgecv.export_micro(bundle, made.folder, layout="zephyr")
    again = edgecv.export_micro(bundle, made.folder, layout="zephyr", camera="64x48:uyvy", force=True)
    assert again.kept
    assert (made.folder / "src/main.cpp").read_text() == "// mine"
    assert "#define EDGECV_FRAME_BYTES 6144" in (made.folder / "src/model/edgecv_model.h").read_text()
    assert "6,144 bytes" in (made.folder / "README.md").read_text()
    with pytest.raises(UsageError, match="is no export for Arduino"):
        edgecv.export_micro(bundle, made.folder, layout="arduino", force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_command_says_what_it_takes_and_what_is_left(bundle, tmp_path):
    done = command("export", "micro", bundle, tmp_path / "app", "--esp-idf", "--camera", "96x96:gray8")
    assert done.code == 0, done.err
    assert "camera:    96x96:gray8, 9,216 bytes a frame" in done.out
    assert "idf.py build" in done.out
    assert "Not compiled here for a board" in done.out
    said = json.loads(command("export", "micro", bundle, tmp_path / "two", "--json").out)
    assert (said["layout"], said["kept"], len(said["cases"])) == ("cmake", False, 4)
    assert command("export", "micro", bundle, tmp_path / "x", "--arduino", "--cmake").code == 2


def test_a_bundle_without_the_artifact_says_how_to_make_one(tmp_path):
    bundles.write_bundle(tmp_path / "colours.edgecv")
    done = command("export", "micro", tmp_path / "colours.edgecv", tmp_path / "app")
    assert done.code == 1
    assert "has no int8 artifact for micro, it has onnx:float32, onnx:int8" in done.message
    assert "edgecv convert MODEL --target micro --quantize int8 --calibrate DATA" in done.message
    assert not (tmp_path / "app").exists()


def rewritten(bundle, folder, **changed):
    """A copy of a bundle whose manifest says other things."""
    copy = shutil.copytree(bundle, folder / "other.edgecv")
    with Bundle.load(copy) as opened:
        manifest = msgspec.structs.replace(opened.manifest, **changed)
    (copy / "bundle.json").write_bytes(encode_manifest(manifest))
    return copy


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"resize": Resize(kernel="lanczos", semantics="tf")}, "TensorFlow's lanczos, and the C library has"),
        ({"kind": "tensor", "size": None, "color": "rgb"}, "is a tensor, and the C library prepares pictures only"),
    ],
)
def test_a_preprocessing_that_c_does_not_do_is_refused(bundle, tmp_path, changed, said):
    with Bundle.load(bundle) as opened:
        preprocess = {
            name: msgspec.structs.replace(Preprocess() if "kind" in changed else spec, **changed)
            for name, spec in opened.manifest.preprocess.items()
        }
    copy = rewritten(bundle, tmp_path, preprocess=preprocess)
    with pytest.raises(SpecError, match=said):
        edgecv.export_micro(copy, tmp_path / "app")
    assert [path.name for path in tmp_path.iterdir()] == ["other.edgecv"]


@pytest.mark.parametrize(
    "changed",
    [
        {"ops": {"CONV_2D(); system": 1}},
        {"ops": {}},
        {"requires": {}},
        {"requires": {"arena_bytes": "1"}},
        {"requires": {"arena_bytes": "9999999999"}},
    ],
)
def test_operators_and_memory_are_the_file_s_own_whatever_the_manifest_says(bundle, exports, tmp_path, changed):
    with Bundle.load(bundle) as opened:
        artifact = msgspec.structs.replace(opened.manifest.artifacts[0], **changed)
    made = edgecv.export_micro(rewritten(bundle, tmp_path, artifacts=(artifact,)), tmp_path / "app")
    assert (made.operators, made.arena_bytes) == (exports["cmake"].operators, exports["cmake"].arena_bytes)


def test_an_operator_of_a_stranger_does_not_become_source_code(bundle):
    with Bundle.load(bundle) as opened:
        model = load(opened.path(opened.manifest.artifacts[0]).read_bytes())
    for code in model.operatorCodes:
        code.customCode = "CONV_2D(); system"
    with pytest.raises(BundleError, match=r"has the operator 'CONV_2D\(\); system'"):
        methods_of(packed(model))


def test_words_of_a_stranger_are_strings_and_comments_of_c():
    assert quoted('a"b\\n\né') == '"a\\042b\\134n\\012\\303\\251"'
    assert comment("*/ int x;\n /*/*") == "/* * / int x;\\n / * / * */"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("160x120:rgb", "is no camera"),
        ("160", "is no camera"),
        ("0x9", "is no camera"),
        ("5000x1000:rgb888", "has 15,000,000 bytes, more than the 4,194,304"),
        ("161x120:uyvy", "odd width"),
    ],
)
def test_what_is_no_camera_is_refused(text, said):
    with pytest.raises(UsageError, match=said) as caught:
        check_camera(parse_camera(text))
    assert caught.value.hint


def test_the_help_names_every_format():
    done = command("export", "micro", "--help")
    assert all(name in done.out for name in FORMATS)
    assert str(parse_camera("160x120")) == "160x120:rgb888"


def test_the_wheel_holds_what_an_export_copies():
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    wanted = {f"micro_demo/{part}": f"edgecv/{PACKAGED}/{part}" for part in PARTS}
    assert build["wheel"]["force-include"].items() >= wanted.items()
