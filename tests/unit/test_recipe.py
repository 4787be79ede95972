"""What `--quantize` and `--target` ask for."""

import pytest
from edgecv_runtime import formats
from edgecv_runtime.errors import UsageError
from hypothesis import given
from hypothesis import strategies as st

from edgecv.convert.recipe import ArtifactSpec, Recipe, plan, targets

TARGETS = targets()
USUAL = [name for name, target in TARGETS.items() if not target.format.experimental]
KNOWN = [(target, precision) for target in TARGETS for precision in TARGETS[target].precisions]
NAMES = sorted({precision for _, precision in KNOWN})


def made(quantize=(), targets=()):
    return [str(step) for step in plan(quantize, targets)]


@pytest.mark.parametrize(
    ("quantize", "targets", "steps"),
    [
        ([], [], [f"{name} {TARGETS[name].default_precision}" for name in USUAL]),
        ([], ["onnx", "coreml"], ["onnx float32", "coreml float16"]),
        ([], ["coreml"], ["coreml float16"]),
        ([], ["coreml, tflite"], ["tflite float32", "coreml float16"]),
        (["int8"], [], [f"{name} int8" for name in USUAL if "int8" in TARGETS[name].precisions]),
        (["int8"], ["onnx"], ["onnx int8"]),
        (["int16x8"], [], ["tflite int16x8"]),
        (["dynamic"], [], ["tflite dynamic"]),
        (["tflite:int8"], [], ["tflite int8"]),
        (["float32,int8"], ["tflite"], ["tflite float32", "tflite int8"]),
        (["int8", "float32"], ["tflite"], ["tflite float32", "tflite int8"]),
        (["int8", "tflite:int8"], ["tflite"], ["tflite int8"]),
        ([" int8 , ,"], ["onnx,"], ["onnx int8"]),
        (["coreml:float16", "int16x8"], [], ["tflite int16x8", "coreml float16"]),
    ],
)
def test_plan(quantize, targets, steps):
    assert made(quantize, targets) == steps


@pytest.mark.parametrize(
    ("quantize", "targets", "words"),
    [
        (["int4"], [], "unknown precision 'int4'"),
        (["INT8"], [], "unknown precision 'INT8'"),
        (["tflite:"], [], "unknown precision ''"),
        (["tensorrt:int8"], [], "unknown target 'tensorrt'"),
        ([], ["tensorrt"], "unknown target 'tensorrt'"),
        (["int8"], ["onnx,tf"], "unknown target 'tf'"),
        (["onnx:int16x8"], [], "onnx has no int16x8"),
        (["coreml:dynamic"], [], "coreml has no dynamic"),
        (["dynamic"], ["tflite", "onnx"], "onnx has no dynamic"),
        (["int16x8"], ["coreml"], "coreml has no int16x8"),
    ],
)
def test_what_cannot_be_planned(quantize, targets, words):
    with pytest.raises(UsageError, match=words) as caught:
        plan(quantize, targets)
    assert caught.value.hint
    assert caught.value.exit_code == 2


@given(
    asked=st.lists(st.sampled_from([*NAMES, *(f"{t}:{p}" for t, p in KNOWN)]), max_size=6),
    targets=st.lists(st.sampled_from(list(TARGETS)), max_size=3),
)
def test_every_plan_is_ordered_distinct_and_what_was_asked_for(asked, targets):
    try:
        steps = plan(asked, targets)
    except UsageError:
        chosen = set(targets)
        assert any(name not in TARGETS[target].precisions for name in asked for target in chosen)
        return
    pairs = [(step.target, step.precision) for step in steps]
    assert pairs == [pair for pair in KNOWN if pair in pairs]
    chosen = set(targets or USUAL)
    if asked:
        wanted = {(t, p) for t, p in KNOWN if f"{t}:{p}" in asked or (p in asked and t in chosen)}
    else:
        wanted = {(target, TARGETS[target].default_precision) for target in chosen}
    assert set(pairs) == wanted
    assert plan([",".join(reversed(asked))], targets) == steps


@pytest.mark.parametrize(("target", "precision"), KNOWN)
def test_files_and_calibration(target, precision):
    step = ArtifactSpec(target=target, precision=precision)
    assert step.file == f"{target}/model.{precision}{formats.find(target).suffix}"
    assert step.needs_calibration == (precision in {"int8", "int16x8"})
    assert Recipe(steps=(step,)).needs_calibration == step.needs_calibration


@pytest.mark.parametrize("samples", [0, -1, 100_001])
def test_samples_have_limits(samples):
    with pytest.raises(UsageError, match=rf"--samples must be 1 to 100000, got {samples}"):
        Recipe(steps=plan([], []), samples=samples)


def test_integer_io_needs_int8():
    with pytest.raises(UsageError, match="--io uint8 needs an int8 artifact"):
        Recipe(steps=plan(["float16"], []), io="uint8")
    with pytest.raises(UsageError, match="--io int8 needs an int8 artifact for TFLite or ONNX"):
        Recipe(steps=plan(["coreml:int8"], []), io="int8")
    assert Recipe(steps=plan(["float16,int8"], []), io="uint8").io == "uint8"


INT8 = plan(["int8"], ["tflite"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": plan(["float32"], []), "refine": True}, "--refine needs an int8 artifact"),
        ({"steps": plan(["palette8"], []), "refine": True}, "--refine needs an int8 artifact"),
        ({"steps": INT8, "refine": True, "quantizer": "vendor"}, "--refine is a part of edgecv's own quantizer"),
        ({"steps": INT8, "refine": True, "refine_limit": 0.0}, "--refine-limit must be positive, got 0"),
    ],
)
def test_a_refinement_that_cannot_be_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        Recipe(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": plan(["float32"], [])}, "--qat needs an int8 artifact"),
        ({"steps": plan(["weights8"], [])}, "--qat needs an int8 artifact"),
        ({"steps": INT8, "quantizer": "vendor"}, "--qat is a part of edgecv's own quantizer"),
        ({"steps": INT8, "refine": True}, "--qat and --refine exclude each other"),
        ({"steps": INT8, "max_drop": 1.0}, "--qat and --max-drop exclude each other"),
        ({"steps": INT8, "epochs": 0}, "--epochs must be 1 to 1000, got 0"),
    ],
)
def test_a_training_that_cannot_be_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        Recipe(**{"epochs": 2, **options})


def test_a_refinement_is_part_of_the_recipe():
    assert Recipe(steps=INT8, refine=True).refine_limit == 540
    assert Recipe(steps=INT8).quantizer == "edgecv"
