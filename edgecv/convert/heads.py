"""The heads of a conversion: those that the model shows, changed as the options say."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from edgecv_converters.data import SampleSet
from edgecv_converters.source.losses import gives_back, output_kind
from edgecv_runtime.errors import DataError, SpecError, UsageError
from edgecv_runtime.heads.base import Head
from edgecv_runtime.heads.kinds import KINDS, canvas_of, open_head, shown_head, trained_kind
from edgecv_runtime.heads.one_class import OneClassHead, only_class_head
from edgecv_runtime.heads.spatial import SpatialHead
from edgecv_runtime.heads.thresholds import read_thresholds
from edgecv_runtime.schema import HeadSpec
from msgspec.structs import replace

from edgecv.convert.datasets import EVALUATION, LABELLED, class_names
from edgecv.convert.recognize import recognized
from edgecv.convert.request import ConvertRequest
from edgecv.convert.source import SourcePhase

_ENDS = {"logits": "with a linear layer", "other": "without a softmax or a sigmoid"}
LEAVE_OUT = "Leave it out, or give --head NAME:KIND[=labels.txt] for each output"


def heads_of(request: ConvertRequest, source: SourcePhase, sets: Mapping[str, SampleSet]) -> tuple[Head, ...]:
    """Return the heads of the bundle in the order of the model's outputs, with labels and thresholds.

    Raises:
        UsageError: An option names an unknown output, or one twice, or it does not fit the heads.
        DataError: The classes of the evaluation data are not the model's, or a label is more than one line.
    """
    specs = _described(request, source, sets)
    _check_short_forms(request, specs)
    heads = [_opened(spec, source) for spec in specs]
    heads = [_opened(replace(head.spec, labels=_labels(head, heads, request, sets)), source) for head in heads]
    _check_lines(heads)
    thresholds = read_thresholds(request.recipe.thresholds, heads) if request.recipe.thresholds else {}
    return tuple(
        _opened(replace(head.spec, thresholds=thresholds.get(head.name, head.spec.thresholds)), source)
        for head in heads
    )


def _described(request: ConvertRequest, source: SourcePhase, sets: Mapping[str, SampleSet]) -> list[HeadSpec]:
    """One head for each output, but where an option or the model itself says otherwise."""
    summary, canvas = source.summary, canvas_of(source.summary.inputs, source.specs)
    recipe, names = request.recipe, [output.name for output in summary.outputs]
    said: dict[str, HeadSpec] = {}
    for option in request.heads:
        outputs = option.outputs(names)
        twice = next((name for name in outputs if name in said), None)
        if twice is not None or len(set(outputs)) < len(outputs):
            name = twice or outputs[0]
            raise UsageError(f"--head names the output {name!r} twice", f"The outputs are {', '.join(names)}")
        ending = summary.endings[names.index(outputs[0])]
        head = shown_head([summary.outputs[names.index(name)] for name in outputs], ending, option.kind)
        described = head if option.file is None else option.file.applied(head, canvas)
        if option.file is None or option.file.activation is None:
            ending = summary.endings[names.index(_scored(described))]
            described = replace(described, activation=KINDS[described.kind].pending(ending))
        said |= dict.fromkeys(outputs, replace(described, labels=option.labels))
    for found in recognized(summary, source.specs):
        free = not any(name in said for name in found.head.outputs) and recipe.task is None
        said |= dict.fromkeys(found.head.outputs, found.head) if free else {}
    single = len(names) == 1
    shown = [
        said.get(output.name)
        or shown_head([output], ending, (recipe.task if single else None) or _kind(place, request, source, sets))
        for place, (output, ending) in enumerate(zip(summary.outputs, summary.endings, strict=True))
    ]
    heads = list({head.name: head for head in shown}.values())
    if recipe.activation is not None and len(heads) == 1:
        heads = [replace(heads[0], activation=recipe.activation)]
    return heads


def assumptions(request: ConvertRequest, source: SourcePhase) -> Iterator[str]:
    """Say what is assumed of heads that no option describes and the model does not show whole.

    Args:
        request: The options.
        source: The model, and the preprocessing of its inputs.
    """
    names = [output.name for output in source.summary.outputs]
    said = {name for option in request.heads for name in option.outputs(names)}
    for found in recognized(source.summary, source.specs):
        if found.assumed is not None and said.isdisjoint(found.head.outputs) and request.recipe.task is None:
            yield found.assumed


def _scored(head: HeadSpec) -> str:
    """Return the output that a head's scores stand in, which is not the first one of every decoder."""
    scores = getattr(head.decode, "scores", None) or ()
    parts = scores if isinstance(scores, tuple) else (scores,)
    return parts[0].output if parts and parts[0].output in head.outputs else head.outputs[0]


def _kind(place: int, request: ConvertRequest, source: SourcePhase, sets: Mapping[str, SampleSet]) -> str | None:
    """The kind of an output of which no option says what it is; None where its shape and its end tell it."""
    summary = source.summary
    output = summary.outputs[place]
    shown = KINDS[shown_head([output], summary.endings[place]).kind]
    if issubclass(shown, SpatialHead) and canvas_of(summary.inputs, source.specs) is None:
        return trained_kind("numbers", output.shape)  # planes of a model that takes no picture
    said = request.labels is not None or request.recipe.activation is not None or _classes(sets, output.shape[-1])
    return output_kind(
        output,
        summary.inputs,
        summary.endings[place],
        summary.trained_as[place],
        classes=said and len(summary.outputs) == 1,
    )


def guessed(request: ConvertRequest, source: SourcePhase, heads: Sequence[Head]) -> Iterator[str]:
    """Say which outputs were taken for something that nobody said: masks, pictures, boxes, or numbers."""
    summary, used = source.summary, [head.spec for head in heads]
    for found in recognized(summary, source.specs):
        if any((head.kind, head.outputs) == (found.head.kind, found.head.outputs) for head in used) and not any(
            set(option.outputs([output.name for output in summary.outputs])) & set(found.head.outputs)
            for option in request.heads
        ):
            yield found.sentence
    named = {name for head in request.heads for name in head.outputs([output.name for output in summary.outputs])}
    for place, output in enumerate(summary.outputs):
        head = next(head for head in heads if output.name in head.spec.outputs)
        ending = summary.endings[place]
        unknown = summary.trained_as[place] is None and ending in _ENDS and output.dtype.startswith("float")
        many = len(output.shape) == 2 and output.shape[-1] > 1 and not gives_back(output, summary.inputs)
        told = output.name in named or request.recipe.task is not None
        if unknown and many and not told and not head.decides:
            yield (
                f"the output {output.name} is taken for {output.shape[-1]} numbers: it ends {_ENDS[ending]}, and "
                f"nothing says that they are scores of classes. If they are, give --head {output.name}:classification"
            )


def _classes(sets: Mapping[str, SampleSet], width: int) -> bool:
    """Tell whether samples show that answers are classes: labelled ones, or a subfolder for each answer."""
    labelled = any(name in sets and len(sets[name].classes) > 1 for name in LABELLED)
    return labelled or any(len(samples.classes) == width for samples in sets.values())


def _check_lines(heads: Sequence[Head]) -> None:
    """Refuse a label that whoever reads labels one a line would take for two, or cut.

    Raises:
        DataError: One has a line break or a NUL in it.
    """
    for label in (label for head in heads for label in head.spec.labels or ()):
        if set(label) & {"\n", "\r", "\0"}:
            raise DataError(
                f"the label {label!r} has a line break or a NUL in it", "Labels stand one a line: give it another name"
            )


def _check_short_forms(request: ConvertRequest, heads: Sequence[HeadSpec]) -> None:
    """Refuse the options that are for a model with one head.

    Raises:
        UsageError: One is given, and there are several heads; or two options say what the only head is.
    """
    recipe = request.recipe
    given = {"--task": recipe.task, "--activation": recipe.activation, "--labels": request.labels}
    option = next((name for name, value in given.items() if value is not None), None)
    if option is not None and len(heads) > 1:
        names = ", ".join(f"{head.name} ({head.kind})" for head in heads)
        raise UsageError(f"{option} is for a model with one head, and this one has several: {names}", LEAVE_OUT)
    if recipe.task is not None and request.heads:
        raise UsageError("--task and --head say both what the output means", "Leave one of them out")
    if request.labels is not None and any(one.labels is not None for one in request.heads):
        raise UsageError("--labels and --head both give labels", "Leave one of them out")


def _opened(spec: HeadSpec, source: SourcePhase) -> Head:
    summary = source.summary
    try:
        return open_head(spec, summary.outputs, canvas_of(summary.inputs, source.specs))
    except SpecError as error:
        raise UsageError(error.message, error.hint or LEAVE_OUT) from error


def _labels(
    head: Head, heads: Sequence[Head], request: ConvertRequest, sets: Mapping[str, SampleSet]
) -> tuple[str, ...] | None:
    """The labels that were given; else the classes of the evaluation set, where the head tells as many apart."""
    if head.spec.labels is not None:
        return head.spec.labels
    names = request.labels
    if names is not None and len(names) != head.label_count:
        raise UsageError(
            f"--labels has {len(names)} labels, and the output {head.name} has {head.label_count}",
            "Give one label for each, in the order of the outputs",
        )
    if names is None and head is only_class_head(heads) and EVALUATION in sets and sets[EVALUATION].classes:
        names = class_names(request, sets[EVALUATION], head)
    return names if names is None or len(names) == head.label_count else None


def check_budget(heads: Sequence[Head]) -> None:
    """Check that a budget may have a head to be of, before its samples are read.

    Raises:
        UsageError: No head chooses a class or answers with places.
    """
    if not any(isinstance(head, SpatialHead) for head in heads):
        judged_head(heads, "--max-drop needs answers", "Leave it out")


def budget_head(heads: Sequence[Head], known: Collection[str]) -> Head:
    """Return the head whose quality a budget is of: the only one that something is known of and that has a measure.

    Args:
        heads: All heads.
        known: The names of those that the labelled samples say something of.

    Raises:
        UsageError: There is none, or there are several.
    """
    places = [head for head in heads if isinstance(head, SpatialHead) and head.name in known]
    if len(places) == 1 and only_class_head(heads) is None:
        return places[0]
    return judged_head(heads, "--max-drop needs answers", "Leave it out")


def judged_head(heads: Sequence[Head], need: str, instead: str) -> OneClassHead:
    """Return the only head whose answer is one class, which labelled samples are of.

    Args:
        heads: All heads.
        need: What an option needs, for the message: "--qat needs labels".
        instead: What a hint says first.

    Raises:
        UsageError: There is none, or there are several.
    """
    head = only_class_head(heads)
    if head is not None:
        return head
    several = [one.name for one in heads if one.one_class]
    if several:
        problem = f"and this model has several heads with such answers: {', '.join(several)}"
    else:
        problem = f"and this model's task is {', '.join(one.kind for one in heads)}"
    raise UsageError(
        f"{need} that are one class each, {problem}",
        f"{instead}, or say --task where the model does not show its task",
    )
