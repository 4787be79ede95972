"""The C source of a plan."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from edgecv.export.micro.plan import CameraPlan
from edgecv.export.micro.taps import AxisTables
from edgecv.export.micro.text import array, number


def plan_source(plan: CameraPlan, name: str, *, static: bool = False) -> str:
    """Return the definition of the `edgecv_plan` of that name, with the tables that it points to.

    Args:
        plan: The plan.
        name: The C name; those of the tables begin with it.
        static: Whether the file alone sees it.
    """
    tables = [line for title, axis in _axes(plan) for line in _tables(axis, f"{name}_{title}")]
    tables += [array("uint8_t", f"{name}_table_{place}", row) for place, row in enumerate(_own_tables(plan))]
    fields = ",\n".join(f"    .{key} = {value}" for key, value in _fields(plan, name))
    return f"{''.join(tables)}\n{'static ' if static else ''}const edgecv_plan {name} = {{\n{fields},\n}};\n"


def _axes(plan: CameraPlan) -> tuple[tuple[str, AxisTables], ...]:
    return ("down", plan.down), ("across", plan.across)


def _own_tables(plan: CameraPlan) -> list[np.ndarray]:
    """Return one table a channel, or one alone where all are the same."""
    same = bool((plan.table == plan.table[0]).all())
    return [plan.table[0]] if same else list(plan.table)


def _tables(axis: AxisTables, name: str) -> Iterator[str]:
    yield array("uint16_t", f"{name}_start", axis.start)
    if axis.weights is not None:
        yield array("int32_t", f"{name}_weights", axis.weights)
    if axis.share is not None:
        yield array("float", f"{name}_share", axis.share)


def _fields(plan: CameraPlan, name: str) -> Iterator[tuple[str, str]]:
    """Yield what every field of the structure is set to."""
    limits, tables = np.iinfo(plan.dtype), len(_own_tables(plan))
    channels = range(len(plan.order))
    yield "read", plan.camera.format.reader
    yield "colors", f"&{plan.camera.format.colors}" if plan.camera.format.colors else "NULL"
    yield "to_gray", "edgecv_to_gray" if plan.mixes else "NULL"
    yield "scaler", plan.scaler
    yield "stride", str(plan.camera.stride)
    yield "read_planes", str(plan.camera.format.planes)
    yield "planes", str(plan.planes)
    yield "channels", str(len(plan.order))
    yield "order", _list(map(str, plan.order))
    yield "pad", _list(str(plan.table[channel, plan.pad[channel]]) for channel in channels)
    for title, axis in _axes(plan):
        yield title, _axis(axis, f"{name}_{title}")
    yield "table", _list(f"{name}_table_{min(channel, tables - 1)}" for channel in channels)
    yield "scale", _list(map(number, plan.scale))
    yield "offset", _list(map(number, plan.offset))
    yield "step", number(np.float32(plan.params.scale))
    yield "zero_point", str(plan.params.zero_point)
    yield "least", str(limits.min)
    yield "most", str(limits.max)


def _axis(tables: AxisTables, name: str) -> str:
    axis = tables.axis
    weights = f"{name}_weights" if tables.weights is not None else "NULL"
    share = f"{name}_share" if tables.share is not None else "NULL"
    numbers = (axis.first, axis.taken, axis.at, axis.shown, axis.size, tables.taps)
    return _list((*map(str, numbers), f"{name}_start", weights, share))


def _list(words: Iterator[str] | map[str] | tuple[str, ...]) -> str:
    return f"{{{', '.join(words)}}}"
