"""The inside of a model as pictures: filters, maps of a layer, and the pictures that a channel answers to most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from edgecv_converters.explain.insides import InsideView
from edgecv_converters.explain.records import Floats
from edgecv_runtime.geometry import View
from PIL import Image

from edgecv.explain.shown import Pixels, colored, data_address, in_picture, laid_over, png
from edgecv.report.html import Html, el, join

CELL: Final = 64  # pixels of one map in a montage
ACROSS: Final = 8
GAP: Final = 4
STRONGEST: Final = 9
GROUND: Final = 128


def montage(cells: Sequence[Pixels]) -> Pixels:
    """Return pictures of equal size, (height, width, 3), in rows beside each other."""
    rows = -(-len(cells) // ACROSS)
    step = CELL + GAP
    made = np.full((rows * step - GAP, min(ACROSS, len(cells)) * step - GAP, 3), GROUND, np.uint8)
    for place, cell in enumerate(cells):
        top, left = (place // ACROSS) * step, (place % ACROSS) * step
        square = Image.fromarray(cell).resize((CELL, CELL), Image.Resampling.NEAREST)
        made[top : top + CELL, left : left + CELL] = np.asarray(square)
    return made


def filter_cells(filters: Floats) -> list[Pixels]:
    """Return filters of three channels as colours, others as the mean over channels; grey is zero."""
    most = float(np.abs(filters).max()) or 1.0
    found = []
    for place in range(filters.shape[-1]):
        values = filters[..., place]
        values = values if values.shape[-1] == 3 else values.mean(axis=-1, keepdims=True).repeat(3, axis=-1)
        found.append(np.rint(GROUND + 127 * values / most).astype(np.uint8))
    return found


def map_cells(maps: Floats) -> list[Pixels]:
    """Return the channels of a layer's map in colours, each from its least to its most."""
    return [colored(maps[..., channel])[..., :3] for channel in range(maps.shape[-1])]


def inside_pictures(inside: InsideView) -> dict[str, Pixels]:
    """Return the montages by file name: of the filters, and of each picture's maps."""
    found = {} if inside.filters is None else {"filters.png": montage(filter_cells(inside.filters))}
    for number, maps in enumerate(inside.maps):
        found[f"{number:04}_maps.png"] = montage(map_cells(maps))
    return found


def inside_section(
    inside: InsideView,
    montages: dict[str, Pixels],
    names: Sequence[str],
    plain: Callable[[int], Pixels],
    views: Sequence[View],
) -> list[Html]:
    """Return the page's part on the inside of the model.

    Args:
        inside: What was found.
        montages: As `inside_pictures` gives them.
        names: Of the pictures.
        plain: Gives a picture as it is shown.
        views: Where each picture lies in the model's input.
    """
    parts: list[Html] = []
    if inside.filters is not None:
        parts.append(_wide("First filters", f"Layer {inside.filters_of}; grey is zero.", montages["filters.png"]))
    if inside.channel is not None:
        parts.append(_strongest(inside, names, plain, views))
    for number, name in enumerate(names[: len(inside.maps)]):
        shown = inside.maps[number].shape[-1]
        words = f"{name}: {shown} of the {inside.channels} channels of {inside.layer}, each from its least to its most."
        parts.append(_wide(f"Maps of {inside.layer}", words, montages[f"{number:04}_maps.png"]))
    return parts


def _wide(title: str, words: str, pixels: Pixels) -> Html:
    image = el("img", src=data_address("png", png(pixels)), alt=words, loading="lazy", style="max-width:100%")
    return el("section", el("h3", title), el("p", words), image, class_="card")


def _strongest(inside: InsideView, names: Sequence[str], plain: Callable[[int], Pixels], views: Sequence[View]) -> Html:
    figures = []
    for number in inside.strongest[:STRONGEST]:
        picture, view, trace = plain(number), views[number], inside.traces[number]
        shown = laid_over(picture, colored(in_picture(trace, view, picture.shape[:2])), 0.5)
        words = f"{names[number]}: {inside.strengths[number]:.3g}"
        image = el("span", el("img", src=data_address("png", png(shown)), alt=words), class_="stack")
        figures.append(el("figure", image, el("figcaption", words)))
    title = f"Strongest pictures of channel {inside.channel} of {inside.layer}"
    words = "Where the channel answers, and the highest value that it gives."
    return el("section", el("h3", title), el("p", words), el("div", join(figures), class_="maps"), class_="card")
