"""What a Keras file may name, hold and ask for."""

from __future__ import annotations

import importlib
import inspect
import json
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from edgecv_converters.source.allowed import keras as names
from edgecv_converters.source.allowed import tensorflow_functions as functions
from edgecv_converters.source.code import check_config, parse_config, usable_objects
from edgecv_converters.source.op_layers import op_layer_fault
from edgecv_runtime.errors import SourceError

from tests import architectures, models

Config = dict[str, Any]


def entry(module: str | None, name: str, config: Any = None, registered: Any = None, **more: Any) -> Config:
    """An object as Keras 3 serializes it; without a module, as Keras 2 does."""
    made = {"class_name": name, "config": {"name": "evil"} if config is None else config, **more}
    return made if module is None else {**made, "module": module, "registered_name": registered}


def model_of(inner: Any) -> Config:
    """A model with this as a layer, inside a nested one."""
    nested = entry("keras", "Sequential", {"name": "inner", "layers": [inner]})
    return entry("keras.src.models.functional", "Functional", {"name": "outer", "layers": [nested]})


def refused(config: Any, given: tuple[str, ...] = ()) -> SourceError:
    with pytest.raises(SourceError) as caught:
        check_config(config, "m.keras", given, allow_code=False)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    return caught.value


def function(module: str, name: str, registered: str | None = None) -> Config:
    return entry(module, "function", name, registered or name)


DENSE = entry("keras.layers", "Dense", {"name": "d", "units": 2})

OLD_CODE = {"name": "l", "function": ["4w", None, None], "function_type": "lambda"}
CONSTANT = ["_CONSTANT_VALUE", -1, ["_COMPOSITE_TYPE", "{}"]]
CODE = {"class_name": "__lambda__", "config": {"code": "4w"}}

RUNS_CODE = {
    "lambda": (entry("keras.layers", "Lambda", {"name": "l", "function": CODE}), "l"),
    "bare lambda": (entry(None, "__lambda__", {"value": "4w"}), "Python code"),
    "old lambda": (entry(None, "Lambda", OLD_CODE), "l"),
    "saved model": (entry("keras.layers", "TFSMLayer", {"filepath": "/tmp/x"}), "TFSMLayer"),
    "saved model by source": (entry("keras.src.export.tfsm_layer", "TFSMLayer"), "TFSMLayer"),
    "torch": (entry("keras.layers", "TorchModuleWrapper"), "TorchModuleWrapper"),
    "jax": (entry("keras.layers", "JaxLayer"), "JaxLayer"),
    "flax": (entry("keras.layers", "FlaxLayer"), "FlaxLayer"),
    "feature space": (entry("keras.utils", "FeatureSpace"), "FeatureSpace"),
    "feature columns": (entry(None, "DenseFeatures", {"feature_columns": []}), "DenseFeatures"),
    "download": (entry("keras.utils", "get_file", {"fname": "x", "origin": "http://x"}), "get_file"),
    "download as activation": ({**DENSE, "config": {"activation": function("keras.utils", "get_file")}}, "get_file"),
    "builtins": (function("builtins", "eval"), "eval"),
    "os": (entry("os", "system", {"command": "x"}), "system"),
    "tensorflow": (entry("tensorflow", "load_library"), "load_library"),
    "registered elsewhere": (entry("keras.layers", "Dense", None, "os>system"), "os>system"),
    "registered as keras": (entry("keras.layers", "Dense", None, "keras.utils>get_file"), "get_file"),
    "dotted class": (entry(None, "os.system"), "os.system"),
    "registered class of keras 2": (entry(None, "os>system"), "os>system"),
    "module within keras": (entry("keras.src.utils.file_utils", "Dense"), "keras.src.utils.file_utils.Dense"),
    "module with more": (entry("keras.layers;os", "Dense"), "keras.layers;os"),
    "module that is none": ({**DENSE, "module": ["keras.layers"]}, "Dense"),
    "loader as function": (function("keras.models", "load_model"), "load_model"),
    "function by dotted path": (function("keras.activations", "os.system"), "os.system"),
    "function registered elsewhere": (function("keras.activations", "relu", "get_file"), "relu"),
    "function that is none": (entry("keras.activations", "function", {"x": 1}), "x"),
    "operation that takes a function": (entry("keras.src.ops.core", "Map"), "Map"),
    "type": (entry("keras", "__typespec__", [], spec_name="X"), "__typespec__"),
    "old type": ({"class_name": "TypeSpec", "type_spec": "tf.data.DatasetSpec", "serialized": []}, "DatasetSpec"),
    "magic": (entry(None, "__reduce__"), "__reduce__"),
    "composite constant": ({**DENSE, "inbound_nodes": [CONSTANT]}, "COMPOSITE"),
    "vocabulary": (entry("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}), "/etc/passwd"),
    "vocabulary of numbers": (entry("keras.layers", "IntegerLookup", {"vocabulary": "secret.txt"}), "secret.txt"),
    "vocabulary of a text": (entry(None, "TextVectorization", {"vocabulary": "gs://x/y"}), "gs://x/y"),
    "weights of a vocabulary": (entry("keras.layers", "StringLookup", {"idf_weights": "w.txt"}), "w.txt"),
    "no class name": ({"class_name": ["os"], "config": {}}, "os"),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS_CODE)
@pytest.mark.parametrize("place", ["layer", "argument", "initializer", "build", "compile"])
def test_what_runs_code_or_opens_files_is_refused_wherever_it_stands(name: str, place: str) -> None:
    evil, says = RUNS_CODE[name]
    places = {
        "layer": evil,
        "argument": {**DENSE, "inbound_nodes": [{"args": [DENSE], "kwargs": {"mask": [evil]}}]},
        "initializer": entry("keras.layers", "Dense", {"kernel_initializer": {"inner": evil}}),
        "build": {**DENSE, "build_config": {"input_shape": [None, 4], "more": evil}},
        "compile": {**DENSE, "compile_config": {"loss": evil}},
    }
    assert says in refused(model_of(places[place])).message


def test_a_string_may_not_name_a_function_that_is_no_activation() -> None:
    for key in ("activation", "recurrent_activation", "kernel_initializer", "bias_regularizer", "gamma_constraint"):
        error = refused(model_of(entry(None, "LSTM", {"name": "l", key: "deserialize"})))
        assert "'deserialize'" in error.message


def test_nesting_ends_in_an_error() -> None:
    config: Config = DENSE
    for _ in range(600):
        config = entry("keras", "Sequential", {"layers": [config]})
    assert "nested too deeply" in refused(config).message
    with pytest.raises(SourceError, match="nested too deeply"):
        parse_config('{"config":' * 100_000 + "1" + "}" * 100_000, "config.json")
    for text in ("", "[1,", "nan", "9" * 5000, b"\xff\xfe"):
        with pytest.raises(SourceError, match="no JSON"):
            parse_config(text, "config.json")


def test_of_the_users_module_only_keras_classes_and_own_functions_may_be_named() -> None:
    import shutil
    import subprocess

    import keras

    given = {
        "Popen": subprocess.Popen,
        "rmtree": shutil.rmtree,
        "Path": Path,
        "own": model_of,
        "Scale": keras.layers.Layer,
    }
    assert set(usable_objects(given)) == {"own", "Scale"}


@pytest.mark.parametrize("name", architectures.small_models())
def test_the_models_that_people_have_are_taken(name: str) -> None:
    import keras

    network = architectures.small_models()[name]()
    check_config(json.loads(json.dumps(keras.saving.serialize_keras_object(network))), name, (), allow_code=False)


def test_everything_that_keras_offers_was_reviewed() -> None:
    import keras
    import tf_keras
    from keras.src.ops.operation import Operation
    from tf_keras.src.layers import serialization

    def classes(space: Any) -> set[str]:
        return {name for name, found in vars(space).items() if inspect.isclass(found)}

    known = names.CLASSES | names.OLD_CLASSES | names.RUNNING
    parts = (keras.initializers, keras.regularizers, keras.constraints, keras.dtype_policies, tf_keras.initializers)
    training = (keras.losses, keras.metrics, keras.optimizers, keras.optimizers.schedules)
    spaces = (keras.layers, *parts, *training, keras.random)
    assert set().union(*map(classes, spaces)) - known - {"OptimizerMap", "stft"} == set()
    serialization.populate_deserializable_objects()
    old = {name for name in serialization.LOCAL.ALL_OBJECTS if name[0].isupper()}
    assert old - known == {"Input", "BaseRandomLayer", "BatchNormalizationBase", "DeviceWrapper"}
    operations = set()
    for part in ("core", "numpy", "nn", "math", "image", "linalg"):
        space = importlib.import_module(f"keras.src.ops.{part}")
        operations |= {name for name in classes(space) if issubclass(getattr(space, name), Operation)}
    takes_functions = {
        "AssociativeScan",
        "Cond",
        "ForiLoop",
        "JVP",
        "Map",
        "Scan",
        "Switch",
        "VectorizedMap",
        "WhileLoop",
    }
    assert operations - known - {"Operation", "SegmentReduction"} == takes_functions


EFFECTS = """
io.write_file io.gfile.copy io.gfile.remove io.read_file load_library load_op_library print py_function
numpy_function compat.v1.py_func summary.write debugging.experimental.enable_dump_debug_info saved_model.load
data.Dataset.from_generator train.Checkpoint image.decode_jpeg keras.utils.get_file keras.models.load_model
raw_ops.WriteFile raw_ops.ImmutableConst raw_ops.DecodeProtoV2 nn.fixed_unigram_candidate_sampler
random.fixed_unigram_candidate_sampler __internal__.eager_context function device map_fn while_loop
compat.v1.io.write_file compat.v1.gfile.Remove compat.v1.compat.v1.load_library os.system
"""


@pytest.mark.parametrize("name", EFFECTS.split())  # fmt: skip
@pytest.mark.parametrize("kind", ["TFOpLambda", "SlicingOpLambda"])
def test_a_layer_calls_only_functions_of_tensorflow_that_compute(kind: str, name: str) -> None:
    error = refused(model_of(entry(None, kind, {"name": "evil", "function": name})))
    assert repr(name) in error.message
    assert "'evil'" in error.message


@pytest.mark.parametrize(
    ("kind", "config", "says"),
    [
        ("TFOpLambda", {"function": ["io.write_file"]}, "io.write_file"),
        ("TFOpLambda", {}, "None"),
        ("ClassMethod", {"cls_symbol": "io.TFRecordWriter", "method_name": "close"}, "io.TFRecordWriter.close"),
        ("ClassMethod", {"cls_symbol": "RaggedTensor", "method_name": "__init_subclass__"}, "__init_subclass__"),
        ("InstanceMethod", {"attr_name": "numpy"}, "numpy"),
        ("InstanceProperty", {"attr_name": "__class__"}, "__class__"),
        ("TensorFlowOpLayer", {"node_def": {"op": "WriteFile", "name": "x"}}, "WriteFile"),
        ("TensorFlowOpLayer", {"node_def": "\n\x01x\x12\x08ReadFile"}, "ReadFile"),
        ("TensorFlowOpLayer", {"node_def": "none"}, "cannot be read"),
    ],
)
def test_other_layers_of_operations_have_lists_of_their_own(kind: str, config: Config, says: str) -> None:
    assert says in str(op_layer_fault(kind, config))


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("TFOpLambda", {"function": "math.add"}),
        ("TFOpLambda", {"function": "compat.v1.nn.conv2d"}),
        ("SlicingOpLambda", {"function": "__operators__.getitem"}),
        ("ClassMethod", {"cls_symbol": "RaggedTensor", "method_name": "from_row_splits"}),
        ("InstanceProperty", {"attr_name": "flat_values"}),
        ("TensorFlowOpLayer", {"node_def": {"op": "Relu6", "name": "x"}}),
        ("TensorFlowOpLayer", {"node_def": "\n\x01x\x12\x05Relu6"}),
        ("Dense", {}),
    ],
)
def test_operations_that_compute_are_taken(kind: str, config: Config) -> None:
    assert op_layer_fault(kind, config) is None


def test_each_function_listed_is_one_of_tensorflow() -> None:
    import tensorflow as tf
    from tensorflow.python.util import tf_export

    _ = tf.compat.v1.placeholder, importlib.import_module("tf_keras")
    known = {name.removeprefix("compat.v1.") for name in tf_export._NAME_TO_SYMBOL_MAPPING}
    assert {name for name in functions.FUNCTIONS if not name.startswith("raw_ops.")} - known == set()


def test_nothing_is_called_while_an_old_file_loads_by_whichever_door(tmp_path: Path) -> None:
    import h5py
    import tensorflow as tf
    import tf_keras
    from edgecv_converters.source import load_source

    from edgecv.compress.load import load_flat

    image = tf_keras.Input((4,))
    path = tmp_path / "m.h5"
    models.save_h5(tf_keras.Model(image, tf_keras.layers.Dense(2)(tf.abs(image))), path)
    assert load_source(path).info.loader.startswith("tf-keras")
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        called = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "TFOpLambda")
        evil = called | {"name": "evil", "config": {"name": "evil", "function": "io.write_file"}}
        evil["inbound_nodes"] = [["_CONSTANT_VALUE", -1, str(tmp_path / "marker"), {"contents": "written"}]]
        config["config"]["layers"].insert(1, evil)
        file.attrs["model_config"] = json.dumps(config)
    doors = (load_source, partial(load_flat, input_shapes={}, allow_code=False, custom_objects=None))
    for door in doors:
        with pytest.raises(SourceError, match=r"'evil' calls TensorFlow's function 'io\.write_file'"):
            door(path)
    assert not (tmp_path / "marker").exists()


def test_an_archive_of_keras_2_goes_through_the_same_checks(tmp_path: Path) -> None:
    import tensorflow as tf
    import tf_keras
    from edgecv_converters.source import load_source

    row = tf_keras.Input((4,), name="row")
    last = tf_keras.layers.Dense(2, name="last")(tf.abs(tf_keras.layers.Dense(2)(row)))
    tf_keras.Model(row, last).save(tmp_path / "m.keras")
    assert load_source(tmp_path / "m.keras").info.loader.startswith("tf-keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    changes = {
        b'"math.abs"': (b'"io.write_file"', "'io.write_file'"),
        b'["row", 0, 0, {': (b'["last", 0, 0, {', "connected in a circle"),
        b'"tf_keras.src.layers.core.tf_op_layer"': (b'"subprocess"', "the custom class 'TFOpLambda'"),
    }
    for old, (new, says) in changes.items():
        assert old in parts["config.json"]
        with zipfile.ZipFile(tmp_path / "m.keras", "w") as archive:
            for name, content in parts.items():
                archive.writestr(name, content.replace(old, new) if name == "config.json" else content)
        with pytest.raises(SourceError) as caught:
            load_source(tmp_path / "m.keras")
        assert says in caught.value.message
