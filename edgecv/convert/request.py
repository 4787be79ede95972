"""One call of `convert`, with every option checked before anything is started."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypedDict

from edgecv_converters.authorship import Authorship
from edgecv_converters.coreml.recipes import Minimum
from edgecv_converters.data.inputs import read_input_shapes, read_labels
from edgecv_converters.isolate import GIB, WorkerLimits
from edgecv_converters.parity.gates import GateConfig
from edgecv_converters.source.beside import Beside
from edgecv_converters.target_options import known_options
from edgecv_converters.targets import DenseScales, Quantizer
from edgecv_runtime.errors import UsageError
from edgecv_runtime.preprocess import parse
from edgecv_runtime.schema import Activation, HeadKind, Preprocess

from edgecv.convert.head_options import HeadOption, check_kind, read_head_options
from edgecv.convert.recipe import DEFAULT_EPOCHS, Recipe, plan
from edgecv.given import words_of

TAKEN = frozenset(  # options that are read before a record gets them
    {"preprocess", "calibrate", "qat", "evaluate", "labels", "heads", "input_shapes", "epochs", "thresholds", "gates"}
    | {"jobs"}
)


def default_jobs() -> int:
    """One worker for each core, and two at least: the source model's mostly waits."""
    return max(2, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertRequest:
    """A request to convert: what, where to, and how carefully.

    Attributes:
        model: A .keras or .h5 file, or a SavedModel folder.
        out: The bundle to make: NAME.edgecv, or NAME.edgecv.zip.
        recipe: Targets, precisions, numbers.
        preprocess: What one picture goes through, or None where the model or its inputs say it.
        calibrate: Folder of images or .npz file that sets the int8 ranges.
        qat: Labelled folder or .npz file that the int8 model is trained on; sets the ranges where `calibrate` is None.
        evaluate: Labelled folder or .npz file for accuracy.
        labels: Class names in the order of the model's outputs.
        heads: What is said of single outputs.
        input_shapes: Static shapes for inputs with open dimensions.
        beside: What a live model says beside its graph, which its saved form does not keep.
        keep_failing: Write the bundle although a gate failed.
        keep_going: Write the bundle without the targets that did not convert.
        named: The targets that were asked for by name; what another one refuses is left out.
        named_precisions: The precisions that were asked for, of whatever target.
        limits: Time and memory of each worker.
        jobs: Workers at the same time, of which large models take fewer (see `WorkerPool`).
        explain: On how many samples it is compared where the source and each artifact look; 0 leaves it out.
    """

    model: Path
    out: Path
    recipe: Recipe
    preprocess: Preprocess | None = None
    calibrate: Path | None = None
    qat: Path | None = None
    evaluate: Path | None = None
    labels: tuple[str, ...] | None = None
    heads: tuple[HeadOption, ...] = ()
    input_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    allow_code: bool = False
    custom_objects: str | None = None
    signature: str | None = None
    beside: Beside | None = None
    force: bool = False
    keep_failing: bool = False
    keep_going: bool = False
    named: frozenset[str] = frozenset()
    named_precisions: frozenset[str] = frozenset()
    limits: WorkerLimits = field(default_factory=WorkerLimits)
    jobs: int = field(default_factory=default_jobs)
    explain: int = 0

    def __post_init__(self) -> None:
        if self.explain < 0:
            raise UsageError(f"--explain must be at least 0, got {self.explain}")
        if not self.explain and any(bar.partition("=")[0].endswith("explanation") for bar in self.recipe.gates):
            raise UsageError("--gate explanation needs maps to be compared", "Give --explain N as well")
        if self.qat is None and self.recipe.epochs is not None:
            raise UsageError("--epochs is for quantization-aware training", "Give --qat FOLDER, or leave --epochs out")
        if self.recipe.needs_calibration and self.calibrate is None and self.qat is None:
            step = next(step for step in self.recipe.steps if step.needs_calibration)
            raise UsageError(
                f"{step} needs calibration images to measure its ranges",
                "Give --calibrate FOLDER with some hundred real pictures of what the model will see",
            )
        if self.recipe.max_drop is not None and self.evaluate is None:
            raise UsageError(
                "--max-drop needs labelled samples to judge accuracy on",
                "Give --evaluate FOLDER with a subfolder for each class",
            )
        if self.jobs < 1:
            raise UsageError(f"--jobs must be at least 1, got {self.jobs}")
        GateConfig.parse(self.recipe.gates)
        self._check_limits()

    def _check_limits(self) -> None:
        """A worker that is allowed to take its time must not be ended by the limit of all workers before."""
        recipe = self.recipe
        asked = {
            "--refine-limit": recipe.refine_limit if recipe.refine else 0.0,
            "--max-drop-limit": recipe.max_drop_limit if recipe.max_drop is not None else 0.0,
        }
        for name, seconds in asked.items():
            if seconds >= self.limits.seconds:
                raise UsageError(
                    f"{name} {seconds:g} is no less than --time-limit {self.limits.seconds:g}, which ends a worker",
                    f"Give a higher --time-limit, or a lower {name}",
                )

    @property
    def name(self) -> str:
        """The bundle's name."""
        return self.out.name.removesuffix(".zip").removesuffix(".edgecv")


class ConvertOptions(TypedDict, total=False):
    """The options of `edgecv.convert` and of the command, all optional: `Recipe` and `WorkerLimits` have the defaults.

    Attributes:
        quantize: Precisions such as "int8" or "coreml:float16"; default float32, and float16 for Core ML.
        targets: The names of formats, such as "tflite"; default all but "micro".
        io: Dtype of the int8 artifacts' inputs and outputs.
        quantizer: "edgecv" (the default), or "vendor": TensorFlow's converter alone.
        refine: Distil the int8 model on the calibration samples; minutes.
        refine_limit: At most so many seconds.
        qat: Train the int8 model on this labelled folder or .npz file; minutes.
        epochs: How often its samples are seen.
        max_drop: Keep layers of int8 artifacts in float until accuracy falls by at most so many points of 100.
        max_drop_limit: At most so many seconds for it.
        strict_int8: Refuse a model with a layer that has no int8 form, in place of keeping the layer float.
        numbers: The target by whose runtime int8 artifacts are judged while they are quantized: "tflite" (the default),
            or "micro" for microcontrollers.
        dense_scales: A scale for each "channel" of a dense layer's int8 weights (the default), or one a "tensor".
        ethos_u: The Ethos-U accelerator, such as "u55-128", that the time of the micro target's int8 is estimated for.
        batch: How many samples the ONNX artifacts take at once.
        coreml_input: "tensor" (the default), or "image": the Core ML model takes pictures and normalizes them itself.
        coreml_output: "tensor" or "classifier"; by default a classifier for an image input where there are labels.
        coreml_minimum: The first system that must read the Core ML model: "iOS16", "iOS17" or "iOS18".
        coreml_compute: What Core ML's int8 computes between its integers: "float32" (the default), or "float16".
        tflite_metadata: Write into TFLite files what MediaPipe Tasks and ML Kit read, where it is exact.
        author: For the artifacts' own metadata, as are `license` and `model_version`.
        preprocess: A preset's name, a `.toml` file's path, or a `Preprocess` record.
        calibrate: A folder of images or an .npz file; needed for int8.
        samples: How many calibration samples, balanced by class.
        seed: Decides which ones.
        evaluate: A labelled folder or .npz file.
        labels: Class names in the order of the outputs, or the path of a file (one a line) or folder with them.
        task: The kind of answer, where a model with one output does not show it (`heads.kinds.KINDS`).
        heads: The kind of answer of an output, or of several, and its labels: "NAME:KIND" or "NAME:KIND=labels.txt".
        activation: What the device still applies for scores in 0..1, where the model does not show it.
        thresholds: From which score on a label holds: "0.4" for all, "LABEL=0.4" for one, with "HEAD:" in front where
            several heads have thresholds; default 0.5.
        gates: Overrides such as "int8:agreement=0.97".
        keep_failing: Write the bundle although a gate failed.
        keep_going: Write the bundle without the targets that did not convert.
        input_shapes: Static shapes (1, H, W, C) by input name, for open dimensions; or "NAME=1,224,224,3" texts.
        allow_code: Load models that carry Python code, which then runs.
        custom_objects: The module that defines the model's own layers.
        signature: The signature or function of a SavedModel to take; by default the one that serves.
        time_limit: Seconds for each converter.
        memory_limit: GiB for each converter; 80 % of the machine's by default.
        jobs: Worker processes at the same time; by default as many as the machine has cores, and two at least.
        explain: Compare on so many samples where the source and each artifact look.
        force: Replace an existing bundle.
    """

    quantize: str | Sequence[str]
    targets: Sequence[str]
    io: Literal["float32", "int8", "uint8"]
    quantizer: Quantizer
    refine: bool
    refine_limit: float
    qat: str | Path | None
    epochs: int | None
    max_drop: float | None
    max_drop_limit: float
    strict_int8: bool
    numbers: str
    dense_scales: DenseScales
    ethos_u: str | None
    batch: int
    coreml_input: Literal["tensor", "image"]
    coreml_output: Literal["tensor", "classifier"] | None
    coreml_minimum: Minimum | None
    coreml_compute: Literal["float32", "float16"]
    tflite_metadata: bool
    author: str | None
    license: str | None
    model_version: str | None
    preprocess: str | Preprocess | None
    calibrate: str | Path | None
    samples: int
    seed: int
    evaluate: str | Path | None
    labels: str | Path | Sequence[str] | None
    task: HeadKind | None
    heads: Sequence[str]
    activation: Activation | None
    thresholds: Sequence[str]
    gates: Sequence[str]
    keep_failing: bool
    keep_going: bool
    input_shapes: Mapping[str, tuple[int, ...]] | Sequence[str]
    allow_code: bool
    custom_objects: str | None
    signature: str | None
    time_limit: float
    memory_limit: float | None
    jobs: int | None
    explain: int
    force: bool


def from_options(model: Path, out: Path, options: ConvertOptions) -> ConvertRequest:
    """Read and check every option.

    Raises:
        EdgecvError: An option is wrong; the message names it.
    """
    quantize, shapes = options.get("quantize") or (), options.get("input_shapes") or ()
    preprocess, labels = options.get("preprocess"), options.get("labels")
    heads, jobs = read_head_options(options.get("heads") or ()), options.get("jobs")
    return ConvertRequest(
        model=model,
        out=out,
        recipe=_recipe(options, [quantize] if isinstance(quantize, str) else quantize, heads),
        preprocess=parse(preprocess) if isinstance(preprocess, str) else preprocess,
        calibrate=_path(options.get("calibrate")),
        qat=_path(options.get("qat")),
        evaluate=_path(options.get("evaluate")),
        heads=heads,
        labels=read_labels(_given(labels)) if isinstance(labels, str | Path) else _tuple(labels),
        input_shapes=shapes if isinstance(shapes, Mapping) else read_input_shapes(shapes),
        named=frozenset((*words_of(options.get("targets") or ()), *(p for p, colon, _ in _asked(quantize) if colon))),
        named_precisions=frozenset(name for _, colon, name in _asked(quantize) if not colon),
        limits=limits(options.get("time_limit", WorkerLimits().seconds), options.get("memory_limit")),
        jobs=default_jobs() if jobs is None else jobs,
        **_only(options, ConvertRequest.__dataclass_fields__, TAKEN),
    )


def _recipe(options: ConvertOptions, quantize: Sequence[str], heads: Sequence[HeadOption]) -> Recipe:
    task = options.get("task")
    if task is not None:
        check_kind(task, "--task")
    own = {target: record.read(options) for target, record in known_options().items()}
    return Recipe(
        heads=tuple(str(head) for head in heads),
        steps=plan(quantize, options.get("targets") or ()),
        epochs=_epochs(options),
        thresholds=tuple(options.get("thresholds") or ()),
        gates=tuple(options.get("gates") or ()),
        authorship=_authorship(options),
        options={target: asked for target, asked in own.items() if asked.given()},
        **_only(options, Recipe.__struct_fields__, TAKEN),
    )


def _asked(quantize: str | Sequence[str]) -> list[tuple[str, str, str]]:
    """The parts of each "TARGET:PRECISION", the target and the colon empty where none was given."""
    return [item.rpartition(":") for item in words_of([quantize] if isinstance(quantize, str) else quantize)]


def _only(options: ConvertOptions, names: Iterable[str], but: Collection[str]) -> dict[str, Any]:
    """The options that a record takes as they are; where one is not given, the record has its default."""
    return {name: value for name, value in options.items() if name in names and name not in but}


def _authorship(options: ConvertOptions) -> Authorship:
    return Authorship(
        author=options.get("author"), license=options.get("license"), version=options.get("model_version")
    )


def _epochs(options: ConvertOptions) -> int | None:
    given = options.get("epochs")
    return DEFAULT_EPOCHS if given is None and options.get("qat") is not None else given


def _path(value: str | Path | None) -> Path | None:
    return None if value is None else _given(value)


def _given(value: str | Path) -> Path:
    if value == "":
        raise UsageError("a path cannot be empty", 'Write "." for the current directory')
    return Path(value)


def _tuple(values: Sequence[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def limits(seconds: float, gib: float | None) -> WorkerLimits:
    """Read what each worker may use; by default 80 % of the machine's memory.

    Raises:
        UsageError: A limit is not positive.
    """
    if not seconds > 0:
        raise UsageError(f"--time-limit must be positive, got {seconds:g}")
    if gib is not None and not gib > 0:
        raise UsageError(f"--memory-limit must be positive, got {gib:g}")
    return WorkerLimits.of_machine(seconds) if gib is None else WorkerLimits(seconds=seconds, memory=int(gib * GIB))
