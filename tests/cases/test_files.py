"""Model files as other versions of Keras and other tools wrote them: each is read rightly, or its fault is named."""

from __future__ import annotations

import base64
import io
import json
import marshal
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgecv_converters.source import load_source
from edgecv_converters.source.request import SourceRequest
from edgecv_runtime.errors import EdgecvError, SourceError, UsageError

from edgecv.convert.request import from_options
from tests import models
from tests.command import edgecv


def refusal(path: Path, **options: Any) -> EdgecvError:
    with pytest.raises((SourceError, UsageError)) as caught:
        load_source(path, **options)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


def agrees(path: Path, model: Any, loader: str = "", **options: Any) -> Any:
    """Hold the loaded model, and its frozen graph, against the answers of the one that was saved."""
    import tensorflow as tf

    source = load_source(path, **options)
    assert source.info.loader.startswith(loader)
    samples = models.samples_for(source.inputs, 3)
    values = list(samples.values())
    wanted = tf.nest.flatten(model(values[0] if len(values) == 1 else values))
    frozen = source.freeze().function()(*[tf.constant(value[:1]) for value in values])
    for one, other, first in zip(wanted, source.predict(samples).values(), frozen, strict=True):
        np.testing.assert_allclose(other, np.asarray(one), atol=1e-6)
        np.testing.assert_allclose(np.asarray(first), other[:1], atol=1e-6)
    return source


def edit_h5(path: Path, change: Any, version: str | None = None) -> None:
    import h5py

    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(change(json.loads(file.attrs["model_config"])))
        if version is not None:
            file.attrs["keras_version"] = version


# Keras 2


def without_input_layer(shape: tuple[int, ...], *, as_list: bool) -> Any:
    """Turn a Sequential's configuration into what Keras 2.0 to 2.3 wrote, where the first layer has the shape."""

    def change(config: Any) -> Any:
        layers = [layer for layer in config["config"]["layers"] if layer["class_name"] != "InputLayer"]
        layers[0]["config"]["batch_input_shape"] = [None, *shape]
        for layer in layers:
            layer["config"].pop("time_major", None)
        return config | {"config": layers if as_list else {"name": "old", "layers": layers}}

    return change


@pytest.mark.parametrize("first", ["Dense", "LSTM", "BatchNormalization"])
def test_a_sequential_file_without_an_input_layer_keeps_its_shape(tmp_path: Path, first: str) -> None:
    import tf_keras

    layers = tf_keras.layers
    begin, shape = {
        "Dense": (layers.Dense(4, activation="relu"), (9,)),
        "LSTM": (layers.LSTM(3, recurrent_activation="hard_sigmoid"), (5, 4)),
        "BatchNormalization": (layers.BatchNormalization(), (7,)),
    }[first]
    model = tf_keras.Sequential([tf_keras.Input(shape), begin, layers.Dense(2)])
    models.save_h5(model, tmp_path / "m.h5")
    edit_h5(tmp_path / "m.h5", without_input_layer(shape, as_list=first == "Dense"), "2.2.4")
    source = agrees(tmp_path / "m.h5", model, "tf-keras")
    assert source.inputs[0].shape == (1, *shape)


@pytest.mark.parametrize("name", ["m.h5", "m.keras"])
def test_hard_sigmoid_has_the_slope_of_keras_2(tmp_path: Path, name: str) -> None:
    import tf_keras

    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(6, activation="hard_sigmoid")])
    save = models.save_h5 if name.endswith("h5") else type(model).save
    save(model, tmp_path / name)
    source = agrees(tmp_path / name, model, "tf-keras")
    zeros, ones = (source.predict({source.inputs[0].name: np.full((1, 4), value, np.float32)}) for value in (0, 1))
    (kernel, _bias) = model.get_weights()
    slope = kernel.sum(axis=0) / 5  # 0.2 x + 0.5
    inside = np.abs(slope) < 0.5
    moved = next(iter(ones.values())) - next(iter(zeros.values()))
    np.testing.assert_allclose(moved[0][inside], slope[inside], atol=1e-6)
    assert inside.any()


def as_of_keras_2(path: Path, version: str, rename: Any = str) -> None:
    """Give an archive of tf-keras the modules, the version and the names of weights that Keras 2 wrote."""
    import h5py

    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    renamed = io.BytesIO()
    with h5py.File(io.BytesIO(parts["model.weights.h5"])) as old_weights, h5py.File(renamed, "w") as weights:

        def copy(name: str, found: Any) -> None:
            if name.rpartition("/")[2] == "vars":
                place = rename(name[:-4].rstrip("/"))
                old_weights.copy(found, weights.require_group(place) if place else weights, name="vars")

        old_weights.visititems(copy)
    config = parts["config.json"].replace(b"tf_keras", b"keras")
    if version < "2.13":
        config = config.replace(b"keras.src.engine", b"keras.engine")
    parts |= {"config.json": config, "model.weights.h5": renamed.getvalue()}
    parts["metadata.json"] = json.dumps({"keras_version": version}).encode()
    with zipfile.ZipFile(path, "w") as new:
        for name, content in parts.items():
            new.writestr(name, content)


@pytest.mark.parametrize(
    ("version", "rename"),
    [
        ("2.15.0", str),
        ("2.14.0", lambda place: place.replace("/", "\\")),
        ("2.12.0", lambda place: place.replace("layers", "_layer_checkpoint_dependencies")),
        ("2.13.1", lambda place: place.replace("layers", "_layer_checkpoint_dependencies").replace("/", "\\")),
    ],
)
def test_archives_of_keras_2_are_read(tmp_path: Path, version: str, rename: Any) -> None:
    import tf_keras

    layers = tf_keras.layers
    image = tf_keras.Input((8, 8, 3), name="image")
    inner = tf_keras.Sequential([layers.Conv2D(4, 3), layers.ReLU()], name="inner")(image)
    kind = layers.Dense(2, "softmax", name="kind")(layers.GlobalAveragePooling2D()(inner))
    row = layers.Dense(3, name="row")(layers.Flatten()(inner))
    model = tf_keras.Model(image, [kind, row])
    model.save(tmp_path / "m.keras")
    as_of_keras_2(tmp_path / "m.keras", version, rename)
    source = agrees(tmp_path / "m.keras", model, "tf-keras")
    assert source.info.format == "keras2"
    assert source.notes == (f"it is a Keras 2 file, read by {source.info.loader}",)


def test_code_in_an_archive_of_keras_2_is_refused_before_any_loader_sees_it(tmp_path: Path) -> None:
    import tf_keras

    model = tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Lambda(lambda x: x / 2, name="half")])
    model.save(tmp_path / "m.keras")
    as_of_keras_2(tmp_path / "m.keras", "2.15.0")
    assert "Lambda layer 'half'" in refusal(tmp_path / "m.keras").message
    agrees(tmp_path / "m.keras", model, "tf-keras", allow_code=True)


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    model = models.head(3, "softmax")
    model.save(tmp_path / "m.h5")
    (tmp_path / "m.h5").rename(tmp_path / "m.keras")
    assert agrees(tmp_path / "m.keras", model, "keras 3").info.format == "keras2-h5"


# Code that the file does not carry


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_functions_of_tensorflow_are_known_by_their_own_names(tmp_path: Path, suffix: str) -> None:
    import keras
    import tensorflow as tf

    layers = [keras.layers.Dense(4, each) for each in (tf.nn.silu, tf.nn.log_softmax, tf.identity, tf.nn.softmax)]
    model = keras.Sequential([keras.Input((5,)), *layers])
    model.save(tmp_path / f"m.{suffix}")
    source = agrees(tmp_path / f"m.{suffix}", model)
    assert source.outputs[0].shape == (1, 4)
    assert [layer.name for layer in source.layers()] == [layer.name for layer in model.layers]


@pytest.mark.parametrize("suffix", ["h5", "keras"])
def test_an_unknown_function_is_named_with_the_option(tmp_path: Path, suffix: str) -> None:
    import keras

    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, keras.ops.sin)])
    model.save(tmp_path / f"m.{suffix}")
    error = refusal(tmp_path / f"m.{suffix}")
    assert error.message == "the model has the custom function 'sin'"
    assert "--custom-objects" in str(error.hint)


def test_a_lambda_over_a_registered_function_is_named_with_the_option(tmp_path: Path) -> None:
    import keras

    @keras.saving.register_keras_serializable("mine")
    def halve(x: Any) -> Any:
        return x / 2

    keras.Sequential([keras.Input((5,)), keras.layers.Lambda(halve)]).save(tmp_path / "m.keras")
    keras.saving.get_custom_objects().pop("mine>halve")  # as in a process that does not have the author's code
    error = refusal(tmp_path / "m.keras")
    assert "halve" in error.message
    assert "--custom-objects" in str(error.hint)


def test_an_operation_in_hdf5_is_named(tmp_path: Path) -> None:
    import keras

    numbers = keras.Input((5,))
    keras.Model(numbers, keras.ops.sin(numbers)).save(tmp_path / "m.h5")
    error = refusal(tmp_path / "m.h5")
    assert "the operation 'Sin' of keras.ops" in error.message
    assert ".keras" in str(error.hint)


CODE_OF_PYTHON_3_8 = (
    "4wEAAAAAAAAAAAAAAAEAAAACAAAAQwAAAHMMAAAAfABkARsAZAIYAFMAKQNOZwAAAAAA4F9A6QEAAACpACkB2gF0cg"
    "IAAAByAgAAAPoIbW9kZWwucHnaCDxsYW1iZGE+AQAAAPMAAAAA"
)  # of lambda t: t / 127.5 - 1


def with_code(code: str) -> Any:
    """Put other bytecode into the second layer, which is a Lambda."""

    def change(config: Any) -> Any:
        config["config"]["layers"][1]["config"] |= {"function": [code, None, None], "function_type": "lambda"}
        return config

    return change


@pytest.mark.parametrize("code", [base64.b64encode(b"\xe3\x01\x00\x00\x00").decode(), CODE_OF_PYTHON_3_8])
def test_code_of_another_python_is_named_by_its_layer(tmp_path: Path, code: str) -> None:
    import tf_keras

    scale = tf_keras.layers.Lambda(lambda x: x / 127.5 - 1, name="scale_pixels")
    models.save_h5(tf_keras.Sequential([tf_keras.Input((4,)), scale]), tmp_path / "m.h5")

    edit_h5(tmp_path / "m.h5", with_code(code))
    error = refusal(tmp_path / "m.h5", allow_code=True)
    assert "another Python version wrote the code in Lambda layer 'scale_pixels'" in error.message
    assert "SavedModel" in str(error.hint)


def test_code_that_needs_a_module_is_named(tmp_path: Path) -> None:
    import tf_keras

    row = tf_keras.Input((4,))
    model = tf_keras.Model(row, tf_keras.layers.Lambda(lambda x: x, name="scale")(row))
    models.save_h5(model, tmp_path / "m.h5")
    code = base64.b64encode(marshal.dumps((lambda x: absent_module.scaled(x) + 1).__code__)).decode()  # noqa: F821
    edit_h5(tmp_path / "m.h5", with_code(code))
    error = refusal(tmp_path / "m.h5", allow_code=True)
    assert "name 'absent_module' is not defined" in error.message
    assert "replace the Lambda" in str(error.hint)


# No whole models


def test_what_is_no_whole_model_is_said_with_what_is_needed(tmp_path: Path) -> None:
    import h5py

    model = models.head(2, None)
    model.save(tmp_path / "whole.keras")
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.write(tmp_path / "whole.keras", "best/whole.keras")
    with zipfile.ZipFile(tmp_path / "torch.pt", "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02")
    with h5py.File(tmp_path / "table.h5", "w") as table:
        table["x"] = np.zeros(3)
    model.save_weights(tmp_path / "m.weights.h5")
    (tmp_path / "m.json").write_text(model.to_json())
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 24561104\n"
    (tmp_path / "lfs.h5").write_text(pointer)
    said = {path.name: refusal(path) for path in tmp_path.iterdir() if path.name != "whole.keras"}
    (tmp_path / "unpacked").mkdir()
    with zipfile.ZipFile(tmp_path / "whole.keras") as archive:
        archive.extractall(tmp_path / "unpacked")
    assert "an unpacked .keras file" in refusal(tmp_path / "unpacked").message
    assert said["in.zip"].message == "in.zip is a zip archive with best/whole.keras in it"
    assert "PyTorch" in said["torch.pt"].message
    assert "an HDF5 file without a Keras model" in said["table.h5"].message
    assert "holds weights without a model" in said["m.weights.h5"].message
    assert "architecture of a model without its weights" in said["m.json"].message
    assert "model.save('model.keras')" in str(said["m.weights.h5"].hint)
    assert "Git LFS" in said["lfs.h5"].message
    assert "git lfs pull" in str(said["lfs.h5"].hint)


def test_a_savedmodel_whose_variables_are_pointers_is_named(digits_savedmodel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes((digits_savedmodel / "saved_model.pb").read_bytes())
    (folder / "variables/variables.data-00000-of-00001").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert "m/variables/variables.data-00000-of-00001 is a pointer of Git LFS" in refusal(folder).message


def test_models_that_are_quantized_already_or_wrapped_for_training_are_named(tmp_path: Path) -> None:
    import keras

    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)])
    model.save(tmp_path / "wrapped.h5")
    model.layers[-1].quantize("int8")  # as model.quantize does with every layer that can
    model.save(tmp_path / "m.keras")
    assert "quantized already, by Keras's model.quantize()" in refusal(tmp_path / "m.keras").message
    for kind, says in (("QuantizeWrapperV2", "--qat"), ("PruneLowMagnitude", "strip_pruning")):

        def change(config: Any, kind: str = kind) -> Any:
            config["config"]["layers"][1]["class_name"] = kind
            return config

        edit_h5(tmp_path / "wrapped.h5", change)
        assert says in str(refusal(tmp_path / "wrapped.h5").hint)


# SavedModels


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of SavedModels, by which signatures they have."""
    import tensorflow as tf

    class Served(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 4], name="x")])
        def twice(self, x: Any) -> Any:
            return {"twice": 2 * x}

        @tf.function(input_signature=[tf.TensorSpec([None, 4], name="x")])
        def sign(self, x: Any) -> Any:
            return {"sign": tf.sign(x)}

    class Called(tf.Module):
        @tf.function
        def __call__(self, x: Any, y: Any, training: bool = False) -> Any:
            return (x + y, x) if training else (x - y, y)

    folder = tmp_path_factory.mktemp("served")
    both, called, spec = Served(), Called(), tf.TensorSpec([None, 4])
    for training in (False, True):
        called.__call__.get_concrete_function(spec, spec, training=training)
    tf.saved_model.save(both, str(folder / "two"), signatures={"twice": both.twice, "sign": both.sign})
    tf.saved_model.save(both, str(folder / "none"), signatures={})
    tf.saved_model.save(called, str(folder / "called"), signatures={})
    return folder


def test_signatures_are_listed_and_chosen(served: Path) -> None:
    error = refusal(served / "two")
    assert error.message == "two has several signatures, and none that serves: sign, twice"
    assert "--signature sign" in str(error.hint)
    assert "It has sign, twice" in str(refusal(served / "two", signature="nope").hint)
    for name in ("two", "none"):
        source = agrees(served / name, lambda x: 2 * x, signature="twice")
        assert source.notes == ("the signature 'twice' was taken",)
    error = refusal(served / "none")
    assert error.message == "none has no signature, but several functions: sign, twice"
    assert "signatures=model.FUNCTION" in str(error.hint)


def test_without_a_signature_the_model_is_called_in_inference_mode(served: Path) -> None:
    source = agrees(served / "called", lambda values: (values[0] - values[1], values[1]))
    assert [spec.name for spec in source.outputs] == ["output_0", "output_1"]


def test_signature_is_an_option_for_folders_alone(served: Path, digits_model: Path) -> None:
    from edgecv.inspect.alone import look_into

    found = look_into(SourceRequest(path=served / "two", signature="sign"))
    assert [spec.name for spec in found.outputs] == ["sign"]
    assert from_options(digits_model, Path("m.edgecv"), {"signature": "sign"}).signature == "sign"
    assert "--signature" in edgecv("convert", "--help").out
    assert "--signature is for SavedModel folders" in refusal(digits_model, signature="sign").message


@pytest.mark.parametrize("way", ["stateful", "training"])
def test_a_savedmodel_that_keeps_a_state_is_refused(tmp_path: Path, way: str) -> None:
    import tensorflow as tf

    holder = tf.Module()
    holder.seen = tf.Variable(tf.zeros((1, 4)))
    holder.calls = tf.Variable(0)

    def run(x: Any) -> Any:
        (holder.calls if way == "training" else holder.seen).assign_add(1 if way == "training" else x)
        return {"y": x + (0 if way == "training" else holder.seen)}

    signature = tf.function(run).get_concrete_function(tf.TensorSpec((1, 4), name="x"))
    tf.saved_model.save(holder, str(tmp_path / "m"), signatures=signature)
    if way == "training":  # a counter changes no answer
        agrees(tmp_path / "m", lambda x: x)
    else:
        assert "m is stateful" in refusal(tmp_path / "m").message


def test_what_keras_exports_in_training_mode_is_refused_and_its_keras_file_taken(tmp_path: Path) -> None:
    import keras

    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Resizing(4, 4), layers.BatchNormalization()])
    model.export(tmp_path / "m", verbose=False)
    model.save(tmp_path / "m.keras")
    refused = refusal(tmp_path / "m")
    assert "m is stateful" in refused.message
    assert "Resizing" in str(refused.hint)
    agrees(tmp_path / "m.keras", lambda x: model(x, training=False))


# Names, types and state


def test_layers_of_any_name_convert(tmp_path: Path) -> None:
    import keras
    from edgecv_converters.coreml.names import identifier

    layers = keras.layers
    image, row = keras.Input((6, 6, 3), name="my picture (RGB)"), keras.Input((4,), name="größe")
    inner = [layers.Conv2D(4, 3, name="inner conv"), layers.BatchNormalization(name="bn#1")]
    inside = keras.Sequential(inner, name="in ner")
    both = layers.Concatenate(name="_both")([layers.GlobalAveragePooling2D(name="平均")(inside(image)), row])
    model = keras.Model([image, row], layers.Dense(3, "softmax", name="output 1")(both), name="my model")
    model.save(tmp_path / "m.keras")
    source = agrees(tmp_path / "m.keras", model)
    assert [spec.name for spec in (*source.inputs, *source.outputs)] == ["my picture (RGB)", "größe", "output 1"]
    assert {row.name: row.multiply_adds for row in source.layers()}["inner conv"] == 4 * 4 * 4 * 3 * 9
    assert model.layers[-1].name == "output 1"
    assert identifier("größe") == "gr__e"


def test_text_and_vocabularies_are_refused_by_name(tmp_path: Path) -> None:
    import keras

    layers = keras.layers
    text = keras.Input((1,), dtype="string", name="words")
    vectorize = layers.TextVectorization(max_tokens=9, output_sequence_length=4, vocabulary=["a", "b"])
    keras.Model(text, layers.Embedding(9, 3)(vectorize(text))).save(tmp_path / "text.keras")
    error = refusal(tmp_path / "text.keras")
    assert error.message == "input 'words' is text (string), which no target takes"
    assert "Cut the model" in str(error.hint)
    number = keras.Input((4,), dtype="int32")
    looked = layers.IntegerLookup(vocabulary=[3, 5], name="ids")(number)
    keras.Model(number, layers.Embedding(4, 3)(looked)).save(tmp_path / "lookup.keras")
    assert "the layer 'ids' looks its input up in a vocabulary" in refusal(tmp_path / "lookup.keras").message


@pytest.mark.parametrize("generation", ["keras", "tf_keras"])
def test_stateful_layers_are_refused_and_fixed_batches_said(tmp_path: Path, generation: str) -> None:
    import importlib

    kind = importlib.import_module(generation)
    series = kind.Input((3, 4), batch_size=2)
    model = kind.Model(series, kind.layers.GRU(3, stateful=True, name="memory")(series))
    model.save(tmp_path / "stateful.keras")
    assert "the layer 'memory' is stateful" in refusal(tmp_path / "stateful.keras").message
    row = kind.Input((4,), batch_size=8)
    model = kind.Model(row, kind.layers.Dense(2)(row))
    model.save(tmp_path / "fixed.keras")
    source = agrees(tmp_path / "fixed.keras", model.layers[-1])
    assert "the model was built for a batch of 8, which is 1 now: each sample is answered by itself" in source.notes


def test_a_model_of_one_batch_size_says_so_in_the_hint(tmp_path: Path) -> None:
    import keras

    row = keras.Input((4,), batch_size=8)
    keras.Model(row, keras.ops.reshape(row, (8, 2, 2))).save(tmp_path / "m.keras")
    assert "a batch of 8" in str(refusal(tmp_path / "m.keras").hint)


def test_the_example_of_a_shape_fits_the_input(tmp_path: Path) -> None:
    import keras

    notes = keras.Input((None, 38), name="notes")
    keras.Model(notes, keras.layers.LSTM(2)(notes)).save(tmp_path / "m.keras")
    assert refusal(tmp_path / "m.keras").hint == "Give the shape with --input-shape notes=1,100,38"
