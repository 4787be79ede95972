"""Convert a trained Keras model to TFLite and ONNX in int8, and print the proof of every file.

    python examples/convert_and_prove.py model.keras photos/ test/ model.edgecv

photos/ holds pictures like those that the model will see: they set the ranges of int8. test/ has a subfolder of
pictures for each class: the accuracy of every file is measured on them.
"""

from __future__ import annotations

import argparse

import edgecv


def main() -> int:
    """Convert, print, and return the exit code: 3 where a file is too far from the model."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "photos", "test", "out"):
        parser.add_argument(name)
    given = parser.parse_args()

    outcome = edgecv.convert(
        given.model,
        given.out,
        quantize="int8",
        targets=["tflite", "onnx"],
        preprocess="rescale",  # bytes become x / 255, as this model was trained
        calibrate=given.photos,
        evaluate=given.test,
        keep_failing=True,  # so that the proof can be read below; without it a failed gate raises GateError
    )
    for proof in outcome.manifest.parity:
        print(f"{proof.artifact}: {proof.status} ({proof.how})")
        for gate in proof.gates:
            value = "not measured" if gate.value is None else f"{gate.value:.4g}"
            print(f"  {gate.name}: {value} on the {gate.on} samples, the gate is {gate.limit:g}")
    return 3 if outcome.failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
