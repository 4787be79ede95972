"""Small videos of plain colours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

CODES = {".avi": "MJPG", ".mp4": "mp4v"}
Colour = tuple[int, int, int]


def write_video(
    path: Path,
    colours: Sequence[Colour],
    *,
    fps: float = 25,
    size: tuple[int, int] = (64, 48),
    left: Colour | None = None,
) -> Path:
    """A video with a frame of each colour; `left` is the colour of its left quarter, if that is another."""
    import cv2

    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*CODES[path.suffix]), fps, size)
    for colour in colours:
        pixels = np.full((size[1], size[0], 3), colour[::-1], np.uint8)
        if left is not None:
            pixels[:, : size[0] // 4] = left[::-1]
        writer.write(pixels)
    writer.release()
    return path
