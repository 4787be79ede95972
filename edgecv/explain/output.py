"""The folder and the table of a run: the page, the overlays, the numbers, and the maps as arrays."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from edgecv_converters.explain.settings import METHODS
from edgecv_runtime.errors import UsageError
from edgecv_runtime.preprocess.decode import decode
from edgecv_runtime.text import percent
from PIL import Image
from rich.box import SIMPLE_HEAD
from rich.table import Table

from edgecv.explain.inside import inside_pictures, inside_section
from edgecv.explain.page import Addresses, render
from edgecv.explain.result import ExplainReport, report_of
from edgecv.explain.run import ExplainRun
from edgecv.explain.shown import Pixels, colored, data_address, in_picture, laid_over, png, shrunk
from edgecv.export.place import beside, put
from edgecv.report.html import Html
from edgecv.terminal.console import json_bytes, show, show_json
from edgecv.terminal.words import DASH

PAGE, DATA, ARRAYS = "explain.html", "explain.json", "maps.npz"
OPACITY: Final = 0.55
QUALITY: Final = 85


def check_place(folder: Path, *, force: bool) -> None:
    """Refuse a folder that something is in.

    Raises:
        UsageError: It is a file, or holds something and `force` is not given, or holds no run of `explain`.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", "Give another folder")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise UsageError(f"{folder} exists", "Give --force to replace it, or another -o")
        if not (folder / DATA).is_file():
            raise UsageError(f"{folder} holds something else than an explanation", "Give another folder")


def write_run(run: ExplainRun, folder: Path) -> ExplainReport:
    """Write everything into a folder, which is there whole or not at all."""
    with beside(folder) as made:
        addresses, files = _pictures(run, made)
        report = report_of(run, files)
        inside = _inside(run, made)
        (made / DATA).write_bytes(msgspec.json.format(json_bytes(report), indent=2) + b"\n")
        (made / PAGE).write_text(render(run, report, addresses, inside), encoding="utf-8")
        np.savez_compressed(made / ARRAYS, **_arrays(run))
        put(made, folder)
    return report


def _pictures(run: ExplainRun, folder: Path) -> tuple[Addresses, dict[tuple[int, int], str]]:
    """Write the overlays; give what the page shows, and the names of the files."""
    addresses: Addresses = {}
    files: dict[tuple[int, int], str] = {}
    for number, picture in enumerate(run.pictures):
        size = shrunk((picture.view.height, picture.view.width))
        plain = _plain(run, number, size)
        addresses[number, None] = data_address("jpeg", _jpeg(plain))
        for place, model in enumerate(run.models):
            colors = colored(in_picture(model.map(number).values, picture.view, size))
            addresses[number, place] = data_address("png", png(colors))
            name = f"{number:04}_{_slug(picture.name)}_{_slug(model.title)}_{_slug(model.method)}.png"
            (folder / name).write_bytes(png(laid_over(plain, colors, OPACITY)))
            files[number, place] = name
    return addresses, files


def _inside(run: ExplainRun, folder: Path) -> list[Html]:
    """Write the montages of the model's inside; give the page's part on it."""
    if run.inside is None:
        return []
    montages = inside_pictures(run.inside)
    for name, pixels in montages.items():
        (folder / name).write_bytes(png(pixels))
    views = [picture.view for picture in run.pictures]

    def plain(number: int) -> Pixels:
        return _plain(run, number, shrunk((views[number].height, views[number].width)))

    return inside_section(run.inside, montages, [picture.name for picture in run.pictures], plain, views)


def _plain(run: ExplainRun, number: int, size: tuple[int, int]) -> Pixels:
    image = decode(run.pictures[number].source, run.opened.spec).convert("RGB")
    kernel = Image.Resampling.NEAREST if max(size) > 2 * max(image.size) else Image.Resampling.LANCZOS
    return np.asarray(image.resize((size[1], size[0]), kernel), np.uint8)


def _jpeg(pixels: Pixels) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=QUALITY)
    return data.getvalue()


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", text.rpartition(".")[0] or text)[-60:].strip("-.") or "picture"


def _arrays(run: ExplainRun) -> dict[str, Any]:
    """The maps of each model and method, all pictures in one array, named by the model and the method."""
    return {f"{model.title}:{model.method}": np.stack([one.values for one in model.found.maps]) for model in run.models}


def print_run(report: ExplainReport, folder: Path, *, as_json: bool) -> None:
    """Print what was found, one line for each model and method."""
    if as_json:
        show_json(report)
        return
    table = Table(
        title=f"{report.name}: {len(report.pictures)} pictures", title_justify="left", box=SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("model")
    table.add_column("method")
    for heading in ("better than random", "rank correlation", "overlap", "moved", "shuffled"):
        table.add_column(heading, justify="right")
    for one in report.summaries:
        table.add_row(
            one.model,
            METHODS[one.method].title,
            _percent(one.better_than_random),
            _number(one.rank_correlation),
            _number(one.top_overlap),
            _percent(one.moved),
            _number(one.shuffled),
        )
    show(table, f"page: {folder / PAGE}")


def _percent(value: float | None) -> str:
    return DASH if value is None else percent(value, 0)


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.2f}"
