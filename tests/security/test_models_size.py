"""Files that unpack to, or ask for, far more than they hold."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgecv_converters.source import load_source
from edgecv_converters.source.archive import check_weights, holds_model, read_config
from edgecv_converters.source.budget import limited_weights
from edgecv_runtime.errors import SourceError

from tests import models
from tests.command import edgecv

SAVED = {"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": b"weights"}


def archive(path: Path, parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as made:
        for name, data in parts.items():
            made.writestr(name, data)
    return path


def refused(call: Callable[[], Any]) -> str:
    with pytest.raises(SourceError) as caught:
        call()
    assert caught.value.hint
    return caught.value.message


@pytest.mark.parametrize("name", SAVED)
def test_an_entry_that_unpacks_to_far_more_is_refused_by_its_stated_size(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "m.keras", SAVED | {name: b" " * (80 << 20)})
    for read in (holds_model, read_config, check_weights):
        message = refused(lambda read=read: read(path))
        assert name in message
        assert "80 MiB, which is too large" in message


def test_an_entry_that_lies_about_its_size_is_damaged(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.keras", SAVED | {"config.json": b" " * 5_000_000})
    data = path.read_bytes()
    size = (5_000_000).to_bytes(4, "little")
    path.write_bytes(data.replace(size, (100).to_bytes(4, "little")))
    assert "damaged" in refused(lambda: read_config(path))


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.txt", "assets/../../up", "a\\b", "assets/\\..\\x"])
def test_an_entry_outside_of_the_archive_is_refused(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "m.keras", SAVED | {name: b"x"})
    assert "outside" in refused(lambda: holds_model(path))


def test_entries_without_end_twice_encrypted_or_packed_otherwise(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.keras", SAVED | {f"assets/{n}": b"" for n in range(10_001)})
    assert "10,004 entries" in refused(lambda: holds_model(path))
    path = archive(tmp_path / "m.keras", SAVED, zipfile.ZIP_LZMA)
    assert "packed in a way" in refused(lambda: holds_model(path))
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("config.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("config.json", "[]")
    assert "'config.json' twice" in refused(lambda: holds_model(path))
    data = bytearray(archive(path, SAVED).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in refused(lambda: holds_model(path))


def test_weights_are_not_taken_from_an_npz(tmp_path: Path) -> None:
    assert not holds_model(archive(tmp_path / "m.keras", {"config.json": b"{}", "model.weights.npz": b"x"}))


def rewritten(path: Path, change: Callable[[Any], None]) -> Path:
    """A small model, saved by Keras 3, after `change` to the configuration of its layers."""
    import keras

    layers = keras.layers
    inner = keras.Sequential([keras.Input((6, 6, 2)), layers.Conv2D(3, 3), layers.BatchNormalization()], name="inner")
    stack = [keras.Input((6, 6, 2)), inner, layers.Reshape((16, 3)), layers.LSTM(4), layers.Dense(3)]
    keras.Sequential(stack).save(path.with_name("whole.keras"))
    with zipfile.ZipFile(path.with_name("whole.keras")) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    config = json.loads(parts["config.json"])
    change(config["config"]["layers"])
    return archive(path, parts | {"config.json": json.dumps(config).encode()}, zipfile.ZIP_STORED)


def config_of(layers: Any, *path: int) -> Any:
    """The configuration of a layer, inside of others."""
    for position in path[:-1]:
        layers = layers[position]["config"]["layers"]
    return layers[path[-1]]["config"]


@pytest.mark.parametrize(
    ("place", "change", "layer"),
    [
        ((-1,), {"units": 10**9}, "dense"),
        ((-2,), {"units": 10**6}, "lstm"),
        ((1, 1), {"filters": 10**8}, "conv2d"),
        ((1, 1), {"kernel_size": [10**5, 10**5], "padding": "same"}, "conv2d"),
    ],
)
def test_a_keras_file_cannot_ask_for_more_weights_than_it_holds(
    tmp_path: Path, place: Any, change: Any, layer: str
) -> None:
    path = rewritten(tmp_path / "m.keras", lambda layers: config_of(layers, *place).update(change))
    message = refused(lambda: load_source(path))
    assert "asks for more weights than it holds" in message
    assert layer in message


@pytest.mark.parametrize("name", [{}, [], 7, None, "x" * 200_000])
def test_a_class_of_another_type_or_of_a_name_without_end_is_one_short_error(tmp_path: Path, name: Any) -> None:
    def change(layers: Any) -> None:
        layers[-1]["class_name"] = name

    message = refused(lambda: load_source(rewritten(tmp_path / "m.keras", change)))
    assert len(message) < 5000


def test_the_refusal_leaves_the_process_that_reads_the_file(tmp_path: Path) -> None:
    path = rewritten(tmp_path / "m.keras", lambda layers: config_of(layers, -1).update(units=10**9))
    result = edgecv("inspect", path)
    assert result.code == 1
    assert "asks for more weights than it holds" in result.message


def test_nor_can_an_old_file_in_either_keras(tmp_path: Path) -> None:
    import h5py
    import tf_keras

    layers = tf_keras.layers
    stack = [tf_keras.Input((6, 6, 2)), layers.DepthwiseConv2D(3), layers.Flatten(), layers.Dense(3, name="wide")]
    models.save_h5(tf_keras.Sequential(stack), tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"][-1]["config"]["units"] = 10**9
        file.attrs["model_config"] = json.dumps(config)
    message = refused(lambda: load_source(tmp_path / "m.h5"))  # Keras 3 does not know this DepthwiseConv2D
    assert "asks for more weights than it holds: the layer 'wide' wants (32, 1000000000)" in message


def test_nor_can_what_creates_variables_by_itself() -> None:
    import keras
    import tf_keras

    makers = (lambda: keras.metrics.MeanIoU(10**6), lambda: keras.layers.Embedding(10**9, 8).build(),
              lambda: tf_keras.layers.Embedding(10**9, 8).build(None),
              lambda: keras.layers.PReLU().build((None, 10**5, 10**5)))  # fmt: skip
    for make in makers:
        with limited_weights("m.keras", 100) as budget:
            assert "wants" in refused(make)
        assert budget.refusal is not None
    keras.layers.Dense(3000).build((None, 3000))  # nothing stays behind
    with limited_weights("m.keras", 9_000_000):
        keras.layers.Dense(3000).build((None, 3000))


def test_weights_that_were_compressed_can_hold_what_they_hold(tmp_path: Path) -> None:
    import h5py

    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.create_dataset("w", data=np.random.default_rng(0).normal(size=(64, 64)).astype("f4"), compression="gzip")
        file.create_dataset("never_written", shape=(4096, 1024), dtype="f4")
    path = archive(tmp_path / "m.keras", SAVED | {"model.weights.h5": (tmp_path / "w.h5").read_bytes()})
    assert check_weights(path) == 64 * 64


def test_an_input_without_end_is_refused(tmp_path: Path) -> None:
    """TensorFlow ends the process over one."""
    import keras

    layers = [keras.Input((10**6, 10**6, 3), name="picture"), keras.layers.GlobalAveragePooling2D()]
    keras.Sequential(layers).save(tmp_path / "m.keras")
    assert "input 'picture' of (1, 1000000, 1000000, 3) is too large" in refused(
        lambda: load_source(tmp_path / "m.keras")
    )
