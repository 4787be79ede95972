"""The protobuf messages of Core ML's model format: all that is used of coremltools.

Importing coremltools takes seconds, for it loads TensorFlow. Its message classes are made from the format's `.proto`
files and need nothing of the rest: they are loaded as a package of their own. Protobuf keeps one class for a message,
so that both packages may be there.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Any

PACKAGE = "_edgecv_coreml_proto"


def model_message() -> Any:
    """The class `CoreML.Specification.Model` (Model.proto).

    Raises:
        ImportError: coremltools is not installed.
    """
    return _module("Model_pb2").Model


def data_type() -> Any:
    """The enumeration `CoreML.Specification.MILSpec.DataType` (MIL.proto)."""
    return _module("MIL_pb2").DataType


@cache
def _module(name: str) -> Any:
    if PACKAGE not in sys.modules:
        found = find_spec("coremltools")
        if found is None or found.origin is None:
            raise ModuleNotFoundError("No module named 'coremltools'", name="coremltools")
        spec = ModuleSpec(PACKAGE, loader=None, is_package=True)
        spec.submodule_search_locations = [str(Path(found.origin).parent / "proto")]
        sys.modules[PACKAGE] = module_from_spec(spec)
    return import_module(f"{PACKAGE}.{name}")
