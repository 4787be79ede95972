"""`edgecv.explain`: the map of one picture, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Unpack

import numpy as np
import numpy.typing as npt
from edgecv_converters.explain.records import Curves
from edgecv_converters.source import save_live
from edgecv_runtime.preprocess.decode import ImageSource

from edgecv.explain.request import ExplainOptions, request_of
from edgecv.explain.run import ExplainRun, explain_pictures
from edgecv.explain.shown import in_picture
from edgecv.terminal.observer import Silent

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The explanation of one answer.

    Attributes:
        title: What is explained, such as the name of a class; `score` is the model's number for it.
        method: How.
        model: The model that was asked: the file's name, or the artifact's in the bundle.
        values: (height, width) float32, of the model's input: how much each pixel counts.
        picture: The same in the pixels of the picture itself; NaN where the model has not seen it.
        layer: The layer whose map was weighed, or None.
        curves: Deletion and insertion, where they were asked for.
        shuffled: The rank correlation with the map of a network of shuffled weights, where that was asked for.
    """

    title: str
    score: float
    method: str
    model: str
    values: npt.NDArray[np.float32]
    picture: npt.NDArray[np.float32]
    layer: str | None = None
    curves: Curves | None = None
    shuffled: float | None = None


def explain(
    model: str | Path | keras.Model,
    picture: ImageSource,
    *,
    method: str | None = None,
    **options: Unpack[ExplainOptions],
) -> Explanation:
    """Say which pixels of a picture an answer comes from.

    Args:
        model: A trained model, a live `keras.Model`, or a bundle. Of a bundle the first artifact that is chosen
            answers: name one by `target` and `precision`.
        picture: A path, bytes, a Pillow image or uint8 pixels.
        method: "gradcam" (for models), "gradcam++", "hirescam", "integrated-gradients", "smoothgrad", "occlusion" (for
            bundles) or "rise".
        **options: See `ExplainOptions`.

    Raises:
        EdgecvError: The model, the picture or an option.
        TypeError: There is no option of that name.
    """
    if unknown := sorted(options.keys() - ExplainOptions.__annotations__.keys()):
        raise TypeError(f"edgecv.explain has no option {unknown[0]!r}; its options are those of ExplainOptions")
    methods = () if method is None else (method,)
    settings = {"curves": False, **options}
    if isinstance(model, str | Path):
        return _first(explain_pictures(request_of(Path(model), methods, settings), [("picture", picture)], Silent()))
    with TemporaryDirectory() as folder:
        request = request_of(save_live(model, Path(folder)), methods, settings)
        return _first(explain_pictures(request, [("picture", picture)], Silent()))


def _first(run: ExplainRun) -> Explanation:
    asked, view = run.models[0], run.pictures[0].view
    found = asked.map(0)
    return Explanation(
        title=found.explained.title,
        score=found.score,
        method=asked.method,
        model=asked.title,
        values=found.values,
        picture=in_picture(found.values, view, (view.height, view.width)),
        layer=asked.found.layer,
        curves=found.curves,
        shuffled=found.shuffled,
    )
