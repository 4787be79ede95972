"""A SavedModel without assignments: what inference leaves behind in variables does not change its answers.

Keras exports augmentation layers with the state of their random generators, which every call advances, even where
nothing is augmented; a graph that assigns to its variables cannot be frozen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from edgecv_runtime.errors import SourceError

_FLOATS: Final = frozenset({1, 2, 14, 19})  # DT_FLOAT, DT_DOUBLE, DT_BFLOAT16, DT_HALF: what answers are made of
_STATE: Final = "_edgecv_state"  # marks the places where a float was assigned
_ASSIGNMENTS = frozenset({"AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp"})


@contextmanager
def without_assignments(path: Path, saved: Any) -> Iterator[Path]:
    """A folder to load instead of `path`: itself, or a copy whose functions assign nothing (`saved` is changed)."""
    found = [
        node
        for meta in saved.meta_graphs
        for function in meta.graph_def.library.function
        for node in function.node_def
        if node.op in _ASSIGNMENTS
    ]
    if not found:
        yield path
        return
    for node in found:
        node.op = "NoOp"  # keeps its name, which other nodes wait for
        node.input[:] = [f"^{name.partition(':')[0]}" for name in node.input if ":" in name]
        state = node.attr["dtype"].type in _FLOATS
        node.attr.clear()
        if state:
            node.attr[_STATE].b = True
    with TemporaryDirectory(prefix="edgecv-") as folder:
        copy = Path(folder)
        (copy / "saved_model.pb").write_bytes(saved.SerializeToString())
        for part in path.iterdir():
            if part.is_dir():
                (copy / part.name).symlink_to(part.resolve(), target_is_directory=True)
        yield copy


def check_stateless(graph: Any, name: str) -> None:
    """Refuse a graph out of `without_assignments` that assigned to a variable of floats.

    Args:
        graph: The `tf.Graph` that the model runs.
        name: What messages call the model.

    Raises:
        SourceError: Its answers depend on the calls before, or it was exported in training mode.
    """
    proto = graph.as_graph_def()
    nodes = [*proto.node, *(node for function in proto.library.function for node in function.node_def)]
    if any(node.attr[_STATE].b for node in nodes if _STATE in node.attr):
        raise SourceError(
            f"{name} is stateful: it changes its own variables when it runs, which no target does",
            "Convert its .keras file, or export a call with training=False (where nobody says it, Keras trains what "
            "follows a Resizing layer), with recurrent layers built with stateful=False",
        )
