"""`edgecv explain`: which pixels an answer comes from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from edgecv_converters.explain.settings import METHODS, Baseline, ExplainSettings
from edgecv_runtime import formats
from edgecv_runtime.text import one_of

from edgecv.commands import options as opt
from edgecv.commands.form import takes, values

WHAT, HOW, INSIDE = "What is explained", "The method", "Inside the model"
PATHS = ("path", "pictures", "output", "force", "as_json", "no_curves", "class_name", "methods")
INSIDES = ("filters", "feature_maps", "channel")

ModelOrBundle = Annotated[
    Path, opt.path_argument("MODEL|BUNDLE", "A trained model, or a bundle: NAME.edgecv or NAME.edgecv.zip.")
]
Pictures = Annotated[list[Path], opt.path_argument("PICTURE...", "Pictures, or folders of them.")]
Output = Annotated[
    Path,
    opt.path_option(
        "--output", "-o", metavar="FOLDER", help="The folder to make, with the page, the pictures and the numbers."
    ),
]
Methods = Annotated[
    list[str] | None,
    opt.option(
        "--method",
        "-m",
        metavar="|".join(METHODS),
        help="How maps are made. Repeatable. Default: gradcam for a Keras model, occlusion for a bundle. Bundles, "
        "which have no gradients, take occlusion and rise.",
        panel=HOW,
    ),
]
Layer = Annotated[
    str | None,
    opt.option(
        "--layer",
        metavar="NAME",
        help="The layer whose map Grad-CAM and its kin weigh. Default: the last one of convolutions.",
        panel=HOW,
    ),
]
HeadName = Annotated[
    str | None,
    opt.option(
        "--head",
        metavar="NAME[:KIND[=FILE]]",
        help="The head whose answer is explained; for a Keras model with its kind, where the model does not show it. "
        "Default: the first.",
        panel=WHAT,
    ),
]
ClassName = Annotated[
    str | None,
    opt.option(
        "--class",
        metavar="LABEL",
        help="The label, or its index, whose score is explained. Default: the answer that the model gives.",
        panel=WHAT,
    ),
]
SourceModel = Annotated[
    Path | None,
    opt.path_option(
        "--model",
        metavar="MODEL",
        help="The trained model that the bundle was made from: its maps are what the bundle's are compared with.",
        panel=WHAT,
    ),
]
Target = Annotated[
    str | None,
    opt.option(
        "--target",
        help=f"Explain the artifacts of this target: {one_of(formats.KNOWN)}. Default: the first that runs here.",
        panel=WHAT,
    ),
]
Precision = Annotated[
    str | None,
    opt.option("--precision", help="Explain the artifacts of this precision, such as int8. Default: all.", panel=WHAT),
]
Masks = Annotated[int, typer.Option("--masks", help="How many random masks RISE draws.", rich_help_panel=HOW)]
Cells = Annotated[
    int, typer.Option("--cells", help="How many cells one of these masks has along a side.", rich_help_panel=HOW)
]
Window = Annotated[
    float,
    typer.Option(
        "--window",
        help="The side of the square that occlusion hides, as a share of the picture's shorter side.",
        rich_help_panel=HOW,
    ),
]
Stride = Annotated[
    float,
    typer.Option("--stride", help="How far that square moves, as a share of the same.", rich_help_panel=HOW),
]
Steps = Annotated[
    int,
    typer.Option(
        "--steps",
        help="How many points integrated gradients takes; more, where the attributions do not add up.",
        rich_help_panel=HOW,
    ),
]
Draws = Annotated[
    int, typer.Option("--draws", help="Over how many noisy pictures SmoothGrad averages.", rich_help_panel=HOW)
]
Noise = Annotated[
    float,
    typer.Option("--noise", help="The noise of these, as a share of the picture's range.", rich_help_panel=HOW),
]
BaselineOption = Annotated[
    Baseline,
    typer.Option(
        "--baseline",
        help="What stands in for pixels that are taken away: the picture's mean colour, zeros, or its blur.",
        rich_help_panel=HOW,
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="The random seed of masks and noise.", rich_help_panel=HOW)]
NoCurves = Annotated[
    bool,
    typer.Option(
        "--no-curves",
        help="Leave out deletion and insertion, which take some hundred answers a map.",
        rich_help_panel=HOW,
    ),
]
Sanity = Annotated[
    bool,
    typer.Option(
        "--sanity",
        help="Make the maps again with the network's weights shuffled: one that stays as it was says nothing of the "
        "model. Takes a Keras model, or a bundle with --model.",
        rich_help_panel=HOW,
    ),
]
Filters = Annotated[
    bool, typer.Option("--filters", help="Show the first layer's filters, of a Keras model.", rich_help_panel=INSIDE)
]
FeatureMaps = Annotated[
    str | None,
    opt.option(
        "--feature-maps",
        metavar="LAYER",
        help="Show what a layer of a Keras model, or inside the first TFLite file of a bundle, gives for each picture.",
        panel=INSIDE,
    ),
]
Channel = Annotated[
    int | None,
    opt.option(
        "--channel",
        metavar="N",
        help="Show which of the pictures this channel of --feature-maps answers to most, and where.",
        panel=INSIDE,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace an explanation that is already there.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainArguments:
    """The command line of `edgecv explain`; most names are those of `ExplainOptions`."""

    path: ModelOrBundle
    pictures: Pictures
    output: Output
    methods: Methods = None
    layer: Layer = None
    head: HeadName = None
    class_name: ClassName = None
    model: SourceModel = None
    target: Target = None
    precision: Precision = None
    masks: Masks = ExplainSettings().masks
    cells: Cells = ExplainSettings().cells
    window: Window = ExplainSettings().window
    stride: Stride = ExplainSettings().stride
    steps: Steps = ExplainSettings().steps
    draws: Draws = ExplainSettings().draws
    noise: Noise = ExplainSettings().noise
    baseline: BaselineOption = ExplainSettings().baseline
    seed: Seed = ExplainSettings().seed
    no_curves: NoCurves = False
    sanity: Sanity = False
    filters: Filters = False
    feature_maps: FeatureMaps = None
    channel: Channel = None
    preprocess: opt.PreprocessOption = None
    labels: opt.Labels = None
    input_shapes: opt.InputShapes = None
    allow_code: opt.AllowCode = False
    custom_objects: opt.CustomObjects = None
    signature: opt.Signature = None
    threads: opt.Threads = 1
    force: Force = False
    as_json: opt.Json = False


app = typer.Typer(add_completion=False)


@app.command()
@takes(ExplainArguments)
def explain(given: ExplainArguments) -> None:
    """Show which pixels an answer comes from, and whether the int8 file looks at the same place as its source.

    Examples: edgecv explain model.keras photos/ -p rescale -o why; edgecv explain model.edgecv cat.jpg -m rise -o why
    """
    from edgecv_converters.explain.insides import InsideOrder

    from edgecv.explain.output import check_place, print_run, write_run
    from edgecv.explain.request import request_of
    from edgecv.explain.run import explain_pictures, find_pictures
    from edgecv.terminal.console import LiveObserver

    check_place(given.output, force=given.force)
    options = values(given, without=(*PATHS, *INSIDES))
    options |= {"wanted": given.class_name, "curves": not given.no_curves}
    options["inside"] = InsideOrder(filters=given.filters, layer=given.feature_maps, channel=given.channel)
    request = request_of(given.path, given.methods or (), options)
    sources = find_pictures(given.pictures)
    with LiveObserver() as observer:
        run = explain_pictures(request, sources, observer)
    report = write_run(run, given.output)
    print_run(report, given.output, as_json=given.as_json)
