"""A server of a TFLite file as a person writes it, with FastAPI, Pillow and LiteRT; `benchmarks/serve.py` runs it.

The model, its preprocessing and its labels come from the environment: a TFLite file with float32 input, the side of its
input, and `none` or `tf` for what is done to pixels.
"""

from __future__ import annotations

import io
import os
import threading
from typing import Annotated, Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from fastapi import FastAPI, UploadFile
from PIL import Image

SIDE = int(os.environ["BY_HAND_SIDE"])
SCALED = os.environ["BY_HAND_PREPROCESS"] == "tf"

interpreter = Interpreter(model_path=os.environ["BY_HAND_MODEL"], num_threads=1)
interpreter.allocate_tensors()
INPUT = interpreter.get_input_details()[0]
OUTPUT = interpreter.get_output_details()[0]
lock = threading.Lock()  # an interpreter takes one inference at a time
app = FastAPI()


def predict(file: Annotated[UploadFile, "a picture"]) -> dict[str, Any]:
    """Name the three best classes of a picture."""
    image = Image.open(io.BytesIO(file.file.read())).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    pixels = np.asarray(image, np.float32)
    if SCALED:
        pixels = pixels / 127.5 - 1
    scale, zero = INPUT["quantization"]
    values = np.clip(np.round(pixels / scale) + zero, -128, 127).astype(np.int8) if scale else pixels
    with lock:
        interpreter.set_tensor(INPUT["index"], values[None])
        interpreter.invoke()
        scores = interpreter.get_tensor(OUTPUT["index"])[0]
    best = np.argsort(-scores)[:3]
    return {"predictions": [{"label": str(index), "score": float(scores[index])} for index in best]}


app.post("/predict")(predict)
