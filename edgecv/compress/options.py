"""The options of `edgecv prune`, all checked before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypedDict, get_args

from edgecv_runtime.errors import UsageError
from edgecv_runtime.records import Record
from edgecv_runtime.schema import Preprocess

from edgecv.compress.channel_choice import Scope, Widths
from edgecv.compress.importance import IMPORTANCES, Importance

Method = Literal["channel", "magnitude", "nm"]
Augmentation = Literal["flip", "rotation", "zoom", "translation", "contrast", "mixup"]
METHODS: tuple[Method, ...] = get_args(Method)
AUGMENTATIONS: tuple[Augmentation, ...] = get_args(Augmentation)
SCOPES: tuple[Scope, ...] = get_args(Scope)
ROUND_TO = 8


class TrainingOptions(Record, frozen=True, kw_only=True):
    """The settings with which the smaller model is trained again.

    `epochs` follow the last step; `step_epochs` each step before it. `patience` epochs without a better validation
    accuracy end the training; `distill` is the share of the loss that comes from the unpruned model's answers.
    """

    epochs: int = 10
    step_epochs: int = 1
    batch: int = 64
    learning_rate: float = 1e-3
    patience: int = 10
    augment: tuple[Augmentation, ...] = ()
    balanced: bool = False
    distill: float = 0.0
    validation: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in {"epochs": 0, "step_epochs": 0, "batch": 1, "patience": 1, "seed": 0}.items():
            _at_least(name, getattr(self, name), least)
        _within("learning_rate", self.learning_rate, 0, 10)
        _within("validation", self.validation, 0, 1)
        if not 0 <= self.distill < 1:
            raise UsageError(f"--distill must be from 0 to below 1, got {self.distill:g}", "0.5 is usual; 0 is off")
        for name in self.augment:
            _one_of("augment", name, AUGMENTATIONS)


class Removal(Record, frozen=True, kw_only=True):
    """The settings of the removal: what is removed, and how it is chosen."""

    method: Method = "channel"
    target_macs: float = 0.5
    importance: Importance = "l2"
    scope: Scope = "global"
    round_to: int = ROUND_TO
    min_width: int = ROUND_TO
    drop_blocks: int = 0
    steps: int = 1
    sparsity: float = 0.8
    pattern: tuple[int, int] = (2, 4)

    def __post_init__(self) -> None:
        _one_of("method", self.method, METHODS)
        _one_of("importance", self.importance, IMPORTANCES)
        _one_of("scope", self.scope, SCOPES)
        _within("target_macs", self.target_macs, 0, 1)
        _within("sparsity", self.sparsity, 0, 1)
        for name, least in {"round_to": 1, "min_width": 1, "steps": 1, "drop_blocks": 0}.items():
            _at_least(name, getattr(self, name), least)

    @property
    def widths(self) -> Widths:
        """The allowed widths."""
        return Widths(round_to=self.round_to, least=self.min_width)


class PruneOptions(TypedDict, total=False):
    """The options of `edgecv.prune` and of the command, all of them optional.

    Attributes:
        method: "channel" (removed, so that the model is faster), "magnitude" or "nm" (set to zero).
        target_macs: The share of the multiply-adds that may stay; 0.5.
        importance: "l1", "l2", "gamma" or "taylor"; by default taylor with data, else l2.
        scope: "global" or "layer"; by default global for channels, layer for magnitude.
        round_to: Widths become multiples of it, or below it halves and quarters of it; 8.
        min_width: No layer becomes narrower; 8, or with a smaller `round_to` as small, but not below 4.
        drop_blocks: So many residual blocks go whole before channels do, those that cost least for what they save; 0.
        steps: In how many steps channels go, with training between them; 1.
        step_epochs: Epochs between the steps; 1.
        sparsity: The share of zeros for "magnitude"; 0.8.
        pattern: N:M for "nm": of M weights along the input channels N stay; "2:4".
        preprocess: A preset's name, a `.toml` file's path, or a `Preprocess` record.
        labels: Class names in the order of the outputs, or the path of a file or folder with them.
        validation: The share of the data that is kept for validation, where the data does not say; 0.15.
        augment: Any of "flip", "rotation", "zoom", "translation", "contrast", "mixup"; none by default.
        class_weights: "balanced" weighs rare classes up; by default all samples count the same.
        distill: The share of the loss that comes from the unpruned model's answers; 0.
        epochs: Epochs after the last step; 10.
        batch: Samples in a batch; 64.
        learning_rate: The highest one; 0.001.
        patience: Epochs without a better validation accuracy that end the training; 10.
        seed: Decides the split, the order and all random numbers; 0.
        resume: Go on with a run that was killed.
        force: Replace an existing output.
        input_shapes: Static shapes (1, H, W, C) by input name, for open dimensions; or "NAME=1,224,224,3" texts.
        allow_code: Load models that carry Python code, which then runs.
        custom_objects: The module that defines the model's own layers.
    """

    method: str
    target_macs: float
    importance: str | None
    scope: str | None
    round_to: int
    min_width: int | None
    drop_blocks: int
    steps: int
    step_epochs: int
    sparsity: float
    pattern: str
    preprocess: str | Preprocess | None
    labels: str | Path | Sequence[str] | None
    validation: float
    augment: str | Sequence[str]
    class_weights: str | None
    distill: float
    epochs: int
    batch: int
    learning_rate: float
    patience: int
    seed: int
    resume: bool
    force: bool
    input_shapes: Mapping[str, tuple[int, ...]] | Sequence[str]
    allow_code: bool
    custom_objects: str | None


def removal_of(options: PruneOptions, *, with_data: bool) -> Removal:
    """Read the settings of the removal; their defaults depend on the method and on whether there is data.

    Raises:
        UsageError: An option is unknown, out of its range, or belongs to another method.
    """
    method: Any = options.get("method", "channel")
    _one_of("method", method, METHODS)
    importance: Any = options.get("importance") or ("taylor" if with_data else "l2")
    scope: Any = options.get("scope") or ("global" if method == "channel" else "layer")
    numbers = _given(options, ("target_macs", "round_to", "min_width", "drop_blocks", "steps", "sparsity"))
    if numbers.get("drop_blocks", 0) > 0 and method != "channel":
        raise UsageError(f"--drop-blocks does not go with --method {method}", "Blocks go before channels do")
    if numbers.get("drop_blocks", 0) > 0 and not with_data:
        raise UsageError("--drop-blocks needs --data, to know what a block is worth", "Give --data FOLDER")
    if importance == "taylor" and not with_data:
        raise UsageError("--importance taylor needs --data to take gradients on", "Give --data, or l2, l1 or gamma")
    pattern = read_pattern(options.get("pattern", "2:4"))
    if numbers.get("min_width") is None:
        numbers["min_width"] = max(4, min(ROUND_TO, numbers.get("round_to", ROUND_TO)))
    return Removal(method=method, importance=importance, scope=scope, pattern=pattern, **numbers)


def training_of(options: PruneOptions) -> TrainingOptions:
    """Read the settings of the training.

    Raises:
        UsageError: An option is unknown or out of its range.
    """
    names = ("epochs", "step_epochs", "batch", "learning_rate", "patience", "distill", "validation", "seed")
    numbers = _given(options, names)
    weights = options.get("class_weights")
    if weights is not None:
        _one_of("class_weights", weights, ("balanced",))
    augment = options.get("augment", ())
    words: Any = augment.split(",") if isinstance(augment, str) else augment
    return TrainingOptions(
        augment=tuple(w.strip() for w in words if w.strip()), balanced=weights == "balanced", **numbers
    )


def _given(options: PruneOptions, names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in names}


def read_pattern(text: str) -> tuple[int, int]:
    """Parse "N:M".

    Raises:
        UsageError: It is no such pattern, or N is not below M.
    """
    keep, _, group = text.partition(":")
    if not (keep.isdigit() and group.isdigit() and 0 < int(keep) < int(group)):
        raise UsageError(f"--pattern {text!r} is no N:M with N below M", "For example --pattern 2:4")
    return int(keep), int(group)


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise UsageError(f"unknown {_option(name)} {value!r}", f"It is one of {', '.join(known)}")


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low < value < high:
        raise UsageError(f"{_option(name)} must be above {low:g} and below {high:g}, got {value:g}")


def _at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise UsageError(f"{_option(name)} must be at least {least}, got {value}")
