"""Every format of trained model gives the same answers, frozen or not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.source import SourceModel, load_source, save_live
from edgecv_runtime.heads.kinds import KINDS

from tests import models

SHARED = Path(__file__).resolve().parents[2].parent / "shared"


def kinds(source: SourceModel) -> list[str]:
    """The kinds of the heads that a model shows."""
    return [head.kind for head in source.heads]


def frozen_answers(frozen: FrozenGraph, samples: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The frozen graph's own answers, one sample at a time."""
    import tensorflow as tf

    function = frozen.function()
    count = len(next(iter(samples.values())))
    rows = [
        function(*(tf.constant(samples[end.name][i : i + 1], end.dtype) for end in frozen.inputs)) for i in range(count)
    ]
    return {
        end.name: np.concatenate([np.asarray(row[position]) for row in rows])
        for position, end in enumerate(frozen.outputs)
    }


def assert_frozen_agrees(source: SourceModel, count: int = 3) -> None:
    samples = models.samples_for(source.inputs, count)
    wanted = source.predict(samples)
    found = frozen_answers(source.freeze(), samples)
    assert list(found) == list(wanted) == [spec.name for spec in source.outputs]
    for spec in source.outputs:
        assert wanted[spec.name].shape == (count, *spec.shape[1:])
        assert wanted[spec.name].std() > 1e-3
        np.testing.assert_allclose(found[spec.name], wanted[spec.name], atol=2e-6)


@pytest.mark.parametrize(
    ("fixture", "kind", "loader"),
    [
        ("digits_model", "keras3", "keras 3"),
        ("digits_h5", "keras2-h5", "keras 3"),
        ("digits_savedmodel", "savedmodel", "tensorflow 2"),
    ],
)
def test_formats_agree(fixture: str, kind: str, loader: str, request: pytest.FixtureRequest) -> None:
    source = load_source(request.getfixturevalue(fixture))
    assert source.info.format == kind
    assert source.info.loader.startswith(loader)
    assert len(source.info.sha256) == 64
    assert (kinds(source), source.has_preprocessing, source.notes) == (["classification"], False, ())
    assert source.info.parameters == 9 * 8 + 8 + 9 * 8 * 16 + 16 + 64 * 10 + 10
    assert source.info.multiply_adds == 14 * 14 * 8 * 9 + 5 * 5 * 16 * 72 + 64 * 10
    assert source.inputs[0].shape == (1, 16, 16, 1)
    pixels, labels = models.digits()
    answers = source.predict({source.inputs[0].name: pixels[:70, ..., None] / np.float32(255)})
    (values,) = answers.values()
    assert values.shape == (70, 10)
    assert values.dtype == np.float32
    assert (values.argmax(1) == labels[:70]).mean() > 0.9
    assert_frozen_agrees(source)


def test_the_batch_that_is_looked_into_is_not_answered_twice(
    digits_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    run = SourceModel._run

    def counted(source: SourceModel, columns: list[np.ndarray], size: int) -> list[np.ndarray]:
        batches.append(len(columns[0]))
        return run(source, columns, size)

    monkeypatch.setattr(SourceModel, "_run", counted)
    load_source(digits_model).predict({"image": np.zeros((70, 16, 16, 1), np.float32)})
    assert batches == [32, 32, 32, 32, 6]  # two of them with zeros in the place of the other samples


def test_layers_carry_shapes_parameters_and_multiply_adds(digits_model: Path) -> None:
    rows = load_source(digits_model).layers()
    assert [(row.name, row.type) for row in rows][:2] == [("conv_1", "Conv2D"), ("pool_1", "MaxPooling2D")]
    assert rows[0].output_shape == (None, 14, 14, 8)
    assert (rows[0].parameters, rows[0].multiply_adds) == (80, 14 * 14 * 8 * 9)
    assert (rows[-1].parameters, rows[-1].multiply_adds) == (650, 640)


def test_a_savedmodel_lists_its_operations(digits_savedmodel: Path) -> None:
    rows = load_source(digits_savedmodel).layers()
    conv = next(row for row in rows if row.type == "Conv2D")
    assert (conv.parameters, conv.multiply_adds, conv.output_shape) == (72, 14 * 14 * 8 * 9, (1, 14, 14, 8))


def test_freezing_twice_gives_the_same_bytes(digits_model: Path) -> None:
    one, other = load_source(digits_model).freeze(), load_source(digits_model).freeze()
    assert one == other


def test_keras_3_refuses_and_tf_keras_loads(tmp_path: Path) -> None:
    import tf_keras

    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    inputs = tf_keras.Input((8, 8, 3), name="image")
    body = [
        layers.DepthwiseConv2D(3, name="deep"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(4, "softmax", name="kind"),
    ]
    models.save_h5(tf_keras.Sequential([inputs, *body]), tmp_path / "old.h5")
    source = load_source(tmp_path / "old.h5")
    assert source.info.loader.startswith("tf-keras 2")
    assert source.notes == (f"it is a Keras 2 file, read by {source.info.loader}",)
    assert [spec.name for spec in (*source.inputs, *source.outputs)] == ["image", "kind"]
    assert {row.name: row.multiply_adds for row in source.layers()}["deep"] == 6 * 6 * 3 * 9
    assert_frozen_agrees(source)


def test_several_inputs_and_outputs_keep_their_names(tmp_path: Path) -> None:
    source = load_source(save_live(models.two_by_two(), tmp_path))
    assert [spec.name for spec in source.inputs] == ["picture", "extra"]
    assert [(spec.name, spec.shape) for spec in source.outputs] == [("kind", (1, 3)), ("size", (1, 2))]
    assert [end.tensor for end in source.freeze().inputs] == ["picture:0", "extra:0"]
    assert kinds(source) == ["classification", "regression"]
    assert_frozen_agrees(source)


@pytest.mark.parametrize(
    ("units", "activation", "task", "pending"),
    [
        (1, "sigmoid", "binary", "none"),
        (3, "sigmoid", "multilabel", "none"),
        (3, "softmax", "classification", "none"),
        (3, None, "regression", "none"),
        (3, "relu", "regression", "none"),
        (1, None, "regression", "none"),
    ],
)
def test_task(tmp_path: Path, units: int, activation: str | None, task: str, pending: str) -> None:
    source = load_source(save_live(models.head(units, activation), tmp_path))
    assert [(head.kind, head.activation) for head in source.heads] == [(task, pending)]


@pytest.mark.parametrize(
    ("loss", "task", "pending"),
    [
        ("mse", "regression", "none"),
        ("sparse_categorical_crossentropy", "classification", "softmax"),
        ("binary_crossentropy", "multilabel", "sigmoid"),
    ],
)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_loss_in_a_file_tells_what_a_linear_output_means(tmp_path, suffix, loss, task, pending) -> None:
    model = models.head(3, None)
    model.compile(loss=loss)
    model.save(tmp_path / f"model{suffix}")
    source = load_source(tmp_path / f"model{suffix}")
    assert [(head.kind, head.activation) for head in source.heads] == [(task, pending)]


def test_logits_of_labels_still_need_a_sigmoid(tmp_path: Path) -> None:
    (ending,) = load_source(save_live(models.head(3, None), tmp_path)).endings
    assert [KINDS[kind].pending(ending) for kind in ("multilabel", "binary")] == ["sigmoid", "sigmoid"]


@pytest.mark.parametrize("export", [False, True])
def test_preprocessing_inside_the_model_is_seen(tmp_path: Path, export: bool) -> None:
    import keras

    layers = keras.layers
    scaled = [layers.Rescaling(1 / 255), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(2, "softmax")]
    model = keras.Sequential([keras.Input((6, 6, 1)), *scaled])
    path = tmp_path / "exported"
    if export:
        model.export(path, verbose=False)
    assert load_source(path if export else save_live(model, tmp_path)).has_preprocessing


def test_a_subclassed_model_becomes_a_savedmodel(tmp_path: Path) -> None:
    import keras

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(3, "softmax")

        def call(self, inputs):
            return {"kind": self.dense(inputs), "sum": keras.ops.sum(inputs, axis=1, keepdims=True)}

    model = Own()
    model(np.zeros((2, 5), np.float32))
    source = load_source(save_live(model, tmp_path))
    assert source.info.format == "savedmodel"
    assert {spec.name: spec.shape for spec in source.outputs} == {"kind": (1, 3), "sum": (1, 1)}
    assert_frozen_agrees(source)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["resnet8_cifar10.h5", "kws_dscnn_savedmodel"])
def test_real_models(name: str) -> None:
    path = SHARED / "models" / name
    if not path.exists():
        pytest.skip("the shared models are not here")
    source = load_source(path)
    assert kinds(source) == ["classification"]
    assert_frozen_agrees(source)
