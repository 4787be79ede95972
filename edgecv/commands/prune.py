"""The options of `edgecv prune`: names, help, and how `--help` groups them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgecv.commands.options import given_path

WHAT, TRAINING, DATA = "What to remove", "Training", "Data"

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        parser=given_path,
        metavar="NAME.keras",
        help="The smaller model; MODEL.pruned.keras by default. Its report comes beside it.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing output, or begin anew.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with a run that was cut short, with the same options.")]

Method = Annotated[
    str,
    typer.Option(
        "--method",
        help="channel: removed, so that the model is faster; magnitude, nm: set to zero, so that it zips smaller.",
        rich_help_panel=WHAT,
    ),
]
TargetMacs = Annotated[
    float, typer.Option("--target-macs", help="The share of the multiply-adds that may stay.", rich_help_panel=WHAT)
]
Importance = Annotated[
    str | None,
    typer.Option(
        "--importance",
        help="l1, l2, gamma (batch norm's) or taylor (activation times gradient). Default: taylor with --data, "
        "else l2.",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
Scope = Annotated[
    str | None,
    typer.Option(
        "--scope",
        help="global: ranked over the whole model; layer: the same share everywhere. Default: global for channels, "
        "layer for magnitude.",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
RoundTo = Annotated[
    int,
    typer.Option("--round-to", help="Widths become multiples of it, or below it halves of it.", rich_help_panel=WHAT),
]
MinWidth = Annotated[
    int | None,
    typer.Option(
        "--min-width",
        help="No layer becomes narrower. Default: 8, with a smaller --round-to down to 4.",
        show_default=False,
        rich_help_panel=WHAT,
    ),
]
DropBlocks = Annotated[
    int,
    typer.Option(
        "--drop-blocks",
        metavar="N",
        help="So many residual blocks go whole first: those that cost least for what they save. Needs --data.",
        rich_help_panel=WHAT,
    ),
]
Steps = Annotated[int, typer.Option("--steps", help="Channels go in so many steps.", rich_help_panel=WHAT)]
Sparsity = Annotated[float, typer.Option("--sparsity", help="Share of zeros for magnitude.", rich_help_panel=WHAT)]
Pattern = Annotated[
    str, typer.Option("--pattern", metavar="N:M", help="For nm: of M neighbours N stay.", rich_help_panel=WHAT)
]

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        parser=given_path,
        metavar="FOLDER|NPZ",
        help="Labelled samples to train on: a subfolder a class, or train/ and val/ with them. Without, nothing is "
        "trained.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
Validation = Annotated[
    float,
    typer.Option("--validation", help="Share kept apart to judge by, where there is no val/.", rich_help_panel=DATA),
]
Augment = Annotated[
    str,
    typer.Option(
        "--augment",
        metavar="LIST",
        help="Random changes, with commas between: flip, rotation, zoom, translation, contrast, mixup. Default: none.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
ClassWeights = Annotated[
    str | None,
    typer.Option(
        "--class-weights", help="balanced: rare classes count more.", show_default=False, rich_help_panel=DATA
    ),
]

Epochs = Annotated[int, typer.Option("--epochs", help="After the last step.", rich_help_panel=TRAINING)]
StepEpochs = Annotated[int, typer.Option("--step-epochs", help="After each step before it.", rich_help_panel=TRAINING)]
Batch = Annotated[int, typer.Option("--batch", help="Samples in a batch.", rich_help_panel=TRAINING)]
LearningRate = Annotated[
    float,
    typer.Option("--learning-rate", help="The highest; a warm-up and a cosine around it.", rich_help_panel=TRAINING),
]
Patience = Annotated[
    int,
    typer.Option(
        "--patience", help="Epochs without a better validation accuracy that end it.", rich_help_panel=TRAINING
    ),
]
Distill = Annotated[
    float,
    typer.Option(
        "--distill",
        metavar="SHARE",
        help="Share of the loss that comes from the unpruned model's answers.",
        rich_help_panel=TRAINING,
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", help="Decides the split, the order, all random numbers.", rich_help_panel=TRAINING)
]
