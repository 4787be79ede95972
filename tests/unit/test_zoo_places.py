"""The zoo's detectors and others: their targets, read by the descriptions of their heads, are what was drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest
from edgecv_runtime.heads.kinds import KINDS
from edgecv_runtime.schema import HeadSpec
from PIL import Image

from benchmarks import zoo_places_data as data
from benchmarks import zoo_places_table as zoo_table
from benchmarks.zoo_places import HEADS, PLACES
from edgecv.convert.head_file import read_head_file


def model_of(name):
    chosen = PLACES[name]
    model = chosen.architecture()
    return model if chosen.ending is None else chosen.ending(model)


def head_of(name, shapes, canvas):
    """The head as `convert` opens it, of the description in the repository."""
    chosen, kind = PLACES[name], KINDS[PLACES[name].head]
    first = shapes[chosen.outputs[0]]
    plain = HeadSpec(
        name=name,
        kind=chosen.head,
        outputs=chosen.outputs,
        thresholds=kind.usual_thresholds(first),
        decode=kind.usual_decoder(first),
    )
    spec = read_head_file(HEADS / f"{name}.toml").applied(plain, canvas)
    return kind(spec, tuple(shapes[output] for output in chosen.outputs), (), canvas)


def named(model, answers):
    return answers if isinstance(answers, dict) else dict(zip(model.output_names, [answers], strict=True))


@pytest.mark.parametrize("name", PLACES)
def test_every_head_fits_its_model_and_every_loss_its_outputs(name):
    import keras

    chosen, model = PLACES[name], model_of(name)
    samples = [*chosen.draw(6, 3), *chosen.draw(6, 4)]
    inputs = chosen.inputs(samples)
    found = named(model, model(inputs))
    assert set(found) == set(chosen.outputs)
    shapes = {output: (1, *values.shape[1:]) for output, values in found.items()}
    head = head_of(name, shapes, inputs.shape[1:3])
    head.read({output: np.asarray(values[:1]) for output, values in found.items()})
    if chosen.ending is None:
        wanted = chosen.targets(samples)
        pairs = [(wanted, chosen.losses, *found.values())] if len(found) == 1 else [
            (wanted[output], chosen.losses[output], values) for output, values in found.items()
        ]  # fmt: skip
        for truth, loss, values in pairs:
            measured = np.asarray(keras.losses.get(loss)(truth, values))
            assert np.isfinite(measured).all()
            assert measured.mean() > 0


DETECTORS = ("ssd", "detector", "detector_joined", "detector_yolo", "detector_finished", "centernet")


@pytest.mark.parametrize("name", DETECTORS)
def test_the_boxes_that_a_detector_is_trained_towards_are_those_that_were_drawn(name):
    import keras

    chosen = PLACES[name]
    scenes = chosen.draw(20, 9)
    ideal = {key: values.astype(np.float32) for key, values in chosen.targets(scenes).items()}
    if name == "centernet":
        outputs = {key: values if key == "heat" else values[..., :2] for key, values in ideal.items()}
    else:
        outputs = {"boxes": ideal["boxes"][..., :4], "scores": 20 * ideal["scores"] - 10}
        if name == "ssd":
            classes = np.where(ideal["scores"][..., 1] > 0, ideal["scores"][..., 0], 0)
            outputs["scores"] = np.eye(4, dtype=np.float32)[classes.astype(int)]
    if chosen.ending is not None:
        inputs = {key: keras.Input(values.shape[1:], name=key) for key, values in outputs.items()}
        outputs = {chosen.outputs[0]: chosen.ending(keras.Model(inputs, dict(inputs))).predict(outputs, verbose=0)}
    head = head_of(name, {key: (1, *values.shape[1:]) for key, values in outputs.items()}, (data.SIDE, data.SIDE))
    for place, scene in enumerate(scenes):
        found = head.find(outputs, place)
        assert sorted(found.labels.tolist()) == sorted(scene.labels.tolist())
        for box, label in zip(scene.boxes, scene.labels, strict=True):
            nearest = np.abs(found.boxes[found.labels == label] - box).max(axis=1).min()
            assert nearest < 0.01


def test_the_points_that_a_figure_is_trained_towards_are_those_that_were_drawn():
    chosen = PLACES["poser"]
    figures = chosen.draw(20, 9)
    maps = chosen.targets(figures)
    head = head_of("poser", {"maps": (1, *maps.shape[1:])}, (data.SIDE, data.SIDE))
    for place, figure in enumerate(figures):
        points, _ = head.find({"maps": maps}, place)
        assert np.abs(points - figure.points).max() <= 3  # a cell has 4 pixels, and the quarter is a guess


@pytest.mark.parametrize("name", PLACES)
def test_a_seed_gives_the_same_pictures_and_their_annotations_are_written(name, tmp_path):
    chosen = PLACES[name]
    draw = chosen.held_out or chosen.draw
    first, again, other = draw(15, 4), draw(15, 4), draw(15, 5)
    np.testing.assert_array_equal(chosen.inputs(first), chosen.inputs(again))
    assert (chosen.inputs(first) != chosen.inputs(other)).any()
    chosen.write(first, tmp_path)
    written = [path for path in tmp_path.rglob("*.*") if path.suffix in {".png", ".avi", ".wav"}]
    assert len(written) == 15 * (2 if chosen.head in {"segmentation", "image"} else 1)
    if (tmp_path / "annotations.json").exists():
        written = json.loads((tmp_path / "annotations.json").read_text())
        assert len(written["images"]) == 15
        assert {mark["image_id"] for mark in written["annotations"]} == set(range(15))
        folder = tmp_path / "images"
        np.testing.assert_array_equal(
            np.asarray(Image.open(folder / written["images"][3]["file_name"])), first[3].pixels
        )


def test_a_run_of_some_rows_keeps_the_others_and_says_what_missed(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo_table, "RESULTS", tmp_path / "zoo.json")
    monkeypatch.setattr(zoo_table, "PAGE", tmp_path / "zoo.md")
    monkeypatch.setattr(zoo_table, "convert_one", lambda name: row(name, {"ssd": 0.012, "poser": 0.3}.get(name, 0.0)))
    assert zoo_table.main(["cutout", "poser"]) == 0  # the bar is of boxes and masks
    assert zoo_table.main(["ssd"]) == 1
    assert list(zoo_table.kept()) == ["ssd", "cutout", "poser"]
    lines = [line for line in (tmp_path / "zoo.md").read_text().splitlines() if line.startswith("| ")]
    assert [line.split()[1] for line in lines] == ["model", "ssd", "cutout", "poser"]
    assert "1.20 (missed)" in lines[1]
    assert "missed" not in lines[2] + lines[3]


def row(name, lost):
    cells = {
        f"{target}:{precision}": zoo_table.PlaceCell(
            status="passed", bytes=2048, agreement=0.99, metric=0.9 - (lost if precision == "int8" else 0),
            interval=(0.8, 0.95), others={},
        )
        for target in zoo_table.TARGETS
        for precision in zoo_table.PRECISIONS
    }  # fmt: skip
    return zoo_table.PlaceRow(
        name=name, kind=PLACES[name].head, parameters=7, multiply_adds=9_000_000, pictures=12, metric="mAP",
        cells=cells, notes=(), machine="here", seconds=1.0,
    )  # fmt: skip
