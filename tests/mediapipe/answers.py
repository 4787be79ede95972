"""MediaPipe's own answers, as JSON: run by the Python that has MediaPipe, which has no edgecv.

Usage: python answers.py classify|detect MODEL.tflite PICTURES.npy
"""

from __future__ import annotations

import json
import sys

import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision


def main() -> None:
    """Print one list of answers a picture."""
    what, model, pictures = sys.argv[1:]
    options = BaseOptions(model_asset_path=model)
    images = [mp.Image(image_format=mp.ImageFormat.SRGB, data=pixels) for pixels in np.load(pictures)]
    print(json.dumps(classify(options, images) if what == "classify" else detect(options, images)))


def classify(options: BaseOptions, images: list[mp.Image]) -> list[list[tuple[str, float]]]:
    """The label and the score of each class of each picture, the best one first."""
    asked = vision.ImageClassifierOptions(base_options=options)
    with vision.ImageClassifier.create_from_options(asked) as task:
        found = [task.classify(image).classifications[0].categories for image in images]
    return [[(one.category_name, one.score) for one in categories] for categories in found]


def detect(options: BaseOptions, images: list[mp.Image]) -> list[list[tuple[str, float, list[int]]]]:
    """The label, the score and the box (left, top, width, height) of each thing in each picture.

    Its Python interface takes a threshold of 0 for none, and so never reads the one in the file.
    """
    asked = vision.ObjectDetectorOptions(base_options=options, max_results=100, score_threshold=0.5)
    with vision.ObjectDetector.create_from_options(asked) as task:
        found = [task.detect(image).detections for image in images]
    return [[_thing(one) for one in things] for things in found]


def _thing(detection: object) -> tuple[str, float, list[int]]:
    box, best = detection.bounding_box, detection.categories[0]  # type: ignore[attr-defined]
    return best.category_name, best.score, [box.origin_x, box.origin_y, box.width, box.height]


if __name__ == "__main__":
    main()
