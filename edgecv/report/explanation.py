"""The report's section on maps of importance: the same picture, and where each model looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from edgecv_converters.explain.records import Floats
from edgecv_converters.measured import ArtifactMaps
from edgecv_runtime.text import percent
from PIL import Image

from edgecv.explain.shown import Pixels, colored, data_address, laid_over, png
from edgecv.report.artifacts import cell, table
from edgecv.report.html import Html, el, join

MOST: Final = 8  # pictures
SIDE: Final = 160  # pixels
OPACITY: Final = 0.55
STYLE: Final = """
.looks{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:10px;margin-top:10px}
.looks figure{margin:0;min-width:0}
.looks img{display:block;width:100%;height:auto;border-radius:6px}
.looks figcaption{font-size:12.5px;overflow-wrap:anywhere}
"""


def map_table(maps: Sequence[ArtifactMaps]) -> Html | None:
    """One row an artifact: how like its maps are to the source's."""
    if not maps:
        return None
    note = "Maps by occlusion of the same pictures, with the source model's: the mean correlation of their ranks, the "
    note += "mean overlap of their highest fifths, and the share of pictures on which that is less than a half."
    names = ["Artifact", "Rank correlation", "Top regions overlap", "Moved", "Pictures"]
    rows = [
        el("tr", el("th", one.artifact, scope="row", role="rowheader"), join(_cells(one, names)), role="row")
        for one in maps
    ]
    return table(note, names, rows)


def _cells(one: ArtifactMaps, names: Sequence[str]) -> list[Html]:
    words = (f"{one.rank_correlation:.3f}", f"{one.top_overlap:.2f}", percent(one.moved, 0), str(len(one.pairs)))
    return [cell(name, text) for name, text in zip(names[1:], words, strict=True)]


def map_pictures(samples: Floats, source: Sequence[Floats], others: Mapping[str, Sequence[Floats]]) -> list[Html]:
    """Show samples with the source's map and each artifact's over them.

    Args:
        samples: What the model takes: (n, height, width[, channels]).
        source: The source's map of each.
        others: The same of each artifact, by its file, of the samples that are shown.
    """
    cards = []
    for number in range(min(MOST, len(samples))):
        picture = _picture(samples[number])
        figures = [_figure(picture, "the model's input"), _figure(_over(picture, source[number]), "the source model")]
        figures += [_figure(_over(picture, maps[number]), file) for file, maps in others.items()]
        cards.append(el("div", join(figures), class_="looks"))
    return cards


def _figure(pixels: Pixels, words: str) -> Html:
    return el(
        "figure", el("img", src=data_address("png", png(pixels)), alt=words, loading="lazy"), el("figcaption", words)
    )


def _picture(sample: Floats) -> Pixels:
    """A prepared tensor as a picture: from its lowest value to its highest."""
    values = sample if sample.ndim == 3 else sample[..., None]
    low, high = float(values.min()), float(values.max())
    pixels = np.rint(255 * (values - low) / max(high - low, 1e-9)).astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] != 3 else pixels).convert("RGB")
    share = SIDE / max(image.size)
    size = max(1, round(image.width * share)), max(1, round(image.height * share))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR if share < 4 else Image.Resampling.NEAREST))


def _over(picture: Pixels, values: Floats) -> Pixels:
    size = picture.shape[1], picture.shape[0]
    large = np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR), np.float32)
    return laid_over(picture, colored(large), OPACITY)
