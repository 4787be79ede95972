"""Puts metadata into a .tflite file: the tables as a buffer of the model, their files as an archive after it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np

from edgecv_converters.tflite.describe import load
from edgecv_converters.tflite.metadata.schema import NAME
from edgecv_converters.tflite.write import packed

DATE = (1980, 1, 1, 0, 0, 0)  # the first that an archive can hold: the bytes must not depend on the day


def with_metadata(data: bytes, tables: bytes, files: Mapping[str, bytes]) -> bytes:
    """Return a .tflite file that holds the metadata `tables`, and `files` in an archive at its end."""
    from ai_edge_litert import schema_py_generated as tflite

    model = load(data)
    model.buffers.append(tflite.BufferT(data=np.frombuffer(tables, np.uint8)))
    entry = tflite.MetadataT(name=NAME.encode(), buffer=len(model.buffers) - 1)
    model.metadata = [*(model.metadata or ()), entry]
    written = packed(model, len(data) + len(tables))
    return written + _archive(files) if files else written


def _archive(files: Mapping[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, DATE), content)
    return held.getvalue()
