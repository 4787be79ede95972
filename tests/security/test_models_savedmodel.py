"""Graphs that do more than compute, folders that lead elsewhere, and the savers that are let through."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgecv_converters.source import load_source
from edgecv_converters.source.allowed.tensorflow_ops import CHECKPOINT_READERS, CHECKPOINT_WRITERS, OPERATIONS
from edgecv_converters.source.graph_ops import check_graphs
from edgecv_runtime.errors import SourceError

EFFECTS = """
ReadFile WriteFile ImmutableConst MatchingFiles WholeFileReaderV2 TextLineReaderV2 TFRecordReader RecordInput LMDBReader
InitializeTableFromTextFile InitializeTableFromTextFileV2 LoadAndRemapMatrix GenerateVocabRemapping Skipgram
FixedUnigramCandidateSampler DecodeProtoV2 EncodeProto Print PrintV2 Save SaveV2 SaveSlices MergeV2Checkpoints Restore
RestoreV2 RestoreSlice DebugIdentity DebugIdentityV2 DebugIdentityV3 DebugNanCount DebugNumericSummary Copy CopyHost
DumpTensor CalibrationStatisticsSaver SummaryWriter CreateSummaryFileWriter CreateSummaryDbWriter WriteSummary
WriteScalarSummary WriteGraphSummary ImportEvent CacheDataset CacheDatasetV2 SnapshotDataset SaveDataset LoadDataset
TextLineDataset TFRecordDatasetV2 FixedLengthRecordDatasetV2 SqlDataset CSVDatasetV2 MatchingFilesDataset
DatasetToTFRecord DatasetFromGraph GeneratorDataset IteratorV2 DataServiceDatasetV4 DistributedSave DTensorRestoreV2
FileSystemSetConfiguration RpcServer RpcClient RpcCall RemoteCall _Send _Recv Send Recv CollectiveBcastSendV2
XlaLaunch XlaCallModule XlaCustomCall XlaCustomCallV2 MlirPassthroughOp TPUExecute TPUPartitionedCall SleepOp Abort
Stage FIFOQueueV2 QueueEnqueueV2 Barrier MutexLock BatchFunction SymbolicGradient NoSuchOperation
"""


def saved_model() -> Any:
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    saved = SavedModel()
    saved.meta_graphs.add()
    return saved


def node(graph: Any, op: str, name: str | None = None, inputs: tuple[str, ...] = (), **functions: str) -> Any:
    made = graph.add(op=op, name=name or op, input=inputs)
    for attribute, function in functions.items():
        made.attr[attribute].func.name = function
    return made


def function(meta: Any, name: str, *ops: str, **calls: str) -> Any:
    made = meta.graph_def.library.function.add()
    made.signature.name = name
    for op in ops:
        node(made.node_def, op, **calls)
    return made


def refused(saved: Any) -> str:
    with pytest.raises(SourceError) as caught:
        check_graphs(saved, "model", allow_code=False)
    assert "--allow-code" in str(caught.value.hint)
    return caught.value.message


def in_the_graph(saved: Any, op: str) -> None:
    node(saved.meta_graphs[0].graph_def.node, op)


def in_a_function_that_nobody_calls(saved: Any, op: str) -> None:
    function(saved.meta_graphs[0], "unused", "Relu", op)


def in_another_graph(saved: Any, op: str) -> None:
    node(saved.meta_graphs.add().graph_def.node, op)


@pytest.mark.parametrize("op", EFFECTS.split())
@pytest.mark.parametrize("put", [in_the_graph, in_a_function_that_nobody_calls, in_another_graph])
def test_an_operation_with_effects_is_refused_by_name_wherever_it_stands(put: Callable[..., None], op: str) -> None:
    saved = saved_model()
    put(saved, op)
    message = refused(saved)
    assert f" by {op} ({op!r})" in message
    check_graphs(saved, "model", allow_code=True)


def test_of_many_operations_those_with_effects_are_named() -> None:
    saved = saved_model()
    for number in range(10):
        in_the_graph(saved, f"Unknown{number}")
    for op in ("RangeDataset", "CacheDataset", "CreateSummaryFileWriter"):
        in_the_graph(saved, op)
    message = refused(saved)
    assert "CacheDataset ('CacheDataset'), CreateSummaryFileWriter" in message
    assert message.endswith("and 5 other operations")


@pytest.mark.parametrize("op", ["PyFunc", "PyFuncStateless", "EagerPyFunc"])
def test_python_is_refused_whatever_is_allowed(op: str) -> None:
    saved = saved_model()
    in_a_function_that_nobody_calls(saved, op)
    with pytest.raises(SourceError, match="calls Python code"):
        check_graphs(saved, "model", allow_code=True)


def test_each_operation_listed_is_one_of_tensorflow() -> None:
    from tensorflow.python.framework import op_def_registry

    listed = OPERATIONS | CHECKPOINT_READERS | CHECKPOINT_WRITERS
    assert {name for name in listed if op_def_registry.get(name) is None} == set()
    assert not OPERATIONS & set(EFFECTS.split())


def by_objects() -> Any:
    """A SavedModel as TensorFlow 2 saves it: the saver's functions are called by the graph, which never runs."""
    saved = saved_model()
    meta = saved.meta_graphs[0]
    function(meta, "serve", "MatMul")
    function(meta, "traced_save", "ReadVariableOp", "SaveV2", "MergeV2Checkpoints")
    function(meta, "traced_restore", "RestoreV2", "AssignVariableOp")
    node(meta.graph_def.node, "StatefulPartitionedCall", "save", f="traced_save")
    node(meta.graph_def.node, "StatefulPartitionedCall", "restore", f="traced_restore")
    meta.object_graph_def.concrete_functions["serve"].SetInParent()
    meta.saver_def.save_tensor_name, meta.saver_def.restore_op_name = "save:0", "restore"
    return saved


def held_by_an_object(meta: Any) -> None:
    meta.object_graph_def.concrete_functions["traced_restore"].SetInParent()


def held_by_a_node(meta: Any) -> None:
    meta.object_graph_def.nodes.add().function.concrete_functions.append("traced_save")


def held_by_a_bare_function(meta: Any) -> None:
    meta.object_graph_def.nodes.add().bare_concrete_function.concrete_function_name = "traced_restore"


def called_by_what_is_served(meta: Any) -> None:
    node(meta.graph_def.library.function[0].node_def, "PartitionedCall", "call", f="traced_save")


def called_by_name(meta: Any) -> None:
    node(meta.graph_def.library.function[0].node_def, "traced_restore", "call")


def called_in_a_branch(meta: Any) -> None:
    made = node(meta.graph_def.library.function[0].node_def, "Case", "case")
    made.attr["branches"].list.func.add().name = "traced_save"


def as_its_gradient(meta: Any) -> None:
    meta.graph_def.library.gradient.add(function_name="serve", gradient_func="traced_save")


def as_its_forward_function(meta: Any) -> None:
    meta.graph_def.library.function[0].attr["forward_function_name"].s = b"traced_save"


def as_another_implementation(meta: Any) -> None:
    meta.graph_def.library.function[1].attr["api_implements"].s = b"lstm"


def not_called_by_the_saver(meta: Any) -> None:
    meta.saver_def.ClearField("save_tensor_name")


def without_objects(meta: Any) -> None:
    meta.ClearField("object_graph_def")


WAYS = (
    held_by_an_object,
    held_by_a_node,
    held_by_a_bare_function,
    called_by_what_is_served,
    called_by_name,
    called_in_a_branch,
    as_its_gradient,
    as_its_forward_function,
    as_another_implementation,
    not_called_by_the_saver,
    without_objects,
)


@pytest.mark.parametrize("way", WAYS)
def test_the_savers_functions_are_let_through_only_while_nothing_else_runs_them(way: Callable[[Any], None]) -> None:
    saved = by_objects()
    check_graphs(saved, "model", allow_code=False)
    way(saved.meta_graphs[0])
    assert "reads or writes outside" in refused(saved)


def test_a_function_does_not_take_the_name_of_an_operation() -> None:
    saved = saved_model()
    function(saved.meta_graphs[0], "own", "Relu")
    node(saved.meta_graphs[0].graph_def.node, "own", "call")
    check_graphs(saved, "model", allow_code=False)
    function(saved.meta_graphs[0], "WriteFile", "Relu")
    node(saved.meta_graphs[0].graph_def.node, "WriteFile", "w")
    assert "WriteFile" in refused(saved)


def of_tensorflow_1() -> Any:
    """A graph with a saver inside, as TensorFlow 1 saves it; loading runs the saver's restore operation."""
    saved = saved_model()
    meta = saved.meta_graphs[0]
    graph = meta.graph_def.node
    node(graph, "VariableV2", "w")
    node(graph, "Placeholder", "x")
    node(graph, "MatMul", "y", ("x", "w"))
    node(graph, "Const", "save/filename/input")
    node(graph, "PlaceholderWithDefault", "save/filename", ("save/filename/input",))
    node(graph, "PlaceholderWithDefault", "save/Const", ("save/filename",))
    node(graph, "SaveV2", "save/SaveV2", ("save/Const", "w"))
    node(graph, "Identity", "save/control_dependency", ("save/Const", "^save/SaveV2"))
    node(graph, "RestoreV2", "save/RestoreV2", ("save/Const", "save/filename/input"))
    node(graph, "Assign", "save/Assign", ("w", "save/RestoreV2"))
    node(graph, "NoOp", "save/restore_all", ("^save/Assign",))
    node(graph, "NoOp", "init")
    meta.saver_def.filename_tensor_name = "save/Const:0"
    meta.saver_def.save_tensor_name = "save/control_dependency:0"
    meta.saver_def.restore_op_name = "save/restore_all"
    meta.signature_def["serving_default"].inputs["x"].name = "x:0"
    meta.signature_def["serving_default"].outputs["y"].name = "y:0"
    meta.collection_def["saved_model_main_op"].node_list.value.append("init")
    meta.collection_def["savers"].bytes_list.value.append(meta.saver_def.SerializeToString())
    return saved


def named(meta: Any, name: str) -> Any:
    return next(found for found in meta.graph_def.node if found.name == name)


def path_from_elsewhere(meta: Any) -> None:
    named(meta, "save/RestoreV2").input[0] = "save/filename/input"


def restored_into_the_answer(meta: Any) -> None:
    named(meta, "y").input[1] = "save/RestoreV2:0"


def saved_while_restoring(meta: Any) -> None:
    named(meta, "save/restore_all").input.append("^save/SaveV2")


def saved_while_starting(meta: Any) -> None:
    named(meta, "init").input.append("^save/control_dependency")


def restored_while_starting(meta: Any) -> None:
    meta.collection_def["saved_model_main_op"].node_list.value[0] = "save/Assign"


def saved_for_the_answer(meta: Any) -> None:
    named(meta, "y").input.append("^save/control_dependency")


def saved_as_a_signature(meta: Any) -> None:
    meta.signature_def["other"].outputs["z"].name = "save/control_dependency:0"


def restored_as_a_variable_starts(meta: Any) -> None:
    meta.collection_def["variables"].bytes_list.value.append(b"\n\x03w:0\x12\x08w/Assign2\x0fsave/RestoreV2:0")


def a_second_reader(meta: Any) -> None:
    node(meta.graph_def.node, "RestoreV2", "more", ("save/filename", "x"))


@pytest.mark.parametrize("way", [path_from_elsewhere, restored_into_the_answer, saved_while_restoring,
                                 saved_while_starting, restored_while_starting, saved_for_the_answer,
                                 saved_as_a_signature, restored_as_a_variable_starts, a_second_reader])  # fmt: skip
def test_a_saver_of_tensorflow_1_restores_the_models_own_variables_and_nothing_more(way: Callable[[Any], None]) -> None:
    saved = of_tensorflow_1()
    check_graphs(saved, "model", allow_code=False)
    way(saved.meta_graphs[0])
    message = refused(saved)
    assert "SaveV2" in message or "RestoreV2" in message


def exported(folder: Path, body: Callable[[Any], Any]) -> Path:
    import tensorflow as tf

    holder = tf.Module()
    serve = tf.function(lambda x: {"y": body(x)}, input_signature=[tf.TensorSpec([None, 3], tf.float32, name="x")])
    holder.serve = serve
    tf.saved_model.save(holder, str(folder), signatures=serve.get_concrete_function())
    return folder


def test_nothing_runs_before_the_refusal(tmp_path: Path) -> None:
    import tensorflow as tf

    def body(x: Any) -> Any:
        tf.print("here", output_stream=f"file://{tmp_path}/marker")
        address = [f"file://{tmp_path}/marker"]
        return tf.raw_ops.DebugIdentity(input=x, device_name="", tensor_name="a:0", debug_urls=address)

    path = exported(tmp_path / "model", body)
    with pytest.raises(SourceError, match=r"PrintV2 .*DebugIdentity|DebugIdentity .*PrintV2"):
        load_source(path)
    assert not list(tmp_path.glob("marker*"))


def test_a_model_of_tensorflow_1_loads(tmp_path: Path) -> None:
    import tensorflow as tf

    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, (None, 3), name="x")
        y = tf.matmul(x, v1.get_variable("w", (3, 2), initializer=v1.initializers.ones(), use_resource=True))
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(tmp_path / "m"), {"x": x}, {"y": y})
    answers = load_source(tmp_path / "m").predict({"x": np.ones((2, 3), np.float32)})
    np.testing.assert_array_equal(answers["y"], np.full((2, 2), 3, np.float32))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("plain") / "model", lambda x: x * 2)


def a_link_outside(folder: Path) -> None:
    (folder.parent / "secret").write_bytes(b"secret")
    data = next((folder / "variables").glob("*.data*"))
    data.unlink()
    data.symlink_to(folder.parent / "secret")


def a_folder_outside(folder: Path) -> None:
    (folder / "assets").rmdir()
    (folder / "assets").symlink_to("/etc")


def a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "assets" / "vocabulary.txt")


def a_link_to_a_device(folder: Path) -> None:
    (folder / "assets" / "zero").symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (a_link_outside, "is a link that leads outside"),
        (a_folder_outside, "model/assets is a link that leads outside"),
        (a_pipe, "model/assets/vocabulary.txt is no regular file"),
        (a_link_to_a_device, "model/assets/zero is a link that leads outside"),
    ],
)
def test_a_folder_holds_its_own_files_only(tmp_path: Path, plain: Path, change: Any, says: str) -> None:
    import shutil

    shutil.copytree(plain, tmp_path / "model")
    change(tmp_path / "model")
    with pytest.raises(SourceError, match=says):
        load_source(tmp_path / "model")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../../b"])
def test_an_asset_lies_in_the_folder(tmp_path: Path, plain: Path, name: str) -> None:
    import shutil

    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    shutil.copytree(plain, tmp_path / "model")
    file = tmp_path / "model" / "saved_model.pb"
    saved = SavedModel.FromString(file.read_bytes())
    saved.meta_graphs[0].asset_file_def.add(filename=name)
    file.write_bytes(saved.SerializeToString())
    with pytest.raises(SourceError, match="reads a file outside of it: its asset"):
        load_source(tmp_path / "model")


def test_a_folder_of_links_to_itself_is_taken(tmp_path: Path, plain: Path) -> None:
    import shutil

    shutil.copytree(plain, tmp_path / "model")
    (tmp_path / "model" / "again").symlink_to("saved_model.pb")
    assert load_source(tmp_path / "model").info.format == "savedmodel"
