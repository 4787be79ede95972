"""A SavedModel without assignments: what inference leaves behind in variables does not change its answers.

Keras exports augmentation layers with the state of their random generators, which every call advances, even where
nothing is augmented; a graph that assigns to its variables cannot be frozen.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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
        node.attr.clear()
    with TemporaryDirectory(prefix="edgecv-") as folder:
        copy = Path(folder)
        (copy / "saved_model.pb").write_bytes(saved.SerializeToString())
        for part in path.iterdir():
            if part.is_dir():
                (copy / part.name).symlink_to(part.resolve(), target_is_directory=True)
        yield copy
