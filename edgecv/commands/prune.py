"""`edgecv prune`: a trained model becomes a smaller one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from edgecv.commands import options as opt
from edgecv.commands.form import default_of, takes, values
from edgecv.compress.options import Removal, TrainingOptions

WHAT, TRAINING = "What to remove", "Training"

Output = Annotated[
    Path | None,
    opt.path_option(
        "--output",
        "-o",
        metavar="NAME.keras",
        help="The smaller model to write, with its report beside it. Default: MODEL.pruned.keras.",
    ),
]
Force = Annotated[
    bool,
    typer.Option("--force", help="Replace an existing output, or start a run that was cut short from the beginning."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was cut short; give the same options.")]

Method = Annotated[
    str,
    typer.Option(
        "--method",
        help="How the model gets smaller. channel: whole channels are removed, so it is faster; magnitude or nm: "
        "weights are set to zero, so it zips smaller.",
        rich_help_panel=WHAT,
    ),
]
TargetMacs = Annotated[
    float,
    typer.Option(
        "--target-macs", help="The share of the multiply-adds that may stay, for channel.", rich_help_panel=WHAT
    ),
]
Importance = Annotated[
    str | None,
    opt.option(
        "--importance",
        help="How a channel's worth is measured: l1, l2, gamma (batch norm's) or taylor (activation times "
        "gradient). Default: taylor with --data, else l2.",
        panel=WHAT,
    ),
]
Scope = Annotated[
    str | None,
    opt.option(
        "--scope",
        help="Where weights compete. global: over the whole model; layer: each layer loses the same share. Default: "
        "global for channel, layer for magnitude.",
        panel=WHAT,
    ),
]
RoundTo = Annotated[
    int,
    typer.Option(
        "--round-to",
        help="Layer widths become multiples of this number, or, below it, halves of it.",
        rich_help_panel=WHAT,
    ),
]
MinWidth = Annotated[
    int | None,
    opt.option(
        "--min-width",
        help="The fewest channels that a layer keeps. Default: 8, and with a smaller --round-to as few as 4.",
        panel=WHAT,
    ),
]
DropBlocks = Annotated[
    int,
    typer.Option(
        "--drop-blocks",
        metavar="N",
        help="Remove this many residual blocks whole before any channel: those that cost least for what they save. "
        "Needs --data.",
        rich_help_panel=WHAT,
    ),
]
Steps = Annotated[
    int,
    typer.Option(
        "--steps", help="Remove the channels in this many steps, with training between them.", rich_help_panel=WHAT
    ),
]
Sparsity = Annotated[
    float, typer.Option("--sparsity", help="The share of weights set to zero, for magnitude.", rich_help_panel=WHAT)
]
Pattern = Annotated[
    str,
    typer.Option("--pattern", metavar="N:M", help="Of M neighbouring weights N stay, for nm.", rich_help_panel=WHAT),
]

Data = Annotated[
    Path | None,
    opt.path_option(
        "--data",
        metavar="FOLDER|NPZ",
        help="Labelled samples to train on: a folder with a subfolder for each class, or with train/ and val/ that "
        "have them. Without it nothing is trained.",
        panel=opt.DATA,
    ),
]
Validation = Annotated[
    float,
    typer.Option(
        "--validation",
        help="The share of the samples kept apart to measure accuracy on, where there is no val/.",
        rich_help_panel=opt.DATA,
    ),
]
Augment = Annotated[
    str,
    opt.option(
        "--augment",
        metavar="LIST",
        help="Random changes of the training pictures, with commas between: flip, rotation, zoom, translation, "
        "contrast, mixup. Default: none.",
        panel=opt.DATA,
    ),
]
ClassWeights = Annotated[
    str | None,
    opt.option(
        "--class-weights",
        help="balanced: samples of rare classes count more.",
        panel=opt.DATA,
    ),
]

Epochs = Annotated[int, typer.Option("--epochs", help="Training epochs after the last step.", rich_help_panel=TRAINING)]
StepEpochs = Annotated[
    int,
    typer.Option("--step-epochs", help="Training epochs after each step before the last.", rich_help_panel=TRAINING),
]
Batch = Annotated[
    int, typer.Option("--batch", help="How many samples are in one training batch.", rich_help_panel=TRAINING)
]
LearningRate = Annotated[
    float,
    typer.Option(
        "--learning-rate",
        help="The highest learning rate, between a warm-up and a cosine decay.",
        rich_help_panel=TRAINING,
    ),
]
Patience = Annotated[
    int,
    typer.Option(
        "--patience",
        help="Stop training after this many epochs without a better validation accuracy.",
        rich_help_panel=TRAINING,
    ),
]
Distill = Annotated[
    float,
    typer.Option(
        "--distill",
        metavar="SHARE",
        help="The share of the training loss that comes from the unpruned model's answers.",
        rich_help_panel=TRAINING,
    ),
]
Seed = Annotated[
    int,
    typer.Option(
        "--seed", help="The random seed of the split, the order and all else that is drawn.", rich_help_panel=TRAINING
    ),
]


PATTERN = "{}:{}".format(*default_of(Removal, "pattern"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneArguments:
    """The command line of `edgecv prune`; all but four names are those of `edgecv.prune`'s options."""

    model: opt.Model
    output: Output = None
    data: Data = None
    method: Method = default_of(Removal, "method")
    target_macs: TargetMacs = default_of(Removal, "target_macs")
    importance: Importance = None
    scope: Scope = None
    round_to: RoundTo = default_of(Removal, "round_to")
    min_width: MinWidth = None
    drop_blocks: DropBlocks = default_of(Removal, "drop_blocks")
    steps: Steps = default_of(Removal, "steps")
    sparsity: Sparsity = default_of(Removal, "sparsity")
    pattern: Pattern = PATTERN
    preprocess: opt.PreprocessOption = None
    labels: opt.Labels = None
    validation: Validation = default_of(TrainingOptions, "validation")
    augment: Augment = ""
    class_weights: ClassWeights = None
    epochs: Epochs = default_of(TrainingOptions, "epochs")
    step_epochs: StepEpochs = default_of(TrainingOptions, "step_epochs")
    batch: Batch = default_of(TrainingOptions, "batch")
    learning_rate: LearningRate = default_of(TrainingOptions, "learning_rate")
    patience: Patience = default_of(TrainingOptions, "patience")
    distill: Distill = default_of(TrainingOptions, "distill")
    seed: Seed = default_of(TrainingOptions, "seed")
    input_shapes: opt.InputShapes = None
    allow_code: opt.AllowCode = False
    custom_objects: opt.CustomObjects = None
    resume: Resume = False
    force: Force = False
    as_json: opt.Json = False


app = typer.Typer(add_completion=False)


@app.command()
@takes(PruneArguments)
def prune(given: PruneArguments) -> None:
    """Make a trained model smaller and train it again: a Keras model in, a Keras model out.

    Example: edgecv prune model.keras --data photos/ --preprocess rescale --target-macs 0.5 -o small.keras
    """
    from edgecv.compress.command import prune as run
    from edgecv.compress.summary import print_pruned
    from edgecv.terminal.console import LiveObserver

    out = given.output or Path(f"{given.model.stem}.pruned.keras")
    options = values(given, without=("model", "output", "data", "as_json"))
    with LiveObserver() as observer:
        made = run(given.model, given.data, out, observer=observer, **options)
    print_pruned(made, as_json=given.as_json)
