"""A model file under the name of its kind, as it is or as a copy that today's Keras reads."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from edgecv_converters.source.archive import CONFIG, OLD_GROUP, WEIGHTS

_GROUP: Final = "layers"


@contextmanager
def readable(path: Path, suffix: str, config: Any | None, *, rename: bool) -> Iterator[Path]:
    """Give a file a name that ends in `suffix`, and where that is asked for another configuration or other names.

    Keras tells formats by their names. A file that is HDF5 and a zip archive at once would be checked as one and
    loaded as the other.

    Args:
        path: The file, which was checked.
        suffix: ".keras" or ".h5".
        config: The configuration that takes the place of the file's own, or None.
        rename: Whether the weights in an archive get today's names (see `archive.has_old_names`).
    """
    with TemporaryDirectory(prefix="edgecv-") as folder:
        place = Path(folder) / f"model{suffix}"
        if config is None and not rename:
            place.symlink_to(path.absolute())
        elif suffix == ".h5":
            _copy_hdf5(path, place, config)
        else:
            _copy_archive(path, place, config, rename=rename)
        yield place


def _copy_hdf5(path: Path, place: Path, config: Any) -> None:
    import h5py

    shutil.copyfile(path, place)
    with h5py.File(place, "r+") as file:
        del file.attrs["model_config"]
        file.attrs["model_config"] = json.dumps(config)


def _copy_archive(path: Path, place: Path, config: Any | None, *, rename: bool) -> None:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(place, "w") as new:
        for entry in old.namelist():
            with old.open(entry) as source, new.open(entry, "w", force_zip64=True) as target:
                if entry == CONFIG and config is not None:
                    target.write(json.dumps(config).encode())
                elif entry == WEIGHTS and rename:
                    renamed = place.with_name("weights.h5")
                    _copy_weights(source, renamed)
                    with renamed.open("rb") as made:
                        shutil.copyfileobj(made, target)
                else:
                    shutil.copyfileobj(source, target)


def _copy_weights(source: Any, place: Path) -> None:
    import h5py

    with h5py.File(source, "r") as old, h5py.File(place, "w") as new:

        def copy(name: str, found: Any) -> None:
            today = name.replace("\\", "/").replace(OLD_GROUP, _GROUP)
            if isinstance(found, h5py.Dataset):
                old.copy(found, new, name=today)
            else:
                new.require_group(today)

        old.visititems(copy)
