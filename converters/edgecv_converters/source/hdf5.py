"""HDF5 files of strangers: they hold what they say, and take nothing from another file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

from edgecv_runtime.errors import SourceError
from edgecv_runtime.files import MIB

from edgecv_converters.source.words import gist

MOST_EXPANSION: Final = 128
"""How many times the stored bytes a compressed part may have; weights are hardly ever compressed at all."""

MOST_OBJECTS: Final = 200_000
MOST_CONFIG_BYTES: Final = 64 * MIB
_SLACK_BYTES: Final = 64 * MIB
_FILTERS: Final = frozenset({1, 2, 3, 4, 5, 6, 32000})  # those of HDF5 itself and LZF: others are loaded as plug-ins
_AGAIN: Final = "Copy or save the model again"
WHOLE_MODEL: Final = (
    "Give a file of the whole model: build the model in Python, load its weights, and call model.save('model.keras')"
)
_ONE_FILE: Final = "Save the model again, as one file"


def check_hdf5(file: Path | IO[bytes], name: str) -> int:
    """Look through all of an HDF5 file, and count the values that its data sets can hold.

    Args:
        file: Its path, or an open file.
        name: What messages call it.

    Raises:
        SourceError: It is damaged, declares far more than it holds, or takes data from another file: by external
            storage, a virtual data set, or a link that leaves it.
    """
    import h5py

    try:
        with h5py.File(file, "r") as opened:
            return sum(_values(dataset, name) for dataset in _datasets(opened, name))
    except SourceError:
        raise
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise SourceError(f"{name} is damaged: {gist(error)}", _AGAIN) from error


def read_architecture(path: Path) -> tuple[str, str]:
    """The text of a model's configuration, and the version of Keras that wrote it ("" where it does not say).

    Raises:
        SourceError: The file holds no model, or its configuration is no text.
    """
    import h5py

    with h5py.File(path) as file:
        try:
            text, version = (_text(file.attrs.get(key)) for key in ("model_config", "keras_version"))
            lacking = _without_model(path.name, file) if text is None else None
        except (OSError, TypeError, ValueError, RuntimeError) as error:
            raise SourceError(f"{path.name} is damaged: {gist(error)}", _AGAIN) from error
        if lacking is not None:
            raise lacking
    if not isinstance(text, str) or len(text) > MOST_CONFIG_BYTES:
        raise SourceError(f"{path.name} is damaged: its model_config is too large, or no text", _AGAIN)
    return text, version if isinstance(version, str) else ""


def read_training(path: Path) -> Any:
    """The configuration of a model's training, as far as it can be read; None where the file has none."""
    import h5py

    with h5py.File(path) as file:
        try:
            text = _text(file.attrs.get("training_config"))
            return json.loads(text) if isinstance(text, str) and len(text) <= MOST_CONFIG_BYTES else None
        except (OSError, TypeError, ValueError, RuntimeError, RecursionError):
            return None


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _without_model(name: str, file: Any) -> SourceError:
    if "layer_names" in file.attrs or {"layers", "_layer_checkpoint_dependencies"} & set(file) or "vars" in file:
        return SourceError(f"{name} holds weights without a model", WHOLE_MODEL)
    return SourceError(f"{name} is an HDF5 file without a Keras model in it", WHOLE_MODEL)


def _datasets(root: Any, name: str) -> Iterator[Any]:
    """Every data set once, whatever links lead to it, after each link was checked."""
    import h5py

    waiting, seen, soft = [root], set(), []
    while waiting:
        found = waiting.pop()
        address = h5py.h5o.get_info(found.id).addr
        if address in seen:
            continue
        seen.add(address)
        if len(seen) > MOST_OBJECTS:
            raise SourceError(f"{name} holds more than {MOST_OBJECTS:,} groups and data sets", _AGAIN)
        if isinstance(found, h5py.Dataset):
            yield found
        elif isinstance(found, h5py.Group):
            kinds = {key: _kind(found, key, name) for key in found}
            waiting += [found[key] for key, kind in kinds.items() if kind == h5py.h5l.TYPE_HARD]
            soft += [(found, key) for key, kind in kinds.items() if kind == h5py.h5l.TYPE_SOFT]
    for group, key in soft:  # last, when none of them can lead into another file, which following it would open
        if not _leads_somewhere(group, key):
            raise SourceError(
                f"{name} has a link that leads nowhere in it, or outside: {_place(group, key)}", _ONE_FILE
            )


def _kind(group: Any, key: str | bytes, name: str) -> int:
    """Tell whether a link is hard or soft.

    Raises:
        SourceError: It is of a kind that leads out of the file, or its name is no text (h5py gives that as bytes).
    """
    import h5py

    if not isinstance(key, str):
        raise SourceError(f"{name} is damaged: the name {key!r} in {group.name} is no text", _AGAIN)
    kind: int = group.id.links.get_info(key.encode("utf-8", "surrogateescape")).type
    if kind not in {h5py.h5l.TYPE_HARD, h5py.h5l.TYPE_SOFT}:
        raise SourceError(f"{name} reads another file: {_place(group, key)} is an external link", _ONE_FILE)
    return kind


def _leads_somewhere(group: Any, key: str) -> bool:
    import h5py

    try:
        return bool(h5py.h5o.exists_by_name(group.id, key.encode("utf-8", "surrogateescape")))
    except (KeyError, OSError, RuntimeError):  # for example in a circle
        return False


def _place(group: Any, key: str) -> str:
    return f"{group.name.rstrip('/')}/{key}"


def _values(dataset: Any, name: str) -> int:
    """The number of values of a data set that is stored in the file itself.

    Raises:
        SourceError: It is stored elsewhere, or declares far more than is stored.
    """
    import h5py

    plist = dataset.id.get_create_plist()
    if plist.get_external_count():
        raise SourceError(f"{name} reads another file: {dataset.name} is stored outside of it", _ONE_FILE)
    if plist.get_layout() == h5py.h5d.VIRTUAL:
        raise SourceError(f"{name} reads another file: {dataset.name} is a virtual data set", _ONE_FILE)
    if any(plist.get_filter(position)[0] not in _FILTERS for position in range(plist.get_nfilters())):
        raise SourceError(f"{name} is compressed by a plug-in of HDF5 ({dataset.name})", _ONE_FILE)
    size, count = int(dataset.id.get_type().get_size()), int(dataset.size or 0)
    possible = int(dataset.id.get_storage_size()) * MOST_EXPANSION
    if count * size > possible + _SLACK_BYTES:
        raise SourceError(
            f"{name} is damaged: {dataset.name} has the shape {dataset.shape}, which is far larger than what it holds",
            _AGAIN,
        )
    return min(count, possible // size)
