"""Time int8 convolutions of few channels in ONNX Runtime: as they are, of a fourth channel, of columns as channels.

`python -m benchmarks.few_channels [--rounds N] [--output FILE]`: one convolution of a quantized picture, one thread,
the three forms in turn in each round. The passes are those of the int8 ONNX target, and each form gives the same bits.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from edgecv_converters.onnx.canonical import canonical
from edgecv_converters.onnx.float import OPSET
from edgecv_converters.onnx.int8.pass_runner import run_passes
from edgecv_converters.onnx.int8.passes.four_channels import FOUR_CHANNELS
from edgecv_converters.onnx.int8.passes.space_to_depth import SPACE_TO_DEPTH
from edgecv_runtime.ort import onnxruntime, session_options

from benchmarks.interleave import Times, by_name
from edgecv.machine import machine_line, versions

RESULTS = Path(__file__).resolve().parent / "results" / "few_channels.json"
FORMS: Mapping[str, Sequence[Any]] = {
    "as it is": (),
    "with a fourth channel": (FOUR_CHANNELS,),
    "columns as channels": (SPACE_TO_DEPTH,),
}
# height and width, channels, kernel, step, zeros on each side, channels that come out
CASES: Mapping[str, tuple[int, int, int, int, tuple[int, int], int]] = {
    "MobileNetV2 at 96 x 96": (96, 3, 3, 2, (0, 1), 32),
    "ResNet50 at 224 x 224": (224, 3, 7, 2, (3, 3), 64),
    "VGG16 at 224 x 224": (224, 3, 3, 1, (1, 1), 64),
    "ResNet8 at 32 x 32": (32, 3, 3, 1, (1, 1), 16),
    "digits of 28 x 28": (28, 1, 3, 1, (1, 1), 32),
    "a gray picture of 96 x 96": (96, 1, 3, 2, (0, 1), 8),
    "a picture as answer, 128 x 128": (128, 16, 3, 1, (1, 1), 3),
    "a mask as answer, 64 x 64": (64, 16, 1, 1, (0, 0), 1),
    "a picture from a picture, 128 x 128": (128, 3, 3, 1, (1, 1), 3),
    "a pruned layer, 64 x 64": (64, 10, 3, 1, (1, 1), 20),
}


def convolution(case: tuple[int, int, int, int, tuple[int, int], int]) -> tuple[Any, np.ndarray]:
    """One quantized convolution with channels last on both sides, and an input for it."""
    from onnx import TensorProto, helper, numpy_helper

    size, channels, kernel, step, (before, after), units = case
    rng = np.random.default_rng(0)
    scales = rng.uniform(0.002, 0.004, units).astype(np.float32)
    given = (size + before + after - kernel) // step + 1
    constants = {
        "s": np.float32(1 / 64),
        "z": np.uint8(128),
        "s2": np.float32(0.05),
        "w": rng.integers(-127, 128, (units, channels, kernel, kernel)).astype(np.int8),
        "ws": scales,
        "wz": np.zeros(units, np.int8),
        "b": rng.integers(-900, 900, units).astype(np.int32),
        "bs": scales / np.float32(64),
        "bz": np.zeros(units, np.int32),
    }
    steps = {"kernel_shape": [kernel] * 2, "strides": [step] * 2, "pads": [before, before, after, after]}
    nodes: list[tuple[str, str, str, dict[str, Any]]] = [
        ("QuantizeLinear", "x s z", "q", {}),
        ("Transpose", "q", "t", {"perm": [0, 3, 1, 2]}),
        ("DequantizeLinear", "t s z", "d", {}),
        ("DequantizeLinear", "w ws wz", "wd", {"axis": 0}),
        ("DequantizeLinear", "b bs bz", "bd", {"axis": 0}),
        ("Conv", "d wd bd", "c", steps),
        ("QuantizeLinear", "c s2 z", "cq", {}),
        ("Transpose", "cq", "y", {"perm": [0, 2, 3, 1]}),
    ]
    graph = helper.make_graph(
        [helper.make_node(kind, taken.split(), [made], name=made, **more) for kind, taken, made, more in nodes],
        "convolution",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, size, size, channels])],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, [1, given, given, units])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = canonical(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)]), opset=OPSET)
    return model, rng.uniform(-2, 2, (1, size, size, channels)).astype(np.float32)


def timed(name: str, rounds: int) -> dict[str, Times]:
    """Microseconds of each form of a case by its name; a form that leaves the model as it is is left out."""
    model, sample = convolution(CASES[name])
    models = {form: run_passes(model, passes) for form, passes in FORMS.items()}
    kept = {form: made for form, made in models.items() if form == "as it is" or made != run_passes(model, ())}
    ways, answers = {}, []
    for form, made in kept.items():
        session = onnxruntime().InferenceSession(
            made.SerializeToString(), session_options(1), providers=["CPUExecutionProvider"]
        )
        ways[form] = partial(session.run, None, {"x": sample})
        answers.append(ways[form]()[0])
    for answer in answers:
        np.testing.assert_array_equal(answer, answers[0])
    return by_name(ways, rounds=rounds, turn=15)


def main() -> None:
    """Time all cases, print the table of docs/onnx_int8.md, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    rows = {}
    print("| | " + " | ".join(FORMS) + " |\n|---|" + "---|" * len(FORMS))
    for name in CASES:
        found = {form: round(float(np.median(times)), 1) for form, times in timed(name, options.rounds).items()}
        rows[name] = found
        size, channels, kernel, step, _, units = CASES[name]
        steps = f" with steps of {step}" if step > 1 else ""
        cells = [f"{found[form]:.0f} µs" if form in found else "" for form in FORMS]
        shape = f"{size} x {size} x {channels}, {kernel} x {kernel}{steps}, to {units}"
        print(f"| {name}: {shape} | " + " | ".join(cells) + " |", flush=True)
    result = {"machine": machine_line(), "versions": versions(), "rounds": options.rounds, "microseconds": rows}
    options.output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
