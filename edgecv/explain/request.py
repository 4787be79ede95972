"""One call of `explain`, with every option checked before anything is started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypedDict

from edgecv_converters.explain.insides import InsideOrder
from edgecv_converters.explain.settings import Baseline, ExplainSettings, find_method
from edgecv_runtime.errors import UsageError
from edgecv_runtime.schema import Preprocess

MOST_PICTURES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """The options that describe a trained model; the names are those of `ConvertOptions`."""

    preprocess: str | Preprocess | None = None
    labels: str | Path | Sequence[str] | None = None
    input_shapes: Mapping[str, tuple[int, ...]] | Sequence[str] = ()
    allow_code: bool = False
    custom_objects: str | None = None
    signature: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainRequest:
    """A request to explain answers.

    Attributes:
        path: A trained model, or a bundle.
        methods: The names of methods; none stands for Grad-CAM on a model, and for occlusion on a bundle.
        head: The head whose answer is explained, with its kind where the model does not show it; the only one where
            None.
        wanted: The label whose score is explained; None for the answer that is given.
        layer: The layer whose map is weighed, for the methods that do that.
        model: The trained model that a bundle was made from, which its files are then compared with.
        target, precision: Which artifacts of a bundle.
        settings: The methods' numbers.
        of_model: What is said of a trained model.
        curves: Whether deletion and insertion are measured.
        sanity: Whether maps are compared with those of a network of shuffled weights.
        threads: Of the runtime.
        inside: What is wanted of the inside of a Keras model.
    """

    path: Path
    methods: tuple[str, ...] = ()
    head: str | None = None
    wanted: str | None = None
    layer: str | None = None
    model: Path | None = None
    target: str | None = None
    precision: str | None = None
    settings: ExplainSettings = field(default_factory=ExplainSettings)
    of_model: ModelOptions = field(default_factory=ModelOptions)
    curves: bool = True
    sanity: bool = False
    threads: int = 1
    inside: InsideOrder = field(default_factory=InsideOrder)

    def __post_init__(self) -> None:
        for name in self.methods:
            find_method(name)
        if self.inside.channel is not None and self.inside.layer is None:
            raise UsageError("--channel is one of a layer", "Give --feature-maps with the layer's name")
        twice = next((name for name in self.methods if self.methods.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"--method names {twice!r} twice", "Give each method once")
        if self.layer is not None and self.methods and all(find_method(m).needs != "layers" for m in self.methods):
            raise UsageError(
                "--layer is for methods that weigh a layer's map", "Give --method gradcam, or leave it out"
            )


class ExplainOptions(TypedDict, total=False):
    """The options of `edgecv.explain`, all optional; see `ExplainRequest`, `ExplainSettings` and `ModelOptions`.

    Attributes:
        head: The head whose answer is explained.
        wanted: The label whose score is explained; by default the answer that is given.
        layer: The layer whose map is weighed.
        target: Which artifact of a bundle, such as "tflite".
        precision: Likewise, such as "int8".
        threads: Of the runtime.
        curves: Whether deletion and insertion are measured; by default not.
        sanity: Whether the map is compared with that of a network of shuffled weights.
        masks: How many random masks RISE draws.
        cells: How many cells a random mask has along a side.
        window: The side of the square that occlusion hides, as a share of the picture's.
        stride: How far the square moves, likewise.
        steps: The points of integrated gradients, at first.
        draws: The noisy pictures of SmoothGrad.
        noise: Their noise, as a share of the picture's range.
        baseline: What stands in for pixels that are taken away: "mean", "zero" or "blur".
        seed: Of every draw.
        preprocess: Of a trained model, as in `edgecv.convert`; so are the rest.
        labels: The names of the classes.
        input_shapes: Static shapes of open inputs.
        allow_code: Load models that carry Python code.
        custom_objects: The module of the model's own layers.
        signature: The signature of a SavedModel.
    """

    head: str | None
    wanted: str | None
    layer: str | None
    target: str | None
    precision: str | None
    threads: int
    curves: bool
    sanity: bool
    masks: int
    cells: int
    window: float
    stride: float
    steps: int
    draws: int
    noise: float
    baseline: Baseline
    seed: int
    preprocess: str | Preprocess | None
    labels: str | Path | Sequence[str] | None
    input_shapes: Mapping[str, tuple[int, ...]] | Sequence[str]
    allow_code: bool
    custom_objects: str | None
    signature: str | None


def request_of(path: Path, methods: Sequence[str], options: Mapping[str, Any]) -> ExplainRequest:
    """Sort options, by their names, into the records that take them.

    Raises:
        UsageError: One is wrong; the message names it.
        TypeError: There is no option of that name.
    """
    rest = dict(options)
    settings = ExplainSettings(**_taken(rest, ExplainSettings))
    of_model = ModelOptions(**_taken(rest, ModelOptions))
    return ExplainRequest(path=path, methods=tuple(methods), settings=settings, of_model=of_model, **rest)


def _taken(options: dict[str, Any], record: type[ExplainSettings | ModelOptions]) -> dict[str, Any]:
    """Take the options that a record has fields for out of the others."""
    return {one.name: options.pop(one.name) for one in fields(record) if one.name in options}
