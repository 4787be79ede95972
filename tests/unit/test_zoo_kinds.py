"""The zoo's models of other kinds: their data fit their architectures, and a run keeps the rows of another."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import zoo_table
from benchmarks.zoo_kinds import KINDS, sample_arrays


@pytest.mark.parametrize("name", KINDS)
def test_samples_are_the_models_inputs_and_the_truth_of_its_heads(name):
    chosen = KINDS[name]
    model = chosen.architecture()
    inputs, truth = chosen.data(12, 5)
    assert [(None, *array.shape[1:]) for array in inputs.values()] == [tuple(one.shape) for one in model.inputs]
    answers = model.predict_on_batch(list(inputs.values()) if len(inputs) > 1 else next(iter(inputs.values())))
    answers = answers if isinstance(answers, list) else [answers]
    assert list(chosen.losses) == list(truth)
    if chosen.suffix == ".keras":  # Keras 2 names inputs by itself
        assert [one.name for one in model.inputs] == list(inputs)
        assert [layer.name for layer in model.layers if layer.name in truth] == list(truth)
    for (head, loss), answer in zip(chosen.losses.items(), answers, strict=True):
        values = truth[head]
        if loss == "sparse_categorical_crossentropy":
            assert np.unique(values).tolist() == list(range(answer.shape[-1]))
        else:
            assert values.reshape(len(values), -1).shape == answer.reshape(len(answer), -1).shape
            assert values.std() > 0


@pytest.mark.parametrize("name", KINDS)
def test_a_seed_gives_the_same_samples_and_another_gives_others(name):
    first, again, other = (sample_arrays(name, 6, seed) for seed in (0, 0, 1))
    assert first.keys() == again.keys() == other.keys()
    for key, values in first.items():
        np.testing.assert_array_equal(values, again[key])
    assert any(not np.array_equal(values, other[key]) for key, values in first.items())


def test_a_run_of_some_rows_keeps_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(zoo_table, "RESULTS", tmp_path / "zoo.json")
    monkeypatch.setattr(zoo_table, "TABLE", tmp_path / "zoo.md")
    known = {name: row(name) for name in ("mnist_mlp", "vit")}
    zoo_table.write(zoo_table.Results(machine="here", versions={}, rows=tuple(known.values())))
    monkeypatch.setattr(zoo_table, "convert_one", lambda name: row(name, 7))
    assert zoo_table.main(["unet", "vit"]) == 0
    kept = zoo_table._kept(["mnist_mlp", "unet", "vit"])
    assert {name: found.parameters for name, found in kept.items()} == {"mnist_mlp": 1, "unet": 7, "vit": 7}
    page = (tmp_path / "zoo.md").read_text()
    assert [line.split()[1] for line in page.splitlines() if line.startswith("| ")][1:] == ["mnist_mlp", "unet", "vit"]
    assert "Measured on another: mnist_mlp, unet, vit." in page
    assert "on 100 held-out samples (mnist_mlp 1, unet 1, vit 1)," in page


def row(name, parameters=1):
    return zoo_table.Row(
        name=name, parameters=parameters, multiply_adds=None, reference_accuracy=None, samples=1, seconds=1.0,
        cells={"onnx:int8": zoo_table.Cell(status="passed", bytes=1024, snr_db=40.0)}, machine="another",
    )  # fmt: skip
