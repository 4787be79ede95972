"""OpenCV, imported when it is needed and kept quiet."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from edgecv_runtime.errors import MissingDependencyError


def opencv() -> Any:
    """The module `cv2`. Its own lines on stderr are off, unless the environment asks for them.

    Raises:
        MissingDependencyError: It is not installed, or misses a library of the system.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # AV_LOG_QUIET of libavutil/log.h
    try:
        import cv2
    except ModuleNotFoundError as error:
        raise MissingDependencyError("OpenCV is not installed", 'pip install "edgecv[camera]"') from error
    except ImportError as error:
        raise MissingDependencyError(
            f"OpenCV cannot be loaded: {error}",
            "On a machine without a desktop: pip install opencv-python-headless, instead of opencv-python",
        ) from error
    return cv2


def reversed_channels(pixels: np.ndarray) -> np.ndarray:
    """OpenCV's B, G, R as R, G, B, or the reverse, uint8 (height, width, 3): the same bytes, seen the other way round.

    Nothing is copied: preprocessing reads only the bytes that it needs, in either order. (`cvtColor` would also wake
    OpenCV's threads, which then wait busily on the cores that inference needs.)
    """
    return pixels[..., ::-1]
