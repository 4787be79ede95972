"""HDF5 files that take their weights from elsewhere, go round in circles, or are two formats at once."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from edgecv_converters.source import load_source
from edgecv_converters.source.hdf5 import check_hdf5
from edgecv_runtime.errors import SourceError

from tests import models


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["w"] = np.full((4, 3), 42, "f4")
    return tmp_path / "secret.h5"


def external_storage(file: Any, secret: Path) -> None:
    file.create_dataset("layer/kernel", shape=(4, 3), dtype="f4", external=[(str(secret), 0, 48)])


def external_link(file: Any, secret: Path) -> None:
    file["layer/kernel"] = h5py.ExternalLink(str(secret), "w")


def external_group(file: Any, secret: Path) -> None:
    file["layer"] = h5py.ExternalLink(str(secret), "/")


def external_link_to_nothing(file: Any, secret: Path) -> None:
    file["layer/kernel"] = h5py.ExternalLink(str(secret.with_name("gone")), "w")


def virtual(file: Any, secret: Path) -> None:
    layout = h5py.VirtualLayout(shape=(4, 3), dtype="f4")
    layout[:] = h5py.VirtualSource(str(secret), "w", shape=(4, 3))
    file.create_virtual_dataset("layer/kernel", layout)


def behind_an_alias(file: Any, secret: Path) -> None:
    file["hidden/deep/out"] = h5py.ExternalLink(str(secret), "/")
    file["layer/kernel"] = h5py.SoftLink("/hidden/deep/out/w")


def soft_link_to_nowhere(file: Any, secret: Path) -> None:
    file["layer/kernel"] = h5py.SoftLink("/nowhere")


def soft_link_to_itself(file: Any, secret: Path) -> None:
    file["layer/kernel"] = h5py.SoftLink("/layer/kernel")


WAYS_OUT: list[tuple[Callable[[Any, Path], None], str]] = [
    (external_storage, "reads another file: /layer/kernel is stored outside"),
    (external_link, "reads another file: /layer/kernel is an external link"),
    (external_group, "reads another file: /layer is an external link"),
    (external_link_to_nothing, "/layer/kernel is an external link"),
    (virtual, "/layer/kernel is a virtual data set"),
    (behind_an_alias, "reads another file: /hidden/deep/out is an external link"),
    (soft_link_to_nowhere, "leads nowhere in it, or outside: /layer/kernel"),
    (soft_link_to_itself, "leads nowhere in it, or outside: /layer/kernel"),
]


@pytest.mark.parametrize(("lead", "says"), WAYS_OUT, ids=lambda value: getattr(value, "__name__", None))
def test_no_way_leads_out_of_a_file(tmp_path: Path, secret: Path, lead: Callable[[Any, Path], None], says: str) -> None:
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        lead(file, secret)
    with pytest.raises(SourceError, match=says):
        check_hdf5(path, "m.h5")
    with path.open("rb") as file, pytest.raises(SourceError, match=says):
        check_hdf5(file, "m.h5")


def test_circles_and_aliases_inside_are_followed_once(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        group = file.create_group("a/b/c")
        group["up"] = file["a"]
        group["self"] = group
        file["a/w"] = np.ones((5, 2), "f4")
        file["alias"] = file["a/w"]
        file["soft"] = h5py.SoftLink("/a/w")
    assert check_hdf5(tmp_path / "m.h5", "m.h5") == 10


def test_a_shape_that_was_never_written_is_refused(tmp_path: Path) -> None:
    for options in ({}, {"chunks": (1024, 1024), "compression": "gzip"}):
        with h5py.File(tmp_path / "m.h5", "w") as file:
            file.create_dataset("kernel", shape=(10**6, 10**6), dtype="f4", **options)
        with pytest.raises(SourceError, match="/kernel has the shape"):
            check_hdf5(tmp_path / "m.h5", "m.h5")


def test_a_filter_that_would_load_a_plug_in_is_refused(tmp_path: Path) -> None:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((2,))
    plist.set_filter(32001, h5py.h5z.FLAG_OPTIONAL)
    with h5py.File(tmp_path / "m.h5", "w") as file:
        space = h5py.h5s.create_simple((2,))
        h5py.h5d.create(file.id, b"kernel", h5py.h5t.IEEE_F32LE, space, dcpl=plist)
    with pytest.raises(SourceError, match="a plug-in of HDF5"):
        check_hdf5(tmp_path / "m.h5", "m.h5")


def test_damage_is_one_error(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file.attrs["model_config"] = "{}" * 500
        for number in range(20):
            file.create_dataset(f"layers/{number}/kernel", data=np.ones((40, 3)), chunks=(8, 3), compression="gzip")
    whole = (tmp_path / "whole.h5").read_bytes()
    damaged = tmp_path / "m.h5"
    rng = np.random.default_rng(0)
    for _ in range(100):
        content = bytearray(whole[: rng.integers(100, len(whole))])
        for place in rng.integers(8, len(content), 20):
            content[place] = rng.integers(256)
        damaged.write_bytes(content)
        with suppress(SourceError):
            check_hdf5(damaged, "m.h5")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here")
def test_no_link_is_followed_before_all_were_seen(tmp_path: Path) -> None:
    """Following one into a pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["a"] = h5py.SoftLink("/z/w")
        file["z"] = h5py.ExternalLink(str(tmp_path / "pipe"), "/")
    with pytest.raises(SourceError, match="/z is an external link"):
        check_hdf5(tmp_path / "m.h5", "m.h5")


@pytest.mark.parametrize("value", [3, b"\xff{", np.ones(3), "x" * 100, "[]", '{"class_name": 3, "config": []}'])
def test_a_configuration_that_is_none(tmp_path: Path, value: Any) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["model_config"] = value
    with pytest.raises(SourceError) as caught:
        load_source(tmp_path / "m.h5")
    assert caught.value.hint


def test_the_name_does_not_choose_the_loader(tmp_path: Path) -> None:
    """A file that is HDF5 first and a zip archive last is checked and loaded as the same of the two."""
    inner, outer = tmp_path / "inner.keras", tmp_path / "both.keras"
    models.head(2, None).save(inner)
    with h5py.File(outer, "w") as file:
        file.attrs["model_config"] = "{}"
    with outer.open("ab") as file:
        file.write(inner.read_bytes())
    assert zipfile.is_zipfile(outer)
    with pytest.raises(SourceError, match="cannot be loaded"):
        load_source(outer)


@pytest.mark.parametrize("kind", ["dataset", "group", "link"])
def test_a_name_that_is_no_text_is_one_error(tmp_path: Path, kind: str) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        if kind == "dataset":
            file.create_dataset(b"bad\xff", data=np.zeros(3, "f4"))
        elif kind == "group":
            file.create_group(b"layer/bad\xff")
        else:
            file[b"bad\xff"] = h5py.SoftLink("/")
    with pytest.raises(SourceError, match=r"m\.h5 is damaged: the name .* is no text"):
        check_hdf5(tmp_path / "m.h5", "m.h5")
