"""`edgecv.convert`: the command of the same name, from Python, for a file or a live model."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgecv_runtime.schema import Preprocess, Task

from edgecv.pipeline import Outcome
from edgecv.pipeline import convert as run
from edgecv.recipe import Recipe, plan
from edgecv.request import Request, limits, read_preprocess
from edgecv.summary import NOT_KEPT, raise_for_gates

if TYPE_CHECKING:
    import keras


def convert(
    model: str | Path | keras.Model,
    out: str | Path,
    *,
    quantize: str | Sequence[str] = (),
    targets: Sequence[str] = (),
    preprocess: str | Preprocess | None = None,
    calibrate: str | Path | None = None,
    evaluate: str | Path | None = None,
    labels: Sequence[str] | None = None,
    samples: int = 200,
    seed: int = 0,
    io: Literal["float32", "int8", "uint8"] = "float32",
    task: Task | None = None,
    input_shapes: Mapping[str, tuple[int, ...]] | None = None,
    gates: Sequence[str] = (),
    keep_failing: bool = False,
    keep_going: bool = False,
    force: bool = False,
    allow_code: bool = False,
    custom_objects: str | None = None,
) -> Outcome:
    """Convert a trained model for all targets, and prove that they give its answers.

    Args:
        model: A `.keras` or `.h5` file, a SavedModel folder, or a live `keras.Model`.
        out: The bundle to make, NAME.edgecv or NAME.edgecv.zip.
        quantize: Precisions such as "int8" or "coreml:float16"; default float32, and float16 for Core ML.
        targets: Of "tflite", "onnx", "coreml"; default all.
        preprocess: A preset's name, a `.toml` file's path, or a `Preprocess` record.
        calibrate: A folder of images or an .npz file; needed for int8.
        evaluate: A labelled folder or .npz file.
        labels: Class names in the order of the outputs.
        samples: How many calibration samples, balanced by class.
        seed: Decides which ones.
        io: Dtype of the int8 artifacts' inputs and outputs.
        task: What the outputs mean, where the model does not show it.
        input_shapes: Static shapes (1, H, W, C) by input name, for open dimensions.
        gates: Overrides such as "int8:agreement=0.97".
        keep_failing: Write the bundle although a gate failed, and raise nothing.
        keep_going: Write the bundle without the targets that did not convert.
        force: Replace an existing bundle.
        allow_code: Load models that carry Python code, which then runs.
        custom_objects: The module that defines the model's own layers.

    Returns:
        The manifest and the report, as they lie in the bundle.

    Raises:
        GateError: An artifact is too far from the source, and `keep_failing` is False.
        EdgecvError: Anything else that can be mended.
    """
    with tempfile.TemporaryDirectory(prefix="edgecv-") as scratch:
        request = Request(
            model=Path(model) if isinstance(model, str | Path) else _saved(model, Path(scratch)),
            out=Path(out),
            recipe=Recipe(
                steps=plan([quantize] if isinstance(quantize, str) else quantize, targets),
                io=io,
                samples=samples,
                seed=seed,
                task=task,
                gates=tuple(gates),
            ),
            preprocess=read_preprocess(preprocess) if isinstance(preprocess, str) else preprocess,
            calibrate=Path(calibrate) if calibrate is not None else None,
            evaluate=Path(evaluate) if evaluate is not None else None,
            labels=tuple(labels) if labels is not None else None,
            input_shapes=input_shapes or {},
            allow_code=allow_code,
            custom_objects=custom_objects,
            force=force,
            keep_failing=keep_failing,
            keep_going=keep_going,
            limits=limits(1800, None),
        )
        outcome = run(request)
    if not keep_failing:
        raise_for_gates(outcome.failed, NOT_KEPT)
    return outcome


def _saved(model: object, folder: Path) -> Path:
    from edgecv_converters.source import save_live

    return save_live(model, folder)
