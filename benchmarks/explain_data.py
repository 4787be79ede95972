"""Pictures whose explanation is known: one shape at a random place on clutter, and the same with a planted shortcut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

SIZE: Final = 64
NAMES: Final = ("cross", "disc", "nothing", "square", "triangle")
NOTHING: Final = NAMES.index("nothing")
CORNER: Final = 8  # pixels of the coloured corner's side
CONTRAST: Final = 150  # of a shape and the ground, over three channels
SEEN: Final = (0.25, 0.6)  # of a shape's box: hidden below, seen above, and in doubt between
COLORS: Final = ((220, 60, 50), (60, 190, 80), (0, 0, 0), (70, 90, 230), (230, 200, 60))


@dataclass(frozen=True, slots=True)
class Drawn:
    """Pictures (n, 64, 64, 3) uint8, their classes, and the box of each shape: left, top, right, bottom."""

    pictures: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.int64]


def draw(count: int, seed: int, *, corner: bool = False, nothing: bool = True) -> Drawn:
    """Draw pictures; with `corner`, the colour of a square at the upper left says the class, and the shape nothing.

    One class is that there is no shape, or no corner: where it is hidden, that is the right answer, so that hiding it
    always costs the score of the others.

    Args:
        count: How many.
        seed: Of every draw.
        corner: Whether the shortcut is planted: every picture then has a shape of any class.
        nothing: Whether there are pictures of that class.
    """
    rng = np.random.default_rng(seed)
    classes = np.asarray([index for index in range(len(NAMES)) if nothing or index != NOTHING])
    labels = rng.choice(classes, count)
    shapes = rng.integers(0, len(NAMES), count) if corner else labels
    colors = labels.tolist() if corner else [NOTHING] * count
    made = [_picture(rng, shape, color) for shape, color in zip(shapes.tolist(), colors, strict=True)]
    return Drawn(np.stack([one for one, _ in made]), labels, np.stack([box for _, box in made]))


def half_hidden(data: Drawn, seed: int) -> Drawn:
    """Hide parts of every other picture under soft-edged rectangles of its mean colour.

    Occlusion and RISE ask a network of pictures that have parts missing. One that has seen none calls a flat picture a
    square and a cross under a soft mask nothing; then the score does not come from the shape, whatever the method. Here
    a picture whose shape is mostly hidden is one of nothing.

    Args:
        data: The pictures.
        seed: Of every draw.
    """
    rng = np.random.default_rng(seed)
    pictures, labels = data.pictures.copy(), data.labels.copy()
    for number in range(0, len(pictures), 2):
        shown = _curtain(rng)
        left, top, right, bottom = np.clip(data.boxes[number], 0, SIZE - 1)
        share = float(shown[top : bottom + 1, left : right + 1].mean())
        if SEEN[0] < share < SEEN[1]:
            continue
        mean = pictures[number].mean(axis=(0, 1))
        pictures[number] = np.rint(mean + shown[..., None] * (pictures[number] - mean)).astype(np.uint8)
        if share <= SEEN[0]:
            labels[number] = NOTHING
    return Drawn(pictures, labels, data.boxes)


def _curtain(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """How much of each pixel is shown, 0..1."""
    image = Image.new("L", (SIZE, SIZE), 255)
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(2, 12))):
        left, top = (int(value) for value in rng.integers(-8, SIZE - 8, 2))
        width, height = (int(value) for value in rng.integers(8, 28, 2))
        pen.rectangle((left, top, left + width, top + height), fill=0)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(float(rng.uniform(0, 4)))), np.float64) / 255


def _picture(rng: np.random.Generator, shape: int, corner: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    middle = rng.uniform(70, 170, 3)
    ground = rng.normal(middle, 14, (SIZE, SIZE, 3))
    image = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(10):  # thin strokes in the shapes' colours
        ends = [tuple(int(v) for v in rng.integers(0, SIZE, 2)) for _ in range(2)]
        pen.line(ends, fill=_color(rng), width=1)
    for _ in range(10):
        left, top = (int(v) for v in rng.integers(0, SIZE - 3, 2))
        pen.rectangle((left, top, left + 2, top + 2), fill=_color(rng))
    radius = int(rng.integers(8, 12))
    x, y = (int(v) for v in rng.integers(radius + CORNER, SIZE - radius, 2))
    color = _color(rng)
    while np.abs(color - middle).sum() < CONTRAST:
        color = _color(rng)
    _shape(pen, shape, x, y, radius, color)
    if corner != NOTHING:
        pen.rectangle((0, 0, CORNER - 1, CORNER - 1), fill=COLORS[corner])
    return np.asarray(image), np.asarray([x - radius, y - radius, x + radius, y + radius])


def _color(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(int(v) for v in rng.integers(0, 256, 3))


def _shape(pen: ImageDraw.ImageDraw, shape: int, x: int, y: int, radius: int, color: tuple[int, ...]) -> None:
    box = (x - radius, y - radius, x + radius, y + radius)
    third = max(2, radius // 3)
    if NAMES[shape] == "disc":
        pen.ellipse(box, fill=color)
    elif NAMES[shape] == "square":
        pen.rectangle(box, fill=color)
    elif NAMES[shape] == "triangle":
        pen.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], fill=color)
    elif NAMES[shape] == "cross":
        pen.rectangle((x - third, y - radius, x + third, y + radius), fill=color)
        pen.rectangle((x - radius, y - third, x + radius, y + third), fill=color)


def pointed(peaks: npt.NDArray[np.int64], boxes: npt.NDArray[np.int64]) -> float:
    """Return the share of peaks (x, y) that lie in their box."""
    x, y = peaks[:, 0], peaks[:, 1]
    inside = (x >= boxes[:, 0]) & (x <= boxes[:, 2]) & (y >= boxes[:, 1]) & (y <= boxes[:, 3])
    return float(inside.mean())


def chance(boxes: npt.NDArray[np.int64]) -> float:
    """Return the share of the pictures that the boxes cover: how often a random place would lie in one."""
    sides = np.clip(boxes[:, 2:], 0, SIZE - 1) - np.clip(boxes[:, :2], 0, SIZE - 1) + 1
    return float(sides.prod(axis=1).mean() / SIZE**2)


def network() -> Any:
    """Five convolutions, the mean over all places, and classes."""
    import keras

    layers, pixels = keras.layers, keras.Input((SIZE, SIZE, 3), name="pixels")
    found = layers.Rescaling(1 / 127.5, -1.0)(pixels)
    for number, (width, stride) in enumerate(((16, 2), (32, 2), (48, 1), (48, 1), (48, 1))):
        found = layers.Conv2D(width, 3, strides=stride, padding="same", use_bias=False, name=f"conv_{number}")(found)
        found = layers.BatchNormalization()(found)
        found = layers.ReLU(name=f"relu_{number}")(found)
    found = layers.GlobalAveragePooling2D()(found)
    return keras.Model(pixels, layers.Dense(len(NAMES), activation="softmax", name="shape")(found), name="shapes")


def trained(data: Drawn, epochs: int, seed: int = 1) -> Any:
    """Train the network."""
    import keras

    keras.utils.set_random_seed(seed)
    model = network()
    steps = epochs * (len(data.labels) // 64)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(4e-3, steps)), "sparse_categorical_crossentropy"
    )
    model.fit(data.pictures.astype(np.float32), data.labels, batch_size=64, epochs=epochs, verbose=0)
    return model
