"""Every output by itself, and every column of it whose scale differs from its neighbours'.

One signal-to-noise ratio over all values is that of the largest ones: in a tensor with boxes of 0..640 beside scores of
0..1 the scores may all be wrong, and the ratio is still 40 dB. So the columns of an output that decides nothing are
grouped by their scale, and each group is measured alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from edgecv_runtime.schema import HeadComparison, PartComparison
from msgspec import structs

from edgecv_converters.parity.noise import signal_to_noise

GAP: Final = 8.0  # columns this many times smaller than the largest of their group are of another kind
FLOOR: Final = 1e-6  # of the largest column's scale; what is smaller is noise beside it
MATTERS: Final = 0.05  # of the widest range among columns of one scale; a column that moves less is as good as constant
FOLLOWED: Final = 0.5  # of that range; where a column that moves so much is lost, a constant would be as near
FACTOR: Final = 0.2  # by which a slope may differ from 1; legitimate rounding moves values, and not all by one factor
EXPLAINED: Final = 0.95  # of a column's error, from where on the slope is what is wrong
SEVERAL: Final = 20  # values like the ones that make a column's spread; the slope of a few says nothing
STILL: Final = 1e-6  # of a column's own magnitude; what moves less is rounding
MOST_COLUMNS: Final = 1024
MOST_CHANNELS: Final = 4  # of a picture
Array = npt.NDArray[np.float64]


class OutputSums:
    """Sums over the values of one output, in all and by column.

    Args:
        name: The output's name.
        shape: Its shape, batch included.
        by_column: Whether its columns may be of different kinds; those of a head that decides are not.
    """

    def __init__(self, name: str, shape: Sequence[int], *, by_column: bool) -> None:
        self._name = name
        axes = column_axes(shape) if by_column else ()
        self._columns = [_Columns(name, axis, shape[axis], numbers=True, last=axis == len(shape) - 1) for axis in axes]
        self._columns = self._columns or [_Columns(name, None, 1, numbers=by_column)]

    def add(self, reference: Array, candidate: Array) -> None:
        """Take finite values of one batch in: (batch, ...) each, in the output's shape."""
        for columns in self._columns if len(reference) else ():
            columns.add(reference, candidate)

    def parts(self) -> Iterator[PartComparison]:
        """The groups of columns, the one of the largest scale first; one group where all are of one scale.

        Ratios are those of the axis along which the scales differ most, the first of equal ones. Columns of any other
        axis that are constant or lost stand with the first group, where those of this one tell of nothing.
        """
        grouped = max(self._columns, key=_Columns.spread)
        first, *others = grouped.parts()
        if not any(part.constant or part.lost for part in (first, *others)):
            more = [part for columns in self._columns if columns is not grouped for part in columns.parts()]
            first = structs.replace(
                first,
                constant=tuple(name for part in more for name in part.constant),
                lost=tuple(name for part in more for name in part.lost),
            )
        yield first
        yield from others


class _Columns:
    """Sums over the values of one output by its columns along one axis; all values are one column without an axis."""

    def __init__(self, name: str, axis: int | None, count: int, *, numbers: bool, last: bool = True) -> None:
        self._name, self._axis, self._numbers = name, axis, numbers
        self._along = "" if last else f" along axis {axis}"
        self._values = 0  # in each column
        self._reference_power, self._error_power = np.zeros(count), np.zeros(count)
        # Sums of r, r^2, r^3, r^4, g, g^2 and r g: the source (r) and the artifact (g), less the source's first value.
        self._moments = np.zeros((7, count))
        self._first: Array | None = None
        self._lows = np.full((2, count), np.inf)  # of the source, and of the artifact
        self._highs = np.full((2, count), -np.inf)

    def add(self, reference: Array, candidate: Array) -> None:
        """Take finite values of one batch in."""
        rows = [self._rows(values) for values in (reference, candidate)]
        self._values += rows[0].shape[1]
        self._first = rows[0][:, :1].copy() if self._first is None else self._first
        with np.errstate(over="ignore"):
            moved, got = rows[0] - self._first, rows[1] - self._first
            square = np.square(moved)
            powers = moved, square, square * moved, np.square(square), got, np.square(got), moved * got
            self._moments += [values.sum(axis=1) for values in powers]
            self._reference_power += np.square(rows[0]).sum(axis=1)
            self._error_power += np.square(rows[0] - rows[1]).sum(axis=1)
        for place, values in enumerate(rows):
            self._lows[place] = np.minimum(self._lows[place], values.min(axis=1))
            self._highs[place] = np.maximum(self._highs[place], values.max(axis=1))

    def parts(self) -> Iterator[PartComparison]:
        """The comparison of each group."""
        groups = self._groups()
        for columns in groups:
            power, error = float(self._reference_power[columns].sum()), float(self._error_power[columns].sum())
            yield PartComparison(
                part=self._name if len(groups) == 1 else f"{self._name}{place_words(columns)}",
                snr_db=signal_to_noise(power, error),
                constant=tuple(map(self._column_name, self._constant(columns))),
                lost=tuple(map(self._column_name, self._lost(columns))),
            )

    def _rows(self, values: Array) -> Array:
        if self._axis is None:
            return values.reshape(1, -1)
        return np.moveaxis(values, self._axis, 0).reshape(values.shape[self._axis], -1)

    def spread(self) -> float:
        """The ratio of the largest scale of a column to the least one that is no noise beside it."""
        scale = np.sqrt(self._reference_power)
        counted = scale[scale > FLOOR * scale.max(initial=0.0)]
        return float(counted.max() / counted.min()) if counted.size else 1.0

    def _groups(self) -> list[npt.NDArray[np.int64]]:
        scale = np.sqrt(self._reference_power)
        first, *others = np.argsort(-scale, kind="stable").tolist()
        groups = [[first]]
        for column in others:
            if scale[column] <= FLOOR * scale[first]:
                groups[0].append(column)  # its own power is noise; its error counts among the largest
            elif scale[groups[-1][0]] > GAP * scale[column]:
                groups.append([column])
            else:
                groups[-1].append(column)
        return [np.sort(np.asarray(group, np.int64)) for group in groups]

    def _constant(self, columns: npt.NDArray[np.int64]) -> list[int]:
        """The columns that vary in the source and are constant in the artifact."""
        moving = self._moving(columns, MATTERS)
        return [column for column in moving if self._lows[1, column] == self._highs[1, column]]

    def _lost(self, columns: npt.NDArray[np.int64]) -> list[int]:
        """The columns that follow the source no better than its mean does, or by another factor.

        Of the first the coefficient of determination is <= 0. A ratio over a group, or over values that are far from
        zero, does not show them; nor does a low one show a factor, with which int8 would pass.
        """
        if not self._numbers:
            return []
        total, power = self._moments[:2]
        with np.errstate(over="ignore", invalid="ignore"):
            spread = power - np.square(total) / max(self._values, 1)  # sum (ref - mean)^2
        still, scaled = self._constant(columns), self._scaled()
        moving = (column for column in self._moving(columns, FOLLOWED) if column not in still)
        return [column for column in moving if self._error_power[column] >= spread[column] or scaled[column]]

    def _scaled(self) -> npt.NDArray[np.bool_]:
        """Tell which columns are, but for their mean, the source's times a factor that is not 1."""
        r, r2, r3, r4, g, g2, rg = self._moments
        count = max(self._values, 1)
        with np.errstate(all="ignore"):
            mean = r / count
            source, artifact, common = r2 - mean * r, g2 - np.square(g) / count, rg - mean * g
            slope = common / source
            error, rest = artifact - 2 * common + source, artifact - slope * common
            fourth = r4 - 4 * mean * r3 + 6 * np.square(mean) * r2 - 3 * count * np.square(np.square(mean))
            several = np.square(source) >= SEVERAL * fourth
            return np.asarray((np.abs(slope - 1) > FACTOR) & (rest <= (1 - EXPLAINED) * error) & several)

    def _moving(self, columns: npt.NDArray[np.int64], share: float) -> list[int]:
        """Those columns of one group whose range in the source is over a share of the widest, and no rounding."""
        wanted = (self._highs - self._lows)[0, columns]
        magnitude = np.maximum(np.abs(self._lows[0, columns]), np.abs(self._highs[0, columns]))
        return list(columns[(wanted > share * wanted.max(initial=0.0)) & (wanted > STILL * magnitude)].tolist())

    def _column_name(self, column: int) -> str:
        return self._name if self._axis is None else f"{self._name}[{column}]{self._along}"


def column_axes(shape: Sequence[int]) -> tuple[int, ...]:
    """The axes that may count columns of different kinds: the last one; the second of (1, 9, 60) or (1, 85, 13, 13).

    Rows and columns of a picture or of a grid are none: an output of four axes with few channels last, or whose second
    and third are equal, has the last axis alone. An axis with one place, or with too many, is none either.
    """
    last = len(shape) - 1
    if last < 1:
        return ()
    picture = len(shape) == 4 and (shape[last] <= MOST_CHANNELS or shape[1] == shape[2])
    axes = (last,) if last == 1 or picture else (last, 1)
    return tuple(axis for axis in axes if 1 < shape[axis] <= MOST_COLUMNS)


def place_words(columns: npt.NDArray[np.int64]) -> str:
    """Columns as an index: [0:4], [7], or the first few of a scattered set."""
    first, last = int(columns[0]), int(columns[-1])
    if last - first + 1 == len(columns):
        return f"[{first}]" if first == last else f"[{first}:{last + 1}]"
    shown = ", ".join(str(column) for column in columns[:4].tolist())
    return f"[{shown}{', ...' if len(columns) > 4 else ''}]"


def worst_part(parts: Sequence[PartComparison]) -> PartComparison | None:
    """The part with the lowest signal-to-noise ratio; None where there are none."""
    return min(parts, key=lambda part: math.inf if part.snr_db is None else part.snr_db, default=None)


def worst_head(heads: Sequence[HeadComparison]) -> HeadComparison | None:
    """The head with the lowest agreement; None where no head decides anything."""
    return min(heads, key=lambda head: head.agreement, default=None)
