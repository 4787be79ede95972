"""Makes one Core AI model: the Core ML package of the same precision, read back and translated."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from edgecv_converters.coreai.metadata import ASSET_VERSION, write_metadata
from edgecv_converters.coreai.resources import read_operations
from edgecv_converters.coreai.translate import Layer, write_program
from edgecv_converters.coreml.make import make_package
from edgecv_converters.coreml.names import identifier
from edgecv_converters.coreml.options import Interface
from edgecv_converters.graph.frozen import FrozenGraph
from edgecv_converters.graph.layers import layer_of
from edgecv_converters.isolate.child import wait_for
from edgecv_converters.isolate.store import ObjectStore
from edgecv_converters.mil import Operation, load_program
from edgecv_converters.targets import ConversionJob, Converted
from edgecv_converters.workers.exchange import METADATA

NO_OPERATIONS: Final = frozenset({"constant", "output"})
PROGRAM, DIGEST, METADATA_FILE = "main.mlirb", "main.hash", "metadata.json"
PLAIN: Final = Interface()  # the program as numbers go in and out, int8 in float32
_COUNTED: Final = re.compile(r"(_cast_fp(16|32)|_\d+)$")


def make_model(job: ConversionJob, frozen: FrozenGraph, store: ObjectStore) -> Converted:
    """Write the model of a job, and describe it.

    Raises:
        ConversionError: The model has an operation that coremltools or Core AI has no form for.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model.mlpackage"
        package = make_package(job.precision, frozen, folder, store, PLAIN, job.quantized)
        job.out.mkdir(parents=True)
        write_program(load_program(folder), job.out / PROGRAM, _layers(frozen))
    (job.out / DIGEST).write_bytes(sha256((job.out / PROGRAM).read_bytes()).digest())
    write_metadata(job.out / METADATA_FILE, job.precision, wait_for(store, METADATA))
    requires = {"asset_version": ASSET_VERSION, "minimum_target": "iOS27"}
    described = package.described._replace(ops=counted(job.out / PROGRAM), requires=requires)
    notes = tuple(note.replace("Core ML", "Core AI") for note in package.notes)
    return Converted(artifact=described.artifact(job), notes=notes)


def counted(program: Path) -> dict[str, int]:
    """The operations of a program file by name, and how often each occurs; constants and the graph's end left out."""
    found = Counter(name for name, _ in read_operations(program))
    return {name: count for name, count in sorted(found.items()) if name not in NO_OPERATIONS}


def _layers(frozen: FrozenGraph) -> Layer:
    """Tell the layer by the names of the frozen graph's nodes, which the program's operations are named after."""
    known = {identifier(node.name): layer_of(node.name) for node in frozen.light().node}
    return lambda operation: _layer(operation, known)


def _layer(operation: Operation, known: Mapping[str, str]) -> str:
    name = operation.name
    while name not in known and _COUNTED.search(name):
        name = _COUNTED.sub("", name)
    return known.get(name, operation.name)
