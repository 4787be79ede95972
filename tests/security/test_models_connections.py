"""Configurations whose layers wait for each other: tf-keras would wait with them for ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from edgecv_converters.source import load_source
from edgecv_converters.source.connections import unconnected
from edgecv_runtime.errors import SourceError

from tests import models


def layer(name: str, *sources: Any, kind: str = "Dense", layers: Any = None) -> dict[str, Any]:
    config = {"name": name} if layers is None else {"name": name, "layers": layers}
    return {"class_name": kind, "name": name, "config": config, "inbound_nodes": [[list(each)] for each in sources]}


def stuck(*layers: Any) -> list[str]:
    return unconnected({"class_name": "Functional", "config": {"layers": list(layers)}})


IMAGE = layer("image", kind="InputLayer")
INNER = [layer("in", kind="InputLayer"), layer("out", ("in", 0, 0, {}))]


def test_what_is_connected_in_any_order_passes() -> None:
    assert stuck(layer("b", ("a", 0, 0, {})), layer("a", ("image", 0, 0, {})), IMAGE) == []
    assert stuck(IMAGE, layer("a", ("image", 0, 0, {}), ("a", 0, 0, {})), layer("b", ("a", 1, 0, {}))) == []
    assert stuck(IMAGE, layer("n", ("image", 0, 0, {}), layers=INNER), layer("b", ("n", 1, 0, {}))) == []
    assert stuck(IMAGE, layer("c", ("_CONSTANT_VALUE", -1, 3.0, {"y": ["image", 0, 0]}))) == []


def test_what_waits_for_ever_is_found() -> None:
    assert stuck(IMAGE, layer("a", ("b", 0, 0, {})), layer("b", ("a", 0, 0, {}))) == ["a", "b"]
    assert stuck(IMAGE, layer("a", ("a", 0, 0, {}))) == ["a"]
    assert stuck(IMAGE, layer("a", ("image", 0, 0, {})), layer("b", ("a", 1, 0, {}))) == ["b"]
    assert stuck(IMAGE, layer("n", ("image", 0, 0, {}), layers=INNER), layer("b", ("n", 0, 0, {}))) == ["b"]
    assert stuck(IMAGE, layer("a", ("image", 0, 0, {"mask": ["a", 0, 0]}))) == ["a"]
    nested = [layer("in", kind="InputLayer"), layer("deep", ("deep", 0, 0, {}))]
    assert stuck(IMAGE, layer("n", ("image", 0, 0, {}), layers=nested)) == ["deep"]


def test_a_circle_in_a_file_is_one_error(tmp_path: Path) -> None:
    import h5py
    import tf_keras

    layers = tf_keras.layers
    image = tf_keras.Input((6, 6, 2), name="image")
    deep = layers.DepthwiseConv2D(3, name="deep")(image)
    models.save_h5(tf_keras.Model(image, layers.Dense(2, name="end")(deep)), tmp_path / "m.h5")
    assert load_source(tmp_path / "m.h5").info.loader.startswith("tf-keras")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        config = json.loads(file.attrs["model_config"])
        deep = next(each for each in config["config"]["layers"] if each["name"] == "deep")
        deep["inbound_nodes"] = [[["end", 0, 0, {}]]]
        file.attrs["model_config"] = json.dumps(config)
    with pytest.raises(SourceError, match="connected in a circle, or to nothing: deep, end"):
        load_source(tmp_path / "m.h5")
