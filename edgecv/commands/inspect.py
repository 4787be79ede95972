"""`edgecv inspect`: what a model, an artifact or a bundle holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from edgecv_runtime import formats
from edgecv_runtime.text import one_of

from edgecv.commands import options as opt
from edgecv.commands.form import takes

AnyPath = Annotated[
    Path,
    opt.path_argument(
        "PATH", f"A model, a converted file ({one_of(known.suffix for known in formats.KNOWN.values())}), or a bundle."
    ),
]
Layers = Annotated[
    bool,
    typer.Option(
        "--layers", help="For a bundle: show how far int8 is from float in each layer, the worst layer first."
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectArguments:
    """The command line of `edgecv inspect`."""

    path: AnyPath
    layers: Layers = False
    input_shapes: opt.InputShapes = None
    allow_code: opt.AllowCode = False
    custom_objects: opt.CustomObjects = None
    signature: opt.Signature = None
    as_json: opt.Json = False


app = typer.Typer(add_completion=False)


@app.command()
@takes(InspectArguments)
def inspect(given: InspectArguments) -> None:
    """Show what a model, an artifact or a bundle holds: layers, ops, parameters, inputs, preprocessing."""
    from edgecv_converters.data.inputs import read_input_shapes

    from edgecv.inspect import inspect as look
    from edgecv.inspect import inspect_layers, tables
    from edgecv.terminal.console import show, show_json, waiting

    shapes = read_input_shapes(given.input_shapes or ())
    with waiting(f"reading {given.path}"):
        found = (
            inspect_layers(given.path)
            if given.layers
            else look(
                given.path,
                input_shapes=shapes,
                allow_code=given.allow_code,
                custom_objects=given.custom_objects,
                signature=given.signature,
            )
        )
    if given.as_json:
        show_json(found)
    else:
        show(*tables(found))
