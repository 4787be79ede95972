"""Preprocessing from a TOML file: the keys of the bundle's own record, and `mean`/`std` as papers give them."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from edgecv_runtime.clip_sound_schema import Cepstra, Clip, MelFilters, Sound
from edgecv_runtime.errors import SpecError
from edgecv_runtime.files import MIB, read_regular
from edgecv_runtime.preprocess.presets import NORMALIZATIONS, float32s, normalization
from edgecv_runtime.preprocess.rules import check
from edgecv_runtime.schema import Fit, Preprocess, Resize

KEYS = {
    "": Preprocess.__struct_fields__,
    "fit": Fit.__struct_fields__,
    "resize": Resize.__struct_fields__,
    "normalize": ("preset", "mean", "std", "scale", "offset"),
    "clip": Clip.__struct_fields__,
    "sound": Sound.__struct_fields__,
    "sound.mel": MelFilters.__struct_fields__,
    "sound.cepstra": Cepstra.__struct_fields__,
}
RECORDS = {
    "": Preprocess,
    "fit": Fit,
    "resize": Resize,
    "clip": Clip,
    "sound": Sound,
    "sound.mel": MelFilters,
    "sound.cepstra": Cepstra,
}
ONLY = {"tensor": {"kind", "normalize"}, "sound": {"kind", "normalize", "sound"}}
LARGEST = MIB  # bytes; real files have some hundred
WAYS = ({"preset"}, {"mean", "std"}, {"scale", "offset"})


def from_toml(path: Path) -> Preprocess:
    """Read and check a preprocessing file.

    `normalize` takes a Keras `preset`, or `mean` and `std` in units of 0..255, or `scale` and `offset`.

    Raises:
        SpecError: The file is missing or not TOML, or a key or value is wrong; the message names the file and field.
    """
    try:
        content = tomllib.loads(read_regular(path, LARGEST).decode())
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SpecError(f"{path} cannot be read: {reason}", "Give a TOML file, see docs/preprocessing.md") from error
    try:
        _check_keys(content)
        _check_choices(content)
        if "normalize" in content:
            content["normalize"] = _normalize(content["normalize"], content)
        if isinstance(pad := content.get("fit", {}).get("pad"), int):
            content["fit"]["pad"] = [pad]
        spec = msgspec.convert(content, Preprocess)
        check(spec)
    except msgspec.ValidationError as error:
        raise SpecError(f"{path}: {error}", "docs/preprocessing.md describes every field") from error
    except SpecError as error:
        raise SpecError(f"{path}: {error.message}", error.hint) from error
    return spec


def _check_keys(content: dict[str, Any]) -> None:
    for place, known in KEYS.items():
        table = _table(content, place)
        if not isinstance(table, dict):
            raise SpecError(f"{place} must be a table, got {table!r}", f"Write [{place}] with {', '.join(known)} below")
        unknown = [key for key in table if key not in known]
        if unknown:
            where = f" in [{place}]" if place else ""
            raise SpecError(f"unknown key {unknown[0]!r}{where}", f"Known keys{where} are {', '.join(known)}")
    kind = str(content.get("kind", "image"))
    extra = [key for key in content if key not in ONLY.get(kind, content)]
    if extra:
        raise SpecError(f"{extra[0]} must be left out with kind = {kind!r}", f"A {kind} is no picture")


def _table(content: dict[str, Any], place: str) -> Any:
    """The table at a place such as "sound.mel"; an empty one where there is none."""
    table: Any = content
    for key in place.split(".") if place else ():
        table = table.get(key, {}) if isinstance(table, dict) else {}
    return table


def _check_choices(content: dict[str, Any]) -> None:
    for place, struct in RECORDS.items():
        table = _table(content, place)
        for key, hint in get_type_hints(struct).items():
            choices = get_args(hint) if get_origin(hint) is Literal else ()
            if choices and key in table and table[key] not in choices:
                field = f"{place}.{key}" if place else key
                raise SpecError(f"{field} must be one of {', '.join(choices)}, got {table[key]!r}")


def _normalize(table: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    keys = set(table)
    if not any(keys <= way and keys for way in WAYS):
        raise SpecError(
            f"normalize has {', '.join(sorted(keys)) or 'nothing'}, which do not go together",
            "Give preset, or mean and std, or scale and offset",
        )
    if "preset" in keys:
        return _from_preset(table["preset"], content)
    values = {key: _numbers(key, value) for key, value in table.items()}
    if keys & {"scale", "offset"}:
        return {"scale": float32s(values.get("scale", [1.0])), "offset": float32s(values.get("offset", [0.0]))}
    mean, std = values.get("mean", [0.0]), values.get("std", [1.0])
    if not all(value > 0 for value in std):
        raise SpecError(f"normalize.std must be over zero, got {std}", "Give the standard deviation in units of 0..255")
    width = max(len(mean), len(std))
    mean, std = (v * width if len(v) == 1 else v for v in (mean, std))
    if len(mean) != len(std):
        raise SpecError(f"normalize.mean has {len(mean)} values and std {len(std)}", "Give one for each channel")
    return {
        "scale": float32s([1 / s for s in std]),
        "offset": float32s([-m / s for m, s in zip(mean, std, strict=True)]),
    }


def _from_preset(name: object, content: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(name, str) or name not in NORMALIZATIONS:
        raise SpecError(f"unknown normalize.preset {name!r}", f"Presets are {', '.join(NORMALIZATIONS)}")
    if name == "caffe" and content.setdefault("color", "bgr") != "bgr":
        raise SpecError("normalize.preset 'caffe' needs color = 'bgr'", "Leave color out")
    made: dict[str, Any] = msgspec.to_builtins(normalization(name))
    return made


def _numbers(key: str, value: object) -> list[float]:
    values = value if isinstance(value, list) else [value]
    numbers = [_float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) != len(values):
        raise SpecError(f"normalize.{key} must be numbers, got {value!r}", f"Write {key} = [0.5, 0.5, 0.5]")
    return numbers


def _float(value: float) -> float:
    """TOML's whole numbers have no limit, and too large a one is no more a float than infinity is."""
    try:
        return float(value)
    except OverflowError:
        return math.inf
