"""The report of a run as one HTML file that needs nothing else, in the style of the bundle's report."""

from __future__ import annotations

from itertools import pairwise

from edgecv_runtime.text import percent

from edgecv.compress.curve import Curve, line_plot
from edgecv.compress.result import PruneReport, Size
from edgecv.report.artifacts import table
from edgecv.report.background import pairs
from edgecv.report.html import Html, el, join
from edgecv.report.page import document
from edgecv.terminal.words import DASH, byte_size, duration, number, points, quantity

METHODS = {"channel": "Channels removed", "magnitude": "Weights set to zero", "nm": "Weights set to zero in a pattern"}


def render(report: PruneReport) -> str:
    """The whole report: one self-contained HTML document, everything that came from outside escaped."""
    body = [
        _header(report),
        _verdict(report),
        _facts(report),
        *_curves(report),
        _widths(report),
        _blocks(report),
        _untouched(report),
        _background(report),
    ]
    return document(f"{report.name}: pruned, edgecv report", [part for part in body if part is not None])


def _header(report: PruneReport) -> Html:
    words = f"From {report.source}, {report.created}"
    return el("header", el("p", "edgecv prune", class_="eyebrow"), el("h1", report.name), el("p", words))


def headline(report: PruneReport) -> str:
    """The result of a pruning run in one sentence."""
    before, after = report.before, report.after
    if report.removal.method == "channel":
        what = f"{percent(after.multiply_adds / before.multiply_adds)} of the multiply-adds, "
        what += f"{percent(after.parameters / before.parameters)} of the parameters"
    else:
        what = f"{percent(after.zeros)} of the kernel weights are zero, "
        what += f"{percent(after.zipped / before.zipped)} of the zipped size"
    if after.accuracy is None or before.accuracy is None:
        return f"{what}; accuracy not measured"
    return f"{what}; accuracy {percent(after.accuracy, 2)} ({points(after.accuracy - before.accuracy)} points)"


def _verdict(report: PruneReport) -> Html:
    notes = el("ul", join([el("li", note) for note in report.notes])) if report.notes else None
    title = f"{METHODS[report.removal.method]}: {headline(report)}"
    return el("section", el("h2", title), notes, class_="verdict passed" if not report.notes else "verdict")


def _facts(report: PruneReport) -> Html:
    names = ("Multiply-adds", "Parameters", "Zipped", "Zeros in kernels", "Validation accuracy")
    cells = [
        el("div", el("dt", name), el("dd", new, el("small", f"was {old}")))
        for name, old, new in zip(names, size_words(report.before), size_words(report.after), strict=True)
    ]
    return el("dl", join(cells), class_="facts")


def size_words(size: Size) -> tuple[str, ...]:
    """Multiply-adds, parameters, zipped size, zeros and accuracy, for people."""
    accuracy = DASH if size.accuracy is None else percent(size.accuracy, 2)
    return (
        number(size.multiply_adds / 1e6) + " M",
        quantity(size.parameters),
        byte_size(size.zipped),
        percent(size.zeros),
        accuracy,
    )


def _curves(report: PruneReport) -> list[Html]:
    history = report.history
    if not history:
        return []
    steps = [place for place, (a, b) in enumerate(pairwise(history), 1) if a.step != b.step]
    start = report.before.accuracy
    accuracy = line_plot(
        "Accuracy by epoch",
        [
            Curve("training", tuple(item.accuracy for item in history), "train"),
            Curve("validation", tuple(item.validation_accuracy for item in history), "validation"),
        ],
        percent,
        breaks=steps,
        reference=None if start is None else (f"before pruning {percent(start, 2)}", start),
    )
    loss = line_plot(
        "Loss by epoch",
        [
            Curve("training", tuple(item.loss for item in history), "train"),
            Curve("validation", tuple(item.validation_loss for item in history), "validation"),
        ],
        number,
        breaks=steps,
    )
    cards = [
        el("section", el("h3", "Accuracy"), accuracy, el("p", _curve_note(report), class_="note"), class_="card"),
        el(
            "section",
            el("h3", "Loss"),
            loss,
            el("p", "Cross-entropy, mean over samples.", class_="note"),
            class_="card",
        ),
    ]
    return [
        el("section", el("h2", "Training"), el("p", _training_words(report)), el("div", join(cards), class_="plots"))
    ]


def _curve_note(report: PruneReport) -> str:
    kept = "The weights of the epoch with the best validation accuracy were kept. "
    first = report.pruned_accuracy
    pruned = "" if first is None else f"Right after the first removal, before any training: {percent(first, 2)}. "
    breaks = "Vertical lines: channels were removed. " if report.removal.steps > 1 else ""
    return kept + pruned + breaks + "Training accuracy is taken during the epoch, with dropout and augmentation."


def _training_words(report: PruneReport) -> str:
    split = f"{quantity(report.train_samples)} samples to learn from, {quantity(report.validation_samples)} to judge by"
    return f"{split}; {len(report.history)} epochs in {duration(sum(item.seconds for item in report.history))}."


def _widths(report: PruneReport) -> Html:
    cells = [
        el(
            "tr",
            el("th", row.layer, el("small", row.kind), scope="row"),
            _change(row.width_before, row.width_after),
            _change(row.weights_before, row.weights_after),
        )
        for row in report.rows
    ]
    names = ["Layer", "Channels before", "after", "kept", "Weights before", "after", "kept"]
    caption = "Output channels, and kernel weights that are not zero, of every layer that has a kernel."
    lead = el("p", "Where the model became smaller.")
    return el("section", el("h2", "Layers"), lead, table(caption, names, cells, kind="plain"))


def _change(before: int, after: int) -> Html:
    kept = percent(after / before) if before else DASH
    return join([el("td", quantity(before)), el("td", quantity(after)), el("td", kept)])


def _blocks(report: PruneReport) -> Html | None:
    if not report.dropped:
        return None
    rows = [
        el(
            "tr",
            el("th", item.block.addition, scope="row"),
            el("td", ", ".join(item.block.layers), class_="words wrap"),
            el("td", percent(item.block.multiply_adds / report.before.multiply_adds)),
            el("td", number(item.loss_before)),
            el("td", number(item.loss_after)),
        )
        for item in report.dropped
    ]
    lead = "Residual blocks that cost least for what they save, in the order in which they went."
    caption = "The loss is that of training samples, with nothing trained in between."
    inner = table(caption, ["Addition", "Its block", "Multiply-adds", "Loss before", "after"], rows, kind="plain")
    return el("section", el("h2", "Blocks that went whole"), el("p", lead), inner)


def _untouched(report: PruneReport) -> Html | None:
    if not report.untouched:
        return None
    rows = [
        el(
            "tr",
            el("th", item.layer, el("small", item.kind), scope="row"),
            el("td", item.reason, class_="words wrap"),
            el("td", quantity(item.channels) if item.channels else DASH),
        )
        for item in report.untouched
    ]
    lead = "Nothing was removed around these, because what would change could not be known."
    caption = "Layers that were left as they are."
    inner = table(caption, ["Layer", "Why", "Channels that stay"], rows, kind="plain")
    return el("section", el("h2", "Left as they are"), el("p", lead), inner)


def _background(report: PruneReport) -> Html:
    removal, training = report.removal, report.training
    asked: list[tuple[str, str | Html]] = [("Method", METHODS[removal.method])]
    if removal.method == "channel":
        asked += [
            ("Target", f"{removal.target_macs:g} of the multiply-adds, in {removal.steps} step(s)"),
            ("Importance", f"{removal.importance}, {removal.scope}"),
            ("Widths", f"multiples of {removal.round_to}, at least {removal.min_width}"),
            ("Blocks that went whole", str(removal.drop_blocks)),
        ]
    elif removal.method == "nm":
        asked += [("Pattern", f"{removal.pattern[0]} of {removal.pattern[1]} along the input channels")]
    else:
        asked += [("Target", f"{percent(removal.sparsity)} zeros, {removal.scope}")]
    if report.history:
        asked += [
            ("Training", f"Adam, highest learning rate {training.learning_rate:g}, batches of {training.batch}"),
            ("Augmentation", ", ".join(training.augment) or "none"),
            ("Distillation", f"{training.distill:g} of the loss" if training.distill else "none"),
            ("Seed", str(training.seed)),
        ]
    asked += [
        ("Source SHA-256", report.source_sha256),
        ("Machine", report.machine),
        ("Time", duration(report.seconds)),
        *sorted(report.versions.items()),
    ]
    return el("section", el("h2", "Background"), el("section", pairs(asked), class_="card"))
