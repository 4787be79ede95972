"""The inside of a model: the first filters of a Keras model, and what a layer of it or of a file gives for pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from edgecv_runtime.backends import to_raw
from edgecv_runtime.errors import UsageError

from edgecv_converters.explain.network import InnerNetwork
from edgecv_converters.explain.places import measured
from edgecv_converters.explain.records import Floats
from edgecv_converters.explain.worker import ArtifactToExplain
from edgecv_converters.isolate.child import progress
from edgecv_converters.source.request import SourceRequest, open_source
from edgecv_converters.targets import find

MOST_CHANNELS = 64  # that are kept of a layer's maps, but for one that is asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideOrder:
    """The order to look into a model.

    Attributes:
        filters: Whether the first filters are wanted.
        layer: The layer whose maps are wanted, or None.
        channel: The channel of that layer whose strongest pictures are wanted, or None.
    """

    filters: bool = False
    layer: str | None = None
    channel: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideView:
    """A look into a model: its filters, and what a layer gives.

    Attributes:
        filters: (height, width, channels, filters) of the first layer that has such weights; its name is
            `filters_of`. None where they were not asked for.
        maps: For each picture what the layer gives: (height, width, channels), at most 64 of these.
        layer: That layer's name.
        channels: How many channels it has.
        channel: The channel whose strongest pictures are wanted; `strengths` are its highest values, one a picture,
            and `traces` its maps, in the size of the picture.
    """

    filters: Floats | None = None
    filters_of: str = ""
    maps: tuple[Floats, ...] = ()
    layer: str = ""
    channels: int = 0
    channel: int | None = None
    strengths: tuple[float, ...] = ()
    traces: tuple[Floats, ...] = ()

    @property
    def strongest(self) -> tuple[int, ...]:
        """The pictures in the order of the channel's highest values, the highest first."""
        return tuple(np.argsort(-np.asarray(self.strengths), kind="stable").tolist())


def look_inside(request: SourceRequest, order: InsideOrder, samples: Floats) -> InsideView:
    """Load a model, and look into it.

    Raises:
        EdgecvError: It cannot be loaded, is no Keras model, or has no such layer or channel.
    """
    return view_inside(InnerNetwork(open_source(request)), order, samples)


def look_inside_artifact(place: ArtifactToExplain, layer: str, samples: Floats) -> InsideView:
    """Return what a layer inside an artifact gives for some pictures.

    Raises:
        EdgecvError: The format does not show it, or has no such layer.
    """
    artifact = place.artifact
    progress(0, 1)
    raw = to_raw(samples, artifact.inputs[0])
    maps = find(artifact.target).layer_maps(place.root / artifact.file, layer, raw)
    kept = tuple(np.asarray(one[..., :MOST_CHANNELS], np.float32) for one in maps)
    return InsideView(maps=kept, layer=layer, channels=maps.shape[-1])


def view_inside(network: InnerNetwork, order: InsideOrder, samples: Floats) -> InsideView:
    """Look into a loaded network.

    Raises:
        UsageError: It has no such layer, channel or filters.
    """
    name, kernel = network.first_filters() if order.filters else ("", None)
    if order.layer is None:
        return InsideView(filters=kernel, filters_of=name)
    maps: list[Floats] = []
    for row, sample in enumerate(samples):
        maps.append(network.map_of(sample[None], order.layer))
        progress(row + 1, len(samples))
    channels = maps[0].shape[-1]
    if order.channel is not None and not 0 <= order.channel < channels:
        raise UsageError(f"the layer {order.layer!r} has no channel {order.channel}", f"It has {channels}, from 0 on")
    traces = () if order.channel is None else _traces(network, order.layer, order.channel, maps, samples)
    return InsideView(
        filters=kernel,
        filters_of=name,
        maps=tuple(one[..., :MOST_CHANNELS] for one in maps),
        layer=order.layer,
        channels=channels,
        channel=order.channel,
        strengths=() if order.channel is None else tuple(float(one[..., order.channel].max()) for one in maps),
        traces=traces,
    )


def _traces(
    network: InnerNetwork, layer: str, channel: int, maps: Sequence[Floats], samples: Floats
) -> tuple[Floats, ...]:
    """One channel's maps, laid over the pictures."""
    places = measured(network, samples[:1], layer)
    return tuple(places.enlarged(one[..., channel], samples.shape[1:3]) for one in maps)
