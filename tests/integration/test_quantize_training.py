"""Quantization-aware training: it learns labels, judges itself on the real file, and can be repeated."""

from __future__ import annotations

import json
import shutil
from itertools import chain, repeat

import numpy as np
import pytest
from edgecv_converters.quantize import Labelled, QuantizeSettings, TrainingJob, quantize
from edgecv_converters.quantize import refine as engine
from edgecv_converters.quantize.execute import execute, rounded
from edgecv_converters.quantize.network import read_network
from edgecv_converters.quantize.qat import score, trained
from edgecv_converters.quantize.scheme import read_scheme, write_scheme
from edgecv_converters.quantize.watched import UnusableFileError
from edgecv_converters.tflite.convert import to_tflite
from edgecv_runtime.bundle import Bundle

from tests import models
from tests.command import edgecv
from tests.heads import head
from tests.integration.onnx_models import frozen, int8_file, quiet, tflite_answers
from tests.integration.quantized_networks import digits_files


def training(epochs=2, *, misled=False):
    """Digits with their labels; `misled` learns those of the digit that makes nine with it."""
    pixels, labels = models.digits()
    pixels, labels = pixels[..., None] / np.float32(255), np.asarray(labels, np.int64)
    train, held = slice(200, 800), slice(800, 1000)
    return TrainingJob(
        epochs=epochs,
        train=Labelled(samples=[pixels[train]], labels=(9 - labels if misled else labels)[train]),
        held_out=Labelled(samples=[pixels[held]], labels=labels[held]),
        head=head(width=10),
        output=0,
        batch=32,
    )


def unfinished_files():
    """The int8 and the float file of a network that has not learned all there is, and calibration samples."""
    model = models.trained(models.digits_network(), "digits_unfinished")
    pixels = models.digits()[0][..., None] / np.float32(255)
    graph = frozen(model, "tflite")
    with quiet():
        return int8_file(graph, pixels[:100]), to_tflite(graph, "float32"), pixels[:100]


def test_it_learns_the_labels_and_what_it_learned_is_in_the_file(monkeypatch):
    monkeypatch.setattr(engine, "RATE", 0.1)  # two epochs have to do
    int8, float32, calibration = unfinished_files()
    how = training(2)
    found = quantize(int8, float32, [calibration], QuantizeSettings(train=how))
    plain = quantize(int8, float32, [calibration], QuantizeSettings())
    assert found.steps == (*plain.steps, "quantization-aware training of 2 epochs")
    assert score(found.data, how).right >= score(plain.data, how).right + 5
    assert found.notes[-1].startswith("Quantization-aware training: ")


def test_the_best_epoch_is_what_its_file_shows_and_is_no_later_one_that_is_worse(monkeypatch):
    _, int8, float32, _, _ = digits_files()
    net = read_network(int8, float32)
    how = training(2)
    rates = chain([0.007] * 18, [10.0], repeat(0.0))  # one step destroys what an epoch learned, and no other follows
    monkeypatch.setattr("edgecv_converters.quantize.qat.rate", lambda *_: next(rates))
    best = trained(net, int8, read_scheme(net, int8), how, 0)
    assert best.epoch == 1
    assert score(write_scheme(net, int8, best.scheme), how) == best.score
    assert best.score.right > 180


def test_training_that_brings_nothing_is_left_out_and_said(monkeypatch):
    monkeypatch.setattr(engine, "RATE", 0.7)
    _, int8, float32, calibration, _ = digits_files()
    found = quantize(int8, float32, [calibration], QuantizeSettings(train=training(1, misled=True)))
    plain = quantize(int8, float32, [calibration], QuantizeSettings())
    assert found.data == plain.data
    assert found.steps == plain.steps
    assert "The training brought nothing and was left out: " in found.notes[-1]


def test_training_that_diverges_is_left_out(monkeypatch):
    monkeypatch.setattr(engine, "RATE", 1e38)
    _, int8, float32, calibration, _ = digits_files()
    found = quantize(int8, float32, [calibration], QuantizeSettings(train=training(1)))
    assert found.data == quantize(int8, float32, [calibration], QuantizeSettings()).data
    assert "The training brought nothing and was left out: 0 of 200" in found.notes[-1]


def test_an_epoch_whose_file_no_kernel_takes_is_never_the_best(monkeypatch):
    from edgecv_converters.quantize import qat

    def write(network, data, scheme):
        told.append(write_scheme(network, data, scheme))
        return told[-1] if len(told) == 1 else unusable(told[-1])

    told = []
    monkeypatch.setattr(qat, "write_scheme", write)
    _, int8, float32, _, _ = digits_files()
    net = read_network(int8, float32)
    assert trained(net, int8, read_scheme(net, int8), training(2), 0).epoch == 1
    with pytest.raises(UnusableFileError, match="LiteRT does not take"):
        score(unusable(told[-1]), training(2))


def unusable(data):
    """The file with the scale of its first convolution's output so small that no kernel rescales to it."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(bytearray(data), 0)
    graph = model.subgraphs[0]
    outputs = [op.outputs[0] for op in graph.operators if len(op.inputs) == 3]
    graph.tensors[outputs[0]].quantization.scale = [1e-30]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def test_an_epoch_that_no_file_can_hold_is_never_the_best(monkeypatch):
    from edgecv_converters.quantize import qat
    from edgecv_converters.quantize.scheme import BiasRoomError

    def write(network, data, scheme):
        told.append(scheme)
        if len(told) == 2:
            raise BiasRoomError("the bias of layer one does not fit into an int32")
        return write_scheme(network, data, scheme)

    told = []
    monkeypatch.setattr(qat, "write_scheme", write)
    _, int8, float32, _, _ = digits_files()
    net = read_network(int8, float32)
    best = trained(net, int8, read_scheme(net, int8), training(2), 0)
    assert best.epoch == 1
    assert len(told) == 2


def test_what_training_simulated_is_what_the_file_answers():
    _, int8, float32, _, test = digits_files()
    net = read_network(int8, float32)
    best = trained(net, int8, read_scheme(net, int8), training(1), 0)
    feeds = {net.inputs[0]: test}
    simulated = execute(net, feeds, best.scheme.constants(), rounded(best.scheme.grids))[net.outputs[0]].numpy()
    found = tflite_answers(write_scheme(net, int8, best.scheme), test)
    assert (simulated.argmax(-1) == found.argmax(-1)).mean() >= 0.995


def test_a_seed_gives_the_same_bytes_and_progress_is_shown():
    _, int8, float32, _, _ = digits_files()
    net = read_network(int8, float32)
    shown = []
    one, two = (
        trained(net, int8, read_scheme(net, int8), training(2), 4, lambda *told: shown.append(told)) for _ in range(2)
    )
    assert write_scheme(net, int8, one.scheme) == write_scheme(net, int8, two.scheme)
    assert [share for share, _ in shown[:3]] == [10 / 36, 20 / 36, 30 / 36]
    assert all(seconds > 0 for _, seconds in shown)


CONVERT = ("--quantize", "int8", "-t", "tflite", "--preprocess", "rescale")


def test_the_command_trains_calibrates_and_keeps_the_answers(digits_model, digits_folder, tmp_path):
    out = tmp_path / "qat.edgecv"
    data = ("--qat", digits_folder / "train", "--epochs", "2", "--evaluate", digits_folder / "test")
    result = edgecv("convert", digits_model, "-o", out, *CONVERT, *data)
    assert result.code == 0, result.err
    report = json.loads((out / "report.json").read_text())
    found = report["parity"][0]["accuracy"]
    assert found["accuracy"] >= found["reference_accuracy"] - 0.01
    with Bundle.load(out) as loaded:
        manifest = loaded.manifest
    assert manifest.provenance.recipe["epochs"] == 2
    assert manifest.quantization.calibration.count == 200
    kept = "quantization-aware training of 2 epochs" in manifest.quantization.quantizer
    said = "Quantization-aware training: " if kept else "The training brought nothing and was left out: "
    assert any(note.startswith(said) for note in report["notes"])
    assert set(report["parity"][0]["comparisons"]) == {"evaluation", "golden"}  # what set a range proves nothing


def test_labels_that_do_not_fit_the_head_are_refused(digits_model, digits_folder, tmp_path):
    few = tmp_path / "few"
    for digit in range(3):
        shutil.copytree(digits_folder / "train" / str(digit), few / str(digit))
    result = edgecv("convert", digits_model, "-o", tmp_path / "a.edgecv", *CONVERT, "--qat", few)
    assert result.code == 2
    assert "has 3 classes and the model tells 10 apart" in result.message
    assert not (tmp_path / "a.edgecv").exists()


def test_a_task_without_one_class_each_is_refused(digits_model, digits_folder, tmp_path):
    train = ("--qat", digits_folder / "train", "--task", "multilabel")
    result = edgecv("convert", digits_model, "-o", tmp_path / "a.edgecv", *CONVERT, *train)
    assert result.code == 2
    assert "--qat needs labels that are one class each, and this model's task is multilabel" in result.message
    assert not (tmp_path / "a.edgecv").exists()
