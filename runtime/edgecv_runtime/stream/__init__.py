"""Live and offline inference: sources of frames, and a pipeline that answers them."""

from edgecv_runtime.stream.choose import SourceOptions, kind_of, open_source
from edgecv_runtime.stream.frame import Frame, Source
from edgecv_runtime.stream.pipeline import Answer, Stream
from edgecv_runtime.stream.statistics import Statistics

__all__ = ["Answer", "Frame", "Source", "SourceOptions", "Statistics", "Stream", "kind_of", "open_source"]
