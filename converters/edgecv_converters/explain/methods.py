"""The methods at work: one map of one picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edgecv_runtime.errors import UsageError
from edgecv_runtime.heads.explained import Explained

from edgecv_converters.explain import gradients, masking
from edgecv_converters.explain.canvas import Canvas
from edgecv_converters.explain.network import InnerNetwork
from edgecv_converters.explain.places import MapPlaces
from edgecv_converters.explain.records import ExplainOrder, Floats
from edgecv_converters.explain.settings import find_method
from edgecv_converters.explain.subjects import Answering

GRADIENTS: Final = "A converted file has no gradients: use --method occlusion or rise, or explain the Keras model"


@dataclass(frozen=True, slots=True)
class Map:
    """A map of one picture, and what the attributions lack of the difference of outputs, where that is known."""

    values: Floats
    missing: float | None = None


WEIGHINGS: Final[Mapping[str, gradients.Weighing]] = {
    "gradcam": gradients.gradcam,
    "gradcam++": gradients.gradcam_plus_plus,
    "hirescam": gradients.hirescam,
}
MASKINGS: Final = {"occlusion": masking.occlusion, "rise": masking.rise}


def work_of(order: ExplainOrder) -> int:
    """Return how many answers one map of an order takes; 1 for those that are not counted."""
    if order.method == "rise":
        return order.settings.masks
    if order.method == "occlusion":
        height, width = order.samples.shape[1:3]
        return masking.occlusion_count((height, width), order.settings)
    return 1


def make_map(
    subject: Answering,
    canvas: Canvas,
    explained: Explained,
    order: ExplainOrder,
    places: MapPlaces | None,
    tell: masking.Progress,
) -> Map:
    """Return the map of one picture.

    Args:
        subject: What answers.
        canvas: The picture.
        explained: The number that is explained.
        order: The method and its numbers.
        places: The layer whose map is weighed, by the methods that do that, and where it looks.
        tell: Is told how many answers were given.

    Raises:
        UsageError: The method needs gradients and there are none.
    """
    settings, method = order.settings, find_method(order.method)
    if method.name in MASKINGS:
        return Map(MASKINGS[method.name](canvas, subject.scorer(explained), settings, tell))
    network = network_of(subject)
    if places is not None:
        seen = network.weighed(canvas.raw[None], explained, places.layer)
        found = Map(places.enlarged(WEIGHINGS[method.name](seen.values, seen.gradient), canvas.size))
    elif method.name == "smoothgrad":
        found = Map(gradients.strength(gradients.smoothgrad(network, canvas, explained, settings)))
    else:
        whole = gradients.integrated(network, canvas, explained, settings)
        found = Map(gradients.flat(whole.values), whole.missing)
    tell(1)
    return found


def network_of(subject: Answering) -> InnerNetwork:
    """Return the network behind a subject.

    Raises:
        UsageError: There is none: it is a converted file.
    """
    network = subject.network
    if network is None:
        raise UsageError("the method needs gradients, which a converted file does not have", GRADIENTS)
    return network
