"""Live and offline inference: sources of frames, and a pipeline that answers them."""

from edgecv_runtime.stream.frame import Frame, FrameSource
from edgecv_runtime.stream.pipeline import FrameAnswer, Stream
from edgecv_runtime.stream.sources import SourceOptions, kind_of, open_source
from edgecv_runtime.stream.statistics import Statistics

__all__ = ["Frame", "FrameAnswer", "FrameSource", "SourceOptions", "Statistics", "Stream", "kind_of", "open_source"]
