"""`edgecv prune` from end to end on scanned digits: results, reports, resumption, and what can be wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from edgecv_runtime.errors import DataError, GateError, SourceError, UsageError

import edgecv
from tests import models
from tests.architectures import blocked_models
from tests.command import edgecv as call

REPOSITORY = Path(__file__).resolve().parents[2]
QUICK = {"preprocess": "rescale", "round_to": 2, "min_width": 2, "batch": 32, "seed": 3}
FEW = ("-p", "rescale", "--round-to", "2", "--min-width", "2", "--batch", "32")


def weights(path):
    import keras

    return [np.asarray(weight) for weight in keras.models.load_model(path).weights]


def digits(part=slice(None)):
    pixels, labels = models.digits()
    return (pixels[part, ..., None] / np.float32(255)).astype(np.float32), labels[part]


def test_channels_go_and_the_accuracy_comes_back(digits_model, digits_folder, tmp_path):
    out = tmp_path / "small.keras"
    data = ("--data", digits_folder / "train", "--epochs", "4", "--steps", "2", "--target-macs", "0.25")
    result = call("prune", digits_model, "-o", out, *data, *FEW, "--json")
    assert result.code == 0, result.err
    assert "step 2 of 2, epoch 4 of 4: loss" in result.message
    report = json.loads(result.out)["report"]
    before, after = report["before"], report["after"]
    assert after["multiply_adds"] <= 0.25 * before["multiply_adds"]
    assert after["parameters"] < before["parameters"]
    assert [(item["step"], item["epoch"]) for item in report["history"]] == [(1, 1), (2, 1), (2, 2), (2, 3), (2, 4)]
    last = [item for item in report["history"] if item["step"] == 2]
    assert last[-1]["loss"] < last[0]["loss"]
    assert after["accuracy"] == max(item["validation_accuracy"] for item in last) > report["pruned_accuracy"]
    assert [row["layer"] for row in report["rows"]] == ["conv_1", "conv_2", "digit"]
    assert report["rows"][2]["width_after"] == 10
    assert json.loads((tmp_path / "small.report.json").read_text()) == report
    page = (tmp_path / "small.report.html").read_text()
    assert "Channels removed" in page
    assert "conv_2" in page
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("small.keras", "small.report.html", "small.report.json")
    ]


def test_the_smaller_model_is_what_the_report_says(digits_model, tmp_path):
    import keras
    from edgecv_converters.source import load_source

    made = edgecv.prune(digits_model, None, tmp_path / "s.keras", target_macs=0.4, round_to=1)
    source = load_source(made.path)
    assert source.info.multiply_adds == made.report.after.multiply_adds
    assert source.info.parameters == made.report.after.parameters
    model = keras.models.load_model(made.path)
    assert [layer.name for layer in model.layers] == [
        "image",
        *(f"{n}_{i}" for i in (1, 2) for n in ("conv", "pool")),
        "flatten",
        "digit",
    ]
    widths = {row.layer: row.width_after for row in made.report.rows}
    assert model.get_layer("conv_1").filters == widths["conv_1"] < 8
    assert made.report.after.accuracy is None
    assert any("Nothing was trained" in note for note in made.report.notes)


@pytest.mark.parametrize("importance", ["l1", "gamma", "taylor"])
@pytest.mark.parametrize("scope", ["global", "layer"])
def test_every_importance_and_scope_meets_the_target(digits_folder, tmp_path, importance, scope):
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(8, 3, name="c1"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv2D(8, 3, name="c2"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, "softmax"),
        ]
    )
    options = {**QUICK, "epochs": 0, "importance": importance, "scope": scope, "target_macs": 0.6}
    report = edgecv.prune(model, digits_folder, tmp_path / "s.keras", **options).report
    assert report.after.multiply_adds <= 0.6 * report.before.multiply_adds
    assert report.after.multiply_adds > 0.25 * report.before.multiply_adds


def test_magnitude_keeps_its_zeros_and_leaves_biases_alone(digits_model, digits_folder, tmp_path):
    options = {**QUICK, "method": "magnitude", "sparsity": 0.7, "epochs": 3}
    report = edgecv.prune(digits_model, digits_folder / "train", tmp_path / "m.keras", **options).report
    kernels = [w for w in weights(tmp_path / "m.keras") if w.ndim > 1]
    biases = [w for w in weights(tmp_path / "m.keras") if w.ndim == 1]
    assert [(kernel == 0).mean() for kernel in kernels] == [pytest.approx(0.7, abs=0.01)] * 3
    assert all((bias != 0).all() for bias in biases)
    assert report.after.zeros == pytest.approx(0.7, abs=0.005)
    assert report.after.zipped < 0.7 * report.before.zipped
    assert report.after.multiply_adds == report.before.multiply_adds
    assert any("do not make it faster" in note for note in report.notes)
    assert [epoch.sparsity > 0 for epoch in report.history] == [True] * 3
    assert report.history[0].sparsity < report.history[-1].sparsity == pytest.approx(0.7, abs=0.005)


def test_two_of_four_along_the_input_channels(digits_model, digits_folder, tmp_path):
    result = call(
        *("prune", digits_model, "-o", tmp_path / "n.keras", "--data", digits_folder / "train"),
        *("--method", "nm", "--pattern", "2:4", "--epochs", "1", *FEW),
    )
    assert result.code == 0, result.err
    kernels = [w for w in weights(tmp_path / "n.keras") if w.ndim > 1]
    for kernel in kernels[1:]:
        rows = np.moveaxis(kernel, -2, -1).reshape(-1, 4)
        assert ((rows != 0).sum(1) <= 2).all()
    assert (kernels[0] != 0).all()
    assert "conv_1 (kernel 3x3x1x8) was left as it is: its 1 input channels are no multiple of 4" in result.message
    assert "They do not make it faster" in result.message


def test_a_keras_2_file_is_pruned_too(digits_h5, digits_folder, tmp_path):
    made = edgecv.prune(digits_h5, digits_folder, tmp_path / "s.keras", **QUICK, epochs=1)
    assert made.report.after.multiply_adds <= 0.5 * made.report.before.multiply_adds


def test_datasets_from_python_with_everything_on(tmp_path):
    import tensorflow as tf

    train = tf.data.Dataset.from_tensor_slices(digits(slice(0, 600)))
    validation = tf.data.Dataset.from_tensor_slices(digits(slice(600, 800))).batch(50)
    options = {**QUICK, "augment": "flip,rotation,zoom,translation,contrast,mixup", "distill": 0.5, "epochs": 1}
    made = edgecv.prune(models.trained_digits(), (train, validation), tmp_path / "s.keras", **options)
    assert made.report.train_samples == 600
    assert made.report.validation_samples == 200
    assert made.report.after.accuracy > made.report.pruned_accuracy


def test_the_model_that_was_given_stays_as_it_is(tmp_path):
    model = models.trained_digits()
    before = [np.asarray(weight) for weight in model.weights]
    edgecv.prune(model, None, tmp_path / "s.keras", target_macs=0.5, round_to=1)
    assert all((a == np.asarray(b)).all() for a, b in zip(before, model.weights, strict=True))


def test_npz_files_with_rare_classes(digits_model, tmp_path):
    pixels, labels = models.digits()
    kept = (labels < 9) | (np.arange(len(labels)) % 4 == 0)
    np.savez(tmp_path / "digits.npz", image=pixels[kept][:700, ..., None], labels=labels[kept][:700])
    made = edgecv.prune(
        digits_model, tmp_path / "digits.npz", tmp_path / "s.keras", **QUICK, epochs=1, class_weights="balanced"
    )
    assert made.report.train_samples + made.report.validation_samples == 700


def test_binary_and_multilabel_heads_are_trained(tmp_path):
    import keras

    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 6)).astype(np.float32)
    for width, labels in ((1, (x[:, 0] > 0).astype(int)), (3, (x[:, :3] > 0).astype(int))):
        path = tmp_path / f"data_{width}.npz"
        np.savez(path, x=x, labels=labels)
        layers = keras.layers
        model = keras.Sequential([keras.Input((6,)), layers.Dense(16, "relu"), layers.Dense(width, "sigmoid")])
        made = edgecv.prune(
            model, path, tmp_path / f"m_{width}.keras", epochs=12, learning_rate=0.03, batch=32, round_to=4
        )
        assert made.report.after.accuracy > 0.8


@pytest.mark.parametrize(
    ("moment", "method"),
    [
        (2, {"steps": 2, "step_epochs": 1}),
        (1, {"method": "magnitude", "sparsity": 0.6, "augment": "translation,mixup"}),
    ],
    ids=["channel", "magnitude"],
)
def test_a_run_that_was_cut_short_ends_in_the_same_weights(digits_folder, tmp_path, monkeypatch, method, moment):
    """Interrupted after an epoch and gone on with: equal to the last bit."""
    from edgecv.compress import prune as running

    path = tmp_path / "with_dropout.keras"
    with_dropout().save(path)
    options = {**QUICK, **method, "epochs": 2, "distill": 0.3}
    edgecv.prune(path, digits_folder, tmp_path / "whole.keras", **options)
    saved, seen = running.checkpoint.save, []

    def save_and_stop(*arguments):
        saved(*arguments)
        seen.append(1)
        if len(seen) == moment:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(running.checkpoint, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            edgecv.prune(path, digits_folder, tmp_path / "cut.keras", **options)
    assert not (tmp_path / "cut.keras").exists()
    with pytest.raises(UsageError, match="holds a run that was cut short"):
        edgecv.prune(path, digits_folder, tmp_path / "cut.keras", **options)
    with pytest.raises(UsageError, match="begun with another epochs"):
        edgecv.prune(path, digits_folder, tmp_path / "cut.keras", **{**options, "epochs": 4}, resume=True)
    resumed = edgecv.prune(path, digits_folder, tmp_path / "cut.keras", **options, resume=True)
    pairs = list(zip(weights(tmp_path / "whole.keras"), weights(tmp_path / "cut.keras"), strict=True))
    assert all(a.shape == b.shape for a, b in pairs)
    assert max(float(np.abs(a - b).max()) for a, b in pairs) == 0
    whole = json.loads((tmp_path / "whole.report.json").read_text())
    assert [e.loss for e in resumed.report.history] == [e["loss"] for e in whole["history"]]
    assert not (tmp_path / "cut.keras.work").exists()


def with_dropout():
    import keras

    keras.utils.set_random_seed(5)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(8, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(16, "relu"),
            layers.Dropout(0.2),
            layers.Dense(10, "softmax"),
        ]
    )


def test_kill_9_leaves_a_run_that_goes_on(digits_model, digits_folder, tmp_path):
    out, work = tmp_path / "s.keras", tmp_path / "s.keras.work"
    asked = ["prune", digits_model, "-o", out, "--data", digits_folder / "train", "--epochs", "6", *FEW]
    path = os.pathsep.join(str(REPOSITORY / part) for part in (".", "converters", "runtime"))
    command = [sys.executable, "-m", "edgecv", *map(str, asked)]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": path}, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 200
    while time.monotonic() < end and process.poll() is None and not (work / "checkpoint.npz").exists():
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    result = call(*asked, "--resume")
    assert result.code == 0, result.err
    assert "Going on after epoch" in result.message
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["s.keras", "s.report.html", "s.report.json"]


def bad_data(folder, kind):
    """A folder of pictures that a model of ten digits cannot be trained on."""
    from PIL import Image

    classes = {"empty": [], "flat": [""], "one class": ["a"], "three classes": ["a", "b", "c"]}[kind]
    folder.mkdir()
    for name in classes:
        (folder / name).mkdir(exist_ok=True)
        for number in range(4):
            Image.new("L", (16, 16), number).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("empty", "holds no images"),
        ("flat", "has no labels"),
        ("one class", "has one class, 'a'"),
        ("three classes", "has 3 classes and the model tells 10 apart"),
    ],
)
def test_data_that_cannot_be_trained_on_is_one_error(digits_model, tmp_path, kind, message):
    result = call("prune", digits_model, "-o", tmp_path / "s.keras", "--data", bad_data(tmp_path / "data", kind), *FEW)
    assert result.code == 1
    assert message in result.message
    assert result.message.count("error:") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--target-macs", "0"), "--target-macs must be above 0 and below 1, got 0"),
        (("--target-macs", "1.5"), "--target-macs must be above 0 and below 1, got 1.5"),
        (("--importance", "magic"), "unknown --importance 'magic'"),
        (("--importance", "taylor"), "--importance taylor needs --data"),
        (("--method", "lasso"), "unknown --method 'lasso'"),
        (("--method", "nm", "--pattern", "4:2"), "--pattern '4:2' is no N:M with N below M"),
        (("--method", "magnitude", "--sparsity", "1"), "--sparsity must be above 0 and below 1"),
        (("--augment", "flip,paint"), "unknown --augment 'paint'"),
        (("--class-weights", "some"), "unknown --class-weights 'some'"),
        (("--epochs", "-1"), "--epochs must be at least 0"),
        (("--drop-blocks", "-1"), "--drop-blocks must be at least 0"),
        (("--drop-blocks", "1"), "--drop-blocks needs --data"),
        (("--method", "nm", "--drop-blocks", "1"), "--drop-blocks does not go with --method nm"),
        (("--resume",), "there is no run to go on with"),
        (("-o", "small.h5"), "the output must end in .keras"),
    ],
)
def test_wrong_options_are_usage_errors(digits_model, tmp_path, monkeypatch, options, message):
    monkeypatch.chdir(tmp_path)
    data = ("--data", "nothing-here") if "--resume" in options else ()
    result = call("prune", digits_model, "-o", "s.keras", *data, *options)
    assert result.code == 2
    assert message in result.message
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_exists_is_kept_without_force(digits_model, tmp_path):
    out = tmp_path / "s.keras"
    out.write_text("precious")
    result = call("prune", digits_model, "-o", out, "--round-to", "1")
    assert result.code == 2
    assert "exists" in result.message
    assert out.read_text() == "precious"
    assert call("prune", digits_model, "-o", out, "--round-to", "1", "--force").code == 0
    assert weights(out)


def test_a_budget_that_cannot_be_met_ends_with_the_best_there_is(digits_model, digits_folder, tmp_path):
    out = tmp_path / "s.keras"
    result = call("prune", digits_model, "-o", out, "--data", digits_folder, *FEW, "--target-macs", "0.01")
    assert result.code == 3
    assert (
        "the target of 0.01 of the multiply-adds cannot be met: the least that this model can come to is 0.1"
        in result.message
    )
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(GateError):
        edgecv.prune(digits_model, None, out, target_macs=0.01)


def test_a_model_with_nothing_to_prune_names_why(tmp_path):
    import keras

    build, *_ = blocked_models()["layer norm"]
    path = tmp_path / "m.keras"
    layers = keras.layers
    keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(8, 3),
            layers.LayerNormalization(name="norm"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3),
        ]
    ).save(path)
    result = call("prune", path)
    assert result.code == 1
    assert "the model has nothing to prune: norm (LayerNormalization): it normalizes across channels" in result.message
    with pytest.raises(SourceError, match="as narrow as --round-to and --min-width allow"):
        edgecv.prune(models.trained_digits(), None, tmp_path / "s.keras", min_width=16)
    report = edgecv.prune(build(), None, tmp_path / "p.keras", target_macs=0.7, round_to=2).report
    assert [item.layer for item in report.untouched] == ["x"]
    assert "normalizes across channels" in (tmp_path / "p.report.html").read_text()


def test_a_savedmodel_has_no_layers_to_prune(digits_savedmodel, tmp_path):
    with pytest.raises(SourceError, match="is a SavedModel"):
        edgecv.prune(digits_savedmodel, None, tmp_path / "s.keras")


def test_a_dataset_without_another_or_an_end_is_refused(tmp_path):
    import tensorflow as tf

    whole = tf.data.Dataset.from_tensor_slices(digits(slice(0, 100)))
    model = models.trained_digits()
    for data, message in (
        (whole, "needs another one"),
        ((whole.repeat(), whole), "never ends"),
        ((whole.map(lambda x, _: x), whole), r"must be \(inputs, labels\)"),
        ((whole.take(0), whole), "is empty"),
        ((whole.map(lambda x, y: (x, y + 5)), whole), "tells 10 classes apart"),
    ):
        with pytest.raises(DataError, match=message):
            edgecv.prune(model, data, tmp_path / "s.keras", **QUICK)
    assert list(tmp_path.iterdir()) == []
