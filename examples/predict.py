"""Answer pictures with a bundle, as an app does, and print every answer: no TensorFlow is needed.

python examples/predict.py model.edgecv photo.jpg another.png
"""

from __future__ import annotations

import argparse

import edgecv


def main() -> int:
    """Print each picture's answers, the best first, and the milliseconds that they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("pictures", nargs="+")
    given = parser.parse_args()

    with edgecv.load(given.bundle) as predictor:
        print(predictor.describe())
        for picture in given.pictures:
            answer = predictor.predict(picture)
            took = answer.preprocess_ms + answer.inference_ms + answer.postprocess_ms
            print(f"{picture}: {answer.label}, {took:.1f} ms")
            for one in predictor.top(answer, len(answer.scores)):
                print(f"  {one.label:<12} {one.score:.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
