"""The section on layers that stay float: what each costs in int8, and what it costs to keep it float."""

from __future__ import annotations

from typing import Final

from edgecv_converters.measured import BudgetTrial, LayerSensitivity, Mixed
from edgecv_runtime.text import percent

from edgecv.report.artifacts import table
from edgecv.report.html import Html, el, join
from edgecv.terminal.words import DASH, byte_size, decibels, number, points, quantity

SHOWN: Final = 12


def mixed_cards(mixed: Mixed | None) -> tuple[Html | None, Html | None]:
    """The ranking and what was tried; nothing where no budget was given."""
    return (None, None) if mixed is None else (_ranking(mixed), _trials(mixed))


def lead(mixed: Mixed | None) -> str:
    """One sentence on what came of it."""
    if mixed is None:
        return ""
    kept = sum(layer.kept for layer in mixed.layers)
    whole = (
        f"{kept} of {len(mixed.layers)} layers stay float: accuracy falls by {number(mixed.drop)} points on {mixed.on}"
    )
    return f"{whole}, the budget is {number(mixed.budget)}." + (f" {mixed.reason}." if mixed.reason else "")


def _ranking(mixed: Mixed) -> Html:
    shown = mixed.layers[: max(SHOWN, sum(layer.kept for layer in mixed.layers))]
    caption = (
        f"The {quantity(len(shown))} costliest of {quantity(len(mixed.layers))} layers. Each was made int8 alone, all "
        "others float; the distance is that of the answers to calibration samples from the float file's "
        "(Kullback-Leibler, or squared error over variance)."
    )
    names = ["Layer", "Stays", "Distance", "Signal to noise", "More bytes in float", "Share of the work"]
    return table(caption, names, [_cells(layer) for layer in shown])


def _cells(layer: LayerSensitivity) -> Html:
    measured = layer.distance is not None
    cells = (
        ("Stays", "float" if layer.kept else "int8"),
        ("Distance", DASH if layer.distance is None else number(layer.distance)),
        ("Signal to noise", decibels(layer.snr_db) if measured else DASH),
        ("More bytes in float", byte_size(layer.extra_bytes)),
        ("Share of the work", percent(layer.work)),
    )
    made = [el("td", el("span", value), data_label=name, role="cell") for name, value in cells]
    head = el("th", layer.layer, el("small", ", ".join(layer.ops), class_="wrap"), scope="row", role="rowheader")
    return el("tr", head, join(made), role="row")


def _trials(mixed: Mixed) -> Html:
    caption = f"What was tried, in order, on {mixed.on}; the evaluation samples had no part in it."
    return table(caption, ["Layers in float", "Change of accuracy"], [_trial(trial) for trial in mixed.trials])


def _trial(trial: BudgetTrial) -> Html:
    change = el("td", el("span", f"{points(-trial.drop / 100)} points"), data_label="Change of accuracy", role="cell")
    return el("tr", el("th", quantity(trial.float_layers), scope="row", role="rowheader"), change, role="row")
