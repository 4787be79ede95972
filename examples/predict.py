"""Answer pictures with a bundle, as an app does, and print every answer: no TensorFlow is needed.

python examples/predict.py model.edgecv photo.jpg another.png
"""

from __future__ import annotations

import argparse

import edgecv


def main() -> int:
    """Print what every head of the bundle says of each picture, and the milliseconds that it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("pictures", nargs="+")
    given = parser.parse_args()

    with edgecv.load(given.bundle) as predictor:
        print(predictor.describe())
        for picture in given.pictures:
            answer = predictor.predict(picture)
            took = answer.preprocess_ms + answer.inference_ms + answer.postprocess_ms
            print(f"{picture}: {took:.1f} ms")
            for head, found in zip(predictor.heads, answer.answers, strict=True):
                print(f"  {head.title}: {head.words(found, 1)}")
                for one in head.top(found.scores, len(found.scores)):
                    print(f"    {one.label:<12} {one.score:.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
