"""Trained models of every format, as one kind of object."""

from edgecv_converters.source.live import save_live
from edgecv_converters.source.load import load_source
from edgecv_converters.source.model import LayerRow, SourceModel

__all__ = ["LayerRow", "SourceModel", "load_source", "save_live"]
