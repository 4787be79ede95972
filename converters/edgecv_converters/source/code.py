"""The check for models that carry Python code or need custom classes, made without running any of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

from edgecv_runtime.errors import SourceError

_TRAINING_ONLY = frozenset({"compile_config", "training_config", "build_config"})


def check_code(config: Any, name: str, *, allow_code: bool) -> None:
    """Refuse a model configuration that carries marshalled functions, unless `allow_code`.

    Raises:
        SourceError: A Lambda layer carries its function; the message names the layer.
    """
    carriers = sorted({str(carrier) for carrier in _carriers(config, "the model")})
    if carriers and not allow_code:
        raise SourceError(
            f"{name} carries Python code in {', '.join(carriers)}, which loading it would run",
            "Add --allow-code if you trust where the file came from, or replace the Lambda by a custom layer",
        )


def check_custom(config: Any, given: Collection[str], is_builtin: Callable[[str], bool]) -> None:
    """Refuse a configuration with classes that are neither Keras's (`is_builtin`) nor `given`.

    Raises:
        SourceError: The message names the first class, the hint the option.
    """
    for found in _custom(config, is_builtin):
        if found not in given and found.rpartition(">")[2] not in given:
            raise SourceError(
                f"the model has the custom class {found!r}",
                "Name the module that defines it: --custom-objects package.module",
            )


def carries_code(entry: dict[str, Any]) -> bool:
    """Whether one serialized object is, or holds, a marshalled function (Keras 3 or Keras 2)."""
    if entry.get("class_name") == "__lambda__":
        return True
    config = entry.get("config")
    if entry.get("class_name") != "Lambda" or not isinstance(config, dict):
        return False
    return any(
        isinstance(config.get(key), list) or config.get(f"{key}_type") == "lambda"
        for key in ("function", "output_shape", "mask")
        if key != "output_shape" or config.get("output_shape_type") == "lambda"
    )


def _carriers(value: Any, owner: str) -> Iterator[str]:
    if isinstance(value, dict):
        config = value.get("config")
        if isinstance(config, dict) and "class_name" in value and isinstance(config.get("name"), str):
            owner = f"{value['class_name']} layer {config['name']!r}"
        if carries_code(value):
            yield owner
        for inner in _children(value):
            yield from _carriers(inner, owner)
    elif isinstance(value, list):
        for inner in value:
            yield from _carriers(inner, owner)


def _custom(value: Any, is_builtin: Callable[[str], bool]) -> Iterator[str]:
    if isinstance(value, dict):
        name = _own_name(value, is_builtin)
        if name is not None:
            yield name
        for inner in _children(value):
            yield from _custom(inner, is_builtin)
    elif isinstance(value, list):
        for inner in value:
            yield from _custom(inner, is_builtin)


def _children(entry: dict[str, Any]) -> list[Any]:
    return [inner for key, inner in entry.items() if key not in _TRAINING_ONLY]


def _own_name(entry: dict[str, Any], is_builtin: Callable[[str], bool]) -> str | None:
    """The registered name of a serialized object that is not Keras's own, or None."""
    name = entry.get("class_name")
    if not isinstance(name, str) or "config" not in entry or name.startswith("__"):
        return None
    module = entry.get("module")
    if name == "function":
        return str(entry["config"]) if module != "builtins" and not _keras(module) else None
    if name == "Lambda" and isinstance(entry["config"], dict):
        function = entry["config"].get("function")
        return function if isinstance(function, str) and not carries_code(entry) else None
    if "module" in entry:
        return None if _keras(module) or module == "builtins" else str(entry.get("registered_name") or name)
    return None if is_builtin(name) else name


def _keras(module: Any) -> bool:
    return isinstance(module, str) and module.partition(".")[0] in {"keras", "tf_keras"}
