"""What a conversion's first output means, and how the device turns it into scores and decisions."""

from __future__ import annotations

from edgecv_converters.graph.inspect import pending_activation
from edgecv_converters.workers import SourceSummary
from edgecv_runtime.errors import UsageError
from edgecv_runtime.postprocess import Head, read_thresholds

from edgecv.convert.request import ConvertRequest

DECIDES_BY_THRESHOLD = ("binary", "multilabel")


def head_of(request: ConvertRequest, summary: SourceSummary) -> Head:
    """The task and activation that were asked for, or that the model shows, with the thresholds.

    Raises:
        UsageError: A threshold is given for a task without one, is not in 0..1, or names an unknown label.
    """
    recipe = request.recipe
    task = recipe.task or summary.task
    if recipe.thresholds and task not in DECIDES_BY_THRESHOLD:
        raise UsageError(
            f"--threshold is for binary and multilabel tasks, this model does {task}",
            "Leave it out, or say --task multilabel",
        )
    labels = request.labels or () if task == "multilabel" else ()
    thresholds = read_thresholds(recipe.thresholds, labels)
    return Head(
        task=task,
        activation=recipe.activation or pending_activation(task, summary.last_op),
        thresholds=thresholds,
    )


def words(head: Head) -> str:
    """The head in a few words: "sigmoid, then at least 0.5"."""
    applied = "as the model gives them" if head.activation == "none" else f"{head.activation} on the device"
    if head.task not in DECIDES_BY_THRESHOLD:
        return applied
    values = ", ".join(f"{value:g}" for value in head.thresholds)
    return f"{applied}, yes from {values} on"
