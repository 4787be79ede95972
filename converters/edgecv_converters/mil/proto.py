"""The protobuf messages of Core ML's model format: all that is used of coremltools."""

from __future__ import annotations

import logging
from typing import Any


def model_message() -> Any:
    """The class `CoreML.Specification.Model` (Model.proto), without coremltools' notes on other packages' versions."""
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    from coremltools.proto import Model_pb2

    return Model_pb2.Model


def data_type() -> Any:
    """The enumeration `CoreML.Specification.MILSpec.DataType` (MIL.proto)."""
    from coremltools.proto import MIL_pb2

    return MIL_pb2.DataType
