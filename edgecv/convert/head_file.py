"""A head as a TOML file describes it: what a model's numbers do not show by themselves (docs/heads.md)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from edgecv_converters.data.inputs import read_labels
from edgecv_runtime.errors import UsageError
from edgecv_runtime.files import MIB, read_regular
from edgecv_runtime.schema import Activation, HeadSpec

SUFFIX: Final = ".toml"
LARGEST: Final = MIB  # bytes; real files have some hundred
KEYS: Final = ("labels", "activation", "thresholds", "title", "unit", "decode")
COLUMNS: Final = ("scores", "boxes", "objectness", "offsets", "numbers")  # lists of columns in a decoder of boxes
POINTS: Final = ("points", "scores")  # single columns in a decoder of points
WHERE: Final = "docs/heads.md describes every key"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFile:
    """The content of the file; None where it says nothing. `decode` is a decoder's table as it was written."""

    path: Path
    labels: tuple[str, ...] | None = None
    activation: Activation | None = None
    thresholds: tuple[float, ...] | None = None
    title: str | None = None
    unit: str | None = None
    decode: dict[str, Any] | None = None

    def applied(self, spec: HeadSpec, canvas: tuple[int, int] | None) -> HeadSpec:
        """Return a head's record with what the file says of it.

        Args:
            spec: The record.
            canvas: The size of the model's picture, by which levels without a grid get theirs.

        Raises:
            UsageError: The decoder's table is not one.
        """
        said: dict[str, Any] = {
            key: value
            for key in ("labels", "activation", "thresholds", "title", "unit")
            if (value := getattr(self, key)) is not None
        }
        if self.decode is not None:
            said["decode"] = _whole(self.decode, spec, canvas)
            if "numbers" in self.decode:
                said["decode"] = self._numbered(said["decode"])
        plain = {**msgspec.to_builtins(spec), **said}
        try:
            return msgspec.convert(plain, HeadSpec)
        except msgspec.ValidationError as error:
            raise UsageError(f"{self.path}: {error}", WHERE) from error

    def _numbered(self, decode: dict[str, Any]) -> dict[str, Any]:
        """Fill in a decoder of boxes that the model has chosen: none is left out again, and labels tell the count."""
        usual: dict[str, Any] = {"overlap": None}
        if self.labels is not None:
            usual["class_count"] = len(self.labels) + (decode.get("background") is not None)
        return {**usual, **decode}


def read_head_file(path: Path) -> HeadFile:
    """Read a file that describes a head.

    Raises:
        UsageError: It is missing, is no TOML, or has an unknown key.
        DataError: Its labels cannot be read.
    """
    try:
        content = tomllib.loads(read_regular(path, LARGEST).decode())
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path} cannot be read: {reason}", f"Give a TOML file; {WHERE}") from error
    unknown = next((key for key in content if key not in KEYS), None)
    if unknown is not None:
        raise UsageError(f"{path}: unknown key {unknown!r}", f"Known keys are {', '.join(KEYS)}")
    labels, thresholds = content.get("labels"), content.get("thresholds")
    if isinstance(labels, str):
        content["labels"] = read_labels(path.parent / labels)
    if isinstance(thresholds, int | float):
        content["thresholds"] = [thresholds]
    try:
        return msgspec.convert({"path": path, **content}, HeadFile, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}", WHERE) from error


def _path(kind: type, value: Any) -> Any:
    return kind(value)


def _whole(table: dict[str, Any], spec: HeadSpec, canvas: tuple[int, int] | None) -> dict[str, Any]:
    """Write out the short forms of a decoder's table: names of outputs, single strides, levels without a grid."""
    whole = dict(table)
    single = table.get("form") == "coordinates"
    for key in POINTS if single else COLUMNS:
        if key in whole:
            columns = [_columns(one) for one in _listed(whole[key])]
            whole[key] = columns[0] if single else columns
    only = {"output": spec.outputs[0]}
    if len(spec.outputs) == 1:
        for key in (key for key in (POINTS if single else COLUMNS) if key in whole):
            parts = _listed(whole[key])
            filled = [{**only, **part} if isinstance(part, dict) else part for part in parts]
            whole[key] = filled[0] if single else filled
    if "levels" in whole:
        whole["levels"] = [_level(level, canvas) for level in _listed(whole["levels"])]
    return whole


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _columns(value: Any) -> Any:
    return {"output": value} if isinstance(value, str) else value


def _level(level: Any, canvas: tuple[int, int] | None) -> Any:
    if not isinstance(level, dict):
        return level
    strides = _listed(level.get("stride"))
    strides = strides * 2 if len(strides) == 1 else strides
    whole = {**level, "stride": strides}
    sizable = all(isinstance(one, int | float) and one > 0 for one in strides)
    if "grid" not in level and canvas is not None and sizable and len(strides) == len(canvas):
        whole["grid"] = [-int(-side // one) for side, one in zip(canvas, strides, strict=True)]
    return whole
