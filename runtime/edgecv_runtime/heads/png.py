"""Pictures inside JSON: PNG in base64."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import numpy.typing as npt


def png_record(pixels: npt.NDArray[np.uint8]) -> dict[str, Any]:
    """Return a picture of (height, width), (height, width, 1) or (height, width, 3) as JSON-able fields."""
    from PIL import Image

    flat = pixels[..., 0] if pixels.shape[2:] == (1,) else pixels
    data = io.BytesIO()
    Image.fromarray(flat).save(data, "PNG")
    height, width = flat.shape[:2]
    return {"width": width, "height": height, "png": base64.b64encode(data.getvalue()).decode("ascii")}
