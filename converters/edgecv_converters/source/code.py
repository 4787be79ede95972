"""The check of a model's configuration: it names only what computes, and is read without running any of it."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgecv_runtime.errors import SourceError
from edgecv_runtime.paths import shortened

from edgecv_converters.source.allowed import keras as names
from edgecv_converters.source.causes import custom_hint
from edgecv_converters.source.lambdas import foreign_bytecode, this_python
from edgecv_converters.source.op_layers import op_layer_fault

_MOST_DEPTH: Final = 400
_AGAIN: Final = "Copy or save the model again"
_TRUST: Final = "Add --allow-code if you trust where the file came from"
_MODULE: Final = re.compile(
    r"(tf_)?keras(\.src)?(\.(layers|models|engine|ops|initializers|regularizers|constraints|dtype_policies|quantizers"
    r"|random|optimizers|losses|metrics|activations|mixed_precision|applications)(\.[a-z0-9_]+)*)?"
)
_OF_TRAINING: Final = frozenset({"compile_config", "training_config"})
_FILES: Final = ("vocabulary", "idf_weights")
_BY_NAME: Final = {
    "activation": names.ACTIVATIONS,
    "initializer": names.PARTS,
    "regularizer": names.PARTS,
    "constraint": names.PARTS,
}


_COMPOSITE: Final = "_COMPOSITE_TYPE"  # before a constant that tf-keras decodes from a string of its own
_NO_CLASSES: Final = frozenset({"TensorShape", "TypeSpec", "CompositeTensor", _COMPOSITE})


@dataclass(frozen=True, slots=True)
class _Entry:
    """One serialized object, and the layer that it belongs to, for people."""

    value: dict[str, Any]
    owner: str

    @property
    def name(self) -> str:
        return str(self.value["class_name"])

    @property
    def config(self) -> dict[str, Any]:
        config = self.value.get("config")
        return config if isinstance(config, dict) else {}


def usable_objects(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the user's objects that a file may name: classes that Keras can rebuild, and functions of their own.

    A module also has what it imports: a file must not be able to ask for `subprocess.Popen` or `shutil.rmtree`.
    """
    return {
        name: value
        for name, value in given.items()
        if (hasattr(value, "from_config") if inspect.isclass(value) else not _of_python(value))
    }


def parse_config(text: str | bytes, name: str) -> Any:
    """The JSON text of a configuration as Python has it.

    Args:
        text: What the file holds.
        name: What messages call it.

    Raises:
        SourceError: It is no JSON, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise SourceError(f"{name} is damaged: it is nested too deeply", _AGAIN) from error
    except ValueError as error:
        raise SourceError(f"{name} is damaged: it is no JSON", _AGAIN) from error


def check_config(config: Any, name: str, given: Collection[str], *, allow_code: bool) -> None:
    """Refuse a configuration that names what runs code or opens files, unless `allow_code`, or what nobody gave.

    Args:
        config: The model's configuration, as JSON has it.
        name: What messages call the file.
        given: The names of the user's own classes and functions.
        allow_code: Whether the file may name all of Keras and TensorFlow, and carry Python code.

    Raises:
        SourceError: It does; the message names the layer, the class or the function.
    """
    entries = list(_entries(config, name))
    carriers = sorted({entry.owner for entry in entries if _carries_code(entry)})
    if carriers and not allow_code:
        raise SourceError(
            f"{name} carries Python code in {shortened(', '.join(carriers))}, which loading it would run",
            f"{_TRUST}, or replace the Lambda by a custom layer",
        )
    foreign = sorted({entry.owner for entry in entries if _carries_code(entry) and foreign_bytecode(entry.value)})
    if foreign:
        where = shortened(", ".join(foreign))
        raise SourceError(
            f"another Python version wrote the code in {where}: Python {this_python()} cannot run it",
            "Load the model with the Python that saved it and export a SavedModel folder there, or replace the Lambda",
        )
    for entry in entries:
        what, missing = _missing(entry, given)
        if missing in names.CLASSES and "module" not in entry.value:
            raise SourceError(
                f"{name} calls the operation {missing!r} of keras.ops, which no Keras reads from an HDF5 file",
                "Save the model again where it was made, as .keras: model.save('model.keras')",
            )
        if missing is not None:
            raise SourceError(
                f"the model has the custom {what} {shortened(missing)!r}",
                custom_hint(missing),
            )
        fault = None if allow_code else _fault(entry, given)
        if fault is not None:
            raise SourceError(f"{name}: {shortened(entry.owner)} {shortened(fault)}", _TRUST)


def named_classes(config: Any, name: str) -> Iterator[tuple[str, str]]:
    """The module and the name of every class of a configuration that says both.

    Args:
        config: The model's configuration, as JSON has it.
        name: What messages call the file.

    Raises:
        SourceError: It is nested too deeply.
    """
    for entry in _entries(config, name):
        module = entry.value.get("module")
        if isinstance(module, str) and _own_name(entry) is not None:
            yield module, entry.name


def _of_python(function: Any) -> bool:
    module = str(getattr(function, "__module__", "builtins")).partition(".")[0]
    return module in sys.stdlib_module_names and module != "__main__"


def _entries(config: Any, name: str) -> Iterator[_Entry]:
    """Every serialized object at any depth, but for what only training needs (of the model itself, not loaded)."""
    if isinstance(config, dict):
        config = {key: value for key, value in config.items() if key not in _OF_TRAINING}
    waiting: list[tuple[Any, str, int]] = [([config], "the model", 0)]
    while waiting:
        value, owner, depth = waiting.pop()
        if depth > _MOST_DEPTH:
            raise SourceError(f"{name} is damaged: its configuration is nested too deeply", _AGAIN)
        if isinstance(value, dict):
            if "class_name" in value:
                owner = _owner(value, owner)
                yield _Entry(value, owner)
            value = list(value.values())
        elif _COMPOSITE in value:
            yield _Entry({"class_name": _COMPOSITE}, owner)
        waiting += [(inner, owner, depth + 1) for inner in reversed(value) if isinstance(inner, dict | list)]


def _owner(value: dict[str, Any], outer: str) -> str:
    config = value.get("config")
    own = config.get("name") if isinstance(config, dict) else None
    return f"{value['class_name']} layer {own!r}" if isinstance(own, str) else outer


def _carries_code(entry: _Entry) -> bool:
    """Tell whether an object is, or holds, a marshalled function (of Keras 3 or Keras 2)."""
    if entry.name == "__lambda__":
        return True
    return entry.name == "Lambda" and any(
        isinstance(entry.config.get(key), list) or entry.config.get(f"{key}_type") == "lambda"
        for key in ("function", "output_shape", "mask")
        if key != "output_shape" or entry.config.get("output_shape_type") == "lambda"
    )


def _missing(entry: _Entry, given: Collection[str]) -> tuple[str, str | None]:
    """A class or function that is neither Keras's nor given: what it is, and its registered name, or None."""
    wanted = _own_name(entry)
    if wanted is not None and wanted not in given and wanted.rpartition(">")[2] not in given:
        return ("function" if entry.name in {"function", "Lambda"} else "class"), wanted
    if _is_given(entry, given):
        return "class", None
    for key, value in entry.config.items():
        known = _BY_NAME.get(key.rpartition("_")[2])
        if known is not None and isinstance(value, str) and value not in known and value not in given:
            return key, value
    return "class", None


def _own_name(entry: _Entry) -> str | None:
    """The registered name of an object that is not Keras's own, or None."""
    name, module = entry.name, entry.value.get("module")
    if name.startswith("__") or name in _NO_CLASSES:
        return None
    if name == "function":
        wanted = str(entry.value.get("config"))
        known = wanted in names.BUILT_IN if module == "builtins" else _is_kerass(module)
        return None if known else wanted
    if name == "Lambda" and _is_kerass(module or "keras"):
        function = entry.config.get("function")
        return function if isinstance(function, str) and not _carries_code(entry) else None
    if "module" in entry.value:
        return None if _is_kerass(module) or _is_part(entry) else str(entry.value.get("registered_name") or name)
    return None if name in names.OLD_CLASSES | names.RUNNING else name


def _is_kerass(module: Any) -> bool:
    return isinstance(module, str) and module.partition(".")[0] in {"keras", "tf_keras"}


def _among(value: Any, allowed: Collection[str]) -> bool:
    """Tell whether something out of a file, of any type, is one of these names."""
    return isinstance(value, str) and value in allowed


def _is_given(entry: _Entry, given: Collection[str]) -> bool:
    """Tell whether Keras will take the user's own object: it looks for the registered name first."""
    if entry.name == "function":
        return _among(entry.value.get("config"), given)
    wanted = str(entry.value.get("registered_name") or entry.name)
    return wanted in given or wanted.rpartition(">")[2] in given


def _is_part(entry: _Entry) -> bool:
    """Tell whether it is one of TensorFlow's initializers, in whose place Keras takes its own."""
    return entry.name in names.PARTS and _among(entry.value.get("module"), names.PART_MODULES)


def _fault(entry: _Entry, given: Collection[str]) -> str | None:
    """Say what an object does that a model need not do, in words that follow the layer's name; None if nothing."""
    if _is_given(entry, given) or entry.name in names.VALUES:
        return None
    if entry.name == "function":
        return _function_fault(entry, given)
    if entry.name == "Lambda":
        return None  # its function is judged by itself
    if entry.name == "TypeSpec":
        kind = entry.value.get("type_spec")
        return None if _among(kind, names.TYPE_SPECS) else f"has the type {kind!r}, which is not among those allowed"
    return _class_fault(entry) or op_layer_fault(entry.name, entry.config) or _file_fault(entry)


def _function_fault(entry: _Entry, given: Collection[str]) -> str | None:
    wanted, module = entry.value.get("config"), entry.value.get("module")
    registered = entry.value.get("registered_name") or "function"
    known = module == "builtins" or (isinstance(module, str) and _MODULE.fullmatch(module) is not None)
    if known and _among(wanted, names.FUNCTIONS) and _among(registered, {*names.FUNCTIONS, *given, "function"}):
        return None
    return f"names the function {f'{module}.{wanted}'!r}, which is not among those of Keras that only compute"


def _class_fault(entry: _Entry) -> str | None:
    """Say what is wrong with the class that is named, or with its module or its registered name."""
    value = entry.value
    if "module" not in value:
        known = entry.name in names.OLD_CLASSES
        return None if known else f"names the class {entry.name!r}, which can run code or open files"
    module, registered = value["module"], value.get("registered_name") or entry.name
    fits = isinstance(module, str) and _MODULE.fullmatch(module) is not None
    if (_is_part(entry) or (fits and entry.name in names.CLASSES)) and registered == entry.name:
        return None
    full = f"{module}.{entry.name}" + (f" as {registered}" if registered != entry.name else "")
    return f"names the class {full!r}, which is not among those of Keras that only compute"


def _file_fault(entry: _Entry) -> str | None:
    """The file that a preprocessing layer would read its vocabulary from."""
    for key in _FILES:
        if isinstance(entry.config.get(key), str):
            return f"reads another file: its {key} is {entry.config[key]!r}"
    return None
